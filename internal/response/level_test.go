package response

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/traffic"
)

// feed lets so many seconds pass and then counts them at a gate: in each of them so
// many payments with each outcome.
func (w *world) feed(gate string, seconds int64, outcomes map[payment.Outcome]int) {
	w.Helper()
	w.sleep(time.Duration(seconds) * time.Second)
	now := time.Now().Unix()
	for at := now - seconds; at < now; at++ {
		c := traffic.NewCounter(0)
		for outcome, n := range outcomes {
			for range n {
				c.Add(traffic.Key{Route: "pay", Channel: "card", Kind: payment.Pay, Verdict: posture.Forward.String(), Outcome: outcome, Currency: "CNY"}, 1299, 0)
			}
		}
		if outcomes[payment.NotDone] > 0 {
			c.AddPayer(traffic.PayerFailed, fmt.Sprint("p", at%7)) // seven of them
		}
		snap := c.Take(at)
		snap.Boot, snap.Sequence = gate+"-1", uint64(at)
		if err := w.Series.Add(now, gate, snap); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) only() *incident.Incident {
	w.Helper()
	all := w.Incidents.All()
	if len(all) != 1 {
		w.Fatalf("there are %d incidents", len(all))
	}
	return all[0]
}

// reading is a measure as the last evaluation on record has it.
func (w *world) reading(measure string) incident.Reading {
	w.Helper()
	last, ok := w.only().Evaluated()
	if !ok {
		w.Fatal("nothing was evaluated")
	}
	for _, r := range last.Readings {
		if r.Measure == measure {
			return r
		}
	}
	w.Fatalf("there is no reading of %s", measure)
	return incident.Reading{}
}

// An outage: at first nothing is known and a person has to judge; once the counts
// are there, level 1 is proposed with its figures, and nobody's word is taken for
// granted.
func TestLevelIsProposed(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.gate("east")
		w.alarm("PaymentFailures", "warning")
		last, ok := w.only().Evaluated()
		if !ok || last.Level != holdfast.Unknown || !last.Triage {
			t.Fatalf("at first it is %+v", last.LevelEvaluated)
		}
		if r := w.reading("success_percent"); r.Value != nil || r.Why != incident.NotHeard {
			t.Errorf("without counts the share is %+v", r)
		}
		w.feed("east", 80, map[payment.Outcome]int{payment.NotDone: 3, payment.Unknown: 1})
		w.sleep(5 * time.Second) // the response looks again
		last, _ = w.only().Evaluated()
		if last.Level != holdfast.Level1 || last.Triage || w.only().State != incident.Suspected {
			t.Fatalf("it is %s, and the criteria say %s, triage %t: %+v", w.only().State, last.Level, last.Triage, last.Readings)
		}
		if r := w.reading("payments_stopped"); r.Value != true || r.From != plan.FromStopped || r.At.IsZero() {
			t.Errorf("whether payments have stopped is %+v", r)
		}
		if r := w.reading("success_percent"); r.Value != 0.0 {
			t.Errorf("the share of done is %+v", r)
		}
		w.must(w.EnterMeasure(w.Context(), mei, w.only().ID, "payers_affected", "120,000", "the bank says so"))
		w.sleep(6 * time.Minute)
		if r := w.reading("payers_affected"); r.Value != 120000.0 || r.By == nil || r.By.ID != "mei" {
			t.Errorf("what was entered is %+v", r)
		}
		w.wantCode(w.EnterMeasure(w.Context(), mei, w.only().ID, "payers_affected", "many", ""), holdfast.Invalid)
		w.wantCode(w.EnterMeasure(w.Context(), mei, w.only().ID, "nothing", "1", ""), holdfast.NotFound)
		w.wantCode(w.EnterMeasure(w.Context(), mei, "2000-9", "payers_affected", "1", ""), holdfast.NotFound)
	})
}

// A plan that pre-authorises level 1 comes to it by the counts alone, and tells
// superiors at once.
func TestLevelIsTakenAutomatically(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		text := bytes.Replace(plan.Builtin(), []byte("    recover_within: 4h\n"), []byte("    recover_within: 4h\n    automatic: true\n"), 1)
		w.must(w.do(w.Context(), mei, func(now time.Time) (drafts []journal.Draft, err error) {
			_, drafts, err = plan.PublishApproved(w.Plans, "payment-system", text, "", plan.Approved{}, now)
			return drafts, err
		}))
		w.gate("east")
		w.alarm("PaymentFailures", "warning")
		w.feed("east", 30, map[payment.Outcome]int{payment.NotDone: 4})
		w.sleep(5 * time.Second)
		in := w.only()
		if in.State != incident.Active || in.Level != holdfast.Level1 || in.ConfirmedBy != holdfast.Self("response") {
			t.Fatalf("it is %s at level %s, by %v", in.State, in.Level, in.ConfirmedBy)
		}
		if len(w.Notices.ByTask(in.ID, "tell-superiors")) == 0 {
			t.Error("nobody was told")
		}
		if last, _ := in.Evaluated(); last.Level != holdfast.Level1 {
			t.Error("the evaluation that it rests on is not on record")
		}
	})
}

// 3 → 1 → 2 → 1: superiors get the urgent notice at once, a stop in force is not
// proposed again, the fall needs a second person, and coming back tells nobody twice.
func TestLevelChangesInMidIncident(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		w.gate("east")
		id, err := w.Suspect(w.Context(), mei, "card payments fail", nil)
		w.must(err)
		w.must(w.Confirm(w.Context(), mei, id, holdfast.Level3, ""))
		in := w.Incidents.Incident(id)
		told := func(round int) int { return len(w.Notices.ByRound(id, "tell-superiors", round)) }
		if told(0) == 0 || told(1) != 0 {
			t.Fatalf("told at level 3: %d, %d", told(0), told(1))
		}
		// Somebody stops payments before the level says so.
		stop, err := w.Propose(w.Context(), mei, "mei", directive.Proposal{Kind: posture.Stop, Scope: "all", Incident: id, Reason: "customers report failures"})
		w.must(err)
		if w.Directives.Directive(stop).State == directive.Proposed {
			w.must(w.dirs.Approve(w.Context(), lin, stop))
		}
		w.enforce("east")

		w.wantCode(w.ChangeLevel(w.Context(), mei, id, holdfast.Level1, ""), holdfast.Invalid)
		w.must(w.ChangeLevel(w.Context(), mei, id, holdfast.Level1, "the whole primary is down"))
		if in.Level != holdfast.Level1 || told(1) == 0 {
			t.Fatalf("at level %s, told urgently %d", in.Level, told(1))
		}
		for _, p := range w.Notices.ByRound(id, "tell-superiors", 1) {
			if !p.Deliveries[0].Urgent || p.Acknowledged() {
				t.Errorf("what %s gets is urgent %t", p.ID, p.Deliveries[0].Urgent)
			}
		}
		if in.Tasks["stop-payments"].Status != procedure.Done {
			t.Errorf("with a stop in force the task that proposes one is %s", in.Tasks["stop-payments"].Status)
		}
		_, err = w.Direct(w.Context(), mei, id, "stop-payments")
		w.wantCode(err, holdfast.Conflict)
		if n := len(w.Directives.All()); n != 1 {
			t.Errorf("there are %d directives", n)
		}

		urgent, sent := told(1), len(w.sent)
		w.must(w.ChangeLevel(w.Context(), mei, id, holdfast.Level2, "half the channels are back"))
		if in.Level != holdfast.Level1 {
			t.Fatal("it fell on one person's word")
		}
		w.wantCode(w.AnswerFall(w.Context(), mei, id, true, ""), holdfast.Forbidden)
		w.wantCode(w.AnswerFall(w.Context(), lin, id, false, ""), holdfast.Invalid)
		w.must(w.AnswerFall(w.Context(), lin, id, false, "wait for the probes"))
		w.must(w.ChangeLevel(w.Context(), mei, id, holdfast.Level2, "the probes pass"))
		w.must(w.AnswerFall(w.Context(), lin, id, true, ""))
		if in.Level != holdfast.Level2 || told(2) == 0 || len(w.sent) == sent {
			t.Fatalf("at level %s, told %d", in.Level, told(2))
		}
		if held := w.Directives.InForce(id); len(held) != 1 || held[0].ID != stop {
			t.Errorf("in force is %v", held)
		}
		sent = len(w.sent)
		w.must(w.ChangeLevel(w.Context(), mei, id, holdfast.Level1, "it is down again"))
		w.sleep(50 * time.Second) // before those who do not acknowledge are told again
		for _, line := range w.sent[sent:] {
			if strings.HasSuffix(line, " tell-superiors") {
				t.Errorf("told again: %s", line)
			}
		}
		if told(1) != urgent || in.Tasks["stop-payments"].Status != procedure.Done || len(in.Past) != 3 {
			t.Errorf("told urgently %d, then %d; the stop's task is %s; %d phases", urgent, told(1), in.Tasks["stop-payments"].Status, len(in.Past))
		}
		w.wantCode(w.ChangeLevel(w.Context(), mei, "2000-9", holdfast.Level1, "x"), holdfast.NotFound)
	})
}

// What is not known is never read as healthy, and what is only partly known never as
// the whole.
func TestReadings(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		p := &plan.Plan{}
		for _, from := range plan.Sources() {
			p.Measures = append(p.Measures, plan.Measure{ID: from, From: from, Unit: "CNY"})
		}
		p.Measures = append(p.Measures, plan.Measure{ID: "region", Type: plan.MeasureText})
		said := func(in *incident.Incident, names ...string) string {
			var list []string
			for _, r := range w.readings(in, p, time.Now()) {
				for _, name := range names {
					if r.Measure == name {
						list = append(list, fmt.Sprintf("%v%s%s", r.Value, map[bool]string{true: "+"}[r.AtLeast], r.Why))
					}
				}
			}
			return strings.Join(list, " ")
		}
		want := func(what, got, want string) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		shares := []string{plan.FromSuccess, plan.FromStopped, plan.FromChannels}
		counts := []string{plan.FromFailed, plan.FromUnknown, plan.FromDeclined, plan.FromFailedAmount, plan.FromAtRisk}
		w.gate("east")
		in := &incident.Incident{ID: "2000-1", Opened: time.Now().Add(-time.Minute)}
		want("nothing heard", said(in, shares...), "<nil>not-heard <nil>not-heard <nil>not-heard")
		w.feed("east", 5, map[payment.Outcome]int{payment.Done: 1})
		want("too few", said(in, plan.FromSuccess), "<nil>too-few")
		want("no stop, nobody entered", said(in, plan.FromStop, "region"), "false <nil>not-entered")
		w.feed("east", 70, map[payment.Outcome]int{payment.Done: 1, payment.NotDone: 2, payment.Unknown: 1, payment.InFlight: 5})
		want("a quarter done", said(in, shares...), "1 false 25") // in the order of Sources
		late := &incident.Incident{ID: "2000-2", Opened: time.Now().Add(-30 * time.Second)}
		want("since half a minute", said(late, counts...), "113013 37671 0 87 29")
		want("payers since then", said(late, plan.FromPayers), "7")
		want("since before the gate was heard", said(in, plan.FromFailed, plan.FromPayers), "7+ 207+")
		entered := func(n float64) *incident.Incident {
			return &incident.Incident{Opened: in.Opened, Levels: incident.Levels{Entered: map[string]incident.Entry{plan.FromPayers: {MeasureEntered: incident.MeasureEntered{Value: n}, By: mei}}}}
		}
		want("entered, above what was counted at least", said(entered(9), plan.FromPayers), "9")
		want("entered, below it", said(entered(6), plan.FromPayers), "7+")
		w.gate("west") // in service, and not heard
		want("another gate", said(in, shares...), "<nil>not-heard <nil>not-heard <nil>not-heard")
		want("counts without it", said(late, plan.FromFailed), "87+")
		want("a drill", said(&incident.Incident{Drill: true, Opened: time.Now()}, plan.FromFailed, plan.FromSuccess, plan.FromMinutes), "0 <nil>drill <nil>drill")
		region := &incident.Incident{Opened: time.Now(), Levels: incident.Levels{Entered: map[string]incident.Entry{"region": {MeasureEntered: incident.MeasureEntered{Value: "north"}, By: mei}, plan.FromSuccess: {MeasureEntered: incident.MeasureEntered{Value: 50.0}, By: mei}}}}
		want("entered where nothing was gathered", said(region, plan.FromSuccess, "region"), "50 north")
	})
}

// Each payment has one fate in a debrief. What stand-in approves is neither declined
// nor failed; what it does not is declined; advices are nobody's payments.
func TestFates(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		verdict string
		kind    payment.Kind
		outcome payment.Outcome
		want    string
	}{
		{"forward", payment.Pay, payment.Done, ""},
		{"forward", payment.Pay, payment.NotDone, "failed"},
		{"forward", payment.Refund, payment.Unknown, "unknown"},
		{"forward", payment.Inquiry, payment.NotDone, ""},
		{"decline", payment.Pay, payment.NotDone, "declined"},
		{"stand-in", payment.Pay, payment.Done, "stood-in"},
		{"stand-in", payment.Pay, payment.NotDone, "declined"},
		{"advice", payment.Pay, payment.NotDone, ""},
		{"probe", payment.Pay, payment.NotDone, ""},
	} {
		if got := fate(traffic.Key{Verdict: tt.verdict, Kind: tt.kind, Outcome: tt.outcome}); got != tt.want {
			t.Errorf("%s %s %s: %q, want %q", tt.verdict, tt.kind, tt.outcome, got, tt.want)
		}
	}
}
