package response

import (
	"context"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// Propose proposes a directive outside a procedure. It goes into force at once
// if the plan lets a role of the account's person decide alone; otherwise a
// second person has to approve it.
func (s *Service) Propose(ctx context.Context, by holdfast.Actor, account string, p directive.Proposal) (id string, err error) {
	err = s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		level := holdfast.Unknown
		if p.Incident != "" {
			in := s.Incidents.Incident(p.Incident)
			if in == nil || in.Over() {
				return nil, holdfast.Errorf(holdfast.Invalid, "there is no open incident %q", p.Incident).At("incident")
			}
			level = in.Level
		}
		id, drafts, err = directive.Propose(s.Directives, p, s.mayAlone(account, string(p.Kind), level, now), s.gateProcesses())
		return drafts, err
	})
	return id, err
}

// mayAlone reports whether the plan in force lets a role that the account's
// person holds decide on a kind of directive without a second person. Outside an
// incident of known level any such authority counts: a stop must never wait for
// a level to be judged.
func (s *Service) mayAlone(account, kind string, level holdfast.Level, now time.Time) bool {
	rev, ok := s.Plans.Current("", now)
	if !ok {
		return false
	}
	for _, person := range s.Roster.People() {
		if account == "" || person.Account != account {
			continue
		}
		for _, id := range person.Roles {
			role, _ := rev.Plan().Role(id)
			if slices.ContainsFunc(role.Authority, func(a plan.Authority) bool {
				return a.Alone && slices.Contains(a.Directives, kind) && (level == holdfast.Unknown || level <= a.Level)
			}) {
				return true
			}
		}
	}
	return false
}

// Acknowledge records that a person has taken note of a task's notices: the
// account's own person, or, with a name, another one who was reached by hand.
func (s *Service) Acknowledge(ctx context.Context, by holdfast.Actor, id, task, person, note string) error {
	how := "phone"
	var own string
	var round int
	s.Desk.State.View(func() {
		if in := s.Incidents.Incident(id); in != nil {
			round = in.Round()
		}
		for _, p := range s.Roster.People() {
			if p.Account != "" && p.Account == by.ID {
				own = p.ID
			}
		}
	})
	if person == "" || person == own {
		if own == "" {
			return holdfast.Errorf(holdfast.Invalid, "your account belongs to no person of the roster; name the person who was told").At("person")
		}
		person, how = own, "console"
	}
	return s.Sender.AcknowledgeRound(ctx, by, id, task, round, person, how, note)
}
