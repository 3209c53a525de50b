package alert

import (
	"cmp"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Book is all alerts, folded from the journal. Use it under the state's lock.
type Book struct {
	all   map[string]*Alert
	order []*Alert // by arrival
	queue queue    // those that nobody has dealt with
	// latest holds the latest alert of each source and fingerprint.
	latest map[string]map[string]*Alert
	groups map[string]group
	// firing counts those that fire, by incident.
	firing map[string]int
}

type group struct {
	revision holdfast.Revision
	cut      int
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{all: map[string]*Alert{}, latest: map[string]map[string]*Alert{}, groups: map[string]group{}, firing: map[string]int{}}
}

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	switch noun, id := f.Subject.Split(); noun {
	case "alert":
		return b.apply(id, f)
	case "incident":
		return b.merge(id, f)
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
		b.queue.put(a)
	}
	a.Revision = f.Revision
	b.count(a, -1)
	defer b.count(a, 1)
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
		if b.latest[a.Source] == nil {
			b.latest[a.Source] = map[string]*Alert{}
		}
		b.latest[a.Source][a.Fingerprint] = a
	case KindAcknowledged:
		a.TakenUp = f.Time
	case KindResolved:
		var r resolved
		if err := f.Decode(&r); err != nil {
			return err
		}
		a.Firing = false
		a.end(r.EndsAt, f.Time)
	case KindRefired:
		a.Firing, a.Ended = true, time.Time{}
		a.Dismissed = ""
		if a.Waiting() {
			b.queue.put(a) // again, behind those that wait: nothing that has fired anew is passed over
		}
	case KindAttached:
		var t attached
		if err := f.Decode(&t); err != nil {
			return err
		}
		a.Incident, a.Ground, a.Dismissed = t.Incident, t.Ground, ""
		b.queue.drop(a)
	case KindMoved:
		var m Moved
		if err := f.Decode(&m); err != nil {
			return err
		}
		m.By, m.At = f.Actor, f.Time
		a.Incident, a.Ground, a.Moves = m.To, nil, append(a.Moves, m)
	case KindDismissed:
		var r withReason
		if err := f.Decode(&r); err != nil {
			return err
		}
		a.Dismissed = r.Reason
		b.queue.drop(a)
	}
	return nil
}

// count adds an alert to those that fire of its incident, if it does.
func (b *Book) count(a *Alert, n int) {
	if a.Firing && a.Incident != "" {
		b.firing[a.Incident] += n
	}
}

// merge lets alerts go with their incident, into another and back.
func (b *Book) merge(id string, f holdfast.Fact) error {
	if f.Kind != KindAbsorbed && f.Kind != KindReleased {
		return nil
	}
	var m Merged
	if err := f.Decode(&m); err != nil {
		return err
	}
	from, to := m.From, id
	if f.Kind == KindReleased {
		from, to = id, m.From
	}
	for _, name := range m.Alerts {
		if a := b.all[name]; a != nil && a.Incident == from {
			b.count(a, -1)
			a.Incident = to
			b.count(a, 1)
		}
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

// FiringOf is how many alerts of an incident fire.
func (b *Book) FiringOf(incident string) int { return b.firing[incident] }

// Before calls f for the alerts that arrived before one of this place, newest first,
// until it returns false; places count from 0. Alerts keep theirs, so who reads many may
// let go of the state in between.
func (b *Book) Before(place int, f func(*Alert) bool) {
	for _, a := range slices.Backward(b.order[:min(place, len(b.order))]) {
		if !f(a) {
			return
		}
	}
}

// Count is how many alerts there are.
func (b *Book) Count() int { return len(b.order) }

// All returns every alert, newest first.
func (b *Book) All() []*Alert {
	all := slices.Clone(b.order)
	slices.Reverse(all)
	return all
}

// Waiting returns the alerts that nobody has dealt with, oldest first.
func (b *Book) Waiting() (list []*Alert) {
	b.queue.after(0, func(a *Alert, _ uint64) bool {
		list = append(list, a)
		return true
	})
	return list
}

// WaitingAfter calls f for the alerts that nobody has dealt with and whose turn is
// after one, in turn, until it returns false. An alert that fires again gets a new
// turn, so who has looked at all up to a turn need not look at them again.
func (b *Book) WaitingAfter(turn uint64, f func(a *Alert, turn uint64) bool) { b.queue.after(turn, f) }

// WaitingCount is how many alerts nobody has dealt with.
func (b *Book) WaitingCount() int { return b.queue.count }

// Open returns the alert of a source and fingerprint that fires, or nil.
func (b *Book) Open(source, fingerprint string) *Alert {
	if a := b.latest[source][fingerprint]; a != nil && a.Firing {
		return a
	}
	return nil
}

// Firing returns the alerts of a source that fire, by arrival; of each fingerprint
// the latest.
func (b *Book) Firing(source string) (firing []*Alert) {
	for _, a := range b.latest[source] {
		if a.Firing {
			firing = append(firing, a)
		}
	}
	slices.SortFunc(firing, func(x, y *Alert) int { return cmp.Compare(x.Position, y.Position) })
	return firing
}

// started gives an arrival of a sender that names what is open its start: that of
// the alert that fires, else now. ok is false for an end, or a taking up, of what is
// not open.
func (b *Book) started(in Incoming, now time.Time) (_ Incoming, ok bool) {
	if !in.Keyed {
		return in, true
	}
	if a := b.Open(in.Source, in.Fingerprint); a != nil {
		in.StartsAt = a.Incoming.StartsAt
		return in, true
	}
	if in.StartsAt = now.UTC(); in.Resolved || in.Acknowledged {
		return in, false
	}
	return in, true
}

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
