package roster

import (
	"maps"
	"slices"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindRecorded = "person.recorded"
	kindLeft     = "person.left"
)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("person", id) }

// left is the body of person.left.
type left struct {
	Reason string `json:"reason"`
}

// Book is the projection of the people who are here. Read it through [Service],
// or inside [journal.State.View].
type Book struct {
	people map[string]Person
	// revisions covers those who left as well.
	revisions map[string]holdfast.Revision
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{people: map[string]Person{}, revisions: map[string]holdfast.Revision{}}
}

var _ journal.Projection = (*Book)(nil)

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	id := f.Subject.ID()
	switch f.Kind {
	case kindRecorded:
		var p Person
		if err := f.Decode(&p); err != nil {
			return err
		}
		b.people[id], b.revisions[id] = p, f.Revision
	case kindLeft:
		delete(b.people, id)
		b.revisions[id] = f.Revision
	}
	return nil
}

// Person returns the person with an id.
func (b *Book) Person(id string) (Person, bool) {
	p, ok := b.people[id]
	return p.clone(), ok
}

// People lists everyone by id.
func (b *Book) People() []Person {
	return b.filter(func(Person) bool { return true })
}

// Holders lists who fills a role of the plan, by id.
func (b *Book) Holders(role string) []Person {
	return b.filter(func(p Person) bool { return slices.Contains(p.Roles, role) })
}

func (b *Book) filter(keep func(Person) bool) []Person {
	var some []Person
	for _, id := range slices.Sorted(maps.Keys(b.people)) {
		if p := b.people[id]; keep(p) {
			some = append(some, p.clone())
		}
	}
	return some
}
