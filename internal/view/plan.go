package view

import (
	"time"

	"holdfast"
	"holdfast/internal/plan"
)

// Plan is a published revision.
type Plan struct {
	ID       string        `json:"id"`
	Revision int           `json:"revision"`
	Hash     holdfast.Hash `json:"hash"`
	By       *Actor        `json:"by"`
	At       time.Time     `json:"at"`
	InForce  time.Time     `json:"in_force"`
	Note     string        `json:"note,omitempty"`
	Current  bool          `json:"current"`
	// Draft, Document and Approvals say how it was agreed to; a revision published
	// directly has none.
	Draft     string         `json:"draft,omitempty"`
	Document  string         `json:"document,omitempty"`
	Approvals []PlanApproval `json:"approvals,omitempty"`
	Content   *plan.Plan     `json:"content,omitempty"`
	Text      string         `json:"text,omitempty"`
}

// Plan assembles a revision of the plan that incidents run: 0 asks for the one
// in force.
func (s *Source) Plan(revision int) (v Plan, err error) {
	s.State.View(func() {
		current, ok := s.Plans.Current("", s.Now())
		if !ok {
			err = errNoPlan()
			return
		}
		r := current
		if revision != 0 {
			if r, ok = s.Plans.Revision(current.ID, revision); !ok {
				err = holdfast.Errorf(holdfast.NotFound, "the plan has no revision %d", revision)
				return
			}
		}
		v = viewPlan(r, current)
		v.Content, v.Text, v.Approvals = r.Plan(), r.Text, s.approvals(r)
	})
	return v, err
}

// PlanRevisions assembles the list of revisions, newest first, without content.
func (s *Source) PlanRevisions() (list []Plan) {
	list = []Plan{}
	s.State.View(func() {
		current, ok := s.Plans.Current("", s.Now())
		if !ok {
			return
		}
		all := s.Plans.Revisions(current.ID)
		for i := len(all) - 1; i >= 0; i-- {
			list = append(list, viewPlan(all[i], current))
		}
	})
	return list
}

func viewPlan(r, current *plan.Revision) Plan {
	return Plan{
		ID: r.ID, Revision: r.Number, Hash: r.Hash, By: actor(r.By), At: r.At,
		InForce: r.InForce, Note: r.Note, Current: r == current, Draft: r.Draft, Document: r.Document,
	}
}
