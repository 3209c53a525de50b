package response

import (
	"fmt"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
)

// The built-in plan at levels 2 and 3, from the alert to the end: whoever has to be told
// is told, people finish each task as its stage opens, probes pass, and nothing of it
// holds a payment.
func TestLesserLevelsToTheEnd(t *testing.T) {
	t.Parallel()
	for _, level := range []holdfast.Level{holdfast.Level2, holdfast.Level3} {
		t.Run(fmt.Sprint("level ", level), func(t *testing.T) {
			t.Parallel()
			run(t, 2, func(w *world) {
				ctx := w.Context()
				w.alarm("slow", "critical")
				id := w.Incidents.All()[0].ID
				w.must(w.Confirm(ctx, mei, id, level, "some are slow"))
				ongoing := func() bool { in := w.look(id); return in.Ongoing() }
				for range 50 {
					w.sleep(time.Minute)
					if !w.workOn(id) && !ongoing() {
						break
					}
				}
				if ongoing() {
					t.Fatalf("it has not come to its end: %+v", w.look(id).Stages)
				}
				w.must(w.Close(ctx, mei, id))
				if closed := w.look(id); closed.State != incident.Closed || closed.Level != level {
					t.Errorf("it is %s at level %s", closed.State, closed.Level)
				}
				if reached, _ := w.Notices.People(id); reached == 0 {
					t.Error("nobody was told")
				}
				if held := w.Directives.All(); len(held) > 0 {
					t.Errorf("payments were held: %+v", held)
				}
			})
		})
	}
}

// workOn does what people have to do for a task that is open, and reports whether one
// is.
func (w *world) workOn(id string) bool {
	w.Helper()
	task := w.workable(id)
	switch {
	case task == nil:
		return false
	case len(task.Probes) > 0:
		for range 3 {
			_, err := w.Service.Probe(w.Context(), mei, id, task.ID)
			w.must(err)
		}
	default:
		w.must(w.Done(w.Context(), mei, id, task.ID, "done", nil))
	}
	return true
}

// workable is the first open task of an incident that does not do itself.
func (w *world) workable(id string) (open *procedure.Task) {
	w.Desk.State.View(func() {
		in := w.Incidents.Incident(id)
		for _, stage := range in.Procedure.Stages {
			for _, task := range stage.Tasks {
				if open == nil && in.Tasks[task.ID].Status == procedure.Open && in.StageOpen(stage.Kind) && task.Notice == nil {
					open = &task
				}
			}
		}
	})
	return open
}
