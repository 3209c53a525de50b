package forwarder

import (
	"errors"
	"maps"

	"holdfast/internal/standin"
)

// Held counts advices that the gate did not let pass after all.
const Held = "held"

// Results are what may come of sending an advice, or of asking about it, in words for
// programs; the order is that of [standin.Result].
var Results = [...]string{"no-answer", "delivered", "refused", "not-known", "unsendable"}

// count counts what came of one.
func (f *Forwarder) count(r standin.Result, err error) {
	what := Results[r]
	if errors.Is(err, ErrHeld) {
		what = Held
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.came == nil {
		f.came = map[string]int64{}
	}
	f.came[what]++
}

// Counts says how often each of [Results], and [Held], came of an advice since this
// process began.
func (f *Forwarder) Counts() map[string]int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int64{Held: 0}
	for _, what := range Results {
		counts[what] = 0
	}
	maps.Copy(counts, f.came)
	return counts
}
