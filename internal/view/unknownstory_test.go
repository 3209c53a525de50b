package view

import (
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/obligation"
	"holdfast/internal/payment"
)

// What people say of payments that an incident left unknown stands in its timeline, its
// debrief and its evidence pack; what they say of others does not.
func TestResolutionsAreOfTheStory(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		gates := &enrolment.Service{Desk: w.desk, Book: w.Gates, Above: func() int64 { return 100 }, Left: w.Response.Left}
		seq := uint64(0)
		tell := func(identity string, amount int64, o payment.Outcome, why string) {
			t.Helper()
			seq++
			r := gate.Report{Gate: "east", Boot: "east-1", Account: "acc", Asking: &[]gate.Asked{}}
			r.Entries = []gate.Entry{{Seq: seq, Record: payment.Record{Identity: identity, Kind: "payment", Amount: amount, Currency: "CNY", At: time.Now()}, Outcome: o, Why: why, At: time.Now()}}
			_, err := w.Node.Report(w.Context(), r)
			w.must(err)
		}
		say := func(identity string, o payment.Outcome) string {
			t.Helper()
			id, err := gates.Resolve(w.Context(), mei, enrolment.ResolutionForm{Identity: identity, Outcome: o, Reason: "asked the bank", Evidence: "ticket 7"})
			w.must(err)
			return id
		}
		tell("before", 1, payment.Unknown, "")
		w.sleep(time.Minute)
		in, err := w.Response.Suspect(w.Context(), mei, "It is slow", nil)
		w.must(err)
		w.must(w.Response.Confirm(w.Context(), mei, in, holdfast.Level1, ""))
		for _, identity := range []string{"card 4111111111111111", "large", "late", "asked", "filed"} {
			tell(identity, map[string]int64{"large": 101}[identity], payment.Unknown, "")
		}
		small, large, late, before := say("card 4111111111111111", payment.NotDone), say("large", payment.Done), say("late", payment.NotDone), say("before", payment.Done)
		w.must(gates.AnswerResolution(w.Context(), holdfast.Actor{Kind: holdfast.Account, ID: "tan"}, large, true, ""))
		w.must(gates.WithdrawResolution(w.Context(), mei, large, "a mistake"))
		tell("card 4111111111111111", 0, payment.NotDone, "a person said so, in resolution "+small)
		tell("late", 0, payment.Done, "inquiry: the primary says it is done (status 200)")
		tell("filed", 0, payment.NotDone, gate.ByFile)

		v, err := w.Source.Incident(in)
		w.must(err)
		var got []string
		for _, e := range v.Timeline {
			if noun, id := holdfast.Subject(e.Subject).Split(); noun == "resolution" {
				name := map[string]string{small: "small", large: "large", late: "late", before: "before"}[id]
				got = append(got, strings.TrimPrefix(e.Kind, "resolution.")+" "+name)
			}
		}
		want := []string{"asked small", "asked large", "asked late", "agreed large", "withdrawn large", "carried small", "contradicted late"}
		if !slices.Equal(got, want) {
			t.Errorf("the timeline tells %q, not %q", got, want)
		}
		if !slices.IsSortedFunc(v.Timeline, func(a, b Event) int { return int(a.Position) - int(b.Position) }) {
			t.Error("the timeline is out of order")
		}

		d, err := w.Source.Debrief(in)
		w.must(err)
		o := d.Figures.Counts.Outcomes
		if o == nil || o.Open != 2 || o.Primary != 1 || o.File != 1 || o.Person != 1 || o.AtLeast || o.Left != 0 {
			t.Fatalf("the debrief counts %+v", o)
		}
		var payments, said []string
		for _, p := range o.Payments {
			payments = append(payments, p.Identity+" "+p.Stage+p.By)
		}
		for _, r := range o.Resolutions {
			said = append(said, r.Identity+" "+r.State)
		}
		if want := []string{"asked unheard", "large unheard", "filed file", "late primary", "card 411111******1111 person"}; !slices.Equal(payments, want) {
			t.Errorf("it lists %q, not %q", payments, want)
		}
		if want := []string{"card 411111******1111 carried", "large withdrawn", "late overtaken"}; !slices.Equal(said, want) {
			t.Errorf("people said %q, not %q", said, want)
		}
		if text, err := json.Marshal(d); err != nil || strings.Contains(string(text), "4111111111111111") {
			t.Errorf("the debrief has a card number: %v", err)
		}

		r, err := w.Source.Record(in)
		w.must(err)
		for id, has := range map[string]bool{small: true, large: true, late: true, before: false} {
			if r.Subjects[holdfast.NewSubject("resolution", id)] != has {
				t.Errorf("the evidence pack has the resolution %s: %v", id, !has)
			}
		}
		if len(r.Resolved) != 3 || r.Resolved[0].Incidents[0] != in {
			t.Errorf("the evidence pack tells of %+v", r.Resolved)
		}
	})
}

// A gate that came back without its records says so of what people resolved: it is counted
// without it, and the incident tells of it.
func TestAGateWithoutItsRecords(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		gates := &enrolment.Service{Desk: w.desk, Book: w.Gates, Above: func() int64 { return 100 }, Left: w.Response.Left}
		in, err := w.Response.Suspect(w.Context(), mei, "It is slow", nil)
		w.must(err)
		w.must(w.Response.Confirm(w.Context(), mei, in, holdfast.Level1, ""))
		report := func(r gate.Report) []gate.Resolution {
			t.Helper()
			r.Gate = "east"
			answer, err := w.Node.Report(w.Context(), r)
			w.must(err)
			return answer.Resolve
		}
		report(gate.Report{Boot: "east-1", Account: "acc", Entries: []gate.Entry{{Seq: 1, Record: payment.Record{Identity: "k", Kind: "payment", Amount: 1, Currency: "CNY", At: time.Now()}, Outcome: payment.Unknown, At: time.Now()}}})
		_, err = w.Node.Enrol(w.Context(), gate.Enrolment{Gate: "east", Boot: "east-2", Account: "acc2", Version: "1", Routes: []gate.Route{{Name: "pay", Kind: "payment", Mode: gate.Static}}})
		w.must(err)
		id, err := gates.Resolve(w.Context(), mei, enrolment.ResolutionForm{Identity: "k", Outcome: payment.NotDone, Reason: "asked the bank", Evidence: "ticket 7"})
		w.must(err)
		if !w.Unheard("k") || w.Unheard("nobody") {
			t.Error("it is not said that the gate has not told of it")
		}
		if orders := report(gate.Report{Boot: "east-2", Account: "acc2"}); len(orders) != 1 || orders[0].ID != id {
			t.Fatalf("the gate is told %+v", orders)
		}
		if orders := report(gate.Report{Boot: "east-2", Account: "acc2", Unlisted: []string{id}}); len(orders) != 0 {
			t.Errorf("it is told again: %+v", orders)
		}
		v, err := w.Source.Incident(in)
		w.must(err)
		var got []string
		for _, e := range v.Timeline {
			if noun, _ := holdfast.Subject(e.Subject).Split(); noun == "resolution" {
				got = append(got, e.Kind)
			}
		}
		if want := []string{enrolment.ResolutionAskedKind, ResolutionUnlisted}; !slices.Equal(got, want) {
			t.Errorf("the timeline tells %q, not %q", got, want)
		}
		if list := w.Unknowns(UnknownQuery{Settled: true}, 0, 0); list.Total != 1 || list.Items[0].Resolution.State != enrolment.ResolutionCarried || w.Unknowns(UnknownQuery{}, 0, 0).Total != 0 {
			t.Errorf("settled are %+v", list.Items)
		}
	})
}

// Where people set when it occurred and when payments were back, the debrief lists what
// became unknown in between, and what people say of just these belongs to the incident.
func TestOneWindowOfUnknowns(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		gates := &enrolment.Service{Desk: w.desk, Book: w.Gates, Above: func() int64 { return 100 }, Left: w.Response.Left}
		owed := &obligation.Service{Desk: w.desk, Nouns: w.Obligations, Log: slog.New(slog.DiscardHandler)}
		seq := uint64(0)
		tell := func(identity string) {
			t.Helper()
			seq++
			_, err := w.Node.Report(w.Context(), gate.Report{Gate: "east", Boot: "east-1", Account: "acc", Entries: []gate.Entry{
				{Seq: seq, Record: payment.Record{Identity: identity, Kind: "payment", Amount: 1, Currency: "CNY", At: time.Now()}, Outcome: payment.Unknown, At: time.Now()},
			}})
			w.must(err)
		}
		tell("before")
		w.sleep(time.Minute)
		occurred := time.Now()
		w.sleep(time.Second)
		tell("unnoticed")
		w.sleep(time.Minute)
		in, err := w.Response.Suspect(w.Context(), mei, "It is slow", nil)
		w.must(err)
		w.must(w.Response.Confirm(w.Context(), mei, in, holdfast.Level1, ""))
		w.must(owed.SetMoment(w.Context(), mei, in, "occurred", occurred, "the log says so"))
		tell("noticed")
		w.sleep(time.Second)
		recovered := time.Now()
		w.sleep(time.Minute)
		w.must(owed.SetMoment(w.Context(), mei, in, "recovered", recovered, "the log says so"))
		tell("after")

		d, err := w.Source.Debrief(in)
		w.must(err)
		var listed, said []string
		for _, p := range d.Figures.Counts.Outcomes.Payments {
			listed = append(listed, p.Identity)
		}
		for _, identity := range []string{"before", "unnoticed", "noticed", "after"} {
			_, err := gates.Resolve(w.Context(), mei, enrolment.ResolutionForm{Identity: identity, Outcome: payment.Done, Reason: "asked the bank", Evidence: "ticket 7"})
			w.must(err)
		}
		for _, r := range w.Resolutions(0, 0).Items {
			if slices.Contains(r.Incidents, in) {
				said = append(said, r.Identity)
			}
		}
		slices.Sort(said)
		slices.Sort(listed)
		if want := []string{"noticed", "unnoticed"}; !slices.Equal(listed, want) || !slices.Equal(said, want) {
			t.Errorf("the debrief lists %q, people spoke of %q; both are to be of %q", listed, said, want)
		}
	})
}

// A debrief lists so many payments and no more, and says how many it leaves out.
func TestDebriefListsAreBounded(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		in, err := w.Response.Suspect(w.Context(), mei, "It is slow", nil)
		w.must(err)
		w.must(w.Response.Confirm(w.Context(), mei, in, holdfast.Level1, ""))
		r := gate.Report{Gate: "east", Boot: "east-1", Account: "acc"}
		for i := range debrief.MostUnknown + 3 {
			r.Entries = append(r.Entries, gate.Entry{Seq: uint64(i + 1), Record: payment.Record{Identity: holdfast.NewID(), Kind: "payment", At: time.Now()}, Outcome: payment.Unknown, At: time.Now()})
		}
		_, err = w.Node.Report(w.Context(), r)
		w.must(err)
		w.sleep(time.Second)
		d, err := w.Source.Debrief(in)
		w.must(err)
		if o := d.Figures.Counts.Outcomes; o.Open != debrief.MostUnknown+3 || len(o.Payments) != debrief.MostUnknown || o.Left != 3 {
			t.Errorf("%d open, %d listed, %d left out", o.Open, len(o.Payments), o.Left)
		}
	})
}
