package alert

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Book is all alerts, folded from the journal. Use it under the state's lock.
type Book struct {
	all   map[string]*Alert
	order []*Alert // by arrival
	// waiting holds those that nobody has dealt with, by arrival.
	waiting []*Alert
	groups  map[string]group
}

type group struct {
	revision holdfast.Revision
	cut      int
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{all: map[string]*Alert{}, groups: map[string]group{}}
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	switch noun, id := f.Subject.Split(); noun {
	case "alert":
		return b.apply(id, f)
	case "alert-group":
		var c membersCut
		if err := f.Decode(&c); err != nil {
			return err
		}
		b.groups[id] = group{f.Revision, c.Cut}
	}
	return nil
}

func (b *Book) apply(id string, f holdfast.Fact) error {
	a := b.all[id]
	if a == nil {
		a = &Alert{ID: id, Received: f.Time, Reporter: f.Actor, Position: f.Position}
		b.all[id] = a
		b.order = append(b.order, a)
		b.waiting = append(b.waiting, a)
	}
	a.Revision = f.Revision
	switch f.Kind {
	case KindReceived:
		if err := f.Decode(&a.Incoming); err != nil {
			return err
		}
		if a.StartsAt.IsZero() {
			a.StartsAt = f.Time
		}
		a.Firing = !a.Resolved
		a.end(a.EndsAt, f.Time)
	case KindResolved:
		var r resolved
		if err := f.Decode(&r); err != nil {
			return err
		}
		a.Firing = false
		a.end(r.EndsAt, f.Time)
	case KindRefired:
		a.Firing, a.Ended = true, time.Time{}
		if a.Dismissed != "" {
			a.Dismissed = ""
			b.waiting = append(b.waiting, a)
		}
	case KindAttached:
		var t attached
		if err := f.Decode(&t); err != nil {
			return err
		}
		a.Incident, a.Dismissed = t.Incident, ""
		b.dealtWith(a)
	case KindDismissed:
		var r withReason
		if err := f.Decode(&r); err != nil {
			return err
		}
		a.Dismissed = r.Reason
		b.dealtWith(a)
	}
	return nil
}

// end notes when an alert that does not fire ended: by its sender's word, but not
// after it was told, since a sender's clock may be ahead.
func (a *Alert) end(said, told time.Time) {
	switch {
	case a.Firing:
		a.Ended = time.Time{}
	case said.IsZero() || said.After(told):
		a.Ended = told
	default:
		a.Ended = said
	}
}

// Alert returns an alert, or nil.
func (b *Book) Alert(id string) *Alert { return b.all[id] }

// All returns every alert, newest first.
func (b *Book) All() []*Alert {
	all := slices.Clone(b.order)
	slices.Reverse(all)
	return all
}

// Firing returns the alerts of a source that fire, by arrival.
func (b *Book) Firing(source string) (firing []*Alert) {
	for _, a := range b.order {
		if a.Firing && a.Source == source {
			firing = append(firing, a)
		}
	}
	return firing
}

func (b *Book) dealtWith(a *Alert) {
	b.waiting = slices.DeleteFunc(b.waiting, func(w *Alert) bool { return w == a })
}

// Waiting returns the alerts that nobody has dealt with, oldest first.
func (b *Book) Waiting() []*Alert { return slices.Clone(b.waiting) }

type membersCut struct {
	Cut int `json:"cut"`
}

// Cut decides on how many members a group says it left out. A change is a fact:
// as long as members are missing, nobody may take a quiet group for a healthy
// one.
func (b *Book) Cut(id string, n int) []journal.Draft {
	g, known := b.groups[id]
	if g.cut == n && (known || n == 0) {
		return nil
	}
	return []journal.Draft{journal.NewDraft(holdfast.NewSubject("alert-group", id), g.revision, KindMembersCut, membersCut{n})}
}

// CutMembers sums the members that senders have left out.
func (b *Book) CutMembers() int {
	n := 0
	for _, g := range b.groups {
		n += g.cut
	}
	return n
}
