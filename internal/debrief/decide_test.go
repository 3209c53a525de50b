package debrief

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/journal/journaltest"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// story keeps all facts, in order, and counts how often they were asked for.
type story struct {
	facts []holdfast.Fact
	asked int
}

func (s *story) Apply(f holdfast.Fact) error {
	if noun, _ := f.Subject.Split(); noun == "incident" || noun == "debrief" || noun == "notice" {
		s.facts = append(s.facts, f)
	}
	return nil
}

func (s *story) Of(string) ([]holdfast.Fact, int) {
	s.asked++
	return s.facts, 0
}

func (s *story) Last(string) holdfast.Position {
	if len(s.facts) == 0 {
		return 0
	}
	return s.facts[len(s.facts)-1].Position
}

// newService has one confirmed incident of which only the debrief is left, to be
// signed for the roles a and b, which Mei and Lin hold.
func newService(t testing.TB) (*Service, string) {
	t.Helper()
	store, kept := journal.NewMemory("test"), &story{}
	n := Nouns{Book: NewBook(), Incidents: incident.NewBook(), Plans: plan.NewBook(), Roster: roster.NewBook(),
		Facts: kept, Kept: NewKept(), Count: func(*incident.Incident, time.Time, time.Time) Counts { return Counts{} }}
	n.Obligations = obligation.Nouns{Book: obligation.NewBook(), Incidents: n.Incidents, Alerts: alert.NewBook(), Plans: n.Plans, Roster: n.Roster, Measured: func(*incident.Incident) incident.Figures { return incident.Figures{} }, Zone: time.UTC}
	state := journal.NewState(store, store.Genesis(), n.Book, n.Incidents, n.Roster, kept)
	journaltest.Follow(t, state)
	ctx := t.Context()
	desk := &journal.Desk{Journal: store, State: state, Now: func() time.Time { return now }}
	id := ""
	_, err := desk.Do(ctx, mei, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(n.Incidents, incident.SuspectedFact{Title: "outage"}, now)
		return drafts, err
	})
	if err == nil {
		_, err = desk.Do(ctx, mei, func(time.Time) ([]journal.Draft, error) {
			p := procedure.Procedure{Level: 1, Debrief: &procedure.Debrief{Sign: []string{"a", "b"}, Within: procedure.Duration(time.Hour)}, Stages: []procedure.Stage{{Kind: procedure.Confirm}, {Kind: procedure.Review}}}
			return incident.Confirm(n.Incidents.Incident(id), 1, incident.PlanRef{}, p, "")
		})
	}
	for person, role := range map[string]string{"mei": "a", "lin": "b"} {
		if err == nil {
			err = roster.New(desk, n.Roster).Record(ctx, mei, roster.Person{ID: person, Name: person, Account: person, Roles: []string{role}})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return &Service{Desk: desk, Nouns: n}, id
}

func TestSignedByTwoOverFrozenFigures(t *testing.T) {
	t.Parallel()
	s, id := newService(t)
	ctx := t.Context()
	want := func(what string, err error, code holdfast.Code) {
		t.Helper()
		if holdfast.CodeOf(err) != code {
			t.Errorf("%s: %v", what, err)
		}
	}
	text := "payer 4111 1111 1111 1111"
	want("nothing written", s.Present(ctx, mei, id), holdfast.Conflict)
	want("write", s.Write(ctx, mei, id, Sheet{Summary: &text}), "")
	_, err := s.SetCause(ctx, mei, id, "", CauseForm{Why: "w", Kind: Root, Class: "change"})
	want("without evidence", err, holdfast.Invalid)
	_, err = s.SetCause(ctx, mei, id, "", CauseForm{Why: "w", Kind: Root, Evidence: []Evidence{{Text: "e"}}})
	want("a root without a class", err, holdfast.Invalid)
	good := CauseForm{Why: "w", Kind: Root, Class: "change", Evidence: []Evidence{{Text: "e"}}}
	first, err := s.SetCause(ctx, mei, id, "", good)
	want("a cause", err, "")
	good.Parent = first
	second, err := s.SetCause(ctx, mei, id, "", good)
	want("why that", err, "")
	good.Parent = second
	_, err = s.SetCause(ctx, mei, id, first, good)
	want("a circle", err, holdfast.Invalid)
	want("one that is answered", s.WithdrawCause(ctx, mei, id, first, "r"), holdfast.Conflict)
	for _, bad := range []ImprovementForm{{Owner: "lin", Due: "2026-12-31"}, {What: "x", Due: "2026-12-31"}, {What: "x", Owner: "zoe", Due: "2026-12-31"}, {What: "x", Owner: "lin", Due: "soon"}, {What: "x", Owner: "lin", Due: "2026-12-31", Risk: "none"}, {What: "x", Owner: "lin", Due: "2026-12-31", Chapter: "none"}} {
		_, err = s.SetImprovement(ctx, mei, id, "", bad)
		want("an improvement", err, holdfast.Invalid)
	}
	_, err = s.SetImprovement(ctx, mei, id, "", ImprovementForm{What: "x", Owner: "lin", Due: "2026-12-31"})
	want("an improvement", err, "")

	want("present", s.Present(ctx, mei, id), "")
	want("present again", s.Present(ctx, mei, id), holdfast.Conflict)
	want("a stranger signs", s.Sign(ctx, holdfast.Actor{Kind: holdfast.Account, ID: "zoe"}, id, 1, ""), holdfast.Forbidden)
	want("another's role", s.Sign(ctx, mei, id, 1, "b"), holdfast.Forbidden)
	want("a round not seen", s.Sign(ctx, mei, id, 2, ""), holdfast.Conflict)
	want("sign", s.Sign(ctx, mei, id, 1, ""), "")
	want("sign twice", s.Sign(ctx, mei, id, 1, ""), holdfast.Conflict)
	want("returned without a reason", s.Return(ctx, lin, id, 1, " "), holdfast.Invalid)
	well := "the gates"
	want("change", s.Write(ctx, lin, id, Sheet{Well: &well}), "")
	want("sign what is void", s.Sign(ctx, lin, id, 1, ""), holdfast.Conflict)
	want("present anew", s.Present(ctx, mei, id), "")
	want("sign", s.Sign(ctx, mei, id, 2, ""), "")
	if err := s.Nouns.Ready(s.Nouns.Incidents.Incident(id)); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("half signed, it may be closed: %v", err)
	}
	want("sign", s.Sign(ctx, lin, id, 2, ""), "")
	s.Desk.State.View(func() {
		d := s.Nouns.Book.Debrief(id)
		r, _ := d.Round()
		if d.State() != Accepted || !s.Nouns.Stands(r, id) || s.Nouns.Ready(s.Nouns.Incidents.Incident(id)) != nil {
			t.Errorf("it is %s: %+v", d.State(), r)
		}
		if d.Text(Summary) == text {
			t.Error("a card number is kept")
		}
		if span := r.Figures.Record.Span(ToStop); span.Missing != NoStop {
			t.Errorf("no stop is told as %+v", span)
		}
		if _, known := r.Figures.Record.Span(ToConfirm).Took(); !known {
			t.Error("the confirmation is not measured")
		}
	})
}
