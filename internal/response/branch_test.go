package response

import (
	"testing"
	"time"

	"holdfast"
)

// The built-in plan's repair at level 3 says what to do once functions are
// restricted. Two nodes record it once when a person says that they are.
func TestBranchIsTaken(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		id := w.confirmed(holdfast.Level3)
		const task = "repair"
		w.must(w.Done(w.Context(), lin, id, "choose-remedy", "a disk is full", nil))
		w.must(w.Service.Fail(w.Context(), lin, id, task, "nothing found"))
		if got := w.Incidents.Incident(id).Tasks[task]; got.Branch != nil || got.Failed.IsZero() {
			t.Fatalf("the task is %+v", got)
		}
		w.must(w.EnterMeasure(w.Context(), lin, id, "functions_limited", "1", "refunds"))
		w.sleep(6 * time.Second)
		taken := 0
		for _, f := range w.facts() {
			if f.Kind == "incident.branch-taken" {
				taken++
			}
		}
		if got := w.Incidents.Incident(id).Tasks[task].Branch; got == nil || got.N != 1 || taken != 1 {
			t.Fatalf("the task has come to %+v, told %d times", got, taken)
		}
		w.wantCode(w.AgreeBranch(w.Context(), mei, id, task), holdfast.Conflict) // the plan asks nobody
	})
}
