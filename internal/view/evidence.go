package view

import (
	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/reconciliation"
)

// Record is which facts of the journal an evidence pack of an incident has.
type Record struct {
	Incident Incident
	// Decided is what people decided on payments that gates approved by its directives.
	Decided []reconciliation.Decision
	// Resolved is what people said of payments that it left unknown.
	Resolved []enrolment.Resolution
	// Plan is the text of the plan revision that it runs; empty if it runs none.
	Plan string
	// First is the position of the earliest of its facts, Head the newest head.
	First holdfast.Position
	Head  holdfast.Head
	// Subjects are what its facts are about: itself, what was merged into it, and its
	// alerts, directives, notices, obligations and debrief, and what was decided on
	// payments.
	Subjects map[holdfast.Subject]bool
}

// Record assembles that of an incident. Of alerts the facts are all of them, not only
// those of the timeline. The head may be a little newer than what is told.
func (s *Source) Record(id string) (r Record, err error) {
	s.State.View(func() {
		in := s.Incidents.Incident(id)
		if in == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no incident %q", id)
			return
		}
		r = Record{Incident: s.whole(in), Subjects: map[holdfast.Subject]bool{}}
		r.Decided = s.decisions(r.Incident.StoodIn)
		r.Resolved = s.resolutionsOf(id)
		for _, said := range r.Resolved {
			r.Subjects[holdfast.NewSubject("resolution", said.ID)] = true
		}
		for _, part := range s.Incidents.Whole(id) {
			facts, _ := s.Timeline.Of(part)
			for _, f := range facts {
				r.Subjects[f.Subject] = true
				if r.First == 0 || f.Position < r.First {
					r.First = f.Position
				}
			}
			if in := s.Incidents.Incident(part); in != nil {
				for _, a := range in.Alerts {
					r.Subjects[holdfast.NewSubject("alert", a)] = true
				}
			}
		}
		if rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
			r.Plan = rev.Text
		}
	})
	r.Head = s.State.Head()
	return r, err
}
