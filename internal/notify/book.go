package notify

import (
	"time"

	"holdfast"
)

// Book is all notices, folded from the journal. Use it under the state's lock
// and do not change what it returns.
type Book struct {
	all map[string]*Delivery
	// open holds those of which an attempt is due now or later.
	open  map[string]*Delivery
	tasks map[task][]*Person
	// told finds in tasks.
	told map[told]*Person
	// people lists, for each incident, everyone told for any task.
	people map[string][]*Person
	// begun has, for each person, when the newest notices that are not urgent began.
	begun map[string][]time.Time
	// tests has the newest test of each channel and address.
	tests map[[2]string]*Delivery
}

type task struct {
	incident, task string
	round          int
}

type told struct {
	task
	person string
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{all: map[string]*Delivery{}, open: map[string]*Delivery{}, tasks: map[task][]*Person{}, told: map[told]*Person{}, people: map[string][]*Person{}, begun: map[string][]time.Time{}, tests: map[[2]string]*Delivery{}}
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "notice" {
		return nil
	}
	if f.Kind == kindAsked {
		return b.applyAsked(id, f)
	}
	d := b.all[id]
	if d == nil {
		return holdfast.Errorf(holdfast.Damaged, "fact %d is about the notice %s, which was never asked for", f.Position, id)
	}
	d.Revision = f.Revision
	switch f.Kind {
	case kindSending, kindDelivered, kindFailed, kindDoubtful, kindGaveUp:
		var a attempt
		if err := f.Decode(&a); err != nil {
			return err
		}
		if f.Kind == kindSending && a.Attempt == 1 && !d.Urgent {
			b.begun[d.Person] = append(within(b.begun[d.Person], f.Time), f.Time)
		}
		d.apply(f, a)
		if d.State.final() {
			delete(b.open, id)
		}
	case kindAcknowledged:
		return b.applyAcknowledged(d, f)
	case kindLapsed:
		b.applyLapsed(d, f)
	}
	return nil
}

func (b *Book) applyAsked(id string, f holdfast.Fact) error {
	d := &Delivery{Revision: f.Revision, State: Asked, Asked: f.Time, Due: f.Time, moved: f.Time}
	if err := f.Decode(&d.Notice); err != nil {
		return err
	}
	d.ID = id
	b.all[id] = d
	if d.Incident == TestSubject {
		b.tests[[2]string{d.Channel, d.Address}] = d
	}
	p := b.person(d.Notice, d.Person)
	if p == nil {
		p = &Person{ID: d.Person, Name: d.PersonName}
		key := task{d.Incident, d.Task, d.Round}
		b.tasks[key] = append(b.tasks[key], p)
		b.told[told{key, d.Person}] = p
		b.people[d.Incident] = append(b.people[d.Incident], p)
	}
	p.Deliveries = append(p.Deliveries, d)
	if p.Acknowledged() {
		d.State = Acknowledged
	} else {
		b.open[id] = d
	}
	return nil
}

// apply folds what an attempt came to. An acknowledgement meanwhile stands.
func (d *Delivery) apply(f holdfast.Fact, a attempt) {
	next := map[string]State{
		kindSending: Sending, kindDelivered: Delivered, kindFailed: Failed, kindDoubtful: Doubtful, kindGaveUp: GaveUp,
	}[f.Kind]
	if d.State != Acknowledged {
		d.State = next
	}
	switch next {
	case Sending:
		d.Attempts, d.Due, d.moved = a.Attempt, a.Until, f.Time
		if d.Begun.IsZero() {
			d.Begun = f.Time
		}
	case Delivered:
		d.Delivered, d.Detail = f.Time, a.Detail
	default:
		d.Due, d.moved, d.Detail = a.Retry, f.Time, a.Detail
	}
	d.keep(f.Time, next, a)
}

// maxLog is how many attempts of a notice are kept at hand; the journal has all.
const maxLog = 20

// keep notes an attempt, or what became of it.
func (d *Delivery) keep(at time.Time, state State, a attempt) {
	if state == Sending {
		d.Log = append(d.Log, Attempt{Number: a.Attempt, Began: at, State: Sending})
		d.Log = d.Log[max(0, len(d.Log)-maxLog):]
		return
	}
	i := len(d.Log) - 1
	for i >= 0 && d.Log[i].Number != a.Attempt {
		i--
	}
	if i < 0 {
		d.Log = append(d.Log, Attempt{Number: a.Attempt})
		i = len(d.Log) - 1
	}
	d.Log[i].Ended, d.Log[i].State, d.Log[i].Detail, d.Log[i].Next = at, state, a.Detail, a.Retry
}

func (b *Book) applyAcknowledged(d *Delivery, f holdfast.Fact) error {
	var a acknowledged
	if err := f.Decode(&a); err != nil {
		return err
	}
	if a.How == ByLink {
		d.Used = f.Time
	}
	p := b.person(d.Notice, d.Person)
	p.Ack = &Acknowledgement{At: f.Time, By: f.Actor, How: a.How, Note: a.Note}
	for _, other := range p.Deliveries {
		if !other.State.final() {
			other.State = Acknowledged
			delete(b.open, other.ID)
		}
	}
	return nil
}

// person finds who is told for the same task in the same round as a notice.
func (b *Book) person(n Notice, id string) *Person {
	return b.told[told{task{n.Incident, n.Task, n.Round}, id}]
}

// Notice returns a notice and what became of it, or nil.
func (b *Book) Notice(id string) *Delivery { return b.all[id] }

// ByTask lists who is told for a task in its first round, in the order they were
// asked for.
func (b *Book) ByTask(incident, taskID string) []*Person { return b.ByRound(incident, taskID, 0) }

// ByRound lists who is told for a task in one round.
func (b *Book) ByRound(incident, taskID string, round int) []*Person {
	return b.tasks[task{incident, taskID, round}]
}

// People counts who is told for an incident, each person once whatever the
// number of tasks: those reached, and those who have acknowledged.
func (b *Book) People(incident string) (reached, acknowledged int) {
	was, said := map[string]bool{}, map[string]bool{}
	for _, p := range b.people[incident] {
		if p.Reached() {
			was[p.ID] = true
		}
		if p.Acknowledged() {
			said[p.ID] = true
		}
	}
	return len(was), len(said)
}

// Urgent reports whether an urgent notice is being sent or is to be sent now. One that
// waits for its next attempt is none: who cannot be reached is tried for hours.
func (b *Book) Urgent(now time.Time) bool {
	for _, d := range b.open {
		if d.Urgent && (d.State == Sending || !d.due(now).After(now)) {
			return true
		}
	}
	return false
}

// Everyone lists who is told for an incident, once for each task and round, in the
// order they were asked for.
func (b *Book) Everyone(incident string) []*Person { return b.people[incident] }
