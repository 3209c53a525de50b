package gate_test

import (
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"holdfast/internal/journal"
)

type draft = journal.Draft

func keys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// reproduce runs the history of one seed and reports what it broke.
func reproduce(t *testing.T, seed uint64) *world {
	t.Helper()
	w := simulate(t, seed, chaos)
	if len(w.fails) > 0 {
		t.Errorf("seed %d: %s\nrun it again with HOLDFAST_SEED=%d go test -run TestHistories ./internal/gate\n%s", seed, w.fails[0], seed, w.tail(80))
	}
	return w
}

// underRace says that this binary has the race detector in it. One goroutine at a
// time runs in a history, so the detector finds nothing there and makes it many
// times slower.
var underRace bool

// Nothing that the promise excludes happens in any history. With HOLDFAST_SEED
// set only that one is run; with HOLDFAST_SOAK ten thousand are. Make check runs
// them without the race detector.
func TestHistories(t *testing.T) {
	t.Parallel()
	if text := os.Getenv("HOLDFAST_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		w := reproduce(t, seed)
		t.Logf("seed %d\n%s", seed, w.tail(100000))
		return
	}
	if underRace && os.Getenv("HOLDFAST_SOAK") == "" {
		return
	}
	seeds := make([]uint64, 0, 1020)
	for n := range 1000 {
		seeds = append(seeds, uint64(n))
	}
	fresh := 20
	if os.Getenv("HOLDFAST_SOAK") != "" {
		fresh = 9000
	}
	for range fresh {
		seeds = append(seeds, rand.Uint64())
	}
	var tried tally
	t.Run("seeds", func(t *testing.T) {
		const parts = 8
		for part := range parts {
			t.Run(fmt.Sprint(part), func(t *testing.T) {
				t.Parallel()
				for n := part; n < len(seeds) && !t.Failed(); n += parts {
					tried.add(reproduce(t, seeds[n]).truth)
				}
			})
		}
	})
	tried.check(t)
}

// tally counts what happened in all histories: a simulation in which nothing
// happens proves nothing.
type tally struct{ admitted, declined, confirmed, byTime, pending, lists, lifted atomic.Int64 }

func (c *tally) add(t *truth) {
	c.admitted.Add(int64(t.admitted))
	c.declined.Add(int64(t.declined))
	c.confirmed.Add(int64(t.confirmed))
	c.byTime.Add(int64(t.byTime))
	c.pending.Add(int64(t.pending))
	c.lists.Add(int64(t.lists))
	c.lifted.Add(int64(t.lifted))
}

func (c *tally) check(t *testing.T) {
	if t.Failed() {
		return
	}
	text := fmt.Sprintf("%d payments admitted, %d declined, %d of them as pending; %d directives confirmed, %d gates by time; %d lists; %d lifts",
		c.admitted.Load(), c.declined.Load(), c.pending.Load(), c.confirmed.Load(), c.byTime.Load(), c.lists.Load(), c.lifted.Load())
	t.Log(text)
	for _, n := range []int64{c.admitted.Load(), c.declined.Load(), c.pending.Load(), c.confirmed.Load(), c.byTime.Load(), c.lists.Load(), c.lifted.Load()} {
		if n < 100 {
			t.Errorf("too little happened: %s", text)
		}
	}
}

// A seed gives the same history each time.
func TestASeedIsAHistory(t *testing.T) {
	t.Parallel()
	sum := func() uint64 {
		h := fnv.New64a()
		for _, line := range simulate(t, 4711, chaos).log {
			h.Write([]byte(line))
		}
		return h.Sum64()
	}
	if a, b := sum(), sum(); a != b {
		t.Errorf("two runs of one seed differ: %x and %x", a, b)
	}
}
