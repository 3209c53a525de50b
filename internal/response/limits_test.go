package response

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// told lists the facts of limits and deputies with how late each was noticed.
func (w *world) told() (list []string) {
	for _, f := range w.facts() {
		var b struct {
			ID, Task string
			Late     int64
		}
		if !strings.HasPrefix(f.Kind, "incident.limit-") && f.Kind != "incident.task-deputised" {
			continue
		}
		w.must(f.Decode(&b))
		line := strings.TrimPrefix(f.Kind, "incident.") + " " + b.ID + b.Task
		if b.Late > 0 {
			line += " late"
		}
		list = append(list, line)
	}
	return list
}

func (w *world) toldTimes(line string) (n int) {
	for _, l := range w.told() {
		if l == line {
			n++
		}
	}
	return n
}

// confirmed opens and confirms an incident.
func (w *world) confirmed(level holdfast.Level) string {
	w.Helper()
	id, err := w.Suspect(w.Context(), mei, "payments fail", nil)
	w.must(err)
	w.must(w.Service.Confirm(w.Context(), mei, id, level, ""))
	return id
}

// hurried is the built-in plan with twenty minutes for the analysis at level 3, to
// take it and to do it: time passes in steps of seconds.
func hurried(t *testing.T) []byte {
	t.Helper()
	const slow = "take_within: 1h\n            limit: 4h\n            takes: 2h\n            evidence: true\n      - stage: handle\n        title: { zh-Hant: 處理問題, zh-Hans: 处理问题, en: Handle }\n        role: technology-lead\n        limit: 24h"
	text := strings.Replace(string(plan.Builtin()), slow, strings.Replace(slow, "take_within: 1h\n            limit: 4h\n            takes: 2h", "limit: 20m\n            takes: 2m", 1), 1)
	if text == string(plan.Builtin()) {
		t.Fatal("the built-in plan has changed")
	}
	return []byte(text)
}

// Two nodes tell each limit once, as it falls due; the deputy of a task that nobody
// took is told by a notice of his own.
func TestDeputyTakesOver(t *testing.T) {
	t.Parallel()
	runPlan(t, 2, hurried(t), func(w *world) {
		id := w.confirmed(holdfast.Level3)
		stage := w.Incidents.Incident(id).Procedure.Stages[3]
		task := stage.Tasks[0]
		w.sleep(task.Limit.D() * 9 / 10)
		if w.toldTimes("limit-at-risk "+task.ID) != 1 || w.toldTimes("task-deputised "+task.ID) != 0 {
			t.Fatalf("told %q", w.told())
		}
		w.sleep(task.Limit.D() / 10 * 2)
		if w.toldTimes("limit-breached "+task.ID) != 1 || w.toldTimes("task-deputised "+task.ID) != 1 {
			t.Fatalf("told %q", w.told())
		}
		st := w.Incidents.Incident(id).Tasks[task.ID]
		if len(st.Deputised.People) == 0 || st.Deputised.Role != task.Deputy {
			t.Fatalf("deputised %+v", st.Deputised)
		}
		for _, person := range st.Deputised.People {
			if !strings.Contains(strings.Join(w.sent, ","), person+" "+task.ID) {
				t.Errorf("%s was not told: %q", person, w.sent)
			}
		}
		w.must(w.Take(w.Context(), lin, id, task.ID))
		if got := w.Incidents.Incident(id).Tasks[task.ID].Owner; got != lin {
			t.Errorf("the owner is %v", got)
		}
	})
}

// A loop that cannot write for a while tells what fell due meanwhile, once, and how
// late.
func TestLateTimers(t *testing.T) {
	t.Parallel()
	runPlan(t, 1, hurried(t), func(w *world) {
		id := w.confirmed(holdfast.Level3)
		task := w.Incidents.Incident(id).Procedure.Stages[3].Tasks[0]
		w.down.Store(true)
		w.sleep(task.Limit.D() + time.Minute)
		w.mu.Lock()
		w.log.Reset() // that it could not write is said there
		w.mu.Unlock()
		w.down.Store(false)
		w.sleep(time.Minute)
		if w.toldTimes("limit-breached "+task.ID+" late") != 1 || w.toldTimes("limit-at-risk "+task.ID) != 0 || w.toldTimes("task-deputised "+task.ID+" late") != 1 {
			t.Errorf("told %q", w.told())
		}
	})
}

// Where the plan names no deputy role, those whom the roster names stand in.
func TestRosterDeputies(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		p, _ := w.Roster.Person("ana")
		p.Deputies = []roster.Deputy{{Person: "bo"}}
		w.must(w.people.Record(w.Context(), mei, p))
		id := w.confirmed(holdfast.Level3)
		in := w.Incidents.Incident(id)
		stage := in.Procedure.Stages[3]
		task := stage.Tasks[0]
		task.Deputy, task.Role = "", "technology-lead"
		w.Desk.State.View(func() {
			if role, people := w.deputies(time.Now())(stage, task); role != "" || len(people) != 1 || people[0] != "bo" {
				t.Errorf("%q %q stand in", role, people)
			}
		})
		if _, ok := in.TakeBy(task); ok && task.TakeWithin == 0 {
			t.Error("a task without deputy role and time to be taken passes on")
		}
	})
}
