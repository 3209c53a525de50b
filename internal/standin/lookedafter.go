package standin

import (
	"cmp"
	"slices"
	"time"

	"holdfast"
)

// Care is what a person did about a payment that expired in the queue.
type Care uint8

const (
	// ToldCustomer: the customer knows that it was not made.
	ToldCustomer Care = iota + 1
	// AskedAgain: the customer was asked to pay once more.
	AskedAgain
	// NothingToDo: there was nothing to do, as the note says why.
	NothingToDo
)

// Cares are all of them.
var Cares = []Care{ToldCustomer, AskedAgain, NothingToDo}

var careNames = names{1: "told", "asked-again", "nothing"}

func (c Care) String() string { return careNames.of(int(c)) }

// MarshalText writes it as its word.
func (c Care) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads its word.
func (c *Care) UnmarshalText(b []byte) error { return careNames.read((*uint8)(c), b) }

// cared is who looked after what, and when. It stands apart from the items, of which few
// expire: a backlog may have a million of them.
type cared struct {
	how      Care
	by, note string
	at       Instant
}

// LookAfter records that a person has looked after a payment that expired in the queue. It
// is done once.
func LookAfter(s *State, identity string, how Care, by, note string, now time.Time) ([]Record, error) {
	i := s.items[identity]
	before, done := s.cared[identity]
	switch {
	case i == nil || i.Class != Overdue:
		return nil, holdfast.Errorf(holdfast.NotFound, "the payment %s has not expired in the queue, as far as is known", identity)
	case how < ToldCustomer || how > NothingToDo:
		return nil, holdfast.Errorf(holdfast.Invalid, "an expired payment is looked after by told, asked-again or nothing")
	case by == "" || note == "" || len(note) > longest:
		return nil, holdfast.Errorf(holdfast.Invalid, "say who looked after the expired payment and what was done, in at most %d bytes", longest)
	case done:
		return nil, holdfast.Errorf(holdfast.Conflict, "the expired payment was looked after already, by %s", before.by)
	}
	return []Record{&LookedAfter{Identity: identity, Care: how, By: by, Note: note, At: max(At(now), s.last)}}, nil
}

// careDone reports whether an order to look after a payment was carried out already.
func (s *State) careDone(o Order) bool {
	c, done := s.cared[o.Identity]
	return done && c.how == o.Care && c.by == o.By && c.note == o.Note
}

// lookAfter keeps that a person looked after what had expired.
func (s *State) lookAfter(r *LookedAfter) bool {
	i := s.items[r.Identity]
	if _, done := s.cared[r.Identity]; i == nil || i.Class != Overdue || done || r.Care == 0 {
		return false
	}
	s.cared[r.Identity] = cared{r.Care, r.By, r.Note, r.At}
	s.balance(i).Queue.LookedAfter.add(1, i.Amount)
	if at, there := slices.BinarySearchFunc(s.overdue, i, compareUntil); there {
		s.overdue = slices.Delete(s.overdue, at, at+1)
	}
	return s.pass(r.At)
}

// caredFields writes or reads what was looked after, and how much of each balance. It stands
// at the end of a snapshot, if there is any.
func (s *State) caredFields(c *codec) {
	tallies := map[balanceKey]Tally{}
	for key, b := range s.balances {
		if b.Queue.LookedAfter != (Tally{}) {
			tallies[key] = b.Queue.LookedAfter
		}
	}
	if c.writing && len(tallies) == 0 || !c.writing && len(c.b) == 0 {
		return
	}
	table(c, tallies, compareBalances, c.balanceKey, func(t *Tally) {
		c.int(&t.Count)
		c.int(&t.Amount)
	})
	table(c, s.cared, cmp.Compare[string], c.text, func(v *cared) {
		c.enum((*uint8)(&v.how), len(careNames)-1)
		c.text(&v.by)
		c.text(&v.note)
		c.instant(&v.at)
	})
	if c.writing || c.failed {
		return
	}
	for key, t := range tallies {
		b := s.balances[key]
		if b == nil {
			c.failed = true
			return
		}
		b.Queue.LookedAfter = t
	}
	for id, v := range s.cared {
		if i := s.items[id]; i == nil || i.Class != Overdue || v.how == 0 {
			c.failed = true
			return
		}
	}
	s.overdue = slices.DeleteFunc(s.overdue, func(i *Item) bool {
		_, done := s.cared[i.Identity]
		return done
	})
}
