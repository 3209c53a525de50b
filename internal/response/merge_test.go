package response

import (
	"slices"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
)

// Alerts go over when incidents are merged, and back; what holds a directive in either
// cannot be ended.
func TestMerge(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		w.gate("east")
		into := w.confirmed(holdfast.Level1)
		id := w.confirmed(holdfast.Level1)
		alarm := w.alarm("own", "info") // no rule of the plan matches it
		if w.Alerts.Alert(alarm).Incident == "" {
			w.must(w.Attach(w.Context(), mei, id, alarm))
		}
		of := w.Alerts.Alert(alarm).Incident
		if of != id {
			t.Fatalf("the alert belongs to %q", of)
		}
		_, err := w.Direct(w.Context(), mei, id, "stop-payments")
		w.must(err)

		w.must(w.Service.Merge(w.Context(), mei, id, into, "one cause"))
		if got := w.Alerts.Alert(alarm).Incident; got != into {
			t.Errorf("the alert belongs to %q", got)
		}
		w.must(w.AskFalseAlarm(w.Context(), mei, into, "a test"))
		w.wantCode(w.AnswerFalseAlarm(w.Context(), lin, into, true, ""), holdfast.Conflict) // the stop of the other is in force

		w.must(w.Service.Unmerge(w.Context(), lin, id, "two causes"))
		if got := w.Alerts.Alert(alarm).Incident; got != id || w.Incidents.Incident(id).State != incident.Active {
			t.Errorf("the alert belongs to %q", got)
		}
		w.must(w.AnswerFalseAlarm(w.Context(), lin, into, true, ""))
		w.must(w.Service.Reopen(w.Context(), mei, into, procedure.Handle, "it was none"))
		if in := w.Incidents.Incident(into); in.State != incident.Active || in.Level != holdfast.Level1 {
			t.Errorf("it is %s at level %s", in.State, in.Level)
		}
		w.must(w.Service.Link(w.Context(), mei, into, id, "the same supplier"))
		if got := belongs(w.facts(), into); len(w.story(into)) == 0 || len(got) == 0 {
			t.Error("there is no timeline")
		}
	})
}

// Whatever makes another incident of one whose debrief people have signed asks them
// anew, in the same append.
func TestAnotherIncidentVoidsItsDebrief(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		into, id := w.confirmed(holdfast.Level1), w.confirmed(holdfast.Level1)
		ctx := w.Context()
		alarm := func(name string) string {
			alarm := w.alarm(name, "info")
			if of := w.Alerts.Alert(alarm).Incident; of != "" {
				t.Fatalf("the alert belongs to %q", of)
			}
			return alarm
		}
		first, second := alarm("first"), alarm("second")
		w.accepted = map[string]bool{into: true}
		voided := 0
		by := func(change string, err error) {
			t.Helper()
			w.must(err)
			facts := slices.DeleteFunc(w.facts(), func(f holdfast.Fact) bool { return !strings.HasPrefix(string(f.Subject), "voided/") })
			if change == "" {
				if len(facts) != voided {
					t.Errorf("%s voids it", facts[voided].Kind)
				}
				return
			}
			if len(facts) != voided+1 || facts[voided].Kind != change || string(facts[voided].Body) != `"`+into+`"` {
				t.Errorf("%s: voided are %v", change, facts[voided:])
			}
			voided = len(facts)
		}
		by("incident.absorbed", w.Service.Merge(ctx, mei, id, into, "one cause"))
		by("incident.released", w.Service.Unmerge(ctx, mei, id, "two causes"))
		by("incident.alert-added", w.Attach(ctx, mei, into, first))
		by("", w.Attach(ctx, mei, id, second))
		_, err := w.Regroup(ctx, mei, first, id, "it is of the other")
		by("incident.alert-left", err)
		_, err = w.Regroup(ctx, mei, second, into, "it is of the other")
		by("incident.alert-left", err)
		w.must(w.AskFalseAlarm(ctx, mei, into, "a test"))
		w.must(w.AnswerFalseAlarm(ctx, lin, into, true, ""))
		by("", w.Service.Reopen(ctx, mei, into, procedure.Review, "the debrief is to be written anew"))
		w.must(w.AskFalseAlarm(ctx, mei, into, "a test"))
		w.must(w.AnswerFalseAlarm(ctx, lin, into, true, ""))
		by("incident.reopened", w.Service.Reopen(ctx, mei, into, procedure.Handle, "it was none"))
	})
}
