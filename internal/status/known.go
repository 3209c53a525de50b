package status

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/detect"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
)

// Nouns is what the page is made of. Use it under the state's lock.
type Nouns struct {
	Book       *Book
	Plans      *plan.Book
	Incidents  *incident.Book
	Directives *directive.Book
	Gates      *enrolment.Book
	Alerts     *alert.Book
	// Unsettled reports whether the journal was restored and nobody has said that
	// every gate is accounted for. Nil means that it never is.
	Unsettled func() bool
}

// Plan returns the plan in force, or nil.
func (n Nouns) Plan(now time.Time) *plan.Plan {
	if r, ok := n.Plans.Current("", now); ok {
		return r.Plan()
	}
	return nil
}

// Components are those that the plan in force declares.
func (n Nouns) Components(now time.Time) []plan.Component {
	if p := n.Plan(now); p != nil {
		return p.Components
	}
	return nil
}

// drill reports whether an incident is a drill; none is none.
func (n Nouns) drill(id string) bool {
	in := n.Incidents.Incident(id)
	return in != nil && in.Drill
}

// effect is what the directives in force do to a component's payments.
func (n Nouns) effect(c plan.Component) State {
	s := Operational
	for _, d := range n.Directives.InForce("") {
		switch {
		case !d.Restricts() || n.drill(d.Incident) || expression.Apart(c.Scope, d.Scope):
		case (d.Kind == posture.Stop || d.Kind == posture.StandIn && !d.Open()) && expression.Within(c.Scope, d.Scope):
			return Stopped
		default:
			s = Limited
		}
	}
	return s
}

// untold returns an incident that may touch the public and on which nothing was
// published, or nil.
func (n Nouns) untold() *incident.Incident {
	for _, in := range n.Incidents.Open() {
		level := in.Level
		if in.State == incident.Suspected {
			level = in.Suggested
		}
		if !in.Drill && level != holdfast.Level3 && !n.told(in) {
			return in
		}
	}
	return nil
}

// told reports whether something was published on an incident since it was opened, or
// opened again, or on one that was merged into it.
func (n Nouns) told(in *incident.Incident) bool {
	return slices.ContainsFunc(n.Book.All(), func(b *Bulletin) bool {
		last, some := b.Last()
		if b.Incident == "" || !some || last.Position < n.Book.reopened[in.ID] {
			return false
		}
		on := n.Incidents.Incident(b.Incident)
		return b.Incident == in.ID || on != nil && on.Into == in.ID
	})
}

// Doubt is a reason for which Holdfast does not know how a component is. It
// is for those inside.
type Doubt string

const (
	// Directed: a directive in force touches its payments.
	Directed Doubt = "directive"
	// Untold: an incident may touch it, and nothing was published on that.
	Untold Doubt = "incident"
	// Silent: a gate sends no counts.
	Silent Doubt = "silent"
	// Gateless: there is no gate.
	Gateless Doubt = "gates"
	// Restored: the journal was restored, and nobody has settled that.
	Restored Doubt = "restored"
)

// Doubt returns why Holdfast does not know that a component is well, or "".
func (n Nouns) Doubt(c plan.Component) Doubt {
	switch {
	case n.effect(c) != Operational:
		return Directed
	case n.untold() != nil:
		return Untold
	case len(n.Gates.Live()) == 0:
		return Gateless
	case n.silent():
		return Silent
	case n.Unsettled != nil && n.Unsettled():
		return Restored
	}
	return ""
}

func (n Nouns) silent() bool {
	return slices.ContainsFunc(n.Alerts.Firing(detect.Source), func(a *alert.Alert) bool {
		f, ok := detect.Read(a.Incoming)
		return ok && f.Kind == detect.Silent
	})
}

// Shown is how a component is shown, and why Holdfast doubts, if it does.
func (n Nouns) Shown(c plan.Component, now time.Time) (State, Doubt) {
	said := Operational
	for _, b := range n.Book.All() {
		if s, ok := b.state(c.ID, now); ok {
			said = worse(said, s)
		}
	}
	doubt := n.Doubt(c)
	if said == Operational && doubt != "" {
		return Unknown, doubt
	}
	return said, doubt
}

// Begun reports whether there is a bulletin on an incident: published, or a text that
// waits.
func (n Nouns) Begun(in *incident.Incident) bool {
	return n.told(in) || slices.ContainsFunc(n.Book.on(in.ID), func(b *Bulletin) bool { return b.Draft != nil })
}

// SecondPerson reports whether the plan in force wants a second person to publish.
func (n Nouns) SecondPerson(now time.Time) bool {
	p := n.Plan(now)
	return p != nil && p.Announcing.SecondPerson
}
