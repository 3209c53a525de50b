package view

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
)

func TestStage(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		told, over bool
		filed      time.Time
		want       string
	}{
		{false, false, sent.Add(time.Hour), StageUnheard},
		{true, false, sent.Add(time.Hour), StageAsked},
		{true, true, time.Time{}, StageFile},
		{true, true, sent, StageFile},
		{true, true, sent.Add(time.Second), StagePerson},
	} {
		if got := stage(gate.Asked{Over: c.over}, c.told, sent, c.filed); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// What a person says of a payment goes to the gate that lists it, is asked again until the
// gate's entry says so, and waits for a second person where the amount asks for two.
func TestResolutionIsCarriedOut(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.publish()
		w.enrol("east")
		gates := &enrolment.Service{Desk: w.desk, Book: w.Gates, Above: func() int64 { return 100 }}
		at, seq := time.Now().UTC(), uint64(0)
		tell := func(identity string, amount int64, o payment.Outcome, why string, asking ...gate.Asked) gate.Reported {
			t.Helper()
			r := gate.Report{Gate: "east", Boot: "east-1", Account: "acc", Asking: &asking}
			if identity != "" {
				seq++
				rec := payment.Record{Identity: identity, Kind: "payment", Route: "pay", Amount: amount, Currency: "CNY", At: at}
				r.Entries = []gate.Entry{{Seq: seq, Record: rec, Outcome: o, Why: why, At: at}}
			}
			answer, err := w.Node.Report(w.Context(), r)
			w.must(err)
			return answer
		}
		say := func(identity string, o payment.Outcome) (string, error) {
			return gates.Resolve(w.Context(), mei, enrolment.ResolutionForm{Identity: identity, Outcome: o, Reason: "asked the bank", Evidence: "ticket 7"})
		}
		state := func(identity string, want enrolment.ResolutionState, contradicted bool) {
			t.Helper()
			for _, r := range w.Resolutions(0, 0).Items {
				if r.Identity == identity {
					if r.State != want || r.Contradicted != contradicted {
						t.Errorf("%s is %s, contradicted %v", identity, r.State, r.Contradicted)
					}
					return
				}
			}
			t.Errorf("nobody said anything of %s", identity)
		}
		tell("small", 100, payment.Unknown, "")
		tell("large", 101, payment.Unknown, "")
		tell("late", 1, payment.Unknown, "", gate.Asked{Identity: "late", Over: true, Made: 3, Most: 3})
		if got := w.Unknowns(UnknownQuery{Stage: StageFile}, 0, 0); got.Total != 1 || got.Items[0].Record.Identity != "late" || got.Items[0].Asked.Made != 3 {
			t.Errorf("%+v", got)
		}
		for q, want := range map[UnknownQuery]int{
			{}: 3, {Text: "LAR"}: 1, {Route: "pay"}: 3, {Route: "x"}: 0, {Gate: "east"}: 3, {Gate: "west"}: 0, {Stage: StageUnheard}: 2, {Directive: "d9"}: 0, {Settled: true}: 0,
		} {
			if got := w.Unknowns(q, 0, 0); got.Total != want {
				t.Errorf("%+v: %d", q, got.Total)
			}
		}

		_, err := say("nobody", payment.Done)
		wantCode(t, err, holdfast.NotFound)
		_, err = say("small", payment.Unknown)
		wantCode(t, err, holdfast.Invalid)
		small, err := say("small", payment.NotDone)
		w.must(err)
		_, err = say("small", payment.Done)
		wantCode(t, err, holdfast.Conflict)
		state("small", enrolment.ResolutionOrdered, false)
		order := tell("", 0, payment.Unknown, "").Resolve
		if len(order) != 1 || order[0].ID != small || !order[0].At.Equal(at) || order[0].Outcome != payment.NotDone {
			t.Fatalf("%+v", order)
		}
		if more := tell("small", 100, payment.NotDone, order[0].Why).Resolve; len(more) != 0 {
			t.Errorf("carried out, and ordered again: %+v", more)
		}
		state("small", enrolment.ResolutionCarried, false)
		wantCode(t, gates.WithdrawResolution(w.Context(), mei, small, "no"), holdfast.Conflict)

		// Above the limit it takes a second person.
		large, err := say("large", payment.Done)
		w.must(err)
		state("large", enrolment.ResolutionAsked, false)
		if order := tell("", 0, payment.Unknown, "").Resolve; len(order) != 0 {
			t.Errorf("ordered by one person: %+v", order)
		}
		wantCode(t, gates.AnswerResolution(w.Context(), mei, large, true, ""), holdfast.Forbidden)
		other := holdfast.Actor{Kind: holdfast.Account, ID: "tan"}
		w.must(gates.AnswerResolution(w.Context(), other, large, true, ""))
		state("large", enrolment.ResolutionOrdered, false)
		w.must(gates.WithdrawResolution(w.Context(), mei, large, "a mistake"))
		state("large", enrolment.ResolutionWithdrawn, false)
		if order := tell("", 0, payment.Unknown, "").Resolve; len(order) != 0 {
			t.Errorf("withdrawn, and ordered: %+v", order)
		}

		// The primary's answer stands, and is seen to contradict.
		_, err = say("late", payment.NotDone)
		w.must(err)
		if order := tell("late", 1, payment.Done, "the primary says it is done").Resolve; len(order) != 0 {
			t.Errorf("overtaken, and ordered: %+v", order)
		}
		state("late", enrolment.ResolutionOvertaken, true)
	})
}

func wantCode(t *testing.T, err error, code holdfast.Code) {
	t.Helper()
	if holdfast.CodeOf(err) != code {
		t.Errorf("%v, not %s", err, code)
	}
}
