package response

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/traffic"
)

// byHand is what the built-in ramp checks: without it, people climb it alone.
var byHand = regexp.MustCompile(`(?m)^ +success: 95\n(?:.*\n){7}`)

// The whole level-1 outage on two nodes, by the built-in plan.
func TestStory(t *testing.T) {
	t.Parallel()
	runPlan(t, 2, byHand.ReplaceAll(plan.Builtin(), nil), func(w *world) {
		ctx := w.Context()
		w.gate("east")
		w.alarm("pay", "critical")
		w.alarm("noise", "info")
		id := w.Incidents.All()[0].ID
		in := w.Incidents.Incident(id)
		begun := time.Now()

		w.sleep(2 * time.Minute)
		w.must(w.Confirm(ctx, mei, id, holdfast.Level1, "no bank answers"))
		w.wantCode(w.Confirm(ctx, mei, id, holdfast.Level1, ""), holdfast.Conflict)
		if got := notices(w, "tell-superiors"); got != "ana bo lin" {
			t.Errorf("told were %q", got)
		}
		// The stop does not wait for the superiors.
		w.sleep(time.Minute)
		stop, err := w.Direct(ctx, mei, id, "stop-payments")
		w.must(err)
		if _, err := w.Direct(ctx, lin, id, "stop-payments"); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("a second stop for one task: %v", err)
		}
		if in.StageOpen(procedure.Convene) {
			t.Error("the stop is done before it is confirmed")
		}
		w.count("decline", 7)
		w.sleep(time.Second)
		w.enforce("east")
		if !in.StageOpen(procedure.Convene) || in.Tasks["stop-payments"].EndedBy != holdfast.Self("response") {
			t.Errorf("the confirmed stop has not ended its task: %+v", in.Tasks["stop-payments"])
		}
		w.must(w.Acknowledge(ctx, lin, id, "tell-superiors", "", "on my way"))
		w.must(w.Acknowledge(ctx, mei, id, "convene-team", "", ""))
		w.must(w.Acknowledge(ctx, mei, id, "convene-team", "ana", "she answered the phone"))
		for _, task := range []string{"decide-course", "establish-extent", "repair", "clear-unknown", "tell-customers", "report-outside", "agree-reopening"} {
			w.sleep(time.Minute)
			w.must(w.Take(ctx, lin, id, task))
			w.must(w.Done(ctx, lin, id, task, "done", nil))
		}
		if !in.StageOpen(procedure.Recover) {
			t.Fatalf("recovery is not open: %+v", in.Stages)
		}
		w.wantCode(w.RampTo(ctx, mei, id, "reopen", 1, 0), holdfast.Conflict) // not tested yet
		w.wantCode(w.Close(ctx, mei, id), holdfast.Conflict)
		w.pass = false
		results, err := w.Service.Probe(ctx, mei, id, "test-functions")
		w.must(err)
		if len(results) != 2 || results[0].Passed {
			t.Errorf("the probes showed %+v", results)
		}
		w.pass = true
		for range 3 {
			_, err := w.Service.Probe(ctx, mei, id, "test-functions")
			w.must(err)
		}
		for step, hold := range []time.Duration{0, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute} {
			if hold > 0 {
				w.sleep(hold - time.Second)
				w.wantCode(w.RampTo(ctx, mei, id, "reopen", step+1, 0), holdfast.Conflict)
				w.sleep(time.Second)
			}
			w.must(w.RampTo(ctx, mei, id, "reopen", step+1, w.Directives.Head().Position))
			w.enforce("east")
		}
		if len(w.Directives.InForce(id)) != 0 {
			t.Error("payments are still held")
		}
		w.must(w.Done(ctx, lin, id, "reconcile", "zero left", nil))
		for _, task := range in.Procedure.Stages[len(in.Procedure.Stages)-1].Tasks {
			if in.Tasks[task.ID].Status == procedure.Open { // the notice of the end has gone out by itself
				w.must(w.Done(ctx, mei, id, task.ID, "done", nil))
			}
		}
		w.undebriefed = true
		w.wantCode(w.Close(ctx, mei, id), holdfast.Conflict)
		w.undebriefed = false
		w.must(w.Close(ctx, mei, id))
		checkFigures(w, in, begun, stop)
		checkTimelines(w, id)
	})
}

// notices names the people told for a task, each once, and fails if one got two
// notices over one channel.
func notices(w *world, task string) string {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var people []string
	for _, s := range w.sent {
		if person, of, _ := strings.Cut(s, " "); of == task {
			if slices.Contains(people, person) {
				w.Errorf("%s was told twice", person)
			}
			people = append(people, person)
		}
	}
	slices.Sort(people)
	return strings.Join(people, " ")
}

// count makes a gate report payments with a verdict in this second.
func (w *world) count(verdict string, n int) {
	w.Helper()
	c := traffic.NewCounter(0)
	for range n {
		c.Add(traffic.Key{Route: "pay", Kind: payment.Pay, Verdict: verdict, Outcome: payment.NotDone, Currency: "CNY"}, 1299, 0)
	}
	if err := w.Series.Add(time.Now().Unix(), "east", c.Take(time.Now().Unix())); err != nil {
		w.Fatal(err)
	}
}

func checkFigures(w *world, in *incident.Incident, begun time.Time, stop string) {
	w.Helper()
	if in.State != incident.Closed || in.Closed == nil {
		w.Fatalf("the incident is %s", in.State)
	}
	f, d := *in.Closed, w.Directives.Directive(stop)
	if !f.Stopped.Equal(d.IssuedAt) || !f.StopConfirmed.Equal(d.Confirmation.Confirmed) || f.StopConfirmed.Sub(f.Stopped) < time.Second {
		w.Errorf("stopped at %v, confirmed at %v", f.Stopped, f.StopConfirmed)
	}
	order := []time.Time{begun, f.Confirmed, f.Stopped, f.StopConfirmed, f.Notified, f.Convened, f.Handled, f.Recovered, in.Ended}
	for i := 1; i < len(order); i++ {
		if order[i].Before(order[i-1]) {
			w.Errorf("time %d of %v comes before the one before", i, order)
		}
	}
	if f.Declined != 7 || f.DeclinedAmount["CNY"] != 7*1299 {
		w.Errorf("declined were %d, %v", f.Declined, f.DeclinedAmount)
	}
	// Four people were told, three of them said so; the stop had nothing in flight.
	if f.Told != 4 || f.Acknowledged != 3 || f.NotKnown != 0 || f.InFlight != 0 {
		w.Errorf("told %d, acknowledged %d, not known %d", f.Told, f.Acknowledged, f.NotKnown)
	}
}

// Every fact of the incident is on its timeline, in order, on every node: from
// the alert's arrival, before there was an incident, to the closing.
func checkTimelines(w *world, id string) {
	w.Helper()
	var want []holdfast.Position
	for _, f := range belongs(w.facts(), id) {
		want = append(want, f.Position)
	}
	for n, nd := range w.nodes {
		var got []holdfast.Position
		facts := nd.story(id)
		for _, f := range facts {
			got = append(got, f.Position)
		}
		if !slices.Equal(got, want) {
			w.Errorf("node %d has %v, want %v", n, got, want)
		}
		if facts[0].Kind != alert.KindReceived || facts[len(facts)-1].Kind != "incident.closed" {
			w.Errorf("it begins with %s and ends with %s", facts[0].Kind, facts[len(facts)-1].Kind)
		}
	}
}
