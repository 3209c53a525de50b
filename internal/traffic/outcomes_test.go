package traffic

import (
	"testing"
	"time"

	"holdfast/internal/payment"
)

// A ramp judges by what became of payments: those in flight have become nothing yet.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	s := NewSeries()
	snap := Snapshot{Boot: "b", Sequence: 1, Second: noon}
	for outcome, c := range map[payment.Outcome]Cell{
		payment.Done:     {Count: 10, Latency: Latency{6, 3, 1}, Named: 9, Differ: 2},
		payment.NotDone:  {Count: 3, Latency: Latency{0, 0, 3}},
		payment.Unknown:  {Count: 2},
		payment.InFlight: {Count: 4},
	} {
		k := paid()
		k.Outcome = outcome
		snap.Rows = append(snap.Rows, Row{Key: k, Cell: c})
	}
	add(t, s, noon, "east-1", snap)
	o, err := s.Outcomes(Query{From: noon, To: noon + 1})
	if err != nil {
		t.Fatal(err)
	}
	want := Outcomes{
		Done: 10, NotDone: 3, Unknown: 2, Measured: 13, Latency: Latency{6, 3, 4}, Named: 9, Differ: 2, Coverage: Coverage{Heard: 1, Expected: 1},
	}
	if o != want || o.Sample() != 15 {
		t.Errorf("got %+v, a sample of %d", o, o.Sample())
	}
	for within, n := range map[time.Duration]int64{9 * time.Millisecond: 0, 10 * time.Millisecond: 6, 99 * time.Millisecond: 9, 100 * time.Millisecond: 13, time.Hour: 13} {
		if got := o.Within(within); got != n {
			t.Errorf("%d are answered within %s, not %d", got, within, n)
		}
	}
	some, err := s.Outcomes(Query{From: noon, To: noon + 1, Where: func(k Key) bool { return k.Outcome != payment.Done }})
	if err != nil || some.Done != 0 || some.Sample() != 5 {
		t.Errorf("of those that were not done: %+v %v", some, err)
	}
	if _, err := s.Outcomes(Query{From: noon, To: noon}); err == nil {
		t.Error("no time at all is counted in")
	}
}
