package reconciliation

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

// durable is a source of two shards that stood in by d1 until start, with so many approvals
// of one yuan in the first, all delivered.
func durable(approved int64) standin.Summary {
	s := told(2, []int{0, 1})
	for i := range s.Of {
		s.Of[i].Durable = true
		s.Of[i].Standing[0].Ended = start
	}
	all := standin.Tally{Count: approved, Amount: 100 * approved}
	s.Of[0].Balances = []standin.Balance{{Directive: "d1", Kind: standin.Payment, Currency: "CNY", Approved: all, Delivered: all}}
	return s
}

func (d *desk) account() (a Account) {
	d.t.Helper()
	d.service.Desk.State.View(func() {
		if _, found := Find(d.service.Sources(d.now), "d1"); found != nil {
			a = *found
		}
	})
	return a
}

// A source that tells less than it told is not closed out as if nothing were missing: two
// people sign that, all that it tells of comes first, and its gates close it.
func TestASourceGoesBack(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	d.now = start.Add(2 * time.Hour)
	open := durable(5)
	for _, delivered := range []int64{3, 4} { // the last word counts
		open.Of[0].Balances[0].Delivered = standin.Tally{Count: delivered, Amount: 100 * delivered}
		open.Of[0].Balances[0].Pending = standin.Tally{Count: 5 - delivered, Amount: 500 - 100*delivered}
		d.tell("east", open)
	}
	old := durable(3)
	old.Of[0].Balances[0].Delivered, old.Of[0].Balances[0].Pending = standin.Tally{}, old.Of[0].Balances[0].Approved
	old.Of[1].Standing = nil
	for range 3 {
		d.now = d.now.Add(time.Second)
		d.tell("east", old)
	}
	if n := d.facts(kindGoneBack); n != 1 {
		t.Errorf("recorded %d times", n)
	}
	two := standin.Tally{Count: 2, Amount: 200}
	want := []Missing{{standin.Payment, "CNY", Sums{Approved: two, Open: standin.Tally{Count: 1, Amount: 100}}}}
	if a := d.account(); !a.GoneBack || a.Holds || a.Explained || !slices.Equal(a.Missing, want) {
		t.Errorf("it is %+v", a)
	}
	form := LostForm{Directive: "d1", Reason: "the newest copy is gone", Evidence: "report 8"}
	if _, err := d.service.GiveUp(t.Context(), wang, form); code(err) != holdfast.Conflict {
		t.Errorf("signed before what it tells of is delivered: %v", err)
	}
	d.tell("east", durable(3))
	if _, err := d.service.Close(t.Context(), wang, "d1", "all is well"); code(err) != holdfast.Conflict {
		t.Errorf("closed out as usual: %v", err)
	}
	id, err := d.service.GiveUp(t.Context(), wang, form)
	if err != nil {
		t.Fatal(err)
	}
	d.tell("east", durable(2))
	if err := d.service.Answer(t.Context(), li, id, true, ""); code(err) != holdfast.Conflict {
		t.Errorf("agreed to other figures: %v", err)
	}
	d.tell("east", durable(3))
	if err := d.service.Answer(t.Context(), li, id, true, ""); err != nil {
		t.Fatal(err)
	}
	got := d.decision(id)
	if got.State != Ordered || !got.GivenUp() || !d.closedOut() || !slices.Equal(got.Lost.Missing, want) {
		t.Errorf("it is %+v", got)
	}
	if u := got.Untraced(); len(u) != 1 || u[0].Count != 1 || u[0].Amount != 100 {
		t.Errorf("lost track of %+v", u)
	}
	if a := d.account(); a.GoneBack || !a.Holds || a.Explained || a.Lost || !slices.Equal(a.Missing, want) {
		t.Errorf("signed, it is %+v", a)
	}
	if orders := d.tell("east", durable(3)); len(orders) != 2 || orders[0].ID != id+closing+"0" {
		t.Errorf("ordered %+v", orders)
	}
	d.tell("east", durable(5))
	if got := d.decision(id); got.State != Contradicted || d.closedOut() {
		t.Errorf("a newer backup tells of it, and it is %+v", got)
	}
	if a := d.account(); a.GoneBack || !a.Explained || len(a.Missing) > 0 {
		t.Errorf("with the newer backup it is %+v", a)
	}
	if _, err := d.service.Close(t.Context(), wang, "d1", "all is well"); err != nil {
		t.Errorf("and cannot be closed out: %v", err)
	}
}

// A backup from before the stand-in knows nothing of it. That is not the same as that no gate
// stood in.
func TestASourceFromBeforeTheStandIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	d.now = start.Add(2 * time.Hour)
	d.tell("east", durable(5))
	for range 2 {
		d.now = d.now.Add(time.Second)
		d.tell("west", standin.Summary{Source: "src1", At: start, Shards: 2, Of: []standin.ShardSummary{{Shard: 0, Epoch: 2}, {Shard: 1, Epoch: 2}}})
	}
	if a := d.account(); !a.GoneBack || len(a.Missing) != 1 || a.Missing[0].Approved.Count != 5 || a.Missing[0].Open.Count != 0 {
		t.Errorf("it is %+v", a)
	}
	d.service.Desk.State.View(func() {
		if Untouched(d.service.Sources(d.now), "src1", "d1", d.directives["d1"].LiftedAt) {
			t.Error("it is untouched")
		}
	})
	if _, err := d.service.GiveUp(t.Context(), wang, LostForm{Directive: "d1", Reason: "there is no newer copy", Evidence: "report 8"}); err != nil {
		t.Error(err)
	}
}

// What may rightly be told no more goes back behind nothing.
func TestNoSourceGoesBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		first, then func(*standin.Summary)
		known       bool // to the control plane
	}{
		{name: "as many", known: true, then: func(s *standin.Summary) { *s = durable(5) }},
		{name: "what a kill took back", known: true, first: func(s *standin.Summary) { s.Of[0].Durable = false }},
		{name: "it was closed", known: true, first: func(s *standin.Summary) { s.Of[0].Standing[0].Closed = start }},
		{name: "told late", known: true, then: func(s *standin.Summary) { s.At = start.Add(-time.Second) }},
		{name: "another decider is behind", known: true, first: func(s *standin.Summary) { s.Of[0].Epoch = 7 }},
		{name: "a directive of nobody"},
		{name: "the shard is not told of", known: true, then: func(s *standin.Summary) { s.Of = s.Of[1:] }},
	} {
		d := newDesk(t)
		if c.known {
			d.directives["d1"] = lifted()
		}
		first, then := durable(5), durable(3)
		if c.first != nil {
			c.first(&first)
		}
		if c.then != nil {
			c.then(&then)
		}
		d.tell("east", first)
		d.tell("west", first)
		d.tell("west", then)
		if n := d.facts(kindGoneBack); n != 0 {
			t.Errorf("%s: recorded %d times", c.name, n)
		}
	}
}

// What was told to another node, or before this one started, counts.
func TestWhatWasToldBeforeAStart(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	body, err := json.Marshal(Told{"east", start, durable(5)})
	if err != nil {
		t.Fatal(err)
	}
	d.now = start.Add(2 * time.Hour)
	d.tell("east", durable(3))
	if n := d.facts(kindGoneBack); n != 0 {
		t.Fatalf("recorded %d times before it was known", n)
	}
	if err := d.service.Board.take(journal.Document{Key: keepPrefix + "east/src1", Revision: 1, Body: body}); err != nil {
		t.Fatal(err)
	}
	d.tell("east", durable(3))
	if a := d.account(); !a.GoneBack || len(a.Missing) != 1 || a.Missing[0].Approved.Count != 2 {
		t.Errorf("it is %+v", a)
	}
}
