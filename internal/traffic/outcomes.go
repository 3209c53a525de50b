package traffic

import (
	"time"

	"holdfast/internal/payment"
)

// Outcomes is what became of the payments of a query.
type Outcomes struct {
	Done, NotDone, Unknown int64
	// Measured is how many answers were measured, and Latency how long they took.
	Measured int64
	Latency  Latency
	// Named is how many answers named an amount, Differ how many of them another one
	// than was asked for.
	Named, Differ int64
	Coverage
}

// Sample is how many payments have an outcome.
func (o Outcomes) Sample() int64 { return plus(plus(o.Done, o.NotDone), o.Unknown) }

// Within is how many payments were answered within a time, which is one of
// [Latencies]; any other counts as the next shorter.
func (o Outcomes) Within(d time.Duration) (n int64) {
	for i, bound := range Latencies {
		if time.Duration(bound)*time.Millisecond <= d {
			n = plus(n, o.Latency[i])
		}
	}
	return n
}

// Outcomes counts what became of payments. Those in flight are in none of them.
func (s *Series) Outcomes(q Query) (Outcomes, error) {
	if err := q.check(); err != nil {
		return Outcomes{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var o Outcomes
	o.Coverage = s.sum(q, func(k Key, c *Cell) {
		switch k.Outcome {
		case payment.Done:
			o.Done = plus(o.Done, c.Count)
		case payment.NotDone:
			o.NotDone = plus(o.NotDone, c.Count)
		case payment.Unknown:
			o.Unknown = plus(o.Unknown, c.Count)
		}
		o.Latency.add(&c.Latency)
		o.Named, o.Differ = plus(o.Named, c.Named), plus(o.Differ, c.Differ)
	}).Coverage
	o.Measured, _ = o.Latency.sum()
	return o, nil
}
