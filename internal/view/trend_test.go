package view

import (
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/journal"
	"holdfast/internal/trend"
)

// The times of an incident are those that people signed, as long as that stands, else
// those that its record shows.
func TestTrendsTakeTheTimesOfAcceptedDebriefs(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		at := func(minutes int) *debrief.Instant {
			return &debrief.Instant{At: time.Now().Add(time.Duration(minutes) * time.Minute)}
		}
		var ids []string
		for range 2 {
			id, err := w.Response.Suspect(w.Context(), mei, "payments fail", nil)
			w.must(err)
			time.Sleep(10 * time.Minute)
			w.must(w.Response.Confirm(w.Context(), mei, id, holdfast.Level1, ""))
			ids = append(ids, id)
		}
		signed := debrief.Figures{Record: debrief.Record{LimitsMet: 7, LimitsMissed: 2, Times: []debrief.Span{
			{Name: debrief.ToConfirm, From: at(0), To: at(3)}, {Name: debrief.ToNotify, From: at(3), Missing: debrief.StageSkipped}, {Name: debrief.ToRecover, From: at(0), To: at(60)},
		}}}
		subject := holdfast.NewSubject("debrief", ids[0])
		_, err := w.desk.Do(w.Context(), mei, func(time.Time) ([]journal.Draft, error) {
			return []journal.Draft{
				journal.NewDraft(subject, 0, debrief.PresentedKind, debrief.PresentedFact{Round: 1, Figures: signed}),
				journal.NewDraft(subject, 1, "debrief.accepted", debrief.AcceptedFact{Round: 1}),
			}, nil
		})
		w.must(err)
		want := func(debriefed []string, met int, took ...trend.Took) {
			t.Helper()
			figures, cases, err := w.Trends("", "")
			w.must(err)
			f := figures.Real
			if !slices.Equal(f.Debriefed.Incidents, debriefed) || f.LimitsMet != met || len(cases) != 2 {
				t.Errorf("%d cases, of debriefs those of %v, %d limits met", len(cases), f.Debriefed.Incidents, f.LimitsMet)
			}
			if got := f.Spans[1].Incidents; f.Spans[1].Name != debrief.ToConfirm || !slices.Equal(got, took) {
				t.Errorf("confirmed in %+v, want %+v", got, took)
			}
		}
		want(ids[:1], 7, trend.Took{Incident: ids[1], Took: 10 * time.Minute}, trend.Took{Incident: ids[0], Took: 3 * time.Minute, Debriefed: true})
		_, err = w.desk.Do(w.Context(), mei, func(time.Time) ([]journal.Draft, error) { return w.Debriefs.Void(ids[0], "incident.absorbed"), nil })
		w.must(err)
		want([]string{}, 0, trend.Took{Incident: ids[1], Took: 10 * time.Minute}, trend.Took{Incident: ids[0], Took: 10 * time.Minute})
	})
}
