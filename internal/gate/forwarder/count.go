package forwarder

import (
	"errors"
	"maps"
	"time"

	"holdfast/internal/standin"
)

// What may come of one beside [Results].
const (
	// Held counts advices that the gate did not let pass after all.
	Held = "held"
	// Unreached counts those of which nothing was written to the primary.
	Unreached = "unreached"
)

// Results are what may come of sending an advice, or of asking about it, in words for
// programs; the order is that of [standin.Result].
var Results = [...]string{"no-answer", "delivered", "refused", "not-known", "unsendable"}

// count counts what came of one.
func (f *Forwarder) count(c standin.Came, err error) {
	what := Results[c.Of]
	switch {
	case errors.Is(err, ErrHeld):
		what = Held
	case c.Reply.Said == standin.Unreached:
		what = Unreached
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.came == nil {
		f.came = map[string]int64{}
	}
	f.came[what]++
}

// Counts says how often each of [Results], [Held] and [Unreached] came of an advice since this
// process began.
func (f *Forwarder) Counts() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int64{Held: 0, Unreached: 0}
	for _, what := range Results {
		counts[what] = 0
	}
	maps.Copy(counts, f.came)
	return counts
}

// minute counts what happened in each of the last sixty seconds.
type minute struct {
	counts [60]int
	second int64 // the newest
}

func (m *minute) pass(now time.Duration) int64 {
	s := int64(now / time.Second)
	for m.second = max(m.second, s-60); m.second < s; {
		m.second++
		m.counts[m.second%60] = 0
	}
	return m.second % 60
}

func (m *minute) add(now time.Duration) { m.counts[m.pass(now)]++ }

// rate is how many there were in a second, over the seconds since the first of them:
// what has just begun is not divided by a whole minute.
func (m *minute) rate(now time.Duration) float64 {
	newest := m.pass(now)
	n, over := 0, 1
	for back := range int64(60) {
		if c := m.counts[(newest-back+60)%60]; c > 0 {
			n, over = n+c, int(back)+1
		}
	}
	return float64(n) / float64(over)
}
