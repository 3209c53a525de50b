package roster

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

const (
	kindRecorded = "person.recorded"
	kindLeft     = "person.left"
	kindLeaving  = "person.leaving"
	kindStaying  = "person.staying"
)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("person", id) }

// left is the body of person.left.
type left struct {
	Reason string `json:"reason"`
}

// Book is the projection of who is here, of the parties, the duty schedules and
// the calendars. Read it through [Service], or inside [journal.State.View].
type Book struct {
	people map[string]Person
	// ids are those of people, in order.
	ids []string
	// gone are those who left, as they were.
	gone map[string]Person
	// leaving are those whose last day is known.
	leaving map[string]Leaving
	parties map[string]Party
	// revisions are those of every subject that ever was.
	revisions map[holdfast.Subject]holdfast.Revision
	// edited are the revisions at which what a form shows last changed, and history
	// the facts of each subject.
	edited  map[holdfast.Subject]holdfast.Revision
	history map[holdfast.Subject][]holdfast.Fact

	duties    map[string]*duty
	years     map[string][]Year
	calendars map[string]calendar

	asks map[string]*Ask
	// lastAsk is the id of the last message to each address.
	lastAsk map[point]string
}

// NewBook returns a book of the calendars that the program brings and nothing
// else.
func NewBook() *Book {
	b := &Book{
		people: map[string]Person{}, gone: map[string]Person{}, leaving: map[string]Leaving{}, parties: map[string]Party{}, revisions: map[holdfast.Subject]holdfast.Revision{},
		duties: map[string]*duty{}, years: map[string][]Year{}, calendars: map[string]calendar{},
		edited: map[holdfast.Subject]holdfast.Revision{}, history: map[holdfast.Subject][]holdfast.Fact{},
		asks: map[string]*Ask{}, lastAsk: map[point]string{},
	}
	for _, c := range Embedded() {
		for _, y := range c.Years {
			b.putYear(c.Name, y)
		}
	}
	return b
}

var _ journal.Projection = (*Book)(nil)

func (b *Book) revisionOf(s holdfast.Subject) holdfast.Revision { return b.revisions[s] }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if !slices.Contains([]string{"person", "party", "duty", "calendar"}, noun) {
		return nil
	}
	b.revisions[f.Subject] = f.Revision
	b.remember(f)
	switch f.Kind {
	case kindRecorded:
		var p Person
		if err := f.Decode(&p); err != nil {
			return err
		}
		b.people[id] = p
		if i, known := slices.BinarySearch(b.ids, id); !known {
			b.ids = slices.Insert(b.ids, i, id)
		}
		delete(b.gone, id)
	case kindLeft:
		if p, ok := b.people[id]; ok {
			b.gone[id] = p
		}
		delete(b.people, id)
		if i, known := slices.BinarySearch(b.ids, id); known {
			b.ids = slices.Delete(b.ids, i, i+1)
		}
		delete(b.leaving, id)
	case kindLeaving:
		var l Leaving
		if err := f.Decode(&l); err != nil {
			return err
		}
		b.leaving[id] = l
	case kindStaying:
		delete(b.leaving, id)
	case kindPartyRecorded:
		var p Party
		if err := f.Decode(&p); err != nil {
			return err
		}
		b.parties[id] = p
	case kindPartyRemoved:
		delete(b.parties, id)
	case kindContactAsked:
		return b.applyAsked(f)
	case kindContactVerified:
		return b.applyVerified(f)
	case kindCalendarRecorded:
		var y calendarYear
		if err := f.Decode(&y); err != nil {
			return err
		}
		b.putYear(y.Calendar, y.Year)
	default:
		return b.applyDuty(id, f)
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

// Left lists those who left, by id, as they were then.
func (b *Book) Left() []Person {
	var some []Person
	for _, id := range slices.Sorted(maps.Keys(b.gone)) {
		some = append(some, b.gone[id].clone())
	}
	return some
}

// Holders lists who fills a role of the plan, by id.
func (b *Book) Holders(role string) []Person {
	return b.filter(func(p Person) bool { return slices.Contains(p.Roles, role) })
}

// Department lists the people of a department, by id.
func (b *Book) Department(id string) []Person {
	return b.filter(func(p Person) bool { return p.Department == id })
}

// Deputies lists who stands in for a person in a role, in the person's order.
func (b *Book) Deputies(person, role string) []Person {
	var list []Person
	for _, d := range b.people[person].Deputies {
		if p, ok := b.people[d.Person]; ok && (d.Role == "" || d.Role == role) {
			list = append(list, p.clone())
		}
	}
	return list
}

func (b *Book) filter(keep func(Person) bool) []Person {
	var some []Person
	for _, id := range b.ids {
		if p := b.people[id]; keep(p) {
			some = append(some, p.clone())
		}
	}
	return some
}

// Party returns the party with an id.
func (b *Book) Party(id string) (Party, bool) {
	p, ok := b.parties[id]
	return p.clone(), ok
}

// Parties lists the parties by id.
func (b *Book) Parties() []Party {
	list := []Party{}
	for _, id := range slices.Sorted(maps.Keys(b.parties)) {
		list = append(list, b.parties[id].clone())
	}
	return list
}

// Schedules lists the duty schedules by role.
func (b *Book) Schedules() []Schedule {
	list := []Schedule{}
	for _, role := range slices.Sorted(maps.Keys(b.duties)) {
		list = append(list, b.duties[role].schedule.clone())
	}
	return list
}

// Covers lists the covers of a role in the order in which they were recorded.
func (b *Book) Covers(role string) []Cover {
	if d := b.duties[role]; d != nil {
		return slices.Clone(d.covers)
	}
	return nil
}

// Scheduled reports whether a role has a duty schedule.
func (b *Book) Scheduled(role string) bool { return b.duties[role] != nil }

// OnDuty returns who is on duty for a role at an instant, by the schedule as it
// stands now: one person, or nobody, if the role has no schedule or it has not
// begun, or if who is due has left. Whoever must reach the role then turns to all
// who hold it.
func (b *Book) OnDuty(role string, t time.Time) []Person {
	d := b.duties[role]
	if d == nil {
		return nil
	}
	p, ok := b.people[d.at(t, b.calendars[d.schedule.Calendar]).Person]
	if !ok {
		return nil
	}
	return []Person{p.clone()}
}

// Answering returns the first of some roles that somebody answers for at an instant:
// who is on duty, else who holds it, else nobody. It is empty if there are no roles.
func (b *Book) Answering(roles []string, t time.Time) string {
	for _, answers := range []func(role string) bool{
		func(role string) bool { return len(b.OnDuty(role, t)) > 0 },
		func(role string) bool { return len(b.Holders(role)) > 0 },
		func(string) bool { return true },
	} {
		if i := slices.IndexFunc(roles, answers); i >= 0 {
			return roles[i]
		}
	}
	return ""
}

// Slots lists who is on duty for a role from one instant to another: no gap, no
// overlap, at most 5000 slots. A role without a schedule has none.
func (b *Book) Slots(role string, from, until time.Time) []Slot {
	d := b.duties[role]
	if d == nil {
		return []Slot{}
	}
	return d.slots(from, until, b.calendars[d.schedule.Calendar])
}
