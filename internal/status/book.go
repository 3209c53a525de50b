package status

import (
	"slices"
	"strconv"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindDrafted   = "bulletin.drafted"
	kindPublished = "bulletin.published"
	kindDropped   = "bulletin.dropped"

	// An incident that goes on again was not told of, whatever was published before.
	kindReopened = "incident.reopened"
)

// fact is the body of all facts; each kind fills what the package comment lists.
type fact struct {
	Kind     Kind     `json:"kind,omitempty"`
	Incident string   `json:"incident,omitempty"`
	Content  *Content `json:"content,omitempty"`
	Draft    int      `json:"draft,omitempty"`
	Reason   string   `json:"reason,omitempty"`
}

// Book is all bulletins. Use it under the state's lock.
type Book struct {
	all   map[string]*Bulletin
	order []string
	// published are the entries in the order in which they were.
	published []place
	// reopened is where an incident was reopened last.
	reopened map[string]holdfast.Position
}

type place struct {
	bulletin string
	entry    int
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{all: map[string]*Bulletin{}, reopened: map[string]holdfast.Position{}}
}

var _ journal.Projection = (*Book)(nil)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("bulletin", id) }

// Bulletin returns a bulletin, or nil. Whoever has it may keep it: it is not changed.
func (b *Book) Bulletin(id string) *Bulletin { return b.all[id] }

// All returns every bulletin, newest first.
func (b *Book) All() []*Bulletin {
	list := make([]*Bulletin, 0, len(b.order))
	for _, id := range slices.Backward(b.order) {
		list = append(list, b.all[id])
	}
	return list
}

// Published counts the entries that were published.
func (b *Book) Published() int { return len(b.published) }

// Entry returns the n-th entry that was published, from 1 to Published, with its
// bulletin as it is now.
func (b *Book) Entry(n int) (*Bulletin, Entry) {
	at := b.published[n-1]
	on := b.all[at.bulletin]
	return on, on.Entries[at.entry-1]
}

func (b *Book) nextID() string { return strconv.Itoa(len(b.order) + 1) }

// on returns the bulletins on an incident, newest first.
func (b *Book) on(incident string) (list []*Bulletin) {
	for _, o := range b.All() {
		if o.Incident == incident {
			list = append(list, o)
		}
	}
	return list
}

// Apply folds a fact. It takes every fact as true.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if f.Kind == kindReopened {
		b.reopened[id] = f.Position
	}
	if noun != "bulletin" {
		return nil
	}
	var e fact
	if err := f.Decode(&e); err != nil {
		return err
	}
	// Readers keep what they were given: what a fact changes is copied first.
	next := Bulletin{ID: id, Kind: e.Kind, Incident: e.Incident, Opened: f.Time}
	if old := b.all[id]; old != nil {
		next = *old
	} else {
		b.order = append(b.order, id)
	}
	next.revision = f.Revision
	switch {
	case f.Kind == kindDrafted && e.Content != nil:
		next.drafts++
		next.Draft, next.Dropped = &Draft{next.drafts, *e.Content, f.Actor, f.Time}, ""
	case f.Kind == kindPublished && next.Draft != nil:
		d := next.Draft
		next.Entries = append(slices.Clip(next.Entries), Entry{len(next.Entries) + 1, d.Content, d.By, f.Actor, f.Time, f.Position})
		next.Draft = nil
		b.published = append(b.published, place{id, len(next.Entries)})
	case f.Kind == kindDropped:
		next.Draft, next.Dropped = nil, e.Reason
	}
	b.all[id] = &next
	return nil
}
