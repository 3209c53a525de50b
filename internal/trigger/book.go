package trigger

import (
	"slices"
	"strconv"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindOpened   = "trigger.opened"
	kindDisposed = "trigger.disposed"
)

type opened struct {
	Plan string `json:"plan"`
	Report
	About       *About `json:"about,omitempty"`
	Improvement string `json:"improvement,omitempty"`
}

// Book is all triggers. Use it under the state's lock.
type Book struct {
	triggers map[string]*Trigger
	ids      []string
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{triggers: map[string]*Trigger{}} }

var _ journal.Projection = (*Book)(nil)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("trigger", id) }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "trigger" {
		return nil
	}
	if f.Kind == kindOpened {
		var body opened
		if err := f.Decode(&body); err != nil {
			return err
		}
		b.triggers[id] = &Trigger{ID: id, Plan: body.Plan, Report: body.Report, About: body.About, Improvement: body.Improvement, By: f.Actor, At: f.Time, revision: f.Revision}
		b.ids = append(b.ids, id)
		return nil
	}
	t := b.triggers[id]
	if t == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of a trigger %s that was never opened", f.Kind, id)
	}
	// Readers keep what they were given: what a fact changes is copied first.
	next := *t
	next.revision = f.Revision
	if f.Kind == kindDisposed {
		var body Disposal
		if err := f.Decode(&body); err != nil {
			return err
		}
		next.Disposed = &Disposed{body, f.Actor, f.Time}
	}
	b.triggers[id] = &next
	return nil
}

// Trigger returns the trigger with an id.
func (b *Book) Trigger(id string) (*Trigger, bool) {
	t, ok := b.triggers[id]
	return t, ok
}

// All lists all triggers, the newest first.
func (b *Book) All() []*Trigger {
	list := make([]*Trigger, 0, len(b.ids))
	for _, id := range slices.Backward(b.ids) {
		list = append(list, b.triggers[id])
	}
	return list
}

func (b *Book) nextID() string { return "t" + strconv.Itoa(len(b.ids)+1) }
