package trigger

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/improvement"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Nouns are the books that triggers read. Use them under the state's lock.
type Nouns struct {
	Triggers *Book
	Drafts   *draft.Book
	Plans    *plan.Book
	Roster   *roster.Book
	// Improvements may open one; Zone is the operator's, in which their due days are.
	Improvements *improvement.Book
	Zone         *time.Location
}

// State says how far a trigger is disposed of.
func (n Nouns) State(t *Trigger, now time.Time) State {
	switch {
	case t.Disposed == nil:
		return Open
	case t.Disposed.Draft == "":
		return Unchanged
	}
	d, found := n.Drafts.Draft(t.Disposed.Draft)
	if !found || d.State == draft.Withdrawn {
		return Open
	}
	if r, found := n.Plans.Revision(t.Plan, d.Revision); found && !r.InForce.After(now) {
		return Revised
	}
	return Revising
}

// Unsettled lists the triggers of a plan that keep it from being current, the
// newest first.
func (n Nouns) Unsettled(planID string, now time.Time) (list []*Trigger) {
	for _, t := range n.Triggers.All() {
		if t.Plan == planID && !n.State(t, now).Settled() {
			list = append(list, t)
		}
	}
	return list
}

// Current reports whether a plan is current, as the package comment defines it.
// An empty id asks for the plan that incidents run.
func (n Nouns) Current(planID string, now time.Time) bool {
	r, found := n.Plans.Current(planID, now)
	return found && len(n.Unsettled(r.ID, now)) == 0
}

// open decides on a report about the plan that incidents run. It returns the id
// of the trigger, which is there already if the same was told before.
func (n Nouns) open(told opened, now time.Time) (string, []journal.Draft, error) {
	current, found := n.Plans.Current("", now)
	if !found {
		return "", nil, holdfast.Errorf(holdfast.NotFound, "no plan is in force yet: there is nothing to update")
	}
	if err := told.check(now); err != nil {
		return "", nil, err
	}
	if err := n.checkOwner(told.Report, current.Plan()); err != nil {
		return "", nil, err
	}
	waiting := n.Unsettled(current.ID, now)
	if i := slices.IndexFunc(waiting, func(t *Trigger) bool { return told.same(t) }); i >= 0 {
		return waiting[i].ID, nil, nil
	}
	if len(waiting) >= MaxUnsettled {
		return "", nil, holdfast.Errorf(holdfast.TooMany, "%d triggers of this plan wait already, which is the limit: dispose of some first", MaxUnsettled)
	}
	told.Plan, told.Due = current.ID, told.Due.UTC().Truncate(time.Microsecond)
	id := n.Triggers.nextID()
	return id, []journal.Draft{journal.NewDraft(subject(id), 0, kindOpened, told)}, nil
}

// same reports whether a trigger tells of the same change.
func (o opened) same(t *Trigger) bool {
	switch {
	case o.Improvement != "" || t.Improvement != "":
		return o.Improvement == t.Improvement
	case o.About != nil || t.About != nil:
		return o.About != nil && t.About != nil && *o.About == *t.About
	}
	return o.Reference != "" && t.Source == o.Source && t.Reference == o.Reference
}

func (r Report) check(now time.Time) error {
	if !slices.Contains(Kinds(), r.Kind) {
		return holdfast.Errorf(holdfast.Invalid, "%q is no kind of trigger: choose system, law, risk or other", string(r.Kind)).At("kind")
	}
	for _, f := range []struct {
		name, text string
		least, max int
	}{{"title", r.Title, 1, maxTitle}, {"source", r.Source, 1, maxSource}, {"reference", r.Reference, 0, maxSource}} {
		if err := sized(f.name, f.text, f.least, f.max); err != nil {
			return err
		}
		if strings.ContainsFunc(f.text, unicode.IsControl) {
			return holdfast.Errorf(holdfast.Invalid, "%s is one line: take line breaks and other control characters out", f.name).At(f.name)
		}
	}
	if err := sized("text", r.Text, 0, maxText); err != nil {
		return err
	}
	if !r.Due.After(now) || r.Due.After(now.Add(longest)) {
		return holdfast.Errorf(holdfast.Invalid, "the deadline lies in the past or more than five years away: give one to come").At("due")
	}
	return nil
}

func (n Nouns) checkOwner(r Report, p *plan.Plan) error {
	switch {
	case (r.Role == "") == (r.Person == ""):
		return holdfast.Errorf(holdfast.Invalid, "a trigger has one owner: a role of the plan, or a person of the roster").At("role")
	case r.Role != "":
		if _, found := p.Role(r.Role); !found {
			return holdfast.Errorf(holdfast.Invalid, "the plan in force has no role %q", r.Role).At("role")
		}
	default:
		if _, found := n.Roster.Person(r.Person); !found {
			return holdfast.Errorf(holdfast.Invalid, "there is no person %q on the roster", r.Person).At("person")
		}
	}
	return nil
}

// sized reports a text that is too short or too long.
func sized(field, text string, least, most int) error {
	switch {
	case least > 0 && strings.TrimSpace(text) == "":
		return holdfast.Errorf(holdfast.Invalid, "%s is empty: write it", field).At(field)
	case utf8.RuneCountInString(text) > most:
		return holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", field, most).At(field)
	}
	return nil
}

// dispose decides on what is done about a trigger.
func (n Nouns) dispose(id string, d Disposal, now time.Time) ([]journal.Draft, error) {
	t, found := n.Triggers.Trigger(id)
	if !found {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no trigger %q", id)
	}
	if state := n.State(t, now); state != Open {
		if t.Disposed.Disposal == d {
			return nil, nil
		}
		return nil, holdfast.Errorf(holdfast.Conflict, "trigger %s is %s: it is disposed of already", id, string(state))
	}
	d.Reason = strings.TrimSpace(d.Reason)
	switch {
	case (d.Draft == "") == (d.Reason == ""):
		return nil, holdfast.Errorf(holdfast.Invalid, "name the draft that revises the plan, or say why no change is needed; one of the two").At("reason")
	case d.Draft == "":
		if err := sized("reason", d.Reason, 1, maxText); err != nil {
			return nil, err
		}
	default:
		if err := n.checkDraft(t, d.Draft); err != nil {
			return nil, err
		}
	}
	return []journal.Draft{journal.NewDraft(subject(id), t.revision, kindDisposed, d)}, nil
}

// checkDraft refuses a draft that will not revise the trigger's plan. One that is
// published already cannot answer what was told after it.
func (n Nouns) checkDraft(t *Trigger, id string) error {
	d, found := n.Drafts.Draft(id)
	switch {
	case !found:
		return holdfast.Errorf(holdfast.NotFound, "there is no draft %q", id).At("draft")
	case d.Plan != t.Plan:
		return holdfast.Errorf(holdfast.Invalid, "draft %s is of plan %s, the trigger is of plan %s", id, d.Plan, t.Plan).At("draft")
	case !d.State.Open():
		return holdfast.Errorf(holdfast.Conflict, "draft %s is %s: it cannot be changed any more", id, string(d.State)).At("draft")
	}
	return nil
}
