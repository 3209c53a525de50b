package response

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

func TestAlertOpensIncident(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) { // two nodes look at the same alert
		id := w.alarm("pay", "critical")
		if got := w.incidents(); got != "1 suspected 1: pay" {
			t.Fatalf("incidents: %s", got)
		}
		in := w.Incidents.All()[0]
		if in.Title != "pay is failing" || in.Rule != "critical" || in.OpenedBy != holdfast.Self("response") || w.Alerts.Alert(id).Incident != in.ID {
			t.Errorf("the incident is %+v", in)
		}
		w.alarm("pay", "critical") // a repeat
		if len(w.Incidents.All()) != 1 {
			t.Errorf("incidents: %s", w.incidents())
		}
	})
}

// What happens to an alert that a rule matches. An alert must never vanish in an
// incident where nobody looks for it.
func TestWhereAlertsGo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		tell func(w *world)
		want string
	}{
		{"several join one", func(w *world) {
			w.alarm("a", "critical")
			w.alarm("b", "critical")
			w.alarm("c", "major")
		}, "1 suspected 1: a b c"},
		{"a graver one raises the suggestion", func(w *world) {
			w.alarm("a", "major")
			w.alarm("b", "critical")
		}, "1 suspected 1: a b"},
		{"a lighter one does not lower it", func(w *world) {
			w.alarm("a", "major")
			w.alarm("b", "minor")
		}, "1 suspected 2: a b"},
		{"unknown asks for triage", func(w *world) { w.alarm("a", "") }, "1 suspected unknown: a"},
		{"not an emergency", func(w *world) { w.alarm("a", "info") }, ""},
		{"over before anyone looked", func(w *world) {
			in := alert.Incoming{Source: "alertmanager", Fingerprint: "a", Labels: map[string]string{"severity": "critical"}, Resolved: true}
			w.must(w.alerts.Deliver(w.Context(), sender, alert.Delivery{Members: []alert.Incoming{in}}))
		}, ""},
		{"a report of a person", func(w *world) {
			_, err := w.alerts.Report(w.Context(), mei, alert.Report{Summary: "my card fails"})
			w.must(err)
		}, "1 suspected unknown: *"},
		{"level 1 runs: all join", func(w *world) {
			w.alarm("a", "critical")
			w.must(w.Confirm(w.Context(), mei, w.Incidents.All()[0].ID, holdfast.Level1, ""))
			w.alarm("b", "major")
			w.alarm("c", "")
		}, "1 active 1: a b c"},
		{"level 2 runs: what is as grave or lighter joins", func(w *world) {
			w.alarm("a", "major")
			w.must(w.Confirm(w.Context(), mei, w.Incidents.All()[0].ID, holdfast.Level2, ""))
			w.alarm("b", "major")
		}, "1 active 2: a b"},
		{"level 2 runs: what is graver is suspected anew", func(w *world) {
			w.alarm("a", "major")
			w.must(w.Confirm(w.Context(), mei, w.Incidents.All()[0].ID, holdfast.Level2, ""))
			w.alarm("b", "critical")
			w.alarm("c", "critical")
		}, "1 active 2: a; 2 suspected 1: b c"},
		{"level 2 runs: what may be graver is triaged", func(w *world) {
			w.alarm("a", "major")
			w.must(w.Confirm(w.Context(), mei, w.Incidents.All()[0].ID, holdfast.Level2, ""))
			w.alarm("b", "")
		}, "1 active 2: a; 2 suspected unknown: b"},
		{"dismissed: it is not the same emergency", func(w *world) {
			w.alarm("a", "critical")
			w.must(w.Dismiss(w.Context(), mei, w.Incidents.All()[0].ID, "a mistake"))
			w.alarm("b", "critical")
		}, "1 dismissed unknown: a; 2 suspected 1: b"},
		{"a drill is no place for a real alert", func(w *world) {
			w.must(w.do(w.Context(), mei, func(now time.Time) ([]journal.Draft, error) {
				_, drafts, err := incident.Suspect(w.Incidents, incident.SuspectedFact{Title: "drill", Drill: true}, now)
				return drafts, err
			}))
			w.alarm("a", "critical")
		}, "1 suspected unknown: ; 2 suspected 1: a"},
		{"only the debrief is left", func(w *world) {
			w.alarm("a", "critical")
			id := w.Incidents.All()[0].ID
			w.must(w.Confirm(w.Context(), mei, id, holdfast.Level1, ""))
			for _, k := range []procedure.StageKind{procedure.Notify, procedure.Stop, procedure.Convene, procedure.Handle, procedure.Recover} {
				w.must(w.AskSkip(w.Context(), mei, id, k, "all in one room"))
				w.must(w.AnswerSkip(w.Context(), lin, id, k, true, ""))
			}
			w.alarm("b", "critical")
		}, "1 active 1: a; 2 suspected 1: b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run(t, 1, func(w *world) {
				tt.tell(w)
				got := w.incidents()
				if a := w.Alerts.All(); tt.name == "a report of a person" && len(a) == 1 {
					got = strings.ReplaceAll(got, a[0].Fingerprint, "*")
				}
				if got != tt.want {
					t.Errorf("incidents: %s, want %s", got, tt.want)
				}
			})
		})
	}
}

func TestDirect(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		ctx := w.Context()
		id, err := w.Suspect(ctx, mei, "slow", nil)
		w.must(err)
		p := procedure.Procedure{Level: holdfast.Level2, Stages: []procedure.Stage{{Kind: procedure.Handle, Tasks: []procedure.Task{
			{ID: "slow-down", Directive: &procedure.Directive{Kind: "limit", Scope: `channel == "qr"`, Percent: 25, RatePerSecond: 50}}, {ID: "look"},
		}}}}
		w.must(w.on(ctx, mei, id, func(in *incident.Incident) ([]journal.Draft, error) {
			return incident.Confirm(in, holdfast.Level2, incident.PlanRef{}, p, "")
		}))
		w.gate("east")
		d, err := w.Direct(ctx, mei, id, "slow-down")
		w.must(err)
		got := w.Directives.Directive(d)
		if got.State != directive.Proposed || got.Share != 0.25 || got.Rate != 50 || got.Scope != `channel == "qr"` || got.Task != "slow-down" || got.Reason != "slow" {
			t.Errorf("proposed is %+v", got)
		}
		// It waits for a second person, and so does the incident's end.
		if _, err := w.Direct(ctx, mei, id, "look"); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("a task without a directive: %v", err)
		}
		w.must(w.Done(ctx, mei, id, "look", "", nil))
		w.wantCode(w.dirs.Approve(ctx, mei, d), holdfast.Forbidden)
		w.must(w.dirs.Approve(ctx, lin, d))
		w.enforce("east")
		if in := w.Incidents.Incident(id); in.Ongoing() {
			t.Errorf("the confirmed limit has not ended its task: %+v", in.Tasks)
		}
		w.wantCode(w.Close(ctx, mei, id), holdfast.Conflict)
		w.must(w.dirs.Lift(ctx, mei, d, 0, "fast again"))
		w.must(w.Close(ctx, mei, id))
	})
}

// An incident that is over leaves nothing behind that holds payments, or would.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		ctx := w.Context()
		id, err := w.Suspect(ctx, mei, "slow", nil)
		w.must(err)
		p := directive.Proposal{Kind: posture.Limit, Scope: "all", Reason: "slow", Share: 0.5, Incident: id}
		d, err := w.Propose(ctx, mei, "mei", p)
		w.must(err)
		w.wantCode(w.Dismiss(ctx, mei, id, "a mistake"), holdfast.Conflict)
		w.must(w.dirs.Approve(ctx, lin, d))
		w.wantCode(w.Dismiss(ctx, mei, id, "a mistake"), holdfast.Conflict)
		w.must(w.dirs.Lift(ctx, mei, d, 0, "a mistake"))
		w.must(w.Dismiss(ctx, mei, id, "a mistake"))
		w.wantCode(w.Dismiss(ctx, mei, id, "again"), holdfast.Conflict)
		w.wantCode(w.Dismiss(ctx, mei, "2020-1", "what"), holdfast.NotFound)
		if _, err := w.Propose(ctx, mei, "mei", p); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("a directive for an incident that is over: %v", err)
		}
	})
}

func TestSuspectByHand(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		ctx := w.Context()
		a, b := w.alarm("a", "info"), w.alarm("b", "info")
		id, err := w.Suspect(ctx, mei, "both at once", []string{b, a, b})
		w.must(err)
		if in := w.Incidents.Incident(id); len(in.Alerts) != 2 || w.Alerts.Alert(a).Incident != id || len(w.Alerts.Waiting()) != 0 {
			t.Errorf("the incident is %+v", in)
		}
		for name, alerts := range map[string][]string{"taken": {a}, "unknown": {"none"}} {
			if _, err := w.Suspect(ctx, mei, "again", alerts); holdfast.CodeOf(err) != holdfast.Conflict && holdfast.CodeOf(err) != holdfast.NotFound {
				t.Errorf("%s alerts: %v", name, err)
			}
		}
		many := make([]string, maxAlerts+1)
		for i := range many {
			many[i] = fmt.Sprint(i)
		}
		if _, err := w.Suspect(ctx, mei, "many", many); holdfast.CodeOf(err) != holdfast.TooLarge {
			t.Errorf("too many alerts: %v", err)
		}
		c := w.alarm("c", "info")
		w.must(w.Attach(ctx, mei, id, c))
		w.must(w.Attach(ctx, mei, id, c)) // again
		w.wantCode(w.Attach(ctx, mei, id, "none"), holdfast.NotFound)
		w.wantCode(w.Attach(ctx, mei, "2020-1", c), holdfast.NotFound)
		if len(w.Incidents.All()) != 1 || len(w.Incidents.Incident(id).Alerts) != 3 {
			t.Errorf("incidents: %s", w.incidents())
		}
	})
}

func TestProposals(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		ctx := w.Context()
		stop := directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "now"}
		one, err := w.Propose(ctx, mei, "mei", stop)
		w.must(err)
		other, err := w.Propose(ctx, lin, "lin", stop)
		w.must(err)
		if a, b := w.Directives.Directive(one).State, w.Directives.Directive(other).State; a != directive.InForce || b != directive.Proposed {
			t.Errorf("the duty officer's stop is %s, the other's %s", a, b)
		}
		w.wantCode(w.ApproveDirective(ctx, lin, "lin", other), holdfast.Forbidden)
		stranger := holdfast.Actor{Kind: holdfast.Account, ID: "guest"}
		w.wantCode(w.ApproveDirective(ctx, stranger, "guest", other), holdfast.Forbidden)
		_, err = w.Propose(ctx, stranger, "guest", stop)
		w.wantCode(err, holdfast.Forbidden)
		w.must(w.ApproveDirective(ctx, mei, "mei", other))

		// To lift takes two, both with authority.
		lifted, err := w.Lift(ctx, mei, "mei", one, 0, "over")
		w.must(err)
		if d := w.Directives.Directive(one); lifted || d.State != directive.InForce || d.LiftWish == nil {
			t.Errorf("one person has lifted a stop: %+v", d)
		}
		_, err = w.Lift(ctx, lin, "lin", one, 0, "over")
		w.wantCode(err, holdfast.Conflict)
		w.wantCode(w.AnswerLift(ctx, mei, "mei", one, true, ""), holdfast.Forbidden)
		w.wantCode(w.AnswerLift(ctx, stranger, "guest", one, true, ""), holdfast.Forbidden)
		w.must(w.AnswerLift(ctx, lin, "lin", one, false, "too early"))
		w.wantCode(w.AnswerLift(ctx, lin, "lin", one, true, ""), holdfast.Conflict)
		_, err = w.Lift(ctx, mei, "mei", one, 0, "now it is")
		w.must(err)
		w.must(w.AnswerLift(ctx, lin, "lin", one, true, ""))
		if d := w.Directives.Directive(one); d.State != directive.Lifted || d.EndReason != "now it is" {
			t.Errorf("the directive is %+v", d)
		}
	})
}

// What the glass gives ends with its time, and what was ordered by it stays.
func TestBreakGlass(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		ctx := w.Context()
		limit := directive.Proposal{Kind: posture.Limit, Scope: "all", Reason: "slow", Share: 0.5}
		first, err := w.Propose(ctx, mei, "mei", limit)
		w.must(err)
		glass, err := w.glass.BreakGlass(ctx, mei, "nobody answers", "")
		w.must(err)
		second, err := w.Propose(ctx, mei, "mei", limit)
		w.must(err)
		if a, b := w.Directives.Directive(first), w.Directives.Directive(second); a.State != directive.Proposed || b.State != directive.InForce || b.Glass != glass {
			t.Errorf("without the glass %s, with it %s by %q", a.State, b.State, b.Glass)
		}
		w.sleep(30 * time.Minute)
		third, err := w.Propose(ctx, mei, "mei", limit)
		w.must(err)
		if a, b := w.Directives.Directive(second), w.Directives.Directive(third); a.State != directive.InForce || b.State != directive.Proposed || b.Glass != "" {
			t.Errorf("after its time: %s, and a new one %s by %q", a.State, b.State, b.Glass)
		}
	})
}

func TestNoPlan(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		before := time.Now().Add(-time.Hour) // no plan was in force yet
		if list := w.Authority.May("mei", w.Authority.Wish("stop", "all", "", ""), before); list != nil {
			t.Errorf("without a plan somebody may act: %v", list)
		}
		if _, drafts, err := w.groupOnce(before); drafts != nil || err != nil {
			t.Errorf("without a plan an incident was suspected: %v, %v", drafts, err)
		}
	})
}

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		ctx := w.Context()
		w.alarm("pay", "critical")
		id := w.Incidents.All()[0].ID
		w.must(w.Confirm(ctx, mei, id, holdfast.Level1, ""))
		stranger := holdfast.Actor{Kind: holdfast.Account, ID: "guest"}
		w.wantCode(w.Acknowledge(ctx, stranger, id, "tell-superiors", "", ""), holdfast.Invalid)
		w.wantCode(w.Acknowledge(ctx, mei, id, "tell-superiors", "", ""), holdfast.NotFound) // she is not told
		w.must(w.Acknowledge(ctx, lin, id, "tell-superiors", "lin", ""))
		w.must(w.Acknowledge(ctx, stranger, id, "tell-superiors", "ana", "by phone"))
		how := map[string]string{}
		for _, p := range w.Notices.ByTask(id, "tell-superiors") {
			if p.Ack != nil {
				how[p.ID] = p.Ack.How
			}
		}
		if len(how) != 2 || how["lin"] != "console" || how["ana"] != "phone" {
			t.Errorf("acknowledged: %v", how)
		}
	})
}

func TestPreview(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		if p := w.Preview("all"); p.Known || p.Gates != 0 {
			t.Errorf("nobody has said anything, and the preview is %+v", p)
		}
		w.gate("east")
		w.gate("west")
		for range 10 {
			w.count("forward", 30)
			w.sleep(time.Second)
		}
		if p := w.Preview(`channel == "qr"`); !p.Known || p.PerSecond < 20 || p.PerSecond > 31 || p.Gates != 2 || !p.Partly {
			t.Errorf("the preview is %+v", p)
		}
		if p := w.PreviewLift("all"); !p.Known || p.PerSecond != 0 || p.Partly {
			t.Errorf("nothing is declined, and the preview of a lift is %+v", p)
		}
		for range 10 {
			w.count("decline", 30)
			w.sleep(time.Second)
		}
		if p := w.PreviewLift("all"); !p.Known || p.PerMinute() < 1200 || p.PerMinute() > 1860 || p.Gates != 2 {
			t.Errorf("the preview of a lift is %+v", p)
		}
	})
}

// While the journal cannot be written, the loop says so and goes on by itself
// once it can.
func TestJournalDown(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.down.Store(true)
		w.alarm("pay", "critical")
		w.sleep(12 * time.Second)
		if len(w.Incidents.All()) != 0 {
			t.Error("an incident was opened")
		}
		w.down.Store(false)
		w.sleep(6 * time.Second)
		if got := w.incidents(); got != "1 suspected 1: pay" {
			t.Errorf("incidents: %s", got)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := strings.Count(w.log.String(), "the response cannot go on now"); n < 2 || n > 4 {
			t.Errorf("it was logged %d times", n)
		}
		w.log.Reset()
	})
}
