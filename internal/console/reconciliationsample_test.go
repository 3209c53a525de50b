package console

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/reconciliation"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// reconciliationSample is a source with accounts in every state.
func reconciliationSample() view.Reconciliation {
	two, one := standin.Tally{Count: 2, Amount: 4100}, standin.Tally{Count: 1, Amount: 900}
	line := func(kind standin.Kind, b standin.Balance) standin.Balance {
		b.Kind, b.Currency = kind, "CNY"
		return b
	}
	balances := func(directive string, list ...standin.Balance) []standin.Balance {
		for i := range list {
			list[i].Directive = directive
		}
		return list
	}
	open := line(standin.Payment, standin.Balance{Approved: two, Pending: one})
	settled := line(standin.Refund, standin.Balance{Approved: two, Delivered: two})
	excepted := line(standin.Reversal, standin.Balance{Approved: two, Delivered: one, Exception: standin.Tally{Count: 1, Amount: 3200}, Unresolved: one})
	of := standin.ShardSummary{
		Epoch: 1, Oldest: past,
		Standing: []standin.Standing{{Directive: "d1", Profile: "small", Opened: past}, {Directive: "d2", Opened: past, Ended: past}, {Directive: "d3", Planned: true, Opened: past, Ended: past, Closed: past}, {Directive: "d4", Opened: past, Ended: past}, {Directive: "d5", Opened: past, Ended: past}},
		Balances: append(balances("d1", open), append(balances("d3", settled), balances("d4", excepted)...)...),
		Uses: []standin.Use{
			{Directive: "d1", Over: standin.Whole, Currency: "CNY", Limit: standin.Tally{Amount: 1000, Count: 8}, Used: two},
			{Directive: "d1", Over: standin.EachPayer, Currency: "CNY", Window: time.Hour, Limit: standin.Tally{Amount: 5000}, Used: two},
			{Directive: "d1", Over: standin.EachPayer, Limit: standin.Tally{Count: 9}, Used: one},
		},
	}
	told := standin.Summary{
		Source: "s1", At: past, Shards: 1, Of: []standin.ShardSummary{of}, Payers: past, Rate: 2, Budget: 5,
		Declines: []standin.Decline{{Directive: "d1", Reason: "over-payment", Currency: "CNY", Tally: two}, {Reason: "something newer", Currency: "CNY", Tally: one}},
		Alarms:   []standin.Alarm{{Code: "payers-old", Text: "the snapshot is old", Since: past}},
	}
	partly := told
	partly.Source, partly.Shards, partly.Payers, partly.Rate, partly.Budget, partly.Declines = "s2", 4, time.Time{}, 0, 0, nil
	partly.Of = []standin.ShardSummary{{Standing: []standin.Standing{{Directive: "d6", Opened: past}}, Balances: balances("d6", line(standin.Payment, standin.Balance{Approved: two, Pending: two}))}}
	bare := standin.Summary{Source: "s3", At: past, Shards: 1, Of: []standin.ShardSummary{{}}}
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	states := []reconciliation.CutOffState{reconciliation.InTime, reconciliation.TooLate, reconciliation.NotTold, reconciliation.Passed}
	sources := reconciliation.Sum([]reconciliation.Told{{Gate: "east", Heard: past, Summary: told}, {Gate: "west", Heard: past, Summary: partly}, {Gate: "bare", Heard: past, Summary: bare}, {Gate: "idle", Heard: past, Summary: standin.Summary{Source: "s4", At: past, Shards: 2}}, {Gate: "more", Heard: past, Summary: standin.Summary{Source: "s1", At: past, Shards: 1}}}, past)
	for i, state := range states {
		sources[i].CutOff = &reconciliation.CutOff{Directive: "d1", At: past, State: state}
		if state == reconciliation.Passed {
			sources[i].CutOff.Missed = past
		}
	}
	return view.Reconciliation{
		At: past, Sources: sources, Unresolved: 3, States: map[string]string{"d1": "open"},
		Closings: []reconciliation.Decision{
			{ID: "d2.x1", Directive: "d2", Two: true, By: who, At: past, State: reconciliation.Asked, Note: "a note"},
			{ID: "d3.x1", Directive: "d3", Two: true, By: who, At: past, State: reconciliation.Ordered, Note: "a note", Second: &who, Answered: past},
			{ID: "d5.x1", Directive: "d5", Two: true, By: who, At: past, State: reconciliation.Ordered, Note: "a note", Second: &who, Answered: past},
		},
	}
}

func exceptionsSample() (list []view.Exception) {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "bo", Name: "Bo"}
	for why := standin.PrimaryRefused; why <= standin.FileAbsent; why++ {
		e := standin.OpenException{Identity: "app/k", Directive: "d1", Kind: standin.Payment, Amount: 900, Currency: "CNY", Why: why, Decided: past, Since: past, Approved: why != standin.DoneThoughDeclined}
		if why > standin.Exhausted {
			e.Route, e.Channel, e.Attempts, e.First = "pay", "app", 1, past
		}
		if why > standin.Expired {
			e.Last = past
		}
		list = append(list, view.Exception{OpenException: e, Key: why.String(), Allowed: reconciliation.Allowed(why)})
	}
	for i, state := range []reconciliation.State{reconciliation.Asked, reconciliation.Ordered, reconciliation.Done, reconciliation.Refused, reconciliation.Failed} {
		e := list[0]
		e.Allowed, e.Key = nil, string(state)
		e.Decision = &reconciliation.Decision{ID: "d1." + string(state), Exception: &e.OpenException, How: standin.Resolution(i + 1), State: state, By: who, At: past, Note: "a note"}
		switch state {
		case reconciliation.Done:
			e.Decision.Second = &who
		case reconciliation.Refused:
			e.Decision.Second, e.Decision.Reason = &who, "a reason"
		case reconciliation.Failed:
			e.Decision.Failure = "a failure"
			before := *e.Decision
			before.Reason = "a reason"
			e.Before = []*reconciliation.Decision{&before, list[len(list)-1].Decision}
		}
		list = append(list, e)
	}
	return list
}

func reconciliationSamples() map[string][]any {
	r := reconciliationSample()
	full := reconcilePage{Reconciliation: r}
	for _, s := range r.Sources {
		full.Parts = append(full.Parts, sourcePartOf(s, past))
	}
	old := reconcilePage{Reconciliation: view.Reconciliation{Sources: r.Sources}, Parts: []sourcePart{sourcePartOf(r.Sources[0], past.Add(time.Hour))}}
	list := view.Page[view.Exception]{Items: exceptionsSample(), Total: 9}
	return map[string][]any{
		"reconciliation": {reconcilePage{}, full, old},
		"exceptions": {
			exceptionsPage{}, exceptionsPage{Query: view.ExceptionQuery{Decided: true}},
			exceptionsPage{Page: list, Pages: listed, Unresolved: 12, More: true, Export: "/x"},
			exceptionsPage{Page: list, Query: view.ExceptionQuery{Directive: "d1", Text: "k"}},
		},
	}
}

func TestUseBars(t *testing.T) {
	t.Parallel()
	parts := reconciliationSample().Sources
	var got []string
	for _, s := range parts {
		if s.ID == "s1" {
			for _, b := range sourcePartOf(s, past).Bars {
				got = append(got, string(b.Over)+" "+b.Near())
			}
		}
	}
	// 4100 of 1000, 2 of 8, 4100 of 5000, 1 of 9.
	want := []string{"all bad", "all good", "payer warn", "payer good"}
	if len(got) != len(want) {
		t.Fatalf("bars %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("bar %d is %q, want %q", i, got[i], want[i])
		}
	}
}
