package debrief

import (
	"sync"

	"holdfast"
	"holdfast/internal/incident"
)

// Kept keeps what was worked out of incidents until another fact concerns one of them:
// the record of one that people told of has thousands of facts. It is safe for
// concurrent use.
type Kept struct {
	mu      sync.Mutex
	records map[string]kept[Record]
	// same says of each incident's newest round whether its record still stands.
	same map[string]kept[bool]
}

// kept is a value that is true up to a position.
type kept[T any] struct {
	value T
	last  holdfast.Position
	// round tells the rounds of a debrief apart; 0 for none.
	round int
}

// mostKept bounds how many incidents are kept: those that people look at now.
const mostKept = 32

// NewKept returns one that keeps nothing yet.
func NewKept() *Kept {
	return &Kept{records: map[string]kept[Record]{}, same: map[string]kept[bool]{}}
}

// keep returns what is kept under an id if it is true up to last, else what work gives,
// which is kept.
func keep[T any](k *Kept, of map[string]kept[T], id string, round int, last holdfast.Position, work func() (T, error)) (T, error) {
	k.mu.Lock()
	found, some := of[id]
	k.mu.Unlock()
	if some && found.last == last && found.round == round {
		return found.value, nil
	}
	value, err := work()
	if err != nil {
		return value, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(of) >= mostKept {
		clear(of)
	}
	of[id] = kept[T]{value, last, round}
	return value, nil
}

// last is the position of the newest fact of an incident and of what was merged into it.
func (n Nouns) last(id string) (last holdfast.Position) {
	for _, part := range n.Incidents.Whole(id) {
		last = max(last, n.Facts.Last(part))
	}
	return last
}

// record is what the facts of an incident say now, and the position of the last of them.
func (n Nouns) record(in *incident.Incident) (Record, holdfast.Position, error) {
	last := n.last(in.ID)
	r, err := keep(n.Kept, n.Kept.records, in.ID, 0, last, func() (Record, error) { return Work(in.ID, n.facts(in.ID)) })
	return r, last, err
}

// Stands reports whether the facts up to the position of a round still give its record.
func (n Nouns) Stands(r Round, id string) bool {
	same, err := keep(n.Kept, n.Kept.same, id, r.N, n.last(id), func() (bool, error) {
		again, err := n.again(r, id)
		return err == nil && same(again, r.Figures.Record), nil
	})
	return same && err == nil
}
