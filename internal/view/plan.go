package view

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	udiff "github.com/aymanbagabas/go-udiff"

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
	State    RevisionState `json:"state"`
	// Until is when the next revision came, or will come, into force.
	Until time.Time `json:"until,omitzero"`
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
		v = s.viewPlan(r)
		v.Content, v.Text, v.Approvals = r.Plan(), r.Text, s.approvals(r)
	})
	return v, err
}

// RevisionState says what a revision is now.
type RevisionState string

// The states of a revision.
const (
	InForce    RevisionState = "in-force"
	Superseded RevisionState = "superseded"
	ToCome     RevisionState = "to-come"
)

// PlanRevisions assembles a page of the revisions of the plan that incidents run,
// newest first, without content. A query leaves those with it in their number,
// document number, publisher, note, draft or hash.
func (s *Source) PlanRevisions(query string, offset, size int) (p Page[Plan]) {
	p.Items = []Plan{}
	s.State.View(func() {
		plans := s.Plans.Plans()
		if len(plans) == 0 {
			return
		}
		list := []*plan.Revision{}
		for _, r := range slices.Backward(s.Plans.Revisions(plans[0])) {
			if revisionHas(r, strings.ToLower(strings.TrimSpace(query))) {
				list = append(list, r)
			}
		}
		p = paginate(list, offset, size, s.viewPlan)
	})
	return p
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

func revisionHas(r *plan.Revision, query string) bool {
	for _, text := range []string{strconv.Itoa(r.Number), r.Document, r.By.Name, r.By.ID, r.Note, r.Draft} {
		if strings.Contains(strings.ToLower(text), query) {
			return true
		}
	}
	return strings.HasPrefix(r.Hash.String(), query)
}

// PlanChanges is what one revision changes in another.
type PlanChanges struct {
	Revision int           `json:"revision"`
	Against  int           `json:"against"`
	Changes  []plan.Change `json:"changes"`
	// Text is the difference of their formatted texts, line by line; empty if there
	// is none.
	Text string `json:"text"`
}

// PlanChanges compares a revision with another; 0 is the one before.
func (s *Source) PlanChanges(revision, against int) (v PlanChanges, err error) {
	p, err := s.Plan(revision)
	if err != nil {
		return v, err
	}
	if against == 0 {
		against = p.Revision - 1
	}
	if against < 1 {
		return v, holdfast.Errorf(holdfast.NotFound, "revision %d is the first: there is none before it", p.Revision)
	}
	before, err := s.Plan(against)
	if err != nil {
		return v, err
	}
	return PlanChanges{
		Revision: p.Revision, Against: against, Changes: append([]plan.Change{}, plan.Compare(before.Content, p.Content)...),
		Text: udiff.Unified(fmt.Sprintf("revision %d", against), fmt.Sprintf("revision %d", p.Revision), Canonical(before.Text), Canonical(p.Text)),
	}, nil
}

// Canonical formats a text, so that only what it says is compared.
func Canonical(text string) string {
	chapters, faults := plan.Split([]byte(text))
	if len(faults) > 0 {
		return text
	}
	return string(plan.Join(chapters))
}

func (s *Source) viewPlan(r *plan.Revision) Plan {
	now := s.Now()
	v := Plan{
		ID: r.ID, Revision: r.Number, Hash: r.Hash, By: actor(r.By), At: r.At,
		InForce: r.InForce, Note: r.Note, State: Superseded, Draft: r.Draft, Document: r.Document,
	}
	if next, found := s.Plans.Revision(r.ID, r.Number+1); found {
		v.Until = next.InForce
	}
	if current, found := s.Plans.Current(r.ID, now); found && current == r {
		v.State, v.Current = InForce, true
	} else if r.InForce.After(now) {
		v.State = ToCome
	}
	return v
}
