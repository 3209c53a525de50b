package response

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// A task of the procedure reroutes by a solution of the plan, and is done once that is open.
func TestTaskReroutes(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(plan.Builtin()), `kind: stop
              scope: all
              pre_authorised: true
              drain: 30s`, `kind: reroute
              temporary: reroute-acquirer
              pre_authorised: true`, 1)
	runPlan(t, 1, []byte(text), func(w *world) {
		w.gateBy("east", enrolment.Route{Name: "pay", Kind: "payment", Mode: "static", Second: true})
		id := w.confirmed(holdfast.Level1)
		ordered, err := w.Direct(w.Context(), mei, id, "stop-payments")
		w.must(err)
		d := w.directive(ordered)
		if d.State != directive.InForce || d.Reroute == nil || d.Reroute.Temporary != "reroute-acquirer" || d.Reroute.Role == "" || d.Scope == "" {
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
		w.dirs.Fences = func() map[string]directive.Fence {
			return map[string]directive.Fence{"east-1": {ID: "fence", Since: time.Now().Add(-time.Hour), Keep: time.Hour}}
		}
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), ordered, nil))
		w.sleep(time.Second)
		if got := status(); got != procedure.Done {
			t.Errorf("open, the task is %s", got)
		}
	})
}
