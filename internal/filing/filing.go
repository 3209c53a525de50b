// Package filing keeps what was filed with a regulator (備案): which text of the
// plan, or which report of a drill, to whom, when, the receipt that came back,
// and when it is due again.
//
// # Life cycle
//
//	filed ──▶ received
//
// Facts stand on the subject filing/<id>, such as filing/f1:
//
//	filing.made      {kind, plan, revision, hash, title, recipient, filed, again}
//	filing.received  {number, at}
//	filing.scanned   {of, file: {name, type, size, hash}}
//
// A scan shows what was handed in, or the receipt. Its bytes are a blob of the
// journal, stored before the fact.
//
// A filing names a published revision and carries its hash: what the regulator
// has is that text. The next filing of the same kind for the same plan to the same
// recipient takes its place, and its due time with it.
package filing

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// Kind is what was filed.
type Kind string

const (
	// Plan is a revision of the plan; Drill is the report of a drill of it.
	Plan  Kind = "plan"
	Drill Kind = "drill-report"
)

const (
	maxLine  = 200                       // characters of title, recipient and receipt
	longest  = 10 * 366 * 24 * time.Hour // to when it is due again
	kindMade = "filing.made"
	kindGot  = "filing.received"
)

// Form is what somebody says was filed.
type Form struct {
	Kind Kind `json:"kind"`
	// Plan is the plan's id; empty is the plan that incidents run.
	Plan     string `json:"plan,omitempty"`
	Revision int    `json:"revision"`
	// Title is that of the document.
	Title     string    `json:"title"`
	Recipient string    `json:"recipient"`
	Filed     time.Time `json:"filed"`
	// Again is when it is due again; the zero time is never.
	Again time.Time `json:"again,omitzero"`
}

// Receipt is what came back.
type Receipt struct {
	Number string    `json:"number"`
	At     time.Time `json:"at"`
}

// Filing is one document that was filed.
type Filing struct {
	ID string `json:"id"`
	Form
	// Hash is that of the revision's text.
	Hash holdfast.Hash  `json:"hash"`
	By   holdfast.Actor `json:"by"`
	At   time.Time      `json:"at"`
	// Receipt is missing until one is recorded.
	Receipt *Receipt `json:"receipt,omitempty"`
	Scans   []Scan   `json:"scans,omitempty"`

	revision holdfast.Revision
}

type made struct {
	Form
	Hash holdfast.Hash `json:"hash"`
}

// Book is all filings. Use it under the state's lock.
type Book struct {
	filings map[string]*Filing
	ids     []string
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{filings: map[string]*Filing{}} }

var _ journal.Projection = (*Book)(nil)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("filing", id) }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "filing" {
		return nil
	}
	if f.Kind == kindMade {
		var body made
		if err := f.Decode(&body); err != nil {
			return err
		}
		b.filings[id] = &Filing{ID: id, Form: body.Form, Hash: body.Hash, By: f.Actor, At: f.Time, revision: f.Revision}
		b.ids = append(b.ids, id)
		return nil
	}
	old := b.filings[id]
	if old == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of a filing %s that was never made", f.Kind, id)
	}
	// Readers keep what they were given: what a fact changes is copied first.
	next := *old
	next.revision = f.Revision
	if f.Kind == kindGot {
		next.Receipt = &Receipt{}
		if err := f.Decode(next.Receipt); err != nil {
			return err
		}
	}
	if f.Kind == kindScanned {
		var body scanned
		if err := f.Decode(&body); err != nil {
			return err
		}
		next.Scans = append(slices.Clip(next.Scans), Scan{body.Of, body.File, f.Actor, f.Time})
	}
	b.filings[id] = &next
	return nil
}

// Filing returns the filing with an id.
func (b *Book) Filing(id string) (*Filing, bool) {
	f, ok := b.filings[id]
	return f, ok
}

// All lists all filings, the newest first.
func (b *Book) All() []*Filing {
	list := make([]*Filing, 0, len(b.ids))
	for _, id := range slices.Backward(b.ids) {
		list = append(list, b.filings[id])
	}
	return list
}

// Latest reports whether no later filing takes the place of this one.
func (b *Book) Latest(f *Filing) bool {
	for _, other := range b.All() {
		if other.Kind == f.Kind && other.Plan == f.Plan && other.Recipient == f.Recipient {
			return other.ID == f.ID
		}
	}
	return false
}

// Overdue reports whether a filing is due again, and nothing took its place.
func (b *Book) Overdue(f *Filing, now time.Time) bool {
	return !f.Again.IsZero() && f.Again.Before(now) && b.Latest(f)
}

// record decides on what was filed.
func record(b *Book, plans *plan.Book, f Form, now time.Time) (string, []journal.Draft, error) {
	if f.Kind != Plan && f.Kind != Drill {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "%q is nothing that is filed: choose plan or drill-report", string(f.Kind)).At("kind")
	}
	if f.Plan == "" && len(plans.Plans()) > 0 {
		f.Plan = plans.Plans()[0]
	}
	r, found := plans.Revision(f.Plan, f.Revision)
	if !found {
		return "", nil, holdfast.Errorf(holdfast.NotFound, "the plan has no revision %d", f.Revision).At("revision")
	}
	for _, line := range []struct{ name, text string }{{"title", f.Title}, {"recipient", f.Recipient}} {
		if err := oneLine(line.name, line.text); err != nil {
			return "", nil, err
		}
	}
	f.Filed, f.Again = f.Filed.UTC().Truncate(time.Microsecond), f.Again.UTC().Truncate(time.Microsecond)
	switch {
	case f.Filed.IsZero() || f.Filed.After(now):
		return "", nil, holdfast.Errorf(holdfast.Invalid, "say when it was filed: a time that has passed").At("filed")
	case f.Filed.Before(r.At):
		return "", nil, holdfast.Errorf(holdfast.Invalid, "revision %d was published after that: name the revision that was filed", f.Revision).At("filed")
	case !f.Again.IsZero() && (!f.Again.After(f.Filed) || f.Again.After(now.Add(longest))):
		return "", nil, holdfast.Errorf(holdfast.Invalid, "it is due again after it was filed, within ten years").At("again")
	}
	id := "f" + strconv.Itoa(len(b.ids)+1)
	return id, []journal.Draft{journal.NewDraft(subject(id), 0, kindMade, made{f, r.Hash})}, nil
}

// receive decides on a receipt. The same told again gives no fact.
func receive(b *Book, id string, r Receipt, now time.Time) ([]journal.Draft, error) {
	f := b.filings[id]
	if f == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no filing %q", id)
	}
	if err := oneLine("number", r.Number); err != nil {
		return nil, err
	}
	r.At = r.At.UTC().Truncate(time.Microsecond)
	switch {
	case f.Receipt != nil && f.Receipt.Number == r.Number && f.Receipt.At.Equal(r.At):
		return nil, nil
	case f.Receipt != nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "filing %s has the receipt %s already", id, f.Receipt.Number)
	case r.At.Before(f.Filed) || r.At.After(now):
		return nil, holdfast.Errorf(holdfast.Invalid, "say when the receipt came: after it was filed, and not to come").At("at")
	}
	return []journal.Draft{journal.NewDraft(subject(id), f.revision, kindGot, r)}, nil
}

func oneLine(field, text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return holdfast.Errorf(holdfast.Invalid, "%s is empty: write it", field).At(field)
	case utf8.RuneCountInString(text) > maxLine:
		return holdfast.Errorf(holdfast.TooLarge, "%s has more than %d characters; shorten it", field, maxLine).At(field)
	case strings.ContainsFunc(text, unicode.IsControl):
		return holdfast.Errorf(holdfast.Invalid, "%s is one line: take line breaks and other control characters out", field).At(field)
	}
	return nil
}
