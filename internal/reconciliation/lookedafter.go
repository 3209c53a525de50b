package reconciliation

import (
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// Expired is a payment that expired in the queue and that nobody has looked after, and where
// it was told.
type Expired struct {
	standin.QueuedPayment
	Source string `json:"source"`
	Shard  int    `json:"shard"`
	Gate   string `json:"gate"`
}

// Lapsed lists the expired payments that gates told of, the newest first. Of many, each gate
// tells the newest; the accounts count all.
func Lapsed(sources []Source) []Expired {
	list := []Expired{}
	for i := range sources {
		for n, of := range sources[i].shards {
			for _, q := range of.Expired {
				list = append(list, Expired{q, sources[i].ID, n, of.gate})
			}
		}
	}
	slices.SortFunc(list, func(a, b Expired) int { return lastExpired(a.QueuedPayment, b.QueuedPayment) })
	return list
}

// CareForm is what a person did about expired payments, all of them alike.
type CareForm struct {
	// Payments are their identities, at most [standin.MaxQueued].
	Payments []string     `json:"payments"`
	Care     standin.Care `json:"care"`
	Note     string       `json:"note"`
	// Source is the advice source in whose queue they expired. It may be left out, unless
	// several have one of the same identity.
	Source string `json:"source,omitempty"`
}

// care decides on what a person did about expired payments that gates told of: of all of
// them, or of none. One person is enough: whoever fills the role that the queue's terms
// name. Where the directive is not known nobody is named, and the right of the account is
// all there is.
func (n Nouns) care(by holdfast.Actor, f CareForm, expired []Expired, now time.Time) (ids []string, drafts []journal.Draft, err error) {
	f.Note = payment.Mask(strings.TrimSpace(f.Note))
	if err := noted(f.Note); err != nil {
		return nil, nil, err
	}
	switch {
	case !slices.Contains(standin.Cares, f.Care):
		return nil, nil, holdfast.Errorf(holdfast.Invalid, "say what was done about the expired payments: told, asked-again or nothing").At("care")
	case len(f.Payments) == 0 || len(f.Payments) > standin.MaxQueued:
		return nil, nil, holdfast.Errorf(holdfast.Invalid, "name 1 to %d expired payments that were looked after", standin.MaxQueued).At("payments")
	}
	expired = slices.DeleteFunc(slices.Clone(expired), func(e Expired) bool { return f.Source != "" && e.Source != f.Source })
	before := map[string]int{}
	for _, identity := range slices.Compact(slices.Sorted(slices.Values(f.Payments))) {
		e, err := n.careOf(by, identity, expired, now)
		if err != nil {
			return nil, nil, err
		}
		nth := before[e.Directive]
		before[e.Directive]++
		id := n.Book.idAfter(e.Directive, nth)
		body := lookedAfter{ID: id, Source: e.Source, Shard: e.Shard, Expired: e.QueuedPayment, Care: f.Care, Note: f.Note}
		ids = append(ids, id)
		drafts = append(drafts, journal.NewDraft(subject(e.Directive), n.Book.revisions[e.Directive]+holdfast.Revision(nth), kindLookedAfter, body))
	}
	return ids, drafts, nil
}

// careOf returns the expired payment of an identity, if somebody may say what he did about it.
func (n Nouns) careOf(by holdfast.Actor, identity string, expired []Expired, now time.Time) (e Expired, err error) {
	of := func(e Expired) bool { return e.Identity == identity }
	i := slices.IndexFunc(expired, of)
	if i < 0 {
		return e, holdfast.Errorf(holdfast.NotFound, "no gate tells of an expired payment %q that nobody has looked after", payment.Mask(identity)).At("payments")
	}
	if e = expired[i]; slices.ContainsFunc(expired[i+1:], func(o Expired) bool { return of(o) && o.Source != e.Source }) {
		return e, holdfast.Errorf(holdfast.Conflict, "several advice sources have an expired payment %q: name the source", payment.Mask(identity)).At("source")
	}
	if d, some := n.Book.Care(e.Source, e.QueuedPayment); some && d.State != Failed {
		return e, holdfast.Errorf(holdfast.Conflict, "%s was looked after already, in %s", payment.Mask(identity), d.ID).At("payments")
	}
	if role := n.Owner(e.Directive); role != "" && !n.Fills(by.ID, role, now) {
		return e, holdfast.Errorf(holdfast.Forbidden, "what expires under %s is looked after by whoever fills the role %q, by the roster or by delegation", e.Directive, role)
	}
	return e, nil
}

// lookedAfter is the body of a fact: it is asked for and ordered in one.
type lookedAfter struct {
	ID      string                `json:"id"`
	Source  string                `json:"source"`
	Shard   int                   `json:"shard"`
	Expired standin.QueuedPayment `json:"expired"`
	Care    standin.Care          `json:"care"`
	Note    string                `json:"note"`
}

// lookAfter folds it.
func (b *Book) lookAfter(directive string, f holdfast.Fact) error {
	var body lookedAfter
	if err := f.Decode(&body); err != nil {
		return err
	}
	d := &Decision{
		ID: body.ID, Directive: directive, Source: body.Source, Shard: body.Shard, Expired: &body.Expired, Care: body.Care,
		Note: body.Note, By: f.Actor, At: f.Time, State: Ordered,
	}
	b.take(d)
	if b.givenUp(directive) {
		b.giveUp(directive)
	}
	b.cares[d.about()] = d.ID
	return nil
}

// waited names one wait in the queue of a source: an identity that was forgotten may come
// again, under another directive.
func waited(source string, q standin.QueuedPayment) subjectOf {
	return subjectOf{q.Directive, source, q.Identity}
}

// Care returns what was done last about a payment that expired in the queue.
func (b *Book) Care(source string, q standin.QueuedPayment) (*Decision, bool) {
	return b.Decision(b.cares[waited(source, q)])
}

// Cares lists what people did about expired payments and gates have recorded, the newest
// first.
func (b *Book) Cares() (list []*Decision) {
	for _, id := range slices.Backward(b.ids) {
		if d := b.decisions[id]; d.Cares() && d.State == Done {
			list = append(list, d)
		}
	}
	return list
}
