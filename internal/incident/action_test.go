package incident

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/procedure"
)

// acting is an active incident with an open task that calls an endpoint, one that is a
// checklist and one that waits.
func acting(t testing.TB, change func(*procedure.Webhook)) (*stage, *Incident) {
	s := newStage(t)
	_, drafts, _ := Suspect(s.book, SuspectedFact{Title: "payments fail"}, start)
	s.append(person("mei"), start, drafts)
	in := s.book.Incident("2026-1")
	w := procedure.Webhook{Endpoint: "isolate"}
	if change != nil {
		change(&w)
	}
	p := procedure.Procedure{Level: holdfast.Level3, Stages: []procedure.Stage{
		{Kind: procedure.Detect, Role: "duty"}, {Kind: procedure.Confirm, Role: "duty"},
		{Kind: procedure.Handle, Role: "tech", Tasks: []procedure.Task{
			{ID: "call", Webhook: &w},
			{ID: "list", Checklist: []holdfast.Text{{En: "one"}, {En: "two"}}},
			{ID: "wait", Wait: &procedure.Wait{Until: "leaked", HoldsFor: minutes(5)}},
		}},
	}}
	drafts, err := Confirm(in, holdfast.Level3, PlanRef{ID: "plan", Revision: 1}, p, "")
	if err != nil {
		t.Fatal(err)
	}
	s.append(person("mei"), start, drafts)
	return s, in
}

func (s *stage) begin(in *Incident, now time.Time) WebhookBegan {
	b, drafts := BeginWebhook(in, "call", map[string]any{"failed": 7.0}, now)
	s.append(holdfast.Self("response"), now, drafts)
	return b
}

func (s *stage) end(in *Incident, b WebhookBegan, e WebhookEnded, now time.Time) {
	e.Task, e.Level, e.Attempt = b.Task, b.Level, b.Attempt
	s.append(holdfast.Self("response"), now, EndWebhook(in, e))
}

// What is certain to have done nothing is tried again by itself, five times; what may
// have been done only where the plan says that the endpoint bears it.
func TestCallsAgainOnlyWhereSafe(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		repeatable bool
		outcome    WebhookEnded
		want       string
	}{
		"nobody there":            {false, WebhookEnded{Result: HookFailed, Safe: true}, "0s 2s 10s 42s 2m50s"},
		"broken":                  {false, WebhookEnded{Result: HookFailed, Status: 500}, "0s"},
		"broken, repeatable":      {true, WebhookEnded{Result: HookFailed, Status: 500}, "0s 2s 10s 42s 2m50s"},
		"no answer":               {false, WebhookEnded{Result: HookUnknown}, "0s"},
		"no answer, repeatable":   {true, WebhookEnded{Result: HookUnknown}, "0s 2s 10s 42s 2m50s"},
		"refused, and repeatable": {true, WebhookEnded{Result: HookRefused, Status: 403}, "0s"},
		"done":                    {true, WebhookEnded{Result: HookDone, Status: 200}, "0s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, in := acting(t, func(w *procedure.Webhook) { w.Automatic, w.Repeatable = true, test.repeatable })
			var began []string
			keys := map[string]bool{}
			for now := start; now.Before(start.Add(time.Hour)); now = now.Add(time.Second) {
				if b := s.begin(in, now); b.Task != "" {
					began = append(began, now.Sub(start).String())
					keys[b.Key] = true
					s.end(in, b, test.outcome, now)
				}
			}
			if got := strings.Join(began, " "); got != test.want || len(keys) != 1 {
				t.Errorf("called after %s under %d keys, want %s under one", got, len(keys), test.want)
			}
			if done := in.Tasks["call"].Status == procedure.Done; done != (test.outcome.Result == HookDone) {
				t.Errorf("the task is %s", in.Tasks["call"].Status)
			}
		})
	}
}

// A person decides on what is unknown: he calls again with a reason, or says that it was
// done by hand; meanwhile nothing is called.
func TestUnknownCallIsDecided(t *testing.T) {
	t.Parallel()
	s, in := acting(t, nil)
	ask := func(minute int, reason string) holdfast.Code {
		drafts, err := AskWebhook(in, "call", reason)
		return s.play("lin", minute, drafts, err)
	}
	hand := func(minute int, note string) holdfast.Code {
		drafts, err := Done(in, "call", note, nil)
		return s.play("lin", minute, drafts, err)
	}
	if b := s.begin(in, at(1)); b.Task != "" {
		t.Fatalf("called without anybody's word: %+v", b)
	}
	if code := ask(1, ""); code != "" {
		t.Fatal(code)
	}
	if code := ask(1, ""); code != holdfast.Conflict {
		t.Errorf("asked twice: %s", code)
	}
	first := s.begin(in, at(1))
	if first.Attempt != 1 || first.Measures["failed"] != 7.0 || ask(1, "x") != holdfast.Conflict || hand(1, "by hand") != holdfast.Conflict {
		t.Fatalf("the first call: %+v", first)
	}
	// Its node is gone: after the time of the call nobody knows.
	if drafts, when := LostWebhooks(in, first.Until); len(drafts) > 0 || !when.Equal(first.Until) {
		t.Fatalf("lost before its time: %v, next %v", drafts, when)
	}
	drafts, _ := LostWebhooks(in, at(3))
	s.append(holdfast.Self("response"), at(3), drafts)
	if last, _ := in.Hook("call").last(); last.Result != HookUnknown || in.Tasks["call"].Status != procedure.Open {
		t.Fatalf("%+v", last)
	}
	if code := ask(4, ""); code != holdfast.Invalid {
		t.Errorf("again without a reason: %s", code)
	}
	if code := ask(4, "the host is not isolated"); code != "" {
		t.Fatal(code)
	}
	second := s.begin(in, at(4))
	if second.Attempt != 2 || second.Key != first.Key {
		t.Errorf("the second call: %+v", second)
	}
	s.end(in, second, WebhookEnded{Result: HookRefused, Status: 403, Answer: "card 4111 1111 1111 1111"}, at(5))
	if last, _ := in.Hook("call").last(); strings.Contains(last.Answer, "1111 1111 1111") || in.Result(in.Procedure.Stages[2].Tasks[0]) != "failed" {
		t.Errorf("kept: %+v", last)
	}
	if code := hand(6, " "); code != holdfast.Invalid {
		t.Errorf("by hand without a word: %s", code)
	}
	if code := hand(6, "isolated at the switch"); code != "" || in.Tasks["call"].Status != procedure.Done {
		t.Errorf("by hand: %s, %+v", code, in.Tasks["call"])
	}
	checkFold(t, s, in)
}

// An answer that comes after its call was given up for lost counts, and ends the task.
func TestLateAnswerCounts(t *testing.T) {
	t.Parallel()
	s, in := acting(t, func(w *procedure.Webhook) { w.Automatic = true })
	b := s.begin(in, at(0))
	drafts, _ := LostWebhooks(in, at(2))
	s.append(holdfast.Self("response"), at(2), drafts)
	s.end(in, b, WebhookEnded{Result: HookDone, Status: 200}, at(3))
	if last, _ := in.Hook("call").last(); last.Result != HookDone || in.Tasks["call"].Status != procedure.Done {
		t.Errorf("%+v, task %s", last, in.Tasks["call"].Status)
	}
	if len(EndWebhook(in, WebhookEnded{Task: "call", Level: b.Level, Attempt: 1, Result: HookUnknown})) > 0 {
		t.Error("what is done became unknown")
	}
}

// A drill calls nobody, and says so.
func TestDrillCallsNobody(t *testing.T) {
	t.Parallel()
	s, in := acting(t, func(w *procedure.Webhook) { w.Automatic = true })
	in.Drill = true
	if b := s.begin(in, at(1)); b.Task != "" {
		t.Fatalf("%+v is to be called in a drill", b)
	}
	if last, _ := in.Hook("call").last(); last.Result != HookDrill || in.Tasks["call"].Status != procedure.Done {
		t.Errorf("%+v, task %s", last, in.Tasks["call"].Status)
	}
}

// Calls at another level, and after the stage was opened anew, have other keys; what was
// called stays with the level.
func TestKeyIsOfLevelAndRound(t *testing.T) {
	t.Parallel()
	s, in := acting(t, func(w *procedure.Webhook) { w.Automatic = true })
	keys := map[string]bool{}
	call := func(minute int) {
		b := s.begin(in, at(minute))
		keys[b.Key] = true
		s.end(in, b, WebhookEnded{Result: HookRefused, Status: 400}, at(minute))
	}
	call(1)
	graver := in.Procedure
	graver.Level = holdfast.Level2
	drafts, err := Rise(in, Flow{Plan: in.Plan, Procedure: graver}, "worse")
	if code := s.play("mei", 2, drafts, err); code != "" {
		t.Fatal(code)
	}
	call(3)
	drafts, err = AskFalseAlarm(in, "a test")
	s.play("mei", 4, drafts, err)
	drafts, err = AnswerFalseAlarm(in, true, "", Figures{}, person("lin"))
	s.play("lin", 4, drafts, err)
	drafts, err = Reopen(in, procedure.Handle, "none after all")
	if code := s.play("mei", 5, drafts, err); code != "" {
		t.Fatal(code)
	}
	call(6)
	if len(keys) != 3 || keys[""] {
		t.Errorf("keys %v", keys)
	}
	checkFold(t, s, in)
}

func TestChecklist(t *testing.T) {
	t.Parallel()
	s, in := acting(t, nil)
	tick := func(by string, minute, n int, ticked bool, note string) holdfast.Code {
		drafts, err := TickItem(in, ItemTicked{Task: "list", N: n, Ticked: ticked, Note: note})
		return s.play(by, minute, drafts, err)
	}
	done := func() holdfast.Code {
		drafts, err := Done(in, "list", "all done", nil)
		return s.play("lin", 3, drafts, err)
	}
	for i, step := range []struct{ got, want holdfast.Code }{
		{tick("lin", 1, 3, true, ""), holdfast.NotFound},
		{tick("lin", 1, 0, true, ""), holdfast.NotFound},
		{tick("lin", 1, 2, true, ""), ""},
		{done(), holdfast.Conflict},
		{tick("bo", 2, 2, false, " "), holdfast.Invalid},
		{tick("bo", 2, 2, false, "it was another host"), ""},
		{tick("lin", 3, 1, true, ""), ""},
	} {
		if step.got != step.want {
			t.Errorf("step %d: %q, want %q", i, step.got, step.want)
		}
	}
	if items := in.Tasks["list"].Items; in.Tasks["list"].Status != procedure.Open || items[0].By.ID != "lin" || items[1].Ticked || items[1].By.ID != "bo" || items[1].Note != "it was another host" {
		t.Fatalf("%+v", in.Tasks["list"])
	}
	if code := tick("mei", 4, 2, true, ""); code != "" || in.Tasks["list"].Status != procedure.Done || in.Tasks["list"].EndedBy.ID != "mei" {
		t.Errorf("%q, %+v", code, in.Tasks["list"])
	}
	if code := tick("mei", 5, 2, false, "no"); code != holdfast.Conflict {
		t.Errorf("a tick of a task that is done was taken back: %q", code)
	}
	checkFold(t, s, in)
}

// watch looks at the condition and shows what was recorded.
func (s *stage) watch(in *Incident, now time.Time, leaked any) (seen string) {
	v := expression.Values{Known: map[string]any{}}
	if leaked != nil {
		v.Known["leaked"] = leaked
	}
	drafts := WatchConditions(in, v, now, func(until string) *expression.Condition {
		c, err := expression.CompileCondition(until, branchTestFields)
		if err != nil {
			s.t.Fatal(err)
		}
		return c
	})
	for _, f := range s.append(holdfast.Self("response"), now, drafts) {
		var e ConditionSeen
		if f.Kind != e.kind() {
			seen += " " + f.Kind
			continue
		}
		if err := f.Decode(&e); err != nil {
			s.t.Fatal(err)
		}
		if seen += fmt.Sprint(" ", e.Holds); e.Holds {
			seen += " since " + e.Since.Sub(start).String()
		}
	}
	return strings.TrimSpace(seen)
}

func TestWait(t *testing.T) {
	t.Parallel()
	s, in := acting(t, nil)
	for _, step := range []struct {
		after  time.Duration
		leaked any
		want   string
	}{
		{0, nil, "false"}, // not known does not hold
		{time.Minute, false, ""},
		{2 * time.Minute, true, "true since 2m0s"},
		{150 * time.Second, true, ""},
		{3 * time.Minute, true, "true since 2m0s"},
		{4 * time.Minute, nil, "false"},
		{5 * time.Minute, true, "true since 5m0s"},
		{6 * time.Minute, true, "true since 5m0s"},
		{9 * time.Minute, true, "true since 9m0s"}, // nobody looked for three minutes
		{10 * time.Minute, true, "true since 9m0s"},
		{11 * time.Minute, true, "true since 9m0s"},
		{12 * time.Minute, true, "true since 9m0s"},
		{13 * time.Minute, true, "true since 9m0s"},
		{839 * time.Second, true, ""},
		{14 * time.Minute, true, "true since 9m0s incident.task-done"},
		{15 * time.Minute, true, ""},
	} {
		if got := s.watch(in, start.Add(step.after), step.leaked); got != step.want {
			t.Errorf("after %s: %q, want %q", step.after, got, step.want)
		}
	}
}

func TestWaitEndedByHand(t *testing.T) {
	t.Parallel()
	s, in := acting(t, nil)
	drafts, err := Done(in, "wait", "", nil)
	if code := s.play("lin", 1, drafts, err); code != holdfast.Invalid {
		t.Errorf("ended without a reason: %q", code)
	}
	drafts, err = Done(in, "wait", "the bank has switched it off", nil)
	if code := s.play("lin", 1, drafts, err); code != "" || in.Tasks["wait"].Status != procedure.Done || in.Awaiting() {
		t.Errorf("%q, %+v", code, in.Tasks["wait"])
	}
}

// However the condition comes and goes, its task ends only after it was seen to hold at
// every look of the last five minutes, none more than two minutes from the next.
func TestWaitProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		s, in := acting(t, nil)
		type look struct {
			at    time.Time
			holds bool
		}
		var looks []look
		now := start
		for in.Tasks["wait"].Status == procedure.Open && len(looks) < 40 {
			now = now.Add(time.Duration(rapid.IntRange(1, 150).Draw(r, "seconds")) * time.Second)
			holds := rapid.IntRange(0, 9).Draw(r, "holds") > 0
			s.watch(in, now, holds)
			looks = append(looks, look{now, holds})
		}
		held := time.Time{}
		for i, l := range looks {
			switch {
			case !l.holds:
				held = time.Time{}
			case held.IsZero() || l.at.Sub(looks[i-1].at) > 2*time.Minute:
				held = l.at
			}
		}
		if in.Tasks["wait"].Status == procedure.Done && (held.IsZero() || now.Sub(held) < 5*time.Minute) {
			r.Fatalf("done after %v", looks)
		}
	})
}
