package debrief

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// whole writes what a debrief needs before it is presented.
func whole(t testing.TB, s *Service, id string) {
	t.Helper()
	ctx, text := t.Context(), "what happened"
	err := s.Write(ctx, mei, id, Sheet{Summary: &text})
	if err == nil {
		_, err = s.SetCause(ctx, mei, id, "", CauseForm{Why: "w", Kind: Root, Class: "change", Evidence: []Evidence{{Text: "e"}}})
	}
	if err == nil {
		_, err = s.SetImprovement(ctx, mei, id, "", ImprovementForm{What: "x", Owner: "lin", Due: "2026-12-31"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tellPeople notes so many notices, each to another person.
func tellPeople(t testing.TB, s *Service, id string, people int) {
	t.Helper()
	for from := 0; from < people; from += journal.MaxFacts {
		if _, err := s.Desk.Do(t.Context(), mei, func(time.Time) (drafts []journal.Draft, _ error) {
			for i := from; i < min(people, from+journal.MaxFacts); i++ {
				drafts = append(drafts, journal.NewDraft(holdfast.NewSubject("notice", fmt.Sprint("n", i)), 0, "notice.asked", map[string]any{
					"incident": id, "task": "tell", "person": fmt.Sprint("person-", i), "person_name": "歐陽某某", "channel": "sms", "address": "+8613800000000", "subject": "s", "body": "b",
				}))
			}
			return drafts, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTwentyThousandTold(t *testing.T) {
	t.Parallel()
	const people = 20000
	s, id := newService(t)
	tellPeople(t, s, id, people)
	whole(t, s, id)
	if err := s.Present(t.Context(), mei, id); err != nil {
		t.Fatal(err)
	}
	s.Desk.State.View(func() {
		d := s.Nouns.Book.Debrief(id)
		r, _ := d.Round()
		if told := r.Figures.Record.People; len(told) != people || told[people-1].Person != "person-19999" || told[people-1].Asked.IsZero() {
			t.Errorf("%d people stand in the round", len(told))
		}
		if d.hash(r.Figures) != r.Hash {
			t.Error("the figures that are kept are not those that are signed")
		}
		if !s.Nouns.Stands(r, id) {
			t.Error("the facts no longer give the record")
		}
	})
}

// Every list goes on in parts, each of them and all together are what the journal takes,
// and what is folded of them is what was taken.
func TestPartsHoldWhatOneFactCannot(t *testing.T) {
	t.Parallel()
	var f Figures
	for i := range 4000 {
		f.Record.People = append(f.Record.People, Told{Person: fmt.Sprint("person-", i), Name: "歐陽某某", Asked: now, Reached: now, Channel: "enterprise-wechat", Acknowledged: now, How: "link", Notices: 3, Failed: 1, Calls: 2})
	}
	long := strings.Repeat("字", 600)
	for range 200 {
		r := &f.Record
		r.Limits, r.Steps, r.Changes = append(r.Limits, Limit{ID: long}), append(r.Steps, Step{Why: long}), append(r.Changes, LevelChange{Why: long})
		r.Evaluations.Turns = append(r.Evaluations.Turns, Turn{Judged: now})
		r.Stated, r.Decisions, r.Directives = append(r.Stated, Stated{Note: long}), append(r.Decisions, Decision{Why: long}), append(r.Directives, DirectiveSummary{Scope: long})
		f.Owed = append(f.Owed, Owed{Explained: long})
	}
	f.Counts.Outcomes = &Outcomes{Open: 7}
	for range MostUnknown {
		o := f.Counts.Outcomes
		o.Payments, o.Resolutions = append(o.Payments, UnknownPayment{Identity: long, Outcome: payment.Unknown}), append(o.Resolutions, Resolved{Reason: long, Evidence: long, Outcome: payment.Done})
	}
	short, parts := f.parted(1)
	d := &Debrief{Incident: "2026-1"}
	events := []event{PresentedFact{Round: 1, Figures: short}}
	for _, p := range parts {
		events = append(events, p)
	}
	drafts, all := d.draft(events...), 0
	for _, draft := range drafts {
		all += len(draft.Body)
		if len(draft.Body) > journal.MaxBody {
			t.Errorf("%s has %d bytes", draft.Kind, len(draft.Body))
		}
	}
	if all += 16000 * sizeOf(f.Record.People[0]); len(drafts) > journal.MaxFacts || all > journal.MaxAppend {
		t.Errorf("with 20,000 people told they have %d bytes", all)
	}
	b := NewBook()
	tell(t, b, mei, now, drafts...)
	if r, _ := b.Debrief("2026-1").Round(); !reflect.DeepEqual(r.Figures, f) {
		t.Error("the figures are not those that were parted")
	}
	if one, none := (Figures{Record: Record{People: f.Record.People[:100]}}).parted(1); len(none) != 0 || len(one.Record.People) != 100 {
		t.Error("what fits one fact is parted")
	}
}

// A record is worked out once for as long as nothing more concerns its incident.
func TestRecordIsKeptUntilAnotherFact(t *testing.T) {
	t.Parallel()
	s, id := newService(t)
	whole(t, s, id)
	if err := s.Present(t.Context(), mei, id); err != nil {
		t.Fatal(err)
	}
	read := func() (asked int, f Figures) {
		s.Desk.State.View(func() {
			kept := s.Nouns.Facts.(*story)
			before := kept.asked
			var err error
			if f, err = s.Nouns.Figures(s.Nouns.Incidents.Incident(id), now); err != nil {
				t.Error(err)
			}
			if r, _ := s.Nouns.Book.Debrief(id).Round(); !s.Nouns.Stands(r, id) {
				t.Error("the record changed")
			}
			asked = kept.asked - before
		})
		return asked, f
	}
	read()
	asked, before := read()
	if asked != 0 {
		t.Errorf("the facts were read %d times for nothing new", asked)
	}
	tellPeople(t, s, id, 1)
	asked, after := read()
	if asked == 0 || after.Position == before.Position || len(after.Record.People) != 1 {
		t.Errorf("after another fact they were read %d times, and the figures are up to %d as before %d", asked, after.Position, before.Position)
	}
}

// What makes another incident of it voids what was accepted: it is presented anew.
func TestAnotherIncidentVoidsTheRound(t *testing.T) {
	t.Parallel()
	s, id := newService(t)
	void := func() (drafts []journal.Draft) {
		s.Desk.State.View(func() { drafts = s.Nouns.Void(id, alert.KindAbsorbed) })
		return drafts
	}
	if drafts := void(); len(drafts) != 0 {
		t.Errorf("of what nobody has written: %v", drafts)
	}
	whole(t, s, id)
	ctx := t.Context()
	for _, act := range []func() error{
		func() error { return s.Present(ctx, mei, id) },
		func() error { return s.Sign(ctx, mei, id, 1, "") },
		func() error { return s.Sign(ctx, lin, id, 1, "") },
		func() error {
			_, err := s.Desk.Do(ctx, mei, func(time.Time) ([]journal.Draft, error) { return s.Nouns.Void(id, alert.KindAbsorbed), nil })
			return err
		},
	} {
		if err := act(); err != nil {
			t.Fatal(err)
		}
	}
	s.Desk.State.View(func() {
		d := s.Nouns.Book.Debrief(id)
		if r, _ := d.Round(); d.State() != Writing || r.Accepted.IsZero() || !r.Voided.Regrouped() || r.Voided.By != mei {
			t.Errorf("it is %s, the round %+v", d.State(), r)
		}
		if err := s.Nouns.Ready(s.Nouns.Incidents.Incident(id)); holdfast.CodeOf(err) != holdfast.Conflict {
			t.Errorf("it may be closed: %v", err)
		}
	})
	if drafts := void(); len(drafts) != 0 {
		t.Errorf("it is voided twice: %v", drafts)
	}
	if err := s.Present(ctx, mei, id); err != nil {
		t.Errorf("it cannot be presented anew: %v", err)
	}
}

// An incident with five thousand facts, looked at as often as a screen renews itself.
func BenchmarkFigures(b *testing.B) {
	s, id := newService(b)
	tellPeople(b, s, id, 5000)
	var in *incident.Incident
	s.Desk.State.View(func() { in = s.Nouns.Incidents.Incident(id) })
	for name, again := range map[string]bool{"worked out": true, "kept": false} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if again {
					s.Nouns.Kept = NewKept()
				}
				s.Desk.State.View(func() {
					if _, err := s.Nouns.Figures(in, now); err != nil {
						b.Fatal(err)
					}
				})
			}
		})
	}
}
