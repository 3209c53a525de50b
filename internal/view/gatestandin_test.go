package view

import (
	"fmt"
	"testing"
	"time"

	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
)

// A payer snapshot that is older than the plan allows is told at the gate and in the
// band, and so is any alarm of its stand-in, as long as the gate is heard.
func TestGateStandIn(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		tell := func(age time.Duration, alarms ...standin.Alarm) {
			now := time.Now()
			_, err := w.Reconciliation.Told(w.Context(), "east", standin.Summary{Source: "s1", At: now, Shards: 1, Payers: now.Add(-age), Alarms: alarms})
			w.must(err)
		}
		want := func(stale time.Duration, alarms int, alarm bool) {
			t.Helper()
			g, err := w.Source.Gate("east")
			w.must(err)
			if g.StandIn == nil || g.StandIn.Stale != stale || len(g.StandIn.Alarms) != alarms || w.Band().Alarm != alarm || len(nulls(t, g)) > 0 {
				t.Errorf("%+v, alarm %v, want stale %v, %d alarms", g.StandIn, w.Band().Alarm, stale, alarms)
			}
		}
		if g, _ := w.Source.Gate("east"); g.StandIn != nil {
			t.Errorf("it never told of stand-in: %+v", g.StandIn)
		}
		tell(time.Hour)
		want(0, 0, false)
		tell(25 * time.Hour) // the built-in plan allows 24
		want(25*time.Hour, 0, true)
		tell(time.Hour, standin.Alarm{Code: "payers", Text: "line 7 cannot be read", Since: time.Now()})
		want(0, 1, true)
		w.sleep(2 * time.Minute) // it fell silent: what it does now is not known
		want(0, 0, false)
	})
}

// The backlog of a stand-in is held against the cut-off that its profile names, and its
// incident shows what became of its payments.
func TestWhatBecameOfAStandIn(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		in, id := w.standsIn("east", "s1")
		if v, _ := w.Source.Incident(in); len(v.StoodIn) != 1 || v.StoodIn[0].Account != nil || v.StoodIn[0].Signed {
			t.Errorf("nobody has told of it: %+v", v.StoodIn)
		}
		now := time.Now()
		_, err := w.Reconciliation.Told(w.Context(), "east", standin.Summary{Source: "s1", At: now, Shards: 1, Of: []standin.ShardSummary{{
			Epoch: 1, Oldest: now, Standing: []standin.Standing{{Directive: id, Opened: now}},
			Balances: []standin.Balance{{Directive: id, Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: 2, Amount: 300}, Pending: standin.Tally{Count: 2, Amount: 300}}},
		}}})
		w.must(err)
		r, err := w.Reconcile("")
		w.must(err)
		if c := r.Sources[0].CutOff; c == nil || c.Directive != id || c.State != reconciliation.NotTold || c.At.UTC().Hour() != 15 || r.States[id] != "open" || len(nulls(t, r)) > 0 {
			t.Errorf("against the cut-off: %+v, %v", c, r.States)
		}
		if v, _ := w.Source.Incident(in); v.StoodIn[0].Account == nil || v.StoodIn[0].Pending != 2 || len(nulls(t, v)) > 0 {
			t.Errorf("of the incident: %+v", v.StoodIn)
		}
		if p := w.Preview("all"); p.Pending != 2 || fmt.Sprint(p.StandIns) != "["+id+"]" {
			t.Errorf("a stop would do %+v", p)
		}
	})
}

// Before a stand-in is proposed it is said which gates would not answer.
func TestWouldDecline(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		if got := w.StandInChoices("")[0].Declines; len(got) != 1 || got[0].Gate != "east" || !got[0].NoSource {
			t.Errorf("without a source: %+v", got)
		}
		w.names("east", "s1")
		if got := w.StandInChoices("")[0].Declines; len(got) != 1 || got[0].NoSource || len(got[0].Routes) == 0 {
			t.Errorf("without an answer on its routes: %+v", got)
		}
	})
}
