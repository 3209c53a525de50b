package authority

import (
	"cmp"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Kinds of directives that authority is for.
const (
	Stop  = "stop"
	Limit = "limit"
	Lift  = "lift"
	// StandIn is decided on by the role of the plan's temporary solution too, with a
	// second person.
	StandIn = "stand-in"
	// Reroute is decided on as a stand-in is.
	Reroute = "reroute"
)

// Nouns is what decisions on authority ask.
type Nouns struct {
	Book      *Book
	Plans     *plan.Book
	Roster    *roster.Book
	Incidents *incident.Book
}

// Wish is what somebody wants to decide on.
type Wish struct {
	// Kind is stop, limit, stand-in, reroute or lift; Scope is the directive's.
	Kind  string
	Scope string
	// Incident is the one that it is for, whose plan says who decides; "" for none.
	Incident string
	// Level is that of the incident; unknown outside one, and then any authority
	// counts: a stop must never wait for a level to be judged.
	Level holdfast.Level
	// ProposedBy is the account of whoever proposed it, for an approval, and Since when
	// he did.
	ProposedBy string
	Since      time.Time
	// Role of the plan that decides on it besides those with authority for the kind.
	Role string
}

// Wish is a decision as the nouns have it; proposer is an account, or "".
func (n Nouns) Wish(kind, scope, id, proposer string) Wish {
	w := Wish{Kind: kind, Scope: scope, Incident: id, ProposedBy: proposer}
	if in := n.Incidents.Incident(id); in != nil {
		w.Level = in.Level
	}
	return w
}

// Awaited is what waits for a second person at a directive: its proposal, or the
// wish to lift it.
func (n Nouns) Awaited(d *directive.Directive) (w Wish, waits bool) {
	switch {
	case d.State == directive.Proposed:
		w, waits = n.Wish(string(d.Kind), d.Scope, d.Incident, d.ProposedBy.ID), true
		w.Since = d.ProposedAt
		_, w.Role = d.By()
	case d.State == directive.InForce && d.LiftWish != nil:
		w, waits = n.Wish(Lift, d.Scope, d.Incident, d.LiftWish.By.ID), true
		w.Since = d.LiftWish.At
	}
	return w, waits
}

// Ruling returns the revision that says who may decide on an incident: the one that
// it runs, which a plan published meanwhile does not change. Outside an incident,
// and while it is only suspected, that is the one in force.
func (n Nouns) Ruling(id string, now time.Time) (*plan.Revision, bool) {
	if in := n.Incidents.Incident(id); in != nil && in.Plan.ID != "" {
		return n.Plans.Revision(in.Plan.ID, in.Plan.Revision)
	}
	return n.Plans.Current("", now)
}

// Grounds are why somebody may decide.
type Grounds struct {
	// Role of the plan that has the authority; empty with a glass.
	Role string `json:"role,omitempty"`
	// Alone means without a second person.
	Alone bool `json:"alone,omitempty"`
	// For is the person who delegated the role, or, with Deputy, for whom the roster
	// lets him stand in.
	For    string `json:"for,omitempty"`
	Deputy bool   `json:"deputy,omitempty"`
	// Glass is the break of the glass that it rests on.
	Glass string `json:"glass,omitempty"`
}

// May returns on which grounds the person of an account may decide, the strongest
// first; none if he may not. Breaking the glass comes last.
func (n Nouns) May(account string, w Wish, now time.Time) (list []Grounds) {
	person, found := n.person(account)
	rev, published := n.Ruling(w.Incident, now)
	if !found || !published {
		return nil
	}
	proposer, _ := n.person(w.ProposedBy)
	for _, h := range n.Held(person, now) {
		if h.For != "" && h.For == proposer.ID {
			continue // the proposer would approve through another's hand
		}
		role, _ := rev.Plan().Role(h.Role)
		for _, a := range role.Authority {
			if covers(a, w) {
				list = append(list, Grounds{Role: h.Role, Alone: a.Alone, For: h.For})
			}
		}
		if h.Role == w.Role {
			list = append(list, Grounds{Role: h.Role, For: h.For})
		}
	}
	if !w.Since.IsZero() && now.Sub(w.Since) >= rev.Plan().Governance.Deputies() {
		list = append(list, n.asDeputy(rev.Plan(), person.ID, proposer.ID, w)...)
	}
	slices.SortStableFunc(list, func(a, b Grounds) int { return cmp.Compare(rank(a), rank(b)) })
	if g, ok := n.Book.BrokenBy(person.ID, now); ok && slices.Contains(g.Directives, w.Kind) && w.ProposedBy == "" {
		list = append(list, Grounds{Alone: true, Glass: g.ID})
	}
	return list
}

// asDeputy returns the grounds of one who stands in, by the roster, for others who may
// answer what waits and have not. It gives no second pair of eyes: not for the proposer.
func (n Nouns) asDeputy(p *plan.Plan, id, proposer string, w Wish) (list []Grounds) {
	for _, other := range n.Roster.People() {
		if other.ID == id || other.ID == proposer {
			continue
		}
		for _, r := range other.Roles {
			role, _ := p.Role(r)
			has := r == w.Role || slices.ContainsFunc(role.Authority, func(a plan.Authority) bool { return covers(a, w) })
			if has && slices.ContainsFunc(n.Roster.Deputies(other.ID, r), func(d roster.Person) bool { return d.ID == id }) {
				list = append(list, Grounds{Role: r, For: other.ID, Deputy: true})
			}
		}
	}
	return list
}

func rank(g Grounds) int {
	switch {
	case g.Alone && g.For == "":
		return 0
	case g.Alone:
		return 1
	case g.For == "":
		return 2
	}
	return 3
}

func covers(a plan.Authority, w Wish) bool {
	return slices.Contains(a.Directives, w.Kind) && (w.Level == holdfast.Unknown || w.Level <= a.Level) &&
		expression.Within(w.Scope, cmp.Or(a.Scope, expression.All.Source()))
}

// Named reports whether the plan that rules an incident names anybody for a kind of
// directive; where it does not, the rights of accounts are all there is.
func (n Nouns) Named(kind, id string, now time.Time) bool {
	rev, published := n.Ruling(id, now)
	return published && slices.ContainsFunc(rev.Plan().Roles, func(r plan.Role) bool {
		return slices.ContainsFunc(r.Authority, func(a plan.Authority) bool { return slices.Contains(a.Directives, kind) })
	})
}

// Alone returns the grounds on which somebody decides without a second person; the
// glass counts last, so that nobody breaks it without need.
func Alone(list []Grounds) (Grounds, bool) {
	if i := slices.IndexFunc(list, func(g Grounds) bool { return g.Alone }); i >= 0 {
		return list[i], true
	}
	return Grounds{}, false
}

// Deciders lists the persons who may decide on a wish now, with or without a
// second person.
func (n Nouns) Deciders(w Wish, now time.Time) (people []roster.Person) {
	for _, p := range n.Roster.People() {
		if p.Account != "" && p.Account != w.ProposedBy && len(n.May(p.Account, w, now)) > 0 {
			people = append(people, p)
		}
	}
	return people
}

// Fills reports whether the person of an account holds a role, by the roster or by
// delegation.
func (n Nouns) Fills(account, role string, now time.Time) bool {
	person, found := n.person(account)
	return found && n.Has(person, role, now)
}

// Has reports whether a person holds a role, by the roster or by delegation.
func (n Nouns) Has(person roster.Person, role string, now time.Time) bool {
	return slices.ContainsFunc(n.Held(person, now), func(h Grounds) bool { return h.Role == role })
}

// Held lists the roles that a person has, his own and those delegated to him.
func (n Nouns) Held(person roster.Person, now time.Time) (list []Grounds) {
	for _, r := range person.Roles {
		list = append(list, Grounds{Role: r})
	}
	for _, d := range n.Book.delegations {
		if d.To != person.ID || !d.Holds(now) {
			continue
		}
		from, found := n.Roster.Person(d.From)
		if !found {
			continue // who has left has nothing to delegate
		}
		for _, r := range from.Roles {
			if len(d.Roles) == 0 || slices.Contains(d.Roles, r) {
				list = append(list, Grounds{Role: r, For: d.From})
			}
		}
	}
	return list
}

func (n Nouns) person(account string) (roster.Person, bool) {
	if account == "" {
		return roster.Person{}, false
	}
	for _, p := range n.Roster.People() {
		if p.Account == account {
			return p, true
		}
	}
	return roster.Person{}, false
}

// onDuty reports whether a person is on duty now: by the duty times of a role of
// the plan or, where none has any, as a holder of one.
func (n Nouns) onDuty(rev *plan.Revision, person roster.Person, now time.Time) bool {
	scheduled := false
	for _, r := range rev.Plan().Roles {
		if n.Roster.Scheduled(r.ID) {
			scheduled = true
			if slices.ContainsFunc(n.Roster.OnDuty(r.ID, now), func(p roster.Person) bool { return p.ID == person.ID }) {
				return true
			}
		}
	}
	return !scheduled && slices.ContainsFunc(person.Roles, func(id string) bool { _, ok := rev.Plan().Role(id); return ok })
}
