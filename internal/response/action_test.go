package response

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// fakeAutomation is the operator's, which answers as it is told.
type fakeAutomation struct {
	mu     sync.Mutex
	bodies []string
	keys   []string
	// answer is what comes of the n-th call, from 1; nil is done.
	answer func(ctx context.Context, n int) incident.WebhookEnded
}

func (f *fakeAutomation) Endpoints() []string { return []string{"isolate"} }

func (f *fakeAutomation) Call(ctx context.Context, endpoint, key string, body []byte, _ time.Duration) incident.WebhookEnded {
	f.mu.Lock()
	f.bodies, f.keys = append(f.bodies, endpoint+" "+string(body)), append(f.keys, key)
	n, answer := len(f.keys), f.answer
	f.mu.Unlock()
	if answer == nil {
		return incident.WebhookEnded{Result: incident.HookDone, Status: 200, Answer: "200 OK isolated"}
	}
	return answer(ctx, n)
}

func (f *fakeAutomation) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.keys)
}

// actingPlan is the built-in plan with tasks that call, are ticked and wait in the
// analysis of level 3.
func actingPlan(t *testing.T) []byte {
	t.Helper()
	const stage = "三級應急響應流程"
	before, after, found := strings.Cut(string(plan.Builtin()), stage)
	begin, rest, inside := strings.Cut(after, "      - stage: analyse\n")
	head, tasks, last := strings.Cut(rest, "        tasks:\n")
	if !found || !inside || !last {
		t.Fatal("the built-in plan has changed")
	}
	return []byte(before + stage + begin + "      - stage: analyse\n" + head + `        tasks:
          - { id: call, title: { zh-Hant: 隔離主機, zh-Hans: 隔离主机, en: Isolate }, limit: 1h, webhook: { endpoint: isolate, automatic: true } }
          - { id: list, title: { zh-Hant: 核對, zh-Hans: 核对, en: Check }, limit: 1h, checklist: [{ zh-Hant: 甲, zh-Hans: 甲, en: One }, { zh-Hant: 乙, zh-Hans: 乙, en: Two }] }
          - { id: steady, title: { zh-Hant: 等待, zh-Hans: 等待, en: Wait }, limit: 1h, wait: { until: functions_abnormal == 0, holds_for: 90s } }
` + tasks)
}

func (w *world) task(id, task string) (t incident.Task) {
	w.Desk.State.View(func() { t = w.Incidents.Incident(id).Tasks[task] })
	return t
}

func (w *world) hook(id, task string) (h incident.Hook) {
	w.Desk.State.View(func() { h = w.Incidents.Incident(id).Hook(task) })
	return h
}

// Two nodes run, and one calls: with who, where and how much, under one key.
func TestCallsOnce(t *testing.T) {
	t.Parallel()
	runPlan(t, 2, actingPlan(t), func(w *world) {
		id := w.confirmed(holdfast.Level3)
		w.sleep(time.Second)
		if got := w.task(id, "call"); got.Status != procedure.Done || w.automation.calls() != 1 || got.EndedBy != holdfast.Self("response") {
			t.Fatalf("%d calls, the task is %+v", w.automation.calls(), got)
		}
		endpoint, text, _ := strings.Cut(w.automation.bodies[0], " ")
		var body struct {
			Type string
			Data struct {
				Key, Incident, Task string
				Level, Attempt      int
				Plan                struct{ Revision int }
				Measures            map[string]any
				Figures             map[string]any
			}
		}
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			t.Fatal(err)
		}
		if d := body.Data; endpoint != "isolate" || body.Type != "incident.task" || d.Key != w.automation.keys[0] || d.Incident != id || d.Task != "call" || d.Level != 3 || d.Attempt != 1 || d.Plan.Revision != 1 || d.Measures["minutes"] == nil || d.Figures["confirmed"] == nil {
			t.Errorf("the body is %s", text)
		}
	})
}

// A node that dies in mid-call leaves the outcome unknown; nobody calls again before a
// person says so.
func TestDeathInMidCall(t *testing.T) {
	t.Parallel()
	runPlan(t, 1, actingPlan(t), func(w *world) {
		w.automation.answer = func(ctx context.Context, n int) incident.WebhookEnded {
			if n == 1 {
				<-ctx.Done() // the answer never comes to be recorded
			}
			return incident.WebhookEnded{Result: incident.HookDone, Status: 200}
		}
		id := w.confirmed(holdfast.Level3)
		w.sleep(time.Hour / 2)
		h := w.hook(id, "call")
		if len(h.Calls) != 1 || h.Calls[0].Result != incident.HookUnknown || w.task(id, "call").Status != procedure.Open {
			t.Fatalf("%+v", h)
		}
		w.wantCode(w.CallWebhook(w.Context(), lin, id, "call", ""), holdfast.Invalid)
		w.must(w.CallWebhook(w.Context(), lin, id, "call", "the host is still there"))
		w.sleep(time.Second)
		if w.task(id, "call").Status != procedure.Done || w.automation.keys[0] != w.automation.keys[1] {
			t.Errorf("%+v under %v", w.task(id, "call"), w.automation.keys)
		}
	})
}

// An outcome that cannot be recorded for a while is recorded when it can be.
func TestOutcomeWaitsForTheJournal(t *testing.T) {
	t.Parallel()
	runPlan(t, 1, actingPlan(t), func(w *world) {
		w.automation.answer = func(context.Context, int) incident.WebhookEnded {
			w.down.Store(true)
			return incident.WebhookEnded{Result: incident.HookDone, Status: 200}
		}
		id := w.confirmed(holdfast.Level3)
		w.sleep(3 * time.Second)
		if w.task(id, "call").Status != procedure.Open {
			t.Fatal("recorded on a journal that is down")
		}
		w.down.Store(false)
		w.sleep(2 * time.Second)
		if got := w.task(id, "call"); got.Status != procedure.Done || w.automation.calls() != 1 {
			t.Errorf("%d calls, %+v", w.automation.calls(), got)
		}
		w.log.Reset() // it has said that the disk is full
	})
}

// A checklist is ticked by several people; the stage goes on when all three kinds of
// tasks are done, the condition after it has held.
func TestChecklistAndWait(t *testing.T) {
	t.Parallel()
	runPlan(t, 2, actingPlan(t), func(w *world) {
		ctx := w.Context()
		id := w.confirmed(holdfast.Level3)
		w.must(w.TickItem(ctx, mei, id, incident.ItemTicked{Task: "list", N: 1, Ticked: true}))
		w.must(w.TickItem(ctx, lin, id, incident.ItemTicked{Task: "list", N: 2, Ticked: true}))
		if w.task(id, "list").Status != procedure.Done {
			t.Errorf("%+v", w.task(id, "list"))
		}
		w.sleep(5 * time.Minute)
		if w.task(id, "steady").Status != procedure.Open {
			t.Fatal("what nobody knows has held")
		}
		w.must(w.EnterMeasure(ctx, lin, id, "functions_abnormal", "0", "checked"))
		w.sleep(80 * time.Second)
		if got := w.task(id, "steady"); got.Status != procedure.Open || !got.Watched.Holds {
			t.Fatalf("after 80 s: %+v", got)
		}
		w.sleep(20 * time.Second)
		if got := w.task(id, "steady"); got.Status != procedure.Done {
			t.Errorf("after 100 s: %+v", got)
		}
		done := slices.DeleteFunc(w.facts(), func(f holdfast.Fact) bool {
			return f.Kind != "incident.task-done" || !strings.Contains(string(f.Body), "steady")
		})
		if len(done) != 1 {
			t.Errorf("it was done %d times", len(done))
		}
	})
}

// A call that cannot be claimed because the journal is down is tried again calmly.
func TestCallsWaitForTheJournal(t *testing.T) {
	t.Parallel()
	runPlan(t, 1, actingPlan(t), func(w *world) {
		w.automation.answer = func(_ context.Context, n int) incident.WebhookEnded {
			if n == 1 {
				return incident.WebhookEnded{Result: incident.HookFailed, Safe: true}
			}
			return incident.WebhookEnded{Result: incident.HookDone, Status: 200}
		}
		id := w.confirmed(holdfast.Level3)
		w.down.Store(true)
		w.sleep(12 * time.Second) // it was due after two
		w.mu.Lock()
		tries := strings.Count(w.log.String(), "automation cannot be called")
		w.mu.Unlock()
		if tries < 1 || tries > 4 {
			t.Errorf("the call was tried %d times in ten seconds", tries)
		}
		if wait := w.nextCall(time.Minute); wait < shortest {
			t.Errorf("a call that is due and not begun makes the loop look again after %v", wait)
		}
		w.down.Store(false)
		w.sleep(lookForCalls)
		if w.task(id, "call").Status != procedure.Done || w.automation.calls() != 2 {
			t.Errorf("%d calls, %+v", w.automation.calls(), w.task(id, "call"))
		}
		w.log.Reset() // it has said that the disk is full
	})
}

// A node that is told to end waits a little for the answers that are under way, and
// records them; a call that is not answered by then is broken off, and unknown.
func TestCallsAtTheEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer time.Duration
		want   string
		within time.Duration
	}{
		{"answered in time", 3 * time.Second, incident.HookDone, lastAnswer},
		{"answered late", time.Hour, incident.HookUnknown, lastAnswer + lastWrite},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			runPlan(t, 1, actingPlan(t), func(w *world) {
				called := make(chan struct{})
				w.automation.answer = func(ctx context.Context, n int) incident.WebhookEnded {
					close(called) // one call, or it panics
					select {
					case <-time.After(c.answer):
						return incident.WebhookEnded{Result: incident.HookDone, Status: 200}
					case <-ctx.Done():
						return incident.WebhookEnded{Result: incident.HookUnknown, Answer: ctx.Err().Error()}
					}
				}
				w.confirmed(holdfast.Level3)
				<-called
				begun := time.Now()
				w.ended = func() {
					if took := time.Since(begun); took > c.within {
						t.Errorf("the node took %v to end", took)
					}
					var got []string
					for _, f := range w.facts() {
						var e incident.WebhookEnded
						if f.Kind == "incident.webhook-ended" && json.Unmarshal(f.Body, &e) == nil {
							got = append(got, e.Result)
						}
					}
					if !slices.Equal(got, []string{c.want}) {
						t.Errorf("outcomes on record: %q, want %q", got, c.want)
					}
				}
			})
		})
	}
}
