package view

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/posture"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/standin"
)

// The machine of a gate with its advice source burns: its stand-in can be closed out on
// the word of two people, with what was lost track of, and the incident ends. A gate that
// tells of the source later is shown against them.
func TestASourceIsLost(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		book := w.Reconciliation.Nouns.Book
		w.Response.ClosedOut = book.ClosedOut
		w.Response.Lost = func(id string) ([]reconciliation.Untraced, bool) {
			if d, some := book.Lost(id); some && d.State == reconciliation.Done {
				return d.Untraced(), true
			}
			return nil, false
		}
		lin := holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "Lin"}
		in, id := w.standsIn("east", "s1")
		now := time.Now()
		summary := standin.Summary{Source: "s1", At: now, Shards: 2, Of: []standin.ShardSummary{{
			Epoch: 1, Oldest: now, Standing: []standin.Standing{{Directive: id, Opened: now}},
			Balances: []standin.Balance{{Directive: id, Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: 5, Amount: 700}, Delivered: standin.Tally{Count: 2, Amount: 300}, Pending: standin.Tally{Count: 2, Amount: 300}, Exception: standin.Tally{Count: 1, Amount: 100}, Unresolved: standin.Tally{Count: 1, Amount: 100}}},
			Open:     []standin.OpenException{{Identity: "k1", Directive: id, Kind: standin.Payment, Amount: 100, Currency: "CNY", Why: standin.PrimaryRefused, Decided: now, Since: now, Approved: true}},
		}}}
		tell := func() {
			_, err := w.Reconciliation.Told(w.Context(), "east", summary)
			w.must(err)
		}
		tell()
		w.must(w.dirs.Lift(w.Context(), mei, id, 0, "the primary is back"))
		w.sleep(2 * time.Minute)
		form := reconciliation.LostForm{Directive: id, Reason: "the machine burnt", Evidence: "report 7"}
		u := w.silent(1)[0]
		if u.Directive != id || u.Decision != nil || !slices.Equal(u.Gates, []string{"east"}) || len(u.Untraced) != 1 || u.Untraced[0].Tally != (standin.Tally{Count: 3, Amount: 400}) || u.Heard != 1 || u.Shards != 2 {
			t.Errorf("nobody tells: %+v", u)
		}
		if _, err := w.Reconciliation.GiveUp(w.Context(), mei, form); holdfast.CodeOf(err) != holdfast.Conflict || !strings.Contains(err.Error(), "east") {
			t.Errorf("given up with its gate in service: %v", err)
		}
		w.must((&enrolment.Service{Desk: w.desk, Book: w.Gates}).Retire(w.Context(), mei, "east", "it burnt"))
		if err := w.Response.Dismiss(w.Context(), mei, in, "it was nothing"); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("it ended before the close-out: %v", err)
		}
		asked, err := w.Reconciliation.GiveUp(w.Context(), mei, form)
		w.must(err)
		w.must(w.Reconciliation.Answer(w.Context(), lin, asked, true, ""))
		u = w.silent(1)[0]
		if u.Decision == nil || u.Decision.State != reconciliation.Done || len(u.Untraced) != 1 || len(u.Gates) != 0 {
			t.Errorf("given up: %+v", u)
		}
		r, err := w.Reconcile("")
		w.must(err)
		if r.Explained || !r.Holds || r.Unresolved != 0 || r.Sources[0].Pending.Count != 0 || !r.Sources[0].Accounts[0].Lost || len(nulls(t, r)) > 0 {
			t.Errorf("its figures: %+v", r)
		}
		if list := w.Exceptions(ExceptionQuery{}, 0, 10); len(list.Items) != 0 {
			t.Errorf("people are asked about %+v", list.Items)
		}
		v, err := w.Source.Incident(in)
		w.must(err)
		if s := v.StoodIn[0]; !s.Signed || !s.GivenUp() || s.LostTrack() != 3 || len(nulls(t, v)) > 0 {
			t.Errorf("of the incident: %+v", s)
		}
		if w.Band().Alarm {
			t.Error("it is alarmed before")
		}
		w.must(w.Response.Dismiss(w.Context(), mei, in, "it was nothing"))
		var f incident.Figures
		w.State.View(func() { f = w.Response.Figures(w.Incidents.Incident(in)) })
		if f.SourcesLost != 1 || f.Untraced != 3 || f.UntracedAmount["CNY"] != 400 {
			t.Errorf("it ended with %+v", f)
		}
		tell()
		u = w.silent(1)[0]
		if v, _ := w.Source.Incident(in); !u.Contradicted() || len(u.Untraced) != 0 || !v.StoodIn[0].Contradicted() || v.StoodIn[0].Signed {
			t.Errorf("told of again: %+v, %+v", u, v.StoodIn[0])
		}
		if !w.Band().Alarm {
			t.Error("nobody is alarmed")
		}
		if list := w.Exceptions(ExceptionQuery{}, 0, 10); len(list.Items) != 1 {
			t.Errorf("people are asked about %+v", list.Items)
		}

		// It stays so until the ordinary close-out is signed by two, not just asked for.
		now = time.Now()
		summary.At, summary.Shards = now, 1
		shard := &summary.Of[0]
		shard.Oldest, shard.Standing[0].Ended, shard.Open = now, now, nil
		shard.Balances[0].Delivered, shard.Balances[0].Pending, shard.Balances[0].Exception, shard.Balances[0].Unresolved = shard.Balances[0].Approved, standin.Tally{}, standin.Tally{}, standin.Tally{}
		tell()
		contradicted := func(when string) {
			t.Helper()
			if !w.Band().Alarm || !w.silent(1)[0].Contradicted() {
				t.Errorf("the contradiction is not shown %s", when)
			}
		}
		closing, err := w.Reconciliation.Close(w.Context(), mei, id, "all is found")
		w.must(err)
		contradicted("once the close-out is asked for")
		w.must(w.Reconciliation.Answer(w.Context(), lin, closing, false, "look again"))
		contradicted("once the close-out is refused")
		closing, err = w.Reconciliation.Close(w.Context(), mei, id, "all is found")
		w.must(err)
		contradicted("once the close-out is asked for again")
		w.must(w.Reconciliation.Answer(w.Context(), lin, closing, true, ""))
		w.silent(0)
		if w.Band().Alarm {
			t.Error("it is alarmed after the close-out")
		}
	})
}

// A stand-in of which nobody ever told is not explained, nor is it once its source was given
// up. A source that is told of without it contradicts nothing.
func TestASourceThatNeverToldIsLost(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		w.Response.ClosedOut = w.Reconciliation.Nouns.Book.ClosedOut
		_, id := w.standsIn("east", "s1")
		w.must(w.dirs.Lift(w.Context(), mei, id, 0, "the primary is back"))
		w.sleep(2 * time.Minute)
		explained := func(when string, holds bool) {
			t.Helper()
			if r, err := w.Reconcile(""); err != nil || r.Explained || r.Holds != holds {
				t.Errorf("explained, or it holds not as it should, %s: %+v, %v", when, r, err)
			}
		}
		explained("though nobody ever told", false)
		w.must((&enrolment.Service{Desk: w.desk, Book: w.Gates}).Retire(w.Context(), mei, "east", "it burnt"))
		asked, err := w.Reconciliation.GiveUp(w.Context(), mei, reconciliation.LostForm{Directive: id, Reason: "it burnt", Evidence: "report 7"})
		w.must(err)
		w.must(w.Reconciliation.Answer(w.Context(), holdfast.Actor{Kind: holdfast.Account, ID: "lin"}, asked, true, ""))
		explained("though its source is lost", true)
		tell := func(standing ...standin.Standing) {
			_, err := w.Reconciliation.Told(w.Context(), "east", standin.Summary{Source: "s1", At: time.Now(), Shards: 1, Of: []standin.ShardSummary{{Epoch: 1, Standing: standing}}})
			w.must(err)
		}
		tell()
		if w.Band().Alarm || w.silent(1)[0].Contradicted() {
			t.Error("contradicted by a source that does not have it")
		}
		explained("though its source is told of without it", true)
		tell(standin.Standing{Directive: id, Opened: time.Now()})
		if !w.Band().Alarm || !w.silent(1)[0].Contradicted() {
			t.Error("nobody is alarmed")
		}
	})
}

// standsIn opens a stand-in of an incident by the gate with a source.
func (w *world) standsIn(gate, source string) (in, id string) {
	w.Helper()
	var by *directive.StandIn
	w.State.View(func() { by = response.StandInBy(w.Response.StandIns("", time.Now())[0], false) })
	in, err := w.Response.Suspect(w.Context(), mei, "It is slow", nil)
	w.must(err)
	id, err = w.dirs.Propose(w.Context(), mei, directive.Proposal{Kind: posture.StandIn, Scope: "all", Reason: "down", StandIn: by, Incident: in}, true)
	w.must(err)
	w.enforce(gate, 0)
	w.names(gate, source)
	w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), id, w.Node.Sources()))
	return in, id
}

// silent returns the stand-ins of which nobody tells.
func (w *world) silent(n int) []UntoldStandIn {
	w.Helper()
	r, err := w.Reconcile("")
	w.must(err)
	if len(r.Untold) != n {
		w.Fatalf("nobody tells of %+v", r.Untold)
	}
	return r.Untold
}
