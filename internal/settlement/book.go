package settlement

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindOffered   = "settlement.offered"
	kindCompared  = "settlement.compared"
	kindAsked     = "settlement.asked"
	kindOrdered   = "settlement.ordered"
	kindRefused   = "settlement.refused"
	kindWithdrawn = "settlement.withdrawn"
	kindCarried   = "settlement.carried"
	kindSaved     = "mapping.saved"
)

const (
	noun        = "settlement"
	mappingNoun = "settlement-mapping"
)

// offered is the body of the first fact.
type offered struct {
	Name     string        `json:"name"`
	Hash     holdfast.Hash `json:"hash"`
	Size     int           `json:"size"`
	Mapping  Mapping       `json:"mapping"`
	Day      string        `json:"day"`
	From     time.Time     `json:"from"`
	Until    time.Time     `json:"until"`
	Rows     int           `json:"rows"`
	Refused  int           `json:"refused,omitempty"`
	Ignored  int           `json:"ignored,omitempty"`
	Repeated int           `json:"repeated,omitempty"`
}

// said is the body of what people say: why, and whether it takes two.
type said struct {
	Note string `json:"note,omitempty"`
}

// Book is all settlement files. Use it under the state's lock.
type Book struct {
	files     map[string]*File
	ids       []string
	revisions map[holdfast.Subject]holdfast.Revision
	mappings  map[string]Mapping
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{files: map[string]*File{}, revisions: map[holdfast.Subject]holdfast.Revision{}, mappings: map[string]Mapping{}}
}

var _ journal.Projection = (*Book)(nil)

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	is, id := f.Subject.Split()
	if is != noun && is != mappingNoun {
		return nil
	}
	b.revisions[f.Subject] = f.Revision
	switch f.Kind {
	case kindSaved:
		var m Mapping
		if err := f.Decode(&m); err != nil {
			return err
		}
		b.mappings[m.Name] = m
		return nil
	case kindOffered:
		return b.offered(id, f)
	}
	old := b.files[id]
	if old == nil {
		return holdfast.Errorf(holdfast.Damaged, "the fact %s is of a settlement file %s that was never offered", f.Kind, id)
	}
	next := *old // readers keep what they were given
	if err := next.fold(f); err != nil {
		return err
	}
	b.files[id] = &next
	return nil
}

func (b *Book) offered(id string, f holdfast.Fact) error {
	var o offered
	if err := f.Decode(&o); err != nil {
		return err
	}
	b.files[id] = &File{
		ID: id, Name: o.Name, State: Offered, Hash: o.Hash, Size: o.Size, Mapping: o.Mapping, Day: o.Day, From: o.From, Until: o.Until,
		Rows: o.Rows, Refused: o.Refused, Ignored: o.Ignored, Repeated: o.Repeated, By: f.Actor, At: f.Time, Compared: []Answer{}, Carried: []Answer{},
	}
	b.ids = append(b.ids, id)
	return nil
}

func (f *File) fold(fact holdfast.Fact) error {
	switch fact.Kind {
	case kindCompared, kindCarried:
		var a Answer
		if err := fact.Decode(&a); err != nil {
			return err
		}
		a.Gate, a.At = fact.Actor.ID, fact.Time
		f.answered(a, fact.Kind == kindCarried)
		return nil
	}
	var s said
	if err := fact.Decode(&s); err != nil {
		return err
	}
	switch fact.Kind {
	case kindAsked:
		f.State, f.Two, f.Note, f.ConfirmedBy, f.ConfirmedAt = Asked, true, s.Note, &fact.Actor, fact.Time
	case kindOrdered:
		if f.State == Asked {
			f.Second, f.Answered = &fact.Actor, fact.Time
		} else {
			f.Note, f.ConfirmedBy, f.ConfirmedAt = s.Note, &fact.Actor, fact.Time
		}
		f.State = Ordered
	case kindRefused:
		f.State, f.Second, f.Answered, f.Reason, f.Ended = Withdrawn, &fact.Actor, fact.Time, s.Note, fact.Time
	case kindWithdrawn:
		f.State, f.Reason, f.Ended = Withdrawn, s.Note, fact.Time
	}
	return nil
}

// answered takes in what a gate said; of a gate the last counts.
func (f *File) answered(a Answer, carried bool) {
	list := slices.DeleteFunc(slices.Clone(f.answers(carried)), func(e Answer) bool { return e.Gate == a.Gate })
	list = append(list, a)
	if !carried {
		f.Compared = list
		return
	}
	f.Carried = list
	if !slices.ContainsFunc(f.Compared, func(c Answer) bool { return !answeredBy(list, c.Gate) }) {
		f.State, f.Ended = Done, a.At
	}
}

// File returns the file with an id.
func (b *Book) File(id string) (*File, bool) {
	f, found := b.files[id]
	return f, found
}

// All lists all files, the newest first.
func (b *Book) All() []*File {
	list := make([]*File, 0, len(b.ids))
	for _, id := range slices.Backward(b.ids) {
		list = append(list, b.files[id])
	}
	return list
}

// Mappings lists the mappings by name.
func (b *Book) Mappings() []Mapping {
	list := make([]Mapping, 0, len(b.mappings))
	for _, m := range b.mappings {
		list = append(list, m)
	}
	slices.SortFunc(list, func(x, y Mapping) int {
		if x.Name < y.Name {
			return -1
		}
		return 1
	})
	return list
}

// Mapping returns the mapping of a name.
func (b *Book) Mapping(name string) (Mapping, bool) {
	m, found := b.mappings[name]
	return m, found
}

// work returns the oldest file of which a gate has not said all yet; ok is false if there
// is none.
func (b *Book) work(gate string) (f *File, ok bool) {
	for _, id := range b.ids {
		f := b.files[id]
		switch f.State {
		case Offered:
			if !answeredBy(f.Compared, gate) {
				return f, true
			}
		case Ordered:
			// A gate that did not compare it has nothing to carry out.
			if answeredBy(f.Compared, gate) && !answeredBy(f.Carried, gate) {
				return f, true
			}
		}
	}
	return nil, false
}

func (b *Book) draft(subject holdfast.Subject, kind string, body any) []journal.Draft {
	return []journal.Draft{journal.NewDraft(subject, b.revisions[subject], kind, body)}
}

func subject(id string) holdfast.Subject { return holdfast.NewSubject(noun, id) }
