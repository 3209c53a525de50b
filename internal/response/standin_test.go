package response

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
)

var small = StandInWish{Temporary: "stand-in", Reason: "the primary is down"}

func (w *world) directive(id string) (d directive.Directive) {
	w.Desk.State.View(func() { d = *w.Directives.Directive(id) })
	return d
}

// One person proposes, a second approves; a third lifts only with a fourth's consent.
func TestStandInTakesTwo(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.gate("east")
		id, err := w.StandIn(w.Context(), mei, "mei", small)
		w.must(err)
		d := w.directive(id)
		if d.State != directive.Proposed || d.Kind != posture.StandIn || d.Scope != `kind == "payment" and amount <= 20000` || d.StandIn.Role != "commander" || d.StandIn.Longest != 4*time.Hour || d.StandIn.Planned || d.StandIn.Profile.Unplanned == nil {
			t.Fatalf("proposed: %+v, %+v", d, d.StandIn)
		}
		w.wantCode(w.ApproveDirective(w.Context(), mei, "mei", id), holdfast.Forbidden)
		w.must(w.ApproveDirective(w.Context(), lin, "lin", id))
		_, err = w.StandIn(w.Context(), mei, "mei", small)
		w.wantCode(err, holdfast.Conflict)
		w.enforce("east")
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), id, map[string]string{"east-1": "source"}))
		if d := w.directive(id); !d.Open() {
			t.Error("it is not open")
		}
		lifted, err := w.Lift(w.Context(), mei, "mei", id, 0, "the primary is back")
		w.must(err)
		if lifted {
			t.Error("one person lifted it")
		}
		w.wantCode(w.AnswerLift(w.Context(), mei, "mei", id, true, ""), holdfast.Forbidden)
		w.must(w.AnswerLift(w.Context(), lin, "lin", id, true, ""))
		if d := w.directive(id); d.State != directive.Lifted {
			t.Errorf("it is %s", d.State)
		}
	})
}

// Who may decide on a stand-in has it opened without a gate that names no source.
func TestStandInWithoutAGate(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.gate("east")
		w.gate("west")
		sources := map[string]string{"east-1": "source"}
		w.Sources = func() map[string]string { return sources }
		id, err := w.StandIn(w.Context(), mei, "mei", small)
		w.must(err)
		w.must(w.ApproveDirective(w.Context(), lin, "lin", id))
		w.enforce("east")
		w.enforce("west")
		without := directive.Without{Gates: []string{"west"}, Reason: "it has no disk"}
		w.wantCode(w.GoWithout(w.Context(), holdfast.Actor{Kind: holdfast.Account, ID: "nobody"}, "nobody", id, without), holdfast.Forbidden)
		w.wantCode(w.GoWithout(w.Context(), mei, "mei", "d9", without), holdfast.NotFound)
		w.must(w.GoWithout(w.Context(), mei, "mei", id, without))
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), id, sources))
		if d := w.directive(id); !d.Open() {
			t.Error("it is not open")
		}
	})
}

func TestStandInThatDoesNotFit(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.gate("east")
		with := func(change func(*StandInWish)) error {
			wish := small
			change(&wish)
			_, err := w.StandIn(w.Context(), mei, "mei", wish)
			return err
		}
		w.wantCode(with(func(s *StandInWish) { s.Temporary = "queue-refunds" }), holdfast.Invalid)
		w.wantCode(with(func(s *StandInWish) { s.Temporary = "" }), holdfast.Invalid)
		w.wantCode(with(func(s *StandInWish) { s.Incident = "2000-9" }), holdfast.Invalid)
		_, err := w.StandIn(w.Context(), holdfast.Actor{Kind: holdfast.Account, ID: "nobody"}, "nobody", small)
		w.wantCode(err, holdfast.Forbidden)

		id := w.confirmed(holdfast.Level1)
		w.must(w.EnterMeasure(w.Context(), mei, id, "key_data_leaked", "yes", "seen"))
		w.wantCode(with(func(s *StandInWish) { s.Incident = id }), holdfast.Conflict)
		w.wantCode(with(func(s *StandInWish) { s.Incident = "" }), holdfast.Conflict) // it goes on all the same
		w.must(w.EnterMeasure(w.Context(), mei, id, "key_data_leaked", "no", "it was not"))
		w.must(with(func(s *StandInWish) { s.Incident, s.Planned, s.Reason = id, true, "" }))
		var d directive.Directive
		w.Desk.State.View(func() { d = *w.Directives.All()[0] })
		if d.Incident != id || !d.StandIn.Planned || d.Reason == "" {
			t.Errorf("proposed: %+v", d)
		}
		w.must(w.EnterMeasure(w.Context(), mei, id, "key_data_leaked", "yes", "it was after all"))
		w.wantCode(w.ApproveDirective(w.Context(), lin, "lin", d.ID), holdfast.Conflict)
	})
}

// Of a stop and a stand-in both hold; the stop's lift leaves the other.
func TestStopOverStandIn(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.gate("east")
		id, err := w.StandIn(w.Context(), mei, "mei", small)
		w.must(err)
		w.must(w.ApproveDirective(w.Context(), lin, "lin", id))
		stop, err := w.Propose(w.Context(), mei, "mei", directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "wrong amounts"})
		w.must(err)
		w.must(w.dirs.Lift(w.Context(), lin, stop, 0, "right again"))
		w.Desk.State.View(func() {
			if held := w.Directives.InForce(""); len(held) != 1 || held[0].ID != id {
				t.Errorf("in force: %+v", held)
			}
		})
	})
}

// taskOpens runs the built-in plan with a task that proposes something by a solution, in
// place of its stop: the task stays open until open has opened that, and is done then.
func taskOpens(t *testing.T, kind, solution string, proposed func(directive.Directive) bool, open func(w *world, id string)) {
	t.Helper()
	text := strings.Replace(string(plan.Builtin()), `kind: stop
              scope: all
              pre_authorised: true
              drain: 30s`, `kind: `+kind+`
              temporary: `+solution+`
              pre_authorised: true`, 1)
	runPlan(t, 1, []byte(text), func(w *world) {
		w.gateBy("east", enrolment.Route{Name: "pay", Kind: "payment", Mode: "static", Second: true})
		id := w.confirmed(holdfast.Level1)
		ordered, err := w.Direct(w.Context(), mei, id, "stop-payments")
		w.must(err)
		if d := w.directive(ordered); d.State != directive.InForce || d.Scope == "" || !proposed(d) {
			t.Fatalf("it ordered %+v", d)
		}
		status := func() (s procedure.Status) {
			w.Desk.State.View(func() { s = w.Incidents.Incident(id).Tasks["stop-payments"].Status })
			return s
		}
		w.enforce("east")
		w.sleep(time.Second)
		if got := status(); got != procedure.Open {
			t.Errorf("not open, the task is %s", got)
		}
		open(w, ordered)
		w.sleep(time.Second)
		if got := status(); got != procedure.Done {
			t.Errorf("open, the task is %s", got)
		}
	})
}

// A task of the procedure proposes it as the plan says, and is done once it is open.
func TestTaskStandsIn(t *testing.T) {
	t.Parallel()
	taskOpens(t, "stand-in", "stand-in", func(d directive.Directive) bool {
		return d.StandIn != nil && d.StandIn.Temporary == "stand-in" && strings.Contains(d.Reason, "一級事件")
	}, func(w *world, id string) {
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), id, map[string]string{"east-1": "source"}))
	})
}

func (w *world) toCloseOut(incident string) (list []string) {
	w.Desk.State.View(func() { list = w.ToCloseOut([]string{incident}) })
	return list
}

// slow suspects an incident and proposes a stand-in for it.
func (w *world) slow() (incident, directive string) {
	w.Helper()
	id, err := w.Suspect(w.Context(), mei, "The primary is slow", nil)
	w.must(err)
	wish := small
	wish.Incident = id
	directive, err = w.StandIn(w.Context(), mei, "mei", wish)
	w.must(err)
	return id, directive
}

// An incident is not over while gates' approvals by its stand-in are not closed out.
func TestClosedOutBeforeItIsClosed(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		signed := map[string]bool{}
		w.Service.ClosedOut = func(directive string) bool { return signed[directive] }
		w.gate("east")
		id, by := w.slow()
		w.must(w.ApproveDirective(w.Context(), lin, "lin", by))
		w.enforce("east")
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), by, map[string]string{"east-1": "source"}))
		w.wantCode(w.Dismiss(w.Context(), mei, id, "it was nothing"), holdfast.Conflict)
		w.must(w.dirs.Lift(w.Context(), mei, by, 0, "the primary is back"))
		if err := w.Dismiss(w.Context(), mei, id, "it was nothing"); err == nil || !strings.Contains(err.Error(), "its close-out is not signed") {
			t.Errorf("dismissed before the close-out: %v", err)
		}
		signed[by] = true
		w.must(w.Dismiss(w.Context(), mei, id, "it was nothing"))
	})
}

// What was lost track of with the source of a stand-in stands in the figures of its
// incident and in its debrief, apart from all that is known.
func TestAnIncidentWithALostSource(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.gate("east")
		id, by := w.slow()
		count := func() (f incident.Figures, c debrief.Counts) {
			w.Desk.State.View(func() {
				in := w.Incidents.Incident(id)
				f, c = w.Figures(in), w.Count(in, in.Opened, w.Desk.Now())
			})
			return f, c
		}
		w.Service.Lost = func(string) ([]reconciliation.Untraced, bool) { return nil, false }
		if f, c := count(); f.SourcesLost != 0 || f.Untraced != 0 || c.Untraced != nil {
			t.Errorf("nothing is lost: %+v, %+v", f, c.Untraced)
		}
		w.Service.Lost = func(directive string) ([]reconciliation.Untraced, bool) {
			return []reconciliation.Untraced{
				{Currency: "CNY", Tally: standin.Tally{Count: 2, Amount: 300}}, {Kind: standin.Refund, Currency: "CNY", Tally: standin.Tally{Count: 1, Amount: 50}},
				{Currency: "USD", Tally: standin.Tally{Count: 1, Amount: 7}, Queued: standin.Tally{Count: 4, Amount: 9}},
			}, directive == by
		}
		f, c := count()
		if f.SourcesLost != 1 || f.Untraced != 4 || f.UntracedAmount["CNY"] != 350 || f.UntracedAmount["USD"] != 7 {
			t.Errorf("the incident says %+v", f)
		}
		if c.Untraced == nil || c.Untraced.Count != 4 || c.Untraced.Amounts["CNY"] != 350 {
			t.Errorf("the debrief says %+v", c.Untraced)
		}
	})
}

// What people decide on payments belongs to the incident of the stand-in; of many such
// decisions the first and the last are kept.
func TestDecisionsInTheTimeline(t *testing.T) {
	t.Parallel()
	tl := NewTimeline()
	fact := func(n int, subject, kind, body string) {
		f := holdfast.Fact{Position: holdfast.Position(n), Subject: holdfast.Subject(subject), Kind: kind, Body: []byte(body)}
		if err := tl.Apply(f); err != nil {
			t.Fatal(err)
		}
	}
	fact(1, "directive/d1", "directive.proposed", `{"incident":"2026-1"}`)
	fact(2, "directive/d2", "directive.proposed", `{}`)
	fact(3, "reconciliation/d2", "reconciliation.asked", `{"id":"d2.x1"}`)
	const many = 5 * StormKept
	for n := range many {
		fact(4+n, "reconciliation/d1", "reconciliation.asked", `{"id":"d1.x1"}`)
	}
	facts, left := tl.Of("2026-1")
	if len(facts) != 1+2*StormKept || left != many-2*StormKept || facts[1].Position != 4 || facts[len(facts)-1].Position != 3+many || tl.Last("2026-1") != 3+many {
		t.Errorf("%d facts, %d left out", len(facts), left)
	}
	if other, _ := tl.Of(""); len(other) > 0 {
		t.Errorf("a directive of no incident has a timeline: %v", other)
	}
}

// A storm of decisions on payments hides nothing of what people said of payments of unknown
// outcome, nor do many of these hide each other but whole, and not those of another incident.
func TestResolutionsHaveRoomOfTheirOwn(t *testing.T) {
	t.Parallel()
	tl := NewTimeline()
	n := holdfast.Position(0)
	fact := func(subject, kind, body string) {
		n++
		if err := tl.Apply(holdfast.Fact{Position: n, Subject: holdfast.Subject(subject), Kind: kind, Body: []byte(body)}); err != nil {
			t.Fatal(err)
		}
	}
	storm := func() {
		for range 3 * StormKept {
			fact("reconciliation/d1", "reconciliation.asked", `{"id":"d1.x1"}`)
		}
	}
	said := func(id string) {
		fact("resolution/"+id, "resolution.asked", `{"incidents":["2026-1"]}`)
		fact("resolution/"+id, "resolution.agreed", `{}`)
	}
	count := func() (resolutions map[holdfast.Subject]int, left int) {
		t.Helper()
		facts, left := tl.Of("2026-1")
		resolutions = map[holdfast.Subject]int{}
		for i, f := range facts {
			if noun, _ := f.Subject.Split(); noun == "resolution" {
				resolutions[f.Subject]++
			}
			if i > 0 && f.Position <= facts[i-1].Position {
				t.Fatalf("%s at %d stands behind %d", f.Kind, f.Position, facts[i-1].Position)
			}
		}
		return resolutions, left
	}
	fact("directive/d1", "directive.proposed", `{"incident":"2026-1"}`)
	storm()
	said("between")
	storm()
	if got, left := count(); got["resolution/between"] != 2 || left != 4*StormKept || tl.Last("2026-1") != n {
		t.Errorf("%v are told, %d facts are left out, the last is %d", got, left, tl.Last("2026-1"))
	}
	const many = 2*StormKept + 50
	for i := range many {
		said(fmt.Sprint("r", i))
	}
	fact("resolution/none", "resolution.asked", `{}`)
	got, left := count()
	if len(got) != 2*StormKept || left != 4*StormKept+2*(many+1-2*StormKept) || tl.Last("2026-1") != n-1 {
		t.Errorf("%d are told, %d facts are left out", len(got), left)
	}
	for subject, facts := range got {
		if facts != 2 {
			t.Errorf("of %s %d facts are told", subject, facts)
		}
	}
	fact("resolution/between", "resolution.withdrawn", `{"reason":"a mistake"}`)
	if got, _ := count(); got["resolution/between"] != 3 || tl.Last("2026-1") != n {
		t.Errorf("what came late is not told: %v", got["resolution/between"])
	}
}

// The same stand-in is proposed once, until somebody answers.
func TestStandInProposedAlready(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		w.gate("east")
		id, err := w.StandIn(w.Context(), mei, "mei", small)
		w.must(err)
		if _, err := w.StandIn(w.Context(), lin, "lin", small); holdfast.CodeOf(err) != holdfast.Conflict || !strings.Contains(err.Error(), id) {
			t.Errorf("proposed twice: %v", err)
		}
		in, err := w.Suspect(w.Context(), mei, "The primary is slow", nil)
		w.must(err)
		other := small
		other.Incident = in
		_, err = w.StandIn(w.Context(), mei, "mei", other)
		w.must(err)
		w.must(w.dirs.Refuse(w.Context(), lin, id, "not yet"))
		_, err = w.StandIn(w.Context(), mei, "mei", small)
		w.must(err)
	})
}
