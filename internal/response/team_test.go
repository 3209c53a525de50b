package response

import (
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
)

// Who is asked to take over is told by a notice; as the plan's time for one command
// runs out its holder is told, and, once it has, all who hold a post.
func TestHandoverIsAskedFor(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(plan.Builtin()), "en: Level 3 response }\n    shift: 8h\n", "en: Level 3 response }\n    shift: 10m\n", 1)
	runPlan(t, 2, []byte(text), func(w *world) {
		id := w.confirmed(holdfast.Level3)
		in := w.Incidents.Incident(id)
		if in.Procedure.Shift == 0 {
			t.Fatal("the plan's shift did not reach the incident")
		}
		w.must(w.Fill(w.Context(), lin, id, incident.Scribe, "", ""))
		w.wantCode(w.Fill(w.Context(), lin, id, incident.Scribe, "nobody", ""), holdfast.Invalid)
		w.wantCode(w.Fill(w.Context(), lin, id, incident.Operations, "ana", ""), holdfast.Invalid) // she has no account
		w.sleep(in.Procedure.Shift.D() * 9 / 10)
		w.sentOnce("mei shift-", 1)
		w.sentOnce("overdue-", 0)
		w.sleep(in.Procedure.Shift.D() / 5)
		w.sentOnce("mei overdue-", 1)
		w.sentOnce("lin overdue-", 1)

		_, err := w.Service.Offer(w.Context(), mei, id, incident.Commander, "", "x")
		w.wantCode(err, holdfast.Invalid)
		n, err := w.Service.Offer(w.Context(), mei, id, incident.Commander, "lin", "all is quiet")
		w.must(err)
		w.sentOnce("lin handover-1", 1)
		w.must(w.Service.AnswerOffer(w.Context(), lin, id, n, true, ""))
		if h := w.Incidents.Incident(id).Held[incident.Commander]; h.Person != "lin" || h.Account != "lin" {
			t.Errorf("the commander is %+v", h)
		}
	})
}

// sentOnce checks how many messages begin with, or tell of, something.
func (w *world) sentOnce(what string, want int) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, s := range w.sent {
		if strings.Contains(s, what) {
			n++
		}
	}
	if n != want {
		w.Errorf("%d messages of %q, want %d: %q", n, what, want, w.sent)
	}
}

// An entry of the incident's own timeline can be corrected, and no other.
func TestCorrectOnTheTimeline(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		id := w.confirmed(holdfast.Level3)
		other := w.confirmed(holdfast.Level3)
		w.must(w.Service.Correct(w.Context(), lin, id, w.story(id)[0].Position, "it began at five"))
		w.wantCode(w.Service.Correct(w.Context(), lin, id, w.story(other)[0].Position, "x"), holdfast.NotFound)
		facts := w.story(id)
		if last := facts[len(facts)-1]; last.Kind != "incident.corrected" || last.Actor != lin {
			t.Errorf("the last entry is %+v", last)
		}
	})
}
