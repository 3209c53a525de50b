package console

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
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
	open := line(standin.Payment, standin.Balance{Approved: two, Pending: one, Queue: standin.QueueBalance{Queued: two, Waiting: one}})
	settled := line(standin.Refund, standin.Balance{Approved: two, Delivered: two})
	unattended := line(standin.Payment, standin.Balance{Queue: standin.QueueBalance{Queued: two, Expired: two, LookedAfter: one}})
	excepted := line(standin.Reversal, standin.Balance{Approved: two, Delivered: one, Exception: standin.Tally{Count: 1, Amount: 3200}, Unresolved: one})
	of := standin.ShardSummary{
		Epoch: 1, Oldest: past,
		Standing: []standin.Standing{{Directive: "d1", Profile: "small", Opened: past}, {Directive: "d2", Opened: past, Ended: past}, {Directive: "d3", Planned: true, Opened: past, Ended: past, Closed: past}, {Directive: "d4", Opened: past, Ended: past}, {Directive: "d5", Opened: past, Ended: past}},
		Balances: append(balances("d1", open), append(balances("d3", settled, unattended), append(balances("d4", excepted), balances("d5", unattended)...)...)...),
		Uses: []standin.Use{
			{Directive: "d1", Over: standin.Whole, Currency: "CNY", Limit: standin.Tally{Amount: 1000, Count: 8}, Used: two},
			{Directive: "d1", Over: standin.EachPayer, Currency: "CNY", Window: time.Hour, Limit: standin.Tally{Amount: 5000}, Used: two},
			{Directive: "d1", Over: standin.EachPayer, Limit: standin.Tally{Count: 9}, Used: one},
			{Directive: "d1", Over: standin.WholeQueue, Limit: standin.Tally{Count: 2}, Used: two},
			{Directive: "d1", Over: standin.EachQueued, Limit: standin.Tally{Count: 4}, Used: one},
		},
	}
	told := standin.Summary{
		Source: "s1", At: past, Shards: 1, Of: []standin.ShardSummary{of}, Payers: past, Rate: 2, Budget: 5,
		Declines: []standin.Decline{{Directive: "d1", Reason: "over-payment", Currency: "CNY", Tally: two}, {Reason: "something newer", Currency: "CNY", Tally: one}},
		Alarms:   []standin.Alarm{{Code: "payers-old", Text: "the snapshot is old", Since: past}, standin.NewAlarm(standin.AlarmOpen, "it stays closed", past, "directive", "d1", "cause", "unavailable")},
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
	sources[0].Accounts = append(sources[0].Accounts, reconciliation.Account{Directive: "d14", Source: "s1", GoneBack: true, Missing: []reconciliation.Missing{{Kind: standin.Payment, Currency: "CNY", Sums: reconciliation.Sums{Approved: two, Open: one, Queued: one}}, {Kind: standin.Refund, Currency: "CNY", Sums: reconciliation.Sums{Approved: one}}}})
	return view.Reconciliation{
		At: past, Sources: sources, Unresolved: 3, States: map[string]string{"d1": "open"},
		Closings: []reconciliation.Decision{
			{ID: "d2.x1", Directive: "d2", Two: true, By: who, At: past, State: reconciliation.Asked, Note: "a note"},
			{ID: "d3.x1", Directive: "d3", Two: true, By: who, At: past, State: reconciliation.Ordered, Note: "a note", Second: &who, Answered: past},
			{ID: "d5.x1", Directive: "d5", Two: true, By: who, At: past, State: reconciliation.Ordered, Note: "a note", Second: &who, Answered: past},
		},
	}
}

// untoldSamples are a stand-in that a gate could tell of, one that nobody can, one that never
// was told of, and those whose source was given up: asked for, agreed to, contradicted.
func untoldSamples() (list []view.UntoldStandIn) {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}
	two, one := standin.Tally{Count: 2, Amount: 4100}, standin.Tally{Count: 1, Amount: 900}
	untraced := []reconciliation.Untraced{{Kind: standin.Payment, Currency: "CNY", Tally: two, Queued: one}, {Kind: standin.Refund, Currency: "CNY", Tally: one}}
	known := view.UntoldStandIn{Directive: "d11", Source: "s9", Opened: past, Lifted: past, Told: past, Shards: 4, Heard: 3, Untraced: untraced}
	named := known
	named.Directive, named.Gates, named.Untraced = "d12", []string{"east", "west"}, nil
	list = append(list, known, named, view.UntoldStandIn{Directive: "d13", Source: "s9", Opened: past, Lifted: past})
	for _, state := range []reconciliation.State{reconciliation.Asked, reconciliation.Done, reconciliation.Contradicted} {
		u := known
		u.Directive = "d2" + string(state)
		u.Decision = &reconciliation.Decision{ID: u.Directive + ".x1", Directive: u.Directive, Two: true, By: who, At: past, State: state, Note: "it burnt", Lost: &reconciliation.Lost{Evidence: "report 7", Told: past, Shards: 4, Heard: 3, Exceptions: []standin.OpenException{{Identity: "app/k", Amount: 900, Currency: "CNY", Why: standin.Expired, Decided: past}}}}
		if state != reconciliation.Asked {
			u.Decision.Second, u.Decision.Answered = &who, past
		}
		if state == reconciliation.Contradicted {
			u.Decision.Gate, u.Decision.Contradicted = "east", past
		}
		list = append(list, u)
	}
	for _, back := range []*reconciliation.Decision{nil, {ID: "d15.x1", Directive: "d15", Two: true, By: who, At: past, State: reconciliation.Ordered, Note: "an old backup", Second: &who, Answered: past, Lost: &reconciliation.Lost{Evidence: "report 8", GoneBack: true, Missing: []reconciliation.Missing{{Kind: standin.Payment, Currency: "CNY", Sums: reconciliation.Sums{Approved: two, Open: two, Queued: one, Waiting: one}}}}}} {
		u := known
		u.Directive, u.GoneBack, u.Decision = "d14", true, back
		if back != nil {
			u.Directive, u.Untraced = back.Directive, nil
		}
		list = append(list, u)
	}
	return list
}

func exceptionsSample() (list []view.Exception) {
	who := holdfast.Actor{Kind: holdfast.Account, ID: "bo", Name: "Bo"}
	for why := standin.PrimaryRefused; why <= standin.FileAbsent; why++ {
		e := standin.OpenException{Identity: "app/k", Directive: "d1", Kind: standin.Payment, Amount: 900, Currency: "CNY", Why: why, Decided: past, Since: past, Approved: why != standin.DoneThoughDeclined}
		if e.Queued = why == standin.Exhausted; e.Queued {
			e.Approved = false
		}
		if why > standin.Exhausted {
			e.Route, e.Channel, e.Attempts, e.First = "pay", "app", 1, past
		}
		one := view.Exception{Key: why.String()}
		if why > standin.Expired {
			one.Owner = view.Named{ID: "duty", Name: word}
			said := standin.SaidDone + standin.Said(why-standin.Unresolved)%6
			e.Last, e.Pending, e.Replied, e.Reply = past, past, past, &standin.Reply{Said: said}
			e.Version, e.Cause, e.Reason = "0123456789abcdef0123456789abcdef", (standin.Directed + standin.Cause(why-standin.Unresolved)%5).String(), ""
			one.Terms = &view.ExceptionTerms{Temporary: "small", Title: word, Profile: "small", Planned: why%2 == 0, Same: true, Limits: []standin.Limit{}, Attempts: 3, Expires: past}
		}
		if why > standin.DoneThoughDeclined {
			e.Reply.Status, e.Cause, e.Reason, one.Terms.Inquiries = 402, "something newer", "over-all", 2
			one.Terms.Limits = []standin.Limit{{Over: standin.EachPayment, Currency: "CNY", Amount: 900}, {Over: standin.Whole, Count: 9}}
		}
		switch why {
		case standin.NotSendable:
			one.Terms.Same = false
		case standin.Unresolved:
			one.File = &view.ExceptionFile{ID: "f1", Line: 2, Amount: 900, Currency: "CNY"}
		case standin.FileAmount:
			one.File = &view.ExceptionFile{ID: "f1", Name: "day.csv", Day: "2026-11-26", Line: 7, Amount: 990, Currency: "CNY", Done: true, Recorded: true}
		case standin.FileNotDone:
			one.File = &view.ExceptionFile{ID: "f1", Name: "day.csv", Day: "2026-11-26", Line: 8, Amount: 900, Currency: "CNY", Recorded: true}
		case standin.FileAbsent:
			one.File = &view.ExceptionFile{ID: "f1", Name: "day.csv", Day: "2026-11-26", Recorded: true}
		}
		one.OpenException, one.Allowed = e, reconciliation.Allowed(e)
		list = append(list, one)
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

// queueSample has an account that holds and one that does not, and more payments than
// are listed.
func queueSample() view.Queue {
	two, one := standin.Tally{Count: 2, Amount: 4100}, standin.Tally{Count: 1, Amount: 900}
	role := view.Named{ID: "duty", Name: word}
	of := func(identity, route, reason string, owner view.Named) view.Queued {
		return view.Queued{QueuedPayment: standin.QueuedPayment{Identity: identity, Directive: "d1", Amount: 900, Currency: "CNY", Route: route, Payer: "a1b2c3d4e5f6", Reason: reason, At: past, Until: past.Add(time.Hour)}, Source: "s1", Owner: owner}
	}
	return view.Queue{
		Accounts: []view.QueueAccount{
			{Directive: "d1", Currency: "CNY", Owner: role, QueueBalance: standin.QueueBalance{Queued: two, Done: one, Waiting: one}, Holds: true},
			{Directive: "d2", Currency: "CNY", QueueBalance: standin.QueueBalance{Queued: two}, Difference: two},
			{Directive: "d3", Currency: "CNY", Owner: role, QueueBalance: standin.QueueBalance{Queued: two, Expired: two, LookedAfter: one}, Holds: true},
		},
		AllOpen: 6,
		Waiting: []view.Queued{of("app/k", "pay", "over-payment", role), of("app/l", "", "", view.Named{})}, AllWaiting: 9,
		Expired: append(caredSample(), of("app/m", "pay", "", role), of("app/n", "", "", view.Named{})), AllExpired: 8,
	}
}

// caredSample are expired payments that somebody looked after, and the gate has not said yet,
// could not do, or did.
func caredSample() (list []view.Queued) {
	for i, state := range []reconciliation.State{reconciliation.Ordered, reconciliation.Failed, reconciliation.Done} {
		q := standin.QueuedPayment{Identity: "app/" + string(state), Directive: "d3", Amount: 900, Currency: "CNY", Payer: "a1b2c3d4e5f6", At: past, Until: past.Add(time.Hour)}
		d := &reconciliation.Decision{ID: "d3.x1", Directive: "d3", Expired: &q, Care: standin.Cares[i], State: state, By: standInActor, At: past, Note: "a note"}
		if state == reconciliation.Failed {
			d.Failure = "a failure"
		}
		if state == reconciliation.Done {
			q.Route = "pay"
		}
		list = append(list, view.Queued{QueuedPayment: q, Key: string(state), Source: "s1", Owner: view.Named{ID: "duty", Name: word}, Decision: d})
	}
	return list
}

func reconciliationSamples() map[string][]any {
	r := reconciliationSample()
	r.Untold = untoldSamples()
	full := reconcilePage{Reconciliation: r}
	for _, s := range r.Sources {
		full.Parts = append(full.Parts, sourcePartOf(s, past))
	}
	old := reconcilePage{Reconciliation: view.Reconciliation{Sources: r.Sources}, Parts: []sourcePart{sourcePartOf(r.Sources[0], past.Add(time.Hour))}}
	list := view.Page[view.Exception]{Items: exceptionsSample(), Total: 9}
	return map[string][]any{
		"reconciliation": {reconcilePage{}, full, old},
		"queue": {
			queuePage{}, queuePage{Queue: queueSample(), Export: "/x", Mine: map[string]bool{"duty": true}}, queuePage{Queue: queueSample(), Query: view.QueueQuery{Directive: "d1", Text: "k"}},
			queuePage{Queue: view.Queue{Expired: caredSample()}}, queuePage{Cared: true}, queuePage{Cared: true, Query: view.QueueQuery{Directive: "d1", Text: "k"}, List: view.Page[view.Queued]{Items: caredSample(), Total: 9}, Pages: listed},
		},
		"exceptions": {
			exceptionsPage{}, exceptionsPage{Query: view.ExceptionQuery{Decided: true}},
			exceptionsPage{Page: list, Pages: listed, Unresolved: 12, More: true, Export: "/x"},
			exceptionsPage{Page: list, Query: view.ExceptionQuery{Directive: "d1", Text: "k"}},
		},
	}
}

// Each cell of the export stands under its name, whatever is known of an exception.
func TestExceptionsExport(t *testing.T) {
	t.Parallel()
	for _, e := range append(exceptionsSample(), view.Exception{}) {
		if row := exceptionRow(e); len(row) != len(exceptionColumns) {
			t.Errorf("%s: %d cells under %d names", e.Key, len(row), len(exceptionColumns))
		}
	}
	got := map[string]string{}
	for _, e := range exceptionsSample() {
		if e.Why != standin.FileAmount {
			continue
		}
		for i, value := range exceptionRow(e) {
			got[exceptionColumns[i]] = value
		}
	}
	for name, want := range map[string]string{
		"owner": "duty", "profile": "small", "attempts_allowed": "3", "inquiries_allowed": "2", "primary_status": "402", "file": "day.csv", "file_day": "2026-11-26",
		"file_line": "7", "file_amount_minor": "990", "file_currency": "CNY", "file_done": "true", "expires_at": instant(past), "decision": "", "reason": "over-all",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

// What gates, files and plans say stands in no cell as a formula, nor as a card number.
func TestExportsHoldNoFormulas(t *testing.T) {
	t.Parallel()
	const card = "4111111111111111"
	for _, text := range []string{"=1+1", "+1", "-1", "@sum(a1)", "\t=1", "\r=1", "\n=1", card} {
		e := view.Exception{
			OpenException: standin.OpenException{
				Identity: text, Currency: text, Route: text, Channel: text, Cause: text, Reason: text, Version: text, Reply: &standin.Reply{Said: standin.SaidDone},
			},
			Owner:    view.Named{ID: text},
			Terms:    &view.ExceptionTerms{Profile: text},
			File:     &view.ExceptionFile{Name: text, Day: text, Currency: text},
			Decision: &reconciliation.Decision{How: standin.Accept, By: holdfast.Actor{Name: text}, Second: &holdfast.Actor{Name: text}, Note: text},
		}
		u := view.Unknown{
			Unknown: enrolment.Unknown{Record: payment.Record{Identity: text, Route: text, Kind: text, Currency: text}, Why: text, How: text}, Asked: &gate.Asked{Said: text},
			Resolution: &enrolment.Resolution{Evidence: text},
		}
		q := view.Queued{QueuedPayment: standin.QueuedPayment{Identity: text, Currency: text, Route: text, Channel: text, Payer: text, Reason: text}, Owner: view.Named{ID: text}}
		for i, c := range slices.Concat(exceptionRow(e), unknownRow(u), queueRow("waiting", q)) {
			if c != "" && strings.IndexByte("=+-@\t\r\n", c[0]) >= 0 || strings.Contains(c, card) {
				t.Errorf("cell %d of %q is %q", i, text, c)
			}
		}
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
	// 4100 of 1000, 2 of 8, 4100 of 5000, 1 of 9, 2 of 2, 1 of 4.
	want := []string{"all bad", "all good", "payer warn", "payer good", "queue bad", "queue-payer good"}
	if len(got) != len(want) {
		t.Fatalf("bars %q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("bar %d is %q, want %q", i, got[i], want[i])
		}
	}
}

// Expired payments that wait for the reader lead to those of their directive.
func TestExpiredIsAwaited(t *testing.T) {
	t.Parallel()
	got := awaitedAct(&visit{}, view.AwaitedAct{Kind: "expired", ID: "d7", Directive: "d7", What: "12"})
	if want := (awaited{"expired", "d7 · 12", "/stand-in/queue?directive=d7#expired"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Each cell of the queue's export stands under its name.
func TestQueueExport(t *testing.T) {
	t.Parallel()
	for _, q := range append(caredSample(), view.Queued{}) {
		if row := queueRow("expired", q); len(row) != len(queueColumns) {
			t.Errorf("%s: %d cells under %d names", q.Key, len(row), len(queueColumns))
		}
	}
	row := queueRow("looked-after", caredSample()[2])
	for name, want := range map[string]string{"state": "looked-after", "responsible": "duty", "looked_after": "nothing", "looked_after_state": "done", "looked_after_by": "Mei", "looked_after_at": instant(past), "note": "a note"} {
		if got := row[slices.Index(queueColumns, name)]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
