package console

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/locale"
	"holdfast/internal/reconciliation"
	"holdfast/internal/response"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// standInsOf has a stand-in in each state, with each kind of limit and obstacle.
func standInsOf() (list []view.Directive) {
	for i, state := range standInStates {
		s := standInOf()
		s.State = state
		d := view.Directive{ID: "d3" + string(rune('0'+i)), Kind: "stand-in", Scope: "all", Reason: "Reason", State: state, StandIn: &s, ProposedBy: mei, ProposedAt: past, Gates: rowsOf()}
		switch state {
		case "stopping":
			d.State, s.Obstacles = "in-force", []directive.Obstacle{{Why: directive.Unconfirmed, Gates: []string{"g", "h"}}}
		case "waiting":
			d.State, d.Confirmed = "in-force", past
			for _, why := range []string{directive.Unlisted, directive.NoSource, directive.OtherSource, directive.TooMany} {
				s.Obstacles = append(s.Obstacles, directive.Obstacle{Why: why, Gates: []string{"g"}})
			}
		case "open", "stopped", "ended", "lifted":
			s.Source, s.Excluded, s.OpenedAt, s.EndsAt = "source", 3, past, past.Add(time.Hour)
			if state != "lifted" {
				d.State, d.Confirmed = "in-force", past
			}
			s.Under, s.Without = []string{"d1"}, []string{"g"}
			if state == "ended" {
				s.EndedAt = past
			}
		case "proposed":
			d.Effect, d.Deciders = &response.Preview{Known: true, PerSecond: 2, Pending: 3}, []string{"Chen"}
			s.Planned = true
		}
		list = append(list, d)
		if state != "stopping" {
			each, of := d, s
			of.OneByOne, of.Obstacles, each.ID = true, nil, d.ID+"9"
			each.StandIn = &of
			list = append(list, each)
		}
	}
	return list
}

func standInOf() view.StandingIn {
	return view.StandingIn{
		Temporary: "small", Title: word, Role: "commander", SnapshotAge: time.Hour, Longest: 4 * time.Hour,
		Terms: standin.Terms{Eligible: `kind == "payment"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 20000}, {Over: standin.EachPayer, Currency: "CNY", Amount: 100000, Count: 5, Window: 24 * time.Hour},
			{Over: standin.Whole, Currency: "CNY", Amount: 100000000},
		}, Queue: &standin.Queue{Deferrable: `payer_class == "ample"`, Expires: 6 * time.Hour, Owner: "duty", Limits: []standin.Limit{{Over: standin.EachPayer, Count: 3}, {Over: standin.Whole, Count: 9}}}},
	}
}

func standInFormOf() standInForm {
	planned := standInOf()
	planned.Planned, planned.Longest = true, 0
	return standInForm{"INC-1", []view.StandInChoice{{
		Temporary: "small", Title: word, When: holdfast.Text{En: "When"}, Scope: "all", Effect: response.Preview{Known: true, PerSecond: 2, Partly: true, StandIns: []string{"d1"}, StoodIn: 2}, Declines: []view.WouldDecline{{Gate: "g", NoSource: true}, {Gate: "h", Routes: []string{"pay", "refund"}}}, OneByOne: true,
		By: []view.StandingIn{standInOf(), planned},
	}, {Temporary: "large", Title: word, Scope: `channel == "app"`, By: []view.StandingIn{standInOf()}}}}
}

// stoodInOf has a stand-in that nobody tells of, one with payments left, one whose
// close-out waits, one that is closed out, and those whose source was given up.
func stoodInOf() []view.StoodIn {
	account := &reconciliation.Account{Directive: "d1", Holds: true, Unattended: 1, Lines: []reconciliation.Line{{Balance: standin.Balance{Currency: "CNY", Approved: standin.Tally{Count: 2, Amount: 4100}, Delivered: standin.Tally{Count: 2, Amount: 4100}}, Holds: true}}}
	asked := reconciliation.Decision{ID: "d3.x1", Directive: "d3", Two: true, By: standInActor, At: past, State: reconciliation.Asked, Note: "a note"}
	signed := asked
	signed.ID, signed.Directive, signed.State, signed.Second, signed.Answered = "d4.x1", "d4", reconciliation.Ordered, &standInActor, past
	for _, l := range account.Lines {
		signed.Figures = append(signed.Figures, l.Balance)
	}
	given := reconciliation.Decision{ID: "d5.x1", Directive: "d5", Two: true, By: standInActor, At: past, State: reconciliation.Done, Second: &standInActor, Answered: past, Note: "it burnt", Lost: &reconciliation.Lost{Evidence: "report 7", Told: past, Shards: 4, Heard: 3, Exceptions: []standin.OpenException{{Identity: "app/lost-1", Amount: 900, Currency: "CNY", Why: standin.Expired, Decided: past}}}}
	against, never := given, given
	against.State, against.Gate, against.Contradicted, against.Second = reconciliation.Contradicted, "east", past, &holdfast.Actor{Kind: holdfast.Account, ID: "lin", Name: "Lin"}
	never.Lost = &reconciliation.Lost{Evidence: "report 8"}
	untraced := []reconciliation.Untraced{{Kind: standin.Payment, Currency: "CNY", Tally: standin.Tally{Count: 3, Amount: 900}, Queued: standin.Tally{Count: 1, Amount: 100}}}
	return []view.StoodIn{
		{Directive: "d5", Opened: past, Ended: past, CloseOut: &given, Signed: true, Lost: &given, Untraced: untraced},
		{Directive: "d6", Opened: past, Ended: past, Account: account, AsOf: past, Lost: &against},
		{Directive: "d7", Opened: past, Ended: past, CloseOut: &never, Signed: true, Lost: &never},
		{Directive: "d1", Opened: past}, {Directive: "d2", Opened: past, Account: account, AsOf: past, Pending: 2, Unresolved: 1},
		{Directive: "d3", Opened: past, Ended: past, Account: &reconciliation.Account{Directive: "d3"}, CloseOut: &asked},
		{Directive: "d4", Opened: past, Ended: past, Account: account, AsOf: past, CloseOut: &signed, Signed: true},
	}
}

var standInActor = holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}

func TestWhatBecameOfPaymentsInWords(t *testing.T) {
	t.Parallel()
	e := standin.OpenException{Identity: "app/4111111111111111", Directive: "d2", Amount: 900, Currency: "CNY", Why: standin.PrimaryRefused}
	e.Attempts, e.Reply, e.Replied = 3, &standin.Reply{Said: standin.SaidNotDone, Status: 402}, past
	filed := e
	filed.Reply, filed.Filed = &standin.Reply{Said: standin.SaidDone}, &standin.Filed{File: "f1", Line: 7, Amount: 990, Currency: "CNY", Done: true}
	lacked := filed
	lacked.Filed = &standin.Filed{File: "f2"}
	r := view.Record{Incident: view.Incident{StoodIn: stoodInOf()}, Decided: []reconciliation.Decision{
		{ID: "d2.x1", Directive: "d2", Exception: &e, How: standin.WriteOff, By: standInActor, At: past, State: reconciliation.Failed, Note: "a loss", Second: &standInActor, Answered: past, Gate: "east", Carried: past, Failure: "not open"},
		{ID: "d2.x2", Directive: "d2", Exception: &filed, How: standin.Confirm, By: standInActor, At: past, State: reconciliation.Done},
		{ID: "d2.x3", Directive: "d2", Exception: &lacked, How: standin.Confirm, By: standInActor, At: past, State: reconciliation.Done},
		{ID: "d2.x4", Directive: "d2", Expired: &standin.QueuedPayment{Identity: "app/4111111111111111", Amount: 700, Currency: "CNY", Until: past}, Care: standin.AskedAgain, By: standInActor, At: past, State: reconciliation.Done, Note: "by phone", Gate: "east", Carried: past},
	}}
	b := &chronicle{Printer: locale.For(holdfast.En), zone: time.UTC}
	b.stoodIn(r)
	for _, want := range []string{"d1 · Since", "No gate tells of its account", "d2.x1  app/411111", "Write off: a loss (two people) · the gate could not do it", "by Mei", "east", "not open", "d3 ·", "It waits for a second person", "Delivered: 2 · CNY", "Signed by Mei", "Attempts 3 · Inquiries 0", "The primary said last: Not done HTTP 402", "Settlement file f1: Done · CNY\u00a09.90 · Line 7", "Settlement file f2: Not in it", "d2.x4  app/411111", "The customer was asked to pay again · done", "by phone", "nobody has looked after: 1.", "Source gone for good · Where the evidence is kept: report 7", "Lost track of: 3 · CNY\u00a09.00", "Lost track of in the queue: 1", "Contradicted: gate east", "and by Lin", "app/lost-1 · CNY\u00a09.00 · Not delivered in time", "Last told: never"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("it lacks %q", want)
		}
	}
	if strings.Contains(b.String(), "4111111111111111") {
		t.Error("it has a card number")
	}
	if t.Failed() {
		t.Log(b.String())
	}
	for _, c := range []struct{ kind, body, text, detail string }{
		{"reconciliation.asked", `{"id":"d2.x2","note":"done"}`, "Directive d2: close-out of the stand-in asked for", "done"},
		{"reconciliation.asked", `{"id":"d2.x1","exception":{"identity":"k","directive":"d2","kind":"payment","amount":900,"currency":"CNY","why":"expired"},"how":"accept","note":"ours"}`, "Exception d2.x1, k of CNY\u00a09.00: Accept: it stays, and we bear it", "ours"},
		{"reconciliation.agreed", `{"id":"d2.x2","figures":[{"directive":"d2"}]}`, "Directive d2: close-out of the stand-in signed", ""},
		{"reconciliation.agreed", `{"id":"d2.x1"}`, "Decision d2.x1: a second person agreed", ""},
		{"reconciliation.asked", `{"id":"d2.x3","note":"it burnt","lost":{"evidence":"report 7"}}`, "Directive d2: records of the stand-in are said to be gone for good", "it burnt"},
		{"reconciliation.agreed", `{"id":"d2.x3","lost":true}`, "Directive d2: closed out with records of its source gone for good", ""},
		{"reconciliation.gone-back", `{"source":"s1","shards":[{"shard":3,"told":[{"kind":"payment","currency":"CNY","approved":{"count":2,"amount":900}}]}]}`, "Directive d2: its source tells less than it told: it has gone back to an older backup", ""},
		{"reconciliation.contradicted", `{"id":"d2.x3"}`, "Decision d2.x3: the source that was given up was told of again", ""},
		{"reconciliation.refused", `{"id":"d2.x1","reason":"no"}`, "Decision d2.x1: refused or taken back", "no"},
		{"reconciliation.carried", `{"id":"d2.x1","failure":"gone"}`, "Decision d2.x1: the gate could not do it", "gone"},
		{"reconciliation.looked-after", `{"id":"d2.x3","expired":{"identity":"k","directive":"d2","amount":900,"currency":"CNY"},"care":"told","note":"by phone"}`, "Expired payment d2.x3, k of CNY\u00a09.00: The customer was told", "by phone"},
		{"reconciliation.carried", `{"id":"d2.x1"}`, "Decision d2.x1: carried out by the gate", ""},
	} {
		text, detail, ok := reconciled(locale.For(holdfast.En), view.Event{Kind: c.kind, Subject: "reconciliation/d2", Body: json.RawMessage(c.body)})
		if !ok || text != c.text || detail != c.detail {
			t.Errorf("%s %s: %q, %q", c.kind, c.body, text, detail)
		}
	}
}

func TestWhatAnActDoesToStandIn(t *testing.T) {
	t.Parallel()
	stood := response.Preview{StandIns: []string{"d7"}, StoodIn: 2, Pending: 3}
	for _, c := range []struct {
		act  string
		self bool
		of   response.Preview
		want []string
	}{
		{"stop", false, response.Preview{}, nil},
		{"stop", false, stood, []string{"effect.stood-in-stops", "effect.backlog-waits"}},
		{"limit", false, stood, []string{"effect.stood-in-stays"}},
		{"lift", false, stood, []string{"effect.stood-in-stays"}},
		{"lift", true, stood, []string{"effect.stood-in-ends", "effect.backlog-goes"}},
		{"lift", false, response.Preview{Pending: 3}, []string{"effect.backlog-goes"}},
		{"stand-in", true, response.Preview{Pending: 3}, []string{"effect.backlog-waits"}},
	} {
		p := locale.For(holdfast.En)
		var want []string
		for _, key := range c.want {
			n := int64(120)
			if strings.HasPrefix(key, "effect.backlog") {
				n = 3
			}
			want = append(want, p.T(key, "n", p.Int(n), "ids", "d7"))
		}
		if got := standInEffect(p, c.of, c.act, c.self); !slices.Equal(got, want) {
			t.Errorf("%s, on a stand-in %v: %q, want %q", c.act, c.self, got, want)
		}
	}
}
