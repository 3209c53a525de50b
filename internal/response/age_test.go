package response

import (
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// A plan whose check falls due while an incident runs blocks its next approval and
// nothing else: the incident goes on by its revision, and the next one begins by it.
func TestAgeLeavesIncidentsAlone(t *testing.T) {
	t.Parallel()
	// Time begins here with 2000-01-01; the check is overdue when that day is over.
	text := regexp.MustCompile(`(?m)^(\s*review_by:).*$`).ReplaceAll(plan.Builtin(), []byte("$1 2000-01-01"))
	runPlan(t, 1, text, func(w *world) {
		ctx := w.Context()
		w.sleep(23 * time.Hour)
		p, _ := plan.Decode("", text)
		overdue := func() bool {
			return slices.ContainsFunc(lint.Check(lint.Input{Plan: p, Now: time.Now()}), func(f lint.Finding) bool { return f.Blocks && f.Path == "governance.review_by" })
		}
		if overdue() {
			t.Fatal("the check is overdue before its day")
		}
		w.alarm("pay", "critical")
		id := w.Incidents.All()[0].ID
		w.must(w.Confirm(ctx, mei, id, holdfast.Level2, ""))
		confirmed := w.look(id)
		open := func() (tasks []string) {
			w.Desk.State.View(func() {
				in := w.Incidents.Incident(id)
				for _, stage := range in.Procedure.Stages {
					for _, task := range stage.Tasks {
						if in.Tasks[task.ID].Status == procedure.Open && task.Notice == nil && task.Directive == nil && len(task.Probes) == 0 && task.Ramp == nil {
							tasks = append(tasks, task.ID)
						}
					}
				}
			})
			return tasks
		}
		if len(open()) == 0 {
			t.Fatal("there is nothing to do")
		}
		w.sleep(2 * time.Hour)
		if !overdue() {
			t.Fatal("the age of the plan blocks no approval")
		}
		done := 0
		for tasks := open(); len(tasks) > 0; tasks = open() {
			w.must(w.Done(ctx, lin, id, tasks[0], "done", nil))
			done++
		}
		in := w.look(id)
		if done == 0 || in.Plan != confirmed.Plan || in.State != incident.Active || !reflect.DeepEqual(in.Procedure, confirmed.Procedure) {
			t.Errorf("%d tasks were done, by %+v, the incident is %s", done, in.Plan, in.State)
		}
		w.alarm("next", "critical")
		begun := 0
		for _, other := range w.Incidents.All() {
			if other.State == incident.Suspected {
				w.must(w.Confirm(ctx, mei, other.ID, holdfast.Level3, ""))
				if other.Plan != confirmed.Plan {
					t.Errorf("incident %s runs %+v", other.ID, other.Plan)
				}
				begun++
			}
		}
		if begun == 0 {
			t.Error("no other incident began")
		}
	})
}
