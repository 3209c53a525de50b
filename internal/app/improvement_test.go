package app

import (
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/improvement"
	"holdfast/internal/journal"
)

// What a debrief decided is told as improvements once, and as long as, it is accepted,
// and for as long as it is recent.
func TestDecided(t *testing.T) {
	t.Parallel()
	accepted := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	b, told := debrief.NewBook(), holdfast.Revision(0)
	tell := func(kind string, body any) {
		t.Helper()
		told++
		d := journal.NewDraft(holdfast.NewSubject("debrief", "2026-1"), told-1, kind, body)
		if err := b.Apply(holdfast.Fact{Subject: d.Subject, Revision: told, Kind: kind, Time: accepted, Body: d.Body}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when string, at time.Time, list ...improvement.Decided) {
		t.Helper()
		if got := decided(b, at); !slices.Equal(got, list) {
			t.Errorf("%s: %+v", when, got)
		}
	}
	second := debrief.ImprovementForm{What: "A second instance", Owner: "zhao", Due: "2026-12-31", Chapter: "recovery", Risk: "r1"}
	third := debrief.ImprovementForm{What: "Ask the vendor", Who: "the vendor", Due: "2027-01-31"}
	tell("debrief.improvement-set", debrief.ImprovementSet{ID: "i1", ImprovementForm: debrief.ImprovementForm{What: "not so", Owner: "zhao", Due: "2026-12-31"}})
	tell("debrief.improvement-set", debrief.ImprovementSet{ID: "i2", ImprovementForm: second})
	tell("debrief.improvement-set", debrief.ImprovementSet{ID: "i3", ImprovementForm: third})
	tell("debrief.improvement-withdrawn", debrief.ImprovementWithdrawn{ID: "i1", Reason: "it is done"})
	want("while it is written", accepted)
	tell("debrief.presented", debrief.PresentedFact{Round: 1})
	want("while people sign", accepted)
	tell("debrief.accepted", debrief.AcceptedFact{Round: 1})
	all := []improvement.Decided{
		{Incident: "2026-1", ID: "i2", Text: "A second instance", Owner: "zhao", Due: "2026-12-31", Chapter: "recovery", Risk: "r1"},
		{Incident: "2026-1", ID: "i3", Text: "Ask the vendor", Who: "the vendor", Due: "2027-01-31"},
	}
	want("accepted", accepted, all...)
	want("a month on", accepted.Add(improvement.Recent), all...)
	want("of long ago", accepted.Add(improvement.Recent+1))
	tell("debrief.voided", debrief.Voided{Round: 1, By: "incident.absorbed"})
	want("void", accepted)
}
