package reconciliation

import (
	"slices"
	"strconv"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

const (
	kindAsked   = "reconciliation.asked"
	kindAgreed  = "reconciliation.agreed"
	kindRefused = "reconciliation.refused"
	kindCarried = "reconciliation.carried"
	// kindLookedAfter is about a payment that expired in the queue.
	kindLookedAfter = "reconciliation.looked-after"

	kindContradicted = "reconciliation.contradicted"
	// kindGoneBack is about a source that tells less than it told.
	kindGoneBack = "reconciliation.gone-back"
)

type asked struct {
	ID        string                 `json:"id"`
	Source    string                 `json:"source"`
	Shard     int                    `json:"shard"`
	Exception *standin.OpenException `json:"exception,omitempty"`
	How       standin.Resolution     `json:"how,omitzero"`
	Note      string                 `json:"note"`
	Two       bool                   `json:"two,omitempty"`
	Lost      *Lost                  `json:"lost,omitempty"`
}

// answered is the body of the facts after the first; of each it has what belongs to it.
type answered struct {
	ID      string            `json:"id"`
	Reason  string            `json:"reason,omitempty"`
	Figures []standin.Balance `json:"figures,omitempty"`
	Failure string            `json:"failure,omitempty"`
	// Lost says that the source was given up.
	Lost bool `json:"lost,omitempty"`
}

// Book is all decisions. Use it under the state's lock.
type Book struct {
	decisions map[string]*Decision
	ids       []string
	revisions map[string]holdfast.Revision // by directive
	numbers   map[string]int
	// active are those that are not over.
	active map[subjectOf]string
	// closings are the close-outs of a directive, lost those that a source is gone for good.
	closings map[string][]string
	lost     []string
	// of are the decisions on a payment.
	of map[subjectOf][]string
	// cares are the last decisions on payments that expired.
	cares map[subjectOf]string
	// gone is when sources told less than before.
	gone falls
}

// subjectOf names what a decision is about: a directive that is closed, or a payment of one
// advice source. Another source may have an exception of the same identity.
type subjectOf struct{ directive, source, identity string }

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{decisions: map[string]*Decision{}, revisions: map[string]holdfast.Revision{}, numbers: map[string]int{}, closings: map[string][]string{}, active: map[subjectOf]string{}, of: map[subjectOf][]string{}, cares: map[subjectOf]string{}, gone: falls{}}
}

var _ journal.Projection = (*Book)(nil)

func subject(directive string) holdfast.Subject {
	return holdfast.NewSubject("reconciliation", directive)
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, directive := f.Subject.Split()
	if noun != "reconciliation" {
		return nil
	}
	b.revisions[directive] = f.Revision
	switch f.Kind {
	case kindLookedAfter:
		return b.lookAfter(directive, f)
	case kindGoneBack:
		return b.goBack(directive, f)
	case kindAsked:
		var body asked
		if err := f.Decode(&body); err != nil {
			return err
		}
		d := &Decision{
			ID: body.ID, Directive: directive, Source: body.Source, Shard: body.Shard, Exception: body.Exception, How: body.How,
			Note: body.Note, Two: body.Two, By: f.Actor, At: f.Time, State: Ordered, Lost: body.Lost,
		}
		if d.Two {
			d.State = Asked
		}
		b.take(d)
		if !d.Closes() {
			b.of[d.about()] = append(b.of[d.about()], d.ID)
		}
		return nil
	}
	var body answered
	if err := f.Decode(&body); err != nil {
		return err
	}
	old := b.decisions[body.ID]
	if old == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of a decision %s that was never asked for", f.Kind, body.ID)
	}
	next := *old // readers keep what they were given
	next.fold(f, body)
	b.decisions[next.ID] = &next
	if next.Over() && b.active[next.about()] == next.ID {
		delete(b.active, next.about())
	}
	switch {
	case next.Lost == nil:
	case next.State == Done:
		b.giveUp(directive)
	case next.State == Contradicted:
		b.takeBack(directive)
	}
	return nil
}

// take adds a decision.
func (b *Book) take(d *Decision) {
	b.decisions[d.ID] = d
	b.ids = append(b.ids, d.ID)
	b.numbers[d.Directive]++
	b.active[d.about()] = d.ID
	if d.Closes() {
		b.closings[d.Directive] = append(b.closings[d.Directive], d.ID)
	}
	if d.Lost != nil {
		b.lost = append(b.lost, d.ID)
	}
}

// giveUp ends what was decided on payments of a directive and nobody is left to carry out:
// how an exception was to end is void, and what was done about an expired payment is done.
func (b *Book) giveUp(directive string) {
	for _, id := range b.ids {
		if d := b.decisions[id]; d.Directive == directive && !d.Over() {
			next := *d
			if next.State = Void; d.Cares() {
				next.State = Done
			}
			b.decisions[id] = &next
			delete(b.active, d.about())
		}
	}
}

// takeBack has gates told of what was done about expired payments while their source was
// given up.
func (b *Book) takeBack(directive string) {
	for _, d := range b.caredFor(directive) {
		next := *d
		next.State = Ordered
		b.decisions[d.ID] = &next
		b.active[d.about()] = d.ID
	}
}

func (d *Decision) fold(f holdfast.Fact, body answered) {
	switch f.Kind {
	case kindAgreed:
		d.State, d.Second, d.Answered, d.Figures = Ordered, &f.Actor, f.Time, body.Figures
		if d.Lost != nil && !d.Lost.GoneBack { // there is nobody to order it from
			d.State = Done
		}
	case kindRefused:
		d.State, d.Second, d.Answered, d.Reason = Refused, &f.Actor, f.Time, body.Reason
	case kindCarried:
		d.State, d.Gate, d.Carried, d.Failure = Done, f.Actor.ID, f.Time, body.Failure
		if d.Failure != "" {
			d.State = Failed
		}
	case kindContradicted:
		d.State, d.Gate, d.Contradicted = Contradicted, f.Actor.ID, f.Time
	}
}

// about names what a decision is about: there is one at a time.
func (d *Decision) about() subjectOf {
	switch {
	case d.Closes():
		return subjectOf{directive: d.Directive}
	case d.Cares():
		return waited(d.Source, *d.Expired)
	}
	return subjectOf{source: d.Source, identity: d.Identity()}
}

// Decision returns the decision with an id.
func (b *Book) Decision(id string) (*Decision, bool) {
	d, found := b.decisions[id]
	return d, found
}

// Active returns the decision on a payment of an advice source that is not over.
func (b *Book) Active(source, identity string) (*Decision, bool) {
	return b.Decision(b.active[subjectOf{source: source, identity: identity}])
}

// Before lists the decisions on a payment of an advice source that are over, the newest
// first.
func (b *Book) Before(source, identity string) (list []*Decision) {
	for _, id := range slices.Backward(b.of[subjectOf{source: source, identity: identity}]) {
		if d := b.decisions[id]; d.Over() {
			list = append(list, d)
		}
	}
	return list
}

// Closing returns the last close-out of a directive that was not refused, did not fail
// and was not contradicted.
func (b *Book) Closing(directive string) (*Decision, bool) {
	for _, id := range slices.Backward(b.closings[directive]) {
		if d := b.decisions[id]; d.State != Refused && d.State != Failed && d.State != Contradicted {
			return d, true
		}
	}
	return nil, false
}

// ClosedOut reports whether two people have signed that nothing of a directive is left
// to explain, or that its source is gone for good.
func (b *Book) ClosedOut(directive string) bool {
	d, some := b.Closing(directive)
	return some && d.State != Asked
}

// explained reports whether two people have signed that nothing of a directive is left to
// explain.
func (b *Book) explained(directive string) bool {
	d, some := b.Closing(directive)
	return some && d.State != Asked && d.Lost == nil
}

// All lists all decisions, the newest first.
func (b *Book) All() []*Decision {
	list := make([]*Decision, 0, len(b.ids))
	for _, id := range slices.Backward(b.ids) {
		list = append(list, b.decisions[id])
	}
	return list
}

func (b *Book) nextID(directive string) string { return b.idAfter(directive, 0) }

// idAfter is the id of a decision that comes after so many others.
func (b *Book) idAfter(directive string, others int) string {
	return directive + ".x" + strconv.Itoa(b.numbers[directive]+others+1)
}

func (b *Book) draft(directive, kind string, body any) []journal.Draft {
	return []journal.Draft{journal.NewDraft(subject(directive), b.revisions[directive], kind, body)}
}
