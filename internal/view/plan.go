package view

import (
	"cmp"
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
// in force, or for the latest as long as none is.
func (s *Source) Plan(revision int) (v Plan, err error) {
	s.State.View(func() {
		current, latest := s.published()
		if latest == nil {
			err = errNoPlan()
			return
		}
		r := cmp.Or(current, latest)
		if revision != 0 {
			var ok bool
			if r, ok = s.Plans.Revision(latest.ID, revision); !ok {
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
		current, latest := s.published()
		if latest == nil {
			return
		}
		all := s.Plans.Revisions(latest.ID)
		for i := len(all) - 1; i >= 0; i-- {
			list = append(list, viewPlan(all[i], current))
		}
	})
	return list
}

// published returns the revision in force and the latest of the same plan; either
// may be missing, the first because its day has not come.
func (s *Source) published() (current, latest *plan.Revision) {
	id := ""
	if current, _ = s.Plans.Current("", s.Now()); current != nil {
		id = current.ID
	} else if ids := s.Plans.Plans(); len(ids) > 0 {
		id = ids[0]
	}
	latest, _ = s.Plans.Latest(id)
	return current, latest
}

func viewPlan(r, current *plan.Revision) Plan {
	return Plan{
		ID: r.ID, Revision: r.Number, Hash: r.Hash, By: actor(r.By), At: r.At,
		InForce: r.InForce, Note: r.Note, Current: r == current, Draft: r.Draft, Document: r.Document,
	}
}
