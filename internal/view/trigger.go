package view

import (
	"time"

	"holdfast"
	"holdfast/internal/filing"
	"holdfast/internal/trigger"
)

// Trigger is a change that demands an update of the plan.
type Trigger struct {
	trigger.Trigger
	State trigger.State `json:"state"`
	// Late says that its deadline has passed and it is not settled.
	Late bool `json:"late"`
	// OwnerName is the name of the role or the person; empty if there is none any
	// more.
	OwnerName holdfast.Text `json:"owner_name,omitzero"`
}

func (s *Source) trigger(t *trigger.Trigger, now time.Time) Trigger {
	v := Trigger{Trigger: *t, State: s.Triggers.State(t, now)}
	v.Late = !v.State.Settled() && now.After(t.Due)
	if person, found := s.Roster.Person(t.Person); found {
		v.OwnerName = holdfast.Text{ZhHant: person.Name, ZhHans: person.Name, En: person.Name}
	} else if r, found := s.Plans.Current(t.Plan, now); found && t.Role != "" {
		v.OwnerName = role(r.Plan(), t.Role).Name
	}
	return v
}

// undisposed lists the titles of a plan's triggers that nobody has disposed of.
func (s *Source) undisposed(planID string, now time.Time) (titles []string) {
	for _, t := range s.Triggers.Unsettled(planID, now) {
		if s.Triggers.State(t, now) == trigger.Open {
			titles = append(titles, t.Title)
		}
	}
	return titles
}

// AllTriggers assembles a page of triggers, newest first; unsettled leaves out
// those that the plan needs nothing more for.
func (s *Source) AllTriggers(unsettled bool, offset, size int) (p Page[Trigger]) {
	s.State.View(func() {
		now := s.Now()
		list := []*trigger.Trigger{}
		for _, t := range s.Triggers.Triggers.All() {
			if !unsettled || !s.Triggers.State(t, now).Settled() {
				list = append(list, t)
			}
		}
		p = paginate(list, offset, size, func(t *trigger.Trigger) Trigger { return s.trigger(t, now) })
	})
	return p
}

// Current is whether the plan that incidents run is current.
type Current struct {
	Plan     string `json:"plan,omitempty"`
	Revision int    `json:"revision,omitempty"`
	Current  bool   `json:"current"`
	// Triggers keep it from being so, the newest first.
	Triggers []Trigger `json:"triggers"`
}

// PlanCurrent assembles whether the plan is current.
func (s *Source) PlanCurrent() (v Current) {
	v.Triggers = []Trigger{}
	s.State.View(func() {
		now := s.Now()
		r, found := s.Plans.Current("", now)
		if !found {
			return
		}
		v.Plan, v.Revision, v.Current = r.ID, r.Number, s.Triggers.Current(r.ID, now)
		for _, t := range s.Triggers.Unsettled(r.ID, now) {
			v.Triggers = append(v.Triggers, s.trigger(t, now))
		}
	})
	return v
}

// Filing is a document that was filed with a regulator.
type Filing struct {
	filing.Filing
	// Overdue says that it is due again and was not filed again.
	Overdue bool `json:"overdue"`
	// InForce says that the revision filed is the one in force.
	InForce bool `json:"in_force"`
}

// AllFilings assembles a page of filings, newest first; overdue leaves only those
// that are due again.
func (s *Source) AllFilings(overdue bool, offset, size int) (p Page[Filing]) {
	s.State.View(func() {
		now := s.Now()
		list := []*filing.Filing{}
		for _, f := range s.Filings.All() {
			if !overdue || s.Filings.Overdue(f, now) {
				list = append(list, f)
			}
		}
		p = paginate(list, offset, size, func(f *filing.Filing) Filing {
			r, found := s.Plans.Current(f.Plan, now)
			return Filing{Filing: *f, Overdue: s.Filings.Overdue(f, now), InForce: found && r.Number == f.Revision}
		})
	})
	return p
}
