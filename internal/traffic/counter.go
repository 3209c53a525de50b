package traffic

import (
	"cmp"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"holdfast"
)

// defaultKeys is how many keys a Counter tells apart in one second.
const defaultKeys = 512

// Row is a key with what was counted under it.
type Row struct {
	Key
	Cell
	folded int64 // how many of Count came from other keys
}

// add counts r in, whatever its key.
func (r *Row) add(s *Row) {
	moved := s.folded
	if r.Key != s.Key {
		moved = s.Count
	}
	r.folded = plus(r.folded, moved)
	amount := s.Amount
	if r.Currency == Other {
		amount = 0
	}
	r.Cell.add(&Cell{Count: s.Count, Amount: amount, Latency: s.Latency, Named: s.Named, Differ: s.Differ})
}

// table holds rows by key, a bounded number of them, and parts by trait.
type table struct {
	limit int
	index map[Key]int
	rows  []Row
	parts [traits]parts
}

func newTable(limit int) *table { return &table{limit: limit, index: map[Key]int{}} }

func (t *table) add(r *Row) {
	if r.Key.fits() {
		if i, ok := t.index[r.Key]; ok {
			t.rows[i].add(r)
			return
		}
	}
	k := place(r.Key.clean(), len(t.rows), t.limit, func(k Key) bool { _, ok := t.index[k]; return ok })
	i, ok := t.index[k]
	if !ok {
		i = len(t.rows)
		t.index[k] = i
		t.rows = append(t.rows, Row{Key: k})
	}
	t.rows[i].add(r)
}

func (t *table) reset() {
	clear(t.index)
	clear(t.rows)
	t.rows = t.rows[:0]
	for i := range t.parts {
		t.parts[i].reset()
	}
}

// shard takes the adds of some goroutines. Two tables take turns, so that Take
// holds the lock only to swap them.
type shard struct {
	mu          sync.Mutex
	live, spare *table
	_           [128 - 24]byte // keeps the locks on cache lines of their own
}

// Counter counts payments at a gate between one Take and the next. It is safe
// for concurrent use.
type Counter struct {
	limit  int
	boot   string
	shards []shard // a power of two of them

	payersMu    sync.Mutex
	payers      [fates]sketch
	payersAdded [fates]bool
	unread      bool

	taking   sync.Mutex
	sequence uint64
	ranks    [traits]map[string]float64
}

// NewCounter makes a counter that tells at most keys keys apart in one second:
// 512 for 0, and never fewer than 128. It holds twice that many for each
// processor, at under half a kilobyte each, and as many again of parts that are
// counted.
func NewCounter(keys int) *Counter {
	if keys <= 0 {
		keys = defaultKeys
	}
	n := 1
	for n < runtime.GOMAXPROCS(0) && n < 64 {
		n *= 2
	}
	c := &Counter{limit: max(keys, minKeys), boot: holdfast.NewID(), shards: make([]shard, n)}
	for i := range c.ranks {
		c.ranks[i] = map[string]float64{}
	}
	for i := range c.shards {
		c.shards[i].live, c.shards[i].spare = newTable(c.limit), newTable(c.limit)
	}
	return c
}

// Add counts one payment: its amount in minor units (0 if it could not be read)
// and how long the answer took, negative if it was not measured. It does not
// allocate for a key that was counted before in this second.
func (c *Counter) Add(k Key, amount int64, took time.Duration) {
	r := Row{Key: k, Cell: Cell{Count: 1, Amount: max(amount, 0)}}
	if took >= 0 {
		r.Latency[bucket(took)] = 1
	}
	c.add(&r)
}

// Answered counts that the answer to a payment of this key named an amount, and
// whether it differs from the one asked for. It allocates no more than Add.
func (c *Counter) Answered(k Key, differs bool) {
	r := Row{Key: k, Cell: Cell{Named: 1}}
	if differs {
		r.Differ = 1
	}
	c.add(&r)
}

func (c *Counter) shard() *shard { return &c.shards[rand.Uint32()&uint32(len(c.shards)-1)] }

func (c *Counter) add(r *Row) {
	s := c.shard()
	s.mu.Lock()
	s.live.add(r)
	s.mu.Unlock()
}

// Take returns what was counted since the last Take as the counts of the given
// second and begins anew. A payment counted while Take runs is in this snapshot
// or in the next, never in both or none. Call it once per second: counts of a
// second that was skipped are in the next snapshot, and that second is missing.
func (c *Counter) Take(second int64) Snapshot {
	c.taking.Lock()
	defer c.taking.Unlock()
	c.sequence++
	s := Snapshot{Boot: c.boot, Sequence: c.sequence, Second: second}
	s.Rows, s.Parts = c.drain()
	s.Payers = c.takePayers()
	for i := range s.Rows {
		s.Folded = plus(s.Folded, s.Rows[i].folded)
	}
	return s
}

// drain empties the shards and returns the rows and parts of all, the largest
// first: where they are too many together, the small ones are folded.
func (c *Counter) drain() ([]Row, []PartRow) {
	index := map[Key]int{}
	all := []Row{}
	var by [traits][][]PartRow
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.Lock()
		s.live, s.spare = s.spare, s.live
		s.mu.Unlock()
		for i := range s.spare.rows {
			r := &s.spare.rows[i]
			at, ok := index[r.Key]
			if !ok {
				at = len(all)
				index[r.Key] = at
				all = append(all, Row{Key: r.Key})
			}
			all[at].add(r)
		}
		for i := range by {
			by[i] = append(by[i], slices.Clone(s.spare.parts[i].rows))
		}
		s.spare.reset()
	}
	var list []PartRow
	for i, lists := range by {
		rows := merge(lists, c.ranks[i])
		list = append(list, rows...)
		known := rank(c.ranks[i], rows)
		for j := range c.shards {
			c.shards[j].spare.parts[i].known = known // nobody adds to it before the next Take
		}
	}
	largestFirst(all)
	if len(all) <= c.limit*3/4 {
		return all, list
	}
	t := newTable(c.limit)
	for i := range all {
		t.add(&all[i])
	}
	largestFirst(t.rows)
	return t.rows, list
}

func largestFirst(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Key.compare(&b.Key))
	})
}
