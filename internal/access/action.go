package access

import (
	"maps"
	"slices"

	"holdfast"
)

// Action is a right: what an account, or a token of it, may do.
type Action string

const (
	// Read is to see every screen but the archive.
	Read Action = "read"
	// ReadArchive is to look up the archive and export evidence from it.
	ReadArchive Action = "read-archive"
	// ReportAlert is to report, as a person, that something is wrong.
	ReportAlert Action = "report-alert"
	// DeliverAlerts is to deliver alerts as a monitoring system.
	DeliverAlerts Action = "deliver-alerts"
	// Acknowledge is to confirm that one has read a notice, or a revision of the plan.
	// That another was reached is for RunIncident.
	Acknowledge Action = "acknowledge"
	// RunIncident is to confirm or dismiss an incident and to work its stages and
	// tasks.
	RunIncident Action = "run-incident"
	// IssueDirective is to propose directives, and to issue those that the plan
	// pre-authorises.
	IssueDirective Action = "issue-directive"
	// Approve is to be the second person of an act that needs two.
	Approve Action = "approve"
	// LiftDirective is to end a directive.
	LiftDirective Action = "lift-directive"
	// RunRamp is to bring payments back step by step.
	RunRamp Action = "run-ramp"
	// ManageGates is to retire gates and to change what they are told.
	ManageGates Action = "manage-gates"
	// DraftPlan is to write drafts of the plan, to invite reviewers, to answer their
	// comments, and to submit. Whoever was invited comments without it.
	DraftPlan Action = "draft-plan"
	// ApprovePlan is to decide on a draft that was submitted, where its ladder says
	// so.
	ApprovePlan Action = "approve-plan"
	// OpenTrigger is to tell of a change that demands an update of the plan, as a
	// person or as a program that deploys.
	OpenTrigger Action = "open-trigger"
	// PublishPlan is to publish a revision of the plan.
	PublishPlan Action = "publish-plan"
	// Announce is to publish what was written for the public status page.
	Announce Action = "announce"
	// ManageRoster is to record people, their roles and contact points.
	ManageRoster Action = "manage-roster"
	// ManageAccess is to manage accounts, passwords and tokens.
	ManageAccess Action = "manage-access"
)

// Role is an account role. It says what its holder may do in Holdfast, and is
// not a role of the plan.
type Role string

const (
	Viewer    Role = "viewer"
	Duty      Role = "duty"
	Commander Role = "commander"
	Admin     Role = "admin"
	// Author is for members of the drafting team, Superior for those who approve
	// what it wrote and who decide, with the plan's authority, on directives.
	Author   Role = "author"
	Superior Role = "superior"
	// Sender is for programs that deliver alerts or tell of changes.
	Sender Role = "sender"
)

var (
	viewer = []Action{Read, ReadArchive, Acknowledge}
	duty   = slices.Concat(viewer, []Action{ReportAlert, RunIncident, IssueDirective, OpenTrigger})
	grants = map[Role][]Action{
		Viewer:    viewer,
		Duty:      duty,
		Commander: slices.Concat(duty, []Action{Approve, LiftDirective, RunRamp, Announce}),
		Admin:     slices.Concat(viewer, []Action{ManageGates, PublishPlan, ManageRoster, ManageAccess}),
		Author:    slices.Concat(viewer, []Action{DraftPlan, OpenTrigger}),
		Superior:  slices.Concat(viewer, []Action{ApprovePlan, PublishPlan, OpenTrigger, IssueDirective, Approve, LiftDirective, Announce}),
		Sender:    {DeliverAlerts, OpenTrigger},
	}
)

// Roles lists the account roles, sorted.
func Roles() []Role { return slices.Sorted(maps.Keys(grants)) }

// AllActions lists every right, sorted.
func AllActions() Actions { return Grants(Roles()...) }

// Grants returns the rights that the roles give together.
func Grants(roles ...Role) Actions {
	var all Actions
	for _, r := range roles {
		all = append(all, grants[r]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// RoleList is a list of roles within a text.
type RoleList []Role

func (l RoleList) String() string { return words(l) }

// granting lists the roles that give a right.
func granting(a Action) []Role {
	var roles []Role
	for _, r := range Roles() {
		if slices.Contains(grants[r], a) {
			roles = append(roles, r)
		}
	}
	return roles
}

// Actions is a set of rights: sorted, without doubles.
type Actions []Action

// Has reports whether the right is in the set.
func (s Actions) Has(a Action) bool { return slices.Contains(s, a) }

// and returns the rights that stand in both sets.
func (s Actions) and(t Actions) Actions {
	return slices.DeleteFunc(slices.Clone(s), func(a Action) bool { return !t.Has(a) })
}

// Principal is the party behind a request and what it may do. The zero value is
// someone unknown, who may do nothing.
type Principal struct {
	Actor holdfast.Actor
	// Account is the name of the account; empty for someone unknown and for
	// Holdfast itself.
	Account string
	// Person is the account's person in the roster, if it has one.
	Person string
	// Lang is the account's language, if it has one.
	Lang    holdfast.Lang
	Actions Actions
	// Token is the id of the token used; empty in a session.
	Token string
}

// Self is Holdfast acting as the named part of itself, with every right: for
// the first start, the demo, and commands beside the data directory.
func Self(part string) Principal {
	return Principal{Actor: holdfast.Self(part), Actions: AllActions()}
}

// Known reports whether anyone stands behind the request.
func (p Principal) Known() bool { return p.Actor.ID != "" }

// May reports whether the principal has the right.
func (p Principal) May(a Action) bool { return p.Actions.Has(a) }

// Require returns nil if the principal has the right; else an error that names
// the right and who can grant it, with code Forbidden, or Unauthenticated for
// someone unknown.
func (p Principal) Require(a Action) error {
	switch {
	case p.May(a):
		return nil
	case !p.Known():
		return holdfast.Errorf(holdfast.Unauthenticated, "sign in, or send a token, to do this")
	case p.Token != "":
		return holdfast.Errorf(holdfast.Forbidden, "this token may not do this: it takes the right %s, which the account roles %s give; an admin gives the account %s such a role on the page Accounts, or with holdfast account change; then issue a token with that scope", a, RoleList(granting(a)), p.Account)
	default:
		return holdfast.Errorf(holdfast.Forbidden, "your account may not do this: it takes the right %s, which the account roles %s give; an admin gives your account such a role on the page Accounts", a, RoleList(granting(a)))
	}
}
