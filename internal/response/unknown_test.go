package response

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// Which incidents left one payment unknown takes no more memory, and so no more time under
// the state's lock, where many others are unknown or were in flight at stops.
func TestLeftLooksAtOnePayment(t *testing.T) { // not beside others: what they take is counted, too
	run(t, 1, func(w *world) {
		const many, each = 20_000, 500
		w.gate("east")
		do := func(decide func() ([]journal.Draft, error)) {
			t.Helper()
			w.must(w.do(w.Context(), mei, func(time.Time) ([]journal.Draft, error) { return decide() }))
		}
		at := time.Now().Add(-time.Hour) // before any incident
		for from := 0; from < many; from += each {
			var entries []enrolment.Entry
			for i := from; i < from+each; i++ {
				entries = append(entries, enrolment.Entry{Seq: uint64(i + 1), Record: payment.Record{Identity: fmt.Sprint("k", i), At: at}, Outcome: payment.Unknown, At: at})
			}
			do(func() ([]journal.Draft, error) { return enrolment.Tell(w.Gates.Gate("east"), "acc", entries) })
		}
		in, err := w.Suspect(w.Context(), mei, "It is slow", nil)
		w.must(err)
		w.must(w.Confirm(w.Context(), mei, in, holdfast.Level1, ""))
		// Proposed and never in force, it stopped nothing.
		_, err = w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.Stop, Scope: "all", Incident: in, Reason: "it fails"}, false)
		w.must(err)
		_, err = w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.Stop, Scope: "all", Incident: in, Reason: "it fails"}, true)
		w.must(err)
		var flying []payment.Record
		for i := range many / 2 {
			flying = append(flying, payment.Record{Identity: fmt.Sprint("k", i), At: at})
		}
		do(func() ([]journal.Draft, error) {
			a := enrolment.Acknowledged{Boot: "east-1", Posture: w.Directives.Head(), Listed: true, At: time.Now(), Drain: time.Minute, InFlight: flying}
			return enrolment.Acknowledge(w.Gates.Gate("east"), a, w.Directives.Had)
		})
		left := func(identity string) (list []string) {
			w.Desk.State.View(func() { list = w.Left(identity) })
			return list
		}
		found := func(when string, want map[string]bool) {
			t.Helper()
			for identity, of := range want {
				if got := left(identity); slices.Contains(got, in) != of {
					t.Errorf("%s, %s was left unknown by %v", when, identity, got)
				}
			}
		}
		found("while it drains", map[string]bool{"k0": true, "k9999": true, "k10000": false, "nobody": false})
		position := w.Directives.Head().Position
		do(func() ([]journal.Draft, error) {
			return enrolment.Drain(w.Gates.Gate("east"), enrolment.Drained{Boot: "east-1", Position: position, Unknown: flying[1:], At: time.Now()})
		})
		found("drained", map[string]bool{"k0": false, "k1": true, "k9999": true, "k10000": false})

		const rounds, most = 10, 64 << 10
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			left("k9999")
		}
		runtime.ReadMemStats(&after)
		if took := (after.TotalAlloc - before.TotalAlloc) / rounds; took > most {
			t.Errorf("one takes %d bytes among %d payments", took, many)
		}
	})
}
