package response

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
)

// A task of the procedure reroutes by a solution of the plan, and is done once that is open.
func TestTaskReroutes(t *testing.T) {
	t.Parallel()
	taskOpens(t, "reroute", "reroute-acquirer", func(d directive.Directive) bool {
		return d.Reroute != nil && d.Reroute.Temporary == "reroute-acquirer" && d.Reroute.Role != ""
	}, func(w *world, id string) {
		w.dirs.Fences = func() map[string]directive.Fence {
			return map[string]directive.Fence{"east-1": {ID: "fence", Since: time.Now().Add(-time.Hour), Keep: time.Hour}}
		}
		w.must(w.dirs.Open(w.Context(), holdfast.Self("fleet"), id, nil))
		if in := w.directive(id).Incident; in == "" || len(w.toCloseOut(in)) > 0 {
			t.Errorf("a reroute of %q has something to close out", in)
		}
	})
}
