package response

import (
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

// A plan whose check is overdue blocks its next approval and nothing else: an incident
// that runs goes on by its revision, and the next one begins by it.
func TestAgeLeavesIncidentsAlone(t *testing.T) {
	t.Parallel()
	text := regexp.MustCompile(`(?m)^(\s*review_by:).*$`).ReplaceAll(plan.Builtin(), []byte("$1 1999-06-01"))
	runPlan(t, 1, text, func(w *world) {
		ctx := w.Context()
		p, _ := plan.Decode("", text)
		if !slices.ContainsFunc(lint.Check(lint.Input{Plan: p, Now: time.Now()}), func(f lint.Finding) bool { return f.Blocks && f.Path == "governance.review_by" }) {
			t.Fatal("the age of the plan blocks no approval")
		}
		w.alarm("pay", "critical")
		id := w.Incidents.All()[0].ID
		w.must(w.Confirm(ctx, mei, id, holdfast.Level2, ""))
		in := w.Incidents.Incident(id)
		before, revision := in.Procedure, in.Plan
		w.sleep(time.Minute)
		acted := 0
		for _, stage := range before.Stages {
			for _, task := range stage.Tasks {
				if in.Tasks[task.ID].Status == procedure.Open && task.Notice == nil && task.Directive == nil && len(task.Probes) == 0 && task.Ramp == nil {
					w.must(w.Done(ctx, lin, id, task.ID, "done", nil))
					acted++
				}
			}
		}
		if acted == 0 || in.Plan != revision || in.State != incident.Active {
			t.Errorf("%d tasks were done, by %+v, the incident is %s", acted, in.Plan, in.State)
		}
		w.alarm("next", "critical")
		for _, other := range w.Incidents.All() {
			if other.State == incident.Suspected {
				w.must(w.Confirm(ctx, mei, other.ID, holdfast.Level3, ""))
			}
		}
	})
}
