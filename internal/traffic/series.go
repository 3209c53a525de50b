package traffic

import (
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"unique"

	"holdfast"
)

const (
	// Late is how many seconds after its second a snapshot is still taken.
	Late = 120
	// Ahead is how many seconds a gate's clock may be ahead of the control node's.
	Ahead = 10
	// MaxGates is how many gates a Series follows at once.
	MaxGates = 64

	keptSeconds = 3600
	keptMinutes = 48 * 60
	// forgetAfter is when nothing of a gate that fell silent is left, in seconds.
	forgetAfter = (keptMinutes + 60) * 60
	// maxTaken bounds the snapshots of one gate that are told apart at once. One
	// process sends some Late+Ahead of them in that time.
	maxTaken = 8 * (Late + Ahead)
	// maxSpans is how many farewells of one gate are remembered.
	maxSpans = 16
	// pointKeys is how many keys a point tells apart.
	pointKeys = 256
	// keptParts is how many seconds parts are kept: as long as a snapshot may come.
	keptParts = Late + Ahead + 1
)

// Series keeps the counts of all gates over time, in memory only. It holds at
// most (3600 + 2880) points of 256 rows of 104 bytes, 173 MB, and some 23 MB with
// the 30 keys of a usual installation, and parts for two minutes: at most 768 of
// 250 bytes a second, 25 MB; and of payers at most 12 KB a minute, 35 MB. It is safe for concurrent use.
type Series struct {
	mu      sync.RWMutex
	seconds []point // a ring: a second stands at its remainder
	minutes []point
	parts   []partPoint
	payers  []payersPoint // by minute
	newest  int64         // the newest second any gate sent
	gates   map[string]*gate
}

// point holds what was counted from a time on, for a second or a minute.
type point struct {
	at   int64
	rows []keyed
	// heard is for how many seconds each gate sent a snapshot.
	heard [MaxGates]uint8
}

// partPoint holds the parts of a second.
type partPoint struct {
	at   int64
	rows [traits]parts
}

// keyed is a row that shares its key with the same key of other points.
type keyed struct {
	key unique.Handle[Key]
	Cell
}

type gate struct {
	slot  int // its place in point.heard
	last  int64
	spans []span // in order, the last one current; never none
	taken map[name]int64
}

// span is when a gate was to send: from its first second to its farewell.
type span struct{ since, until int64 }

// noEnd is the end of a span without farewell.
const noEnd = math.MaxInt64

// name tells the snapshots of one gate apart; taken has their seconds.
type name struct {
	boot     string
	sequence uint64
}

// NewSeries makes an empty series.
func NewSeries() *Series {
	return &Series{
		seconds: make([]point, keptSeconds), minutes: make([]point, keptMinutes), parts: make([]partPoint, keptParts),
		payers: make([]payersPoint, keptMinutes),
		gates:  map[string]*gate{},
	}
}

// Add takes a gate's snapshot in; now is the control node's time in seconds. A
// snapshot that was taken before is ignored. One that is more than [Late] old or
// [Ahead] of now, or that no Counter makes, is refused with code Invalid; a gate
// over [MaxGates] and a flood of snapshots with code TooMany.
func (s *Series) Add(now int64, from string, snap Snapshot) error {
	if !holdfast.ValidName(from) {
		return holdfast.Errorf(holdfast.Invalid, "%.80q cannot name a gate", from)
	}
	if err := snap.Check(); err != nil {
		return err
	}
	if snap.Second < now-Late || snap.Second > now+Ahead {
		return holdfast.Errorf(holdfast.Invalid, "gate %s: a snapshot of second %d arrived at %d; it is taken up to %d s late and %d s early (check the clocks)", from, snap.Second, now, Late, Ahead)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g, err := s.gate(from, snap.Second)
	if err != nil {
		return err
	}
	id := name{strings.Clone(snap.Boot), snap.Sequence}
	if _, again := g.taken[id]; again {
		return nil
	}
	maps.DeleteFunc(g.taken, func(_ name, second int64) bool { return second < now-Late })
	if len(g.taken) >= maxTaken {
		return holdfast.Errorf(holdfast.TooMany, "gate %s sent over %d snapshots in %d s", from, maxTaken, Late)
	}
	g.taken[id] = snap.Second
	s.record(now, g, snap)
	return nil
}

// gate returns the gate, as new if it is not known.
func (s *Series) gate(called string, second int64) (*gate, error) {
	if g := s.gates[called]; g != nil {
		return g, nil
	}
	maps.DeleteFunc(s.gates, func(_ string, g *gate) bool { return g.last < second-forgetAfter })
	var used [MaxGates]bool
	for _, g := range s.gates {
		used[g.slot] = true
	}
	slot := slices.Index(used[:], false)
	if slot < 0 {
		return nil, holdfast.Errorf(holdfast.TooMany, "%d gates are followed already; counts of gate %s are not kept", MaxGates, called)
	}
	g := &gate{slot: slot, last: second, spans: []span{{second, noEnd}}, taken: map[name]int64{}}
	s.gates[called] = g
	return g, nil
}

func (s *Series) record(now int64, g *gate, snap Snapshot) {
	g.sent(snap.Second)
	g.last = latest(g.last, snap.Second, now)
	s.newest = latest(s.newest, snap.Second, now)

	second := slot(s.seconds, snap.Second, 1)
	minute := slot(s.minutes, snap.Second, 60)
	if second.heard[g.slot] == 0 {
		second.heard[g.slot] = 1
		minute.heard[g.slot] = min(60, minute.heard[g.slot]+1)
	}
	for i := range snap.Rows {
		k, c := snap.Rows[i].Key.clean(), snap.Rows[i].Cell
		second.add(k, c)
		minute.add(k, c)
	}
	s.recordParts(snap)
	s.recordPayers(snap)
}

func (s *Series) recordParts(snap Snapshot) {
	if len(snap.Parts) == 0 {
		return
	}
	p := &s.parts[snap.Second%keptParts]
	if p.at != snap.Second {
		*p = partPoint{at: snap.Second}
	}
	for i := range snap.Parts {
		p.rows[snap.Parts[i].Trait].add(&snap.Parts[i])
	}
}

// sent takes the second into the gate's spans. After a farewell it begins a new
// one: the gate is back.
func (g *gate) sent(second int64) {
	n := len(g.spans)
	current := &g.spans[n-1]
	switch {
	case second > current.until:
		g.spans = append(g.spans, span{second, noEnd})
		g.spans = g.spans[max(0, len(g.spans)-maxSpans):]
	case second < current.since && (n == 1 || second > g.spans[n-2].until):
		current.since = second // it came late
	}
}

// latest returns the later second, but drops one that now shows to have been the
// work of a wrong clock.
func latest(known, second, now int64) int64 {
	if known > now+Ahead {
		return second
	}
	return max(known, second)
}

// slot returns the point of ring for the second t, empty if it held another
// time. Snapshots are taken only near now, so what it held is past keeping.
func slot(ring []point, t, length int64) *point {
	at := t - t%length
	p := &ring[at/length%int64(len(ring))]
	if p.at != at {
		*p = point{at: at}
	}
	return p
}

// add counts c under the clean key k, or where that folds to.
func (p *point) add(k Key, c Cell) {
	find := func(k Key) int {
		h := unique.Make(k)
		return slices.IndexFunc(p.rows, func(row keyed) bool { return row.key == h })
	}
	k = place(k, len(p.rows), pointKeys, func(k Key) bool { return find(k) >= 0 })
	i := find(k)
	if i < 0 {
		i = len(p.rows)
		p.rows = append(p.rows, keyed{key: unique.Make(k)})
	}
	if k.Currency == Other {
		c.Amount = 0
	}
	p.rows[i].Cell.add(&c)
}

// Farewell says that a gate has nothing to send after the second: its silence is
// not missing. If it sends again, it is expected again from then on.
func (s *Series) Farewell(gate string, second int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.gates[gate]; g != nil {
		g.spans[len(g.spans)-1].until = max(second, g.last)
	}
}

// GateSeen is what a Series knows of one gate, in seconds since 1970.
type GateSeen struct {
	Gate string
	// Since is the first second it sent, Last the last one.
	Since, Last int64
	// Gone says that it said farewell after Last.
	Gone bool
}

// Gates returns the gates heard of in the last 48 hours, by name.
func (s *Series) Gates() []GateSeen {
	s.mu.RLock()
	defer s.mu.RUnlock()
	seen := make([]GateSeen, 0, len(s.gates))
	for called, g := range s.gates {
		seen = append(seen, GateSeen{called, g.spans[0].since, g.last, g.spans[len(g.spans)-1].until != noEnd})
	}
	slices.SortFunc(seen, func(a, b GateSeen) int { return strings.Compare(a.Gate, b.Gate) })
	return seen
}
