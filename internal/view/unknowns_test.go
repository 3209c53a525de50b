package view

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
)

// An incident says how many outcomes are not known as long as it is open, and its
// debrief until it is accepted.
func TestUnknownsOfAnIncident(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		in, err := w.Response.Suspect(w.Context(), mei, "It is slow", nil)
		w.must(err)
		tell := func(seq uint64, identity string, o payment.Outcome) {
			r := gate.Report{Gate: "east", Boot: "east-1", Account: "acc"}
			r.Entries = []gate.Entry{{Seq: seq, Record: payment.Record{Identity: identity, Kind: "payment", At: time.Now()}, Outcome: o, At: time.Now()}}
			_, err := w.Node.Report(w.Context(), r)
			w.must(err)
		}
		want := func(n int) {
			t.Helper()
			v, err := w.Source.Incident(in)
			w.must(err)
			if v.Unresolved != n {
				t.Errorf("%d unresolved, not %d", v.Unresolved, n)
			}
		}
		want(0)
		tell(1, "p", payment.Unknown)
		tell(2, "q", payment.Unknown)
		want(2)
		tell(3, "p", payment.Done)
		want(1)
		w.must(w.Response.Confirm(w.Context(), mei, in, holdfast.Level1, ""))
		d, err := w.Source.Debrief(in)
		w.must(err)
		if d.Unresolved != 1 {
			t.Errorf("the debrief says %d", d.Unresolved)
		}
		other, err := w.Response.Suspect(w.Context(), mei, "It is odd", nil)
		w.must(err)
		in = other
		want(1)
		w.must(w.Response.Dismiss(w.Context(), mei, other, "nothing"))
		want(0)
	})
}
