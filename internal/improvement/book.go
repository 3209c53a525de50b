package improvement

import (
	"slices"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

const (
	kindRecorded    = "improvement.recorded"
	kindExtended    = "improvement.extended"
	kindAssigned    = "improvement.assigned"
	kindDone        = "improvement.done"
	kindFile        = "improvement.file-kept"
	kindDropAsked   = "improvement.drop-asked"
	kindDropped     = "improvement.dropped"
	kindDropRefused = "improvement.drop-refused"
	kindReopened    = "improvement.reopened"
	kindTrigger     = "improvement.trigger-opened"
)

// fact is the body of a fact after the first; of each kind it has the members that
// the package comment names.
type fact struct {
	Due      plan.Date        `json:"due,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Evidence string           `json:"evidence,omitempty"`
	Role     string           `json:"role,omitempty"`
	Person   string           `json:"person,omitempty"`
	Trigger  string           `json:"trigger,omitempty"`
	File     *attachment.File `json:"file,omitempty"`
}

// Book is all improvements. Use it under the state's lock.
type Book struct {
	improvements map[string]*Improvement
	ids          []string
	of           map[string][]string // by incident
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{improvements: map[string]*Improvement{}, of: map[string][]string{}}
}

var _ journal.Projection = (*Book)(nil)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("improvement", id) }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "improvement" {
		return nil
	}
	if f.Kind == kindRecorded {
		var body Form
		if err := f.Decode(&body); err != nil {
			return err
		}
		b.improvements[id] = &Improvement{ID: id, Form: body, By: f.Actor, At: f.Time, revision: f.Revision}
		b.ids = append(b.ids, id)
		b.of[body.Incident] = append(b.of[body.Incident], id)
		return nil
	}
	old := b.improvements[id]
	if old == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of an improvement %s that was never recorded", f.Kind, id)
	}
	var e fact
	if err := f.Decode(&e); err != nil {
		return err
	}
	// Readers keep what they were given: what a fact changes is copied first.
	next := *old
	next.revision = f.Revision
	next.fold(f, e)
	b.improvements[id] = &next
	return nil
}

func (im *Improvement) fold(f holdfast.Fact, e fact) {
	change := Change{Kind: strings.TrimPrefix(f.Kind, "improvement."), By: f.Actor, At: f.Time, Text: e.Reason, Role: e.Role, Person: e.Person}
	switch f.Kind {
	case kindExtended:
		change.Was, change.Due = im.Due, e.Due
		im.Due = e.Due
	case kindAssigned:
		im.Role, im.Person = e.Role, e.Person
	case kindDone:
		change.Text = e.Evidence
		im.End, im.Drop = &End{State: Done, Evidence: e.Evidence, By: f.Actor, At: f.Time}, nil
	case kindFile:
		im.Files = append(slices.Clip(im.Files), File{*e.File, f.Actor, f.Time})
		change.Text = e.File.Name
	case kindDropAsked:
		im.Drop = &Wish{e.Reason, f.Actor, f.Time}
	case kindDropped:
		im.End, im.Drop = &End{State: Dropped, Reason: im.Drop.Reason, By: f.Actor, At: f.Time}, nil
	case kindDropRefused:
		im.Drop = nil
	case kindReopened:
		im.End = nil
	case kindTrigger:
		im.Trigger = e.Trigger
		change.Text = e.Trigger
	default:
		return // of a newer version
	}
	im.History = append(slices.Clip(im.History), change)
}

// Improvement returns the improvement with an id.
func (b *Book) Improvement(id string) (*Improvement, bool) {
	im, ok := b.improvements[id]
	return im, ok
}

// All lists all improvements, the newest first.
func (b *Book) All() []*Improvement { return b.list(b.ids) }

// Of lists those of an incident, the newest first.
func (b *Book) Of(incident string) []*Improvement { return b.list(b.of[incident]) }

func (b *Book) list(ids []string) []*Improvement {
	list := make([]*Improvement, 0, len(ids))
	for _, id := range slices.Backward(ids) {
		list = append(list, b.improvements[id])
	}
	return list
}

func (b *Book) nextID() string { return "i" + strconv.Itoa(len(b.ids)+1) }

// LinkTrigger is the fact that an improvement has opened a trigger, to be appended
// with that trigger's own.
func (im *Improvement) LinkTrigger(trigger string) journal.Draft {
	return journal.NewDraft(subject(im.ID), im.revision, kindTrigger, fact{Trigger: trigger})
}
