package reconciliation

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

// newLog is a desk with d1 lifted, and a source that may go back.
func newLog(t *testing.T) *desk {
	t.Helper()
	d := newDesk(t)
	d.directives["d1"] = lifted()
	d.now = start.Add(2 * time.Hour)
	return d
}

// durable is a source of two shards that stood in by d1 until start, with so many approvals
// of one yuan in the first, all delivered.
func durable(approved int64) standin.Summary {
	s := told(2, []int{0, 1})
	for i := range s.Of {
		s.Of[i].Durable = true
		s.Of[i].Standing[0].Ended = start
	}
	s.Of[0].Balances = []standin.Balance{{Directive: "d1", Kind: standin.Payment, Currency: "CNY", Approved: yuan(approved), Delivered: yuan(approved)}}
	return s
}

// knowingNothing is the source when it does not know the stand-in.
func knowingNothing() standin.Summary {
	s := durable(0)
	for i := range s.Of {
		s.Of[i].Standing, s.Of[i].Balances = nil, nil
	}
	return s
}

func yuan(n int64) standin.Tally { return standin.Tally{Count: n, Amount: 100 * n} }

// open has some of the approvals pending.
func open(approved, pending int64) standin.Summary {
	s := durable(approved)
	s.Of[0].Balances[0].Delivered, s.Of[0].Balances[0].Pending = yuan(approved-pending), yuan(pending)
	return s
}

// next tells, a second later.
func (d *desk) next(gate string, s standin.Summary) []standin.Order {
	d.t.Helper()
	d.now = d.now.Add(time.Second)
	s.At = d.now
	s.Of = slices.Clone(s.Of)
	return d.tell(gate, s)
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

// misses holds the account to what is missing: so many approvals, of which so many may not
// have been settled. None: it has not gone back.
func (d *desk) misses(when string, approved, unsettled int64) {
	d.t.Helper()
	a := d.account()
	if a.GoneBack != (approved > 0) || approved > 0 && (a.Holds || a.Explained) {
		d.t.Errorf("%s: it is %+v", when, a)
	}
	var is Sums
	for _, m := range a.Missing {
		is.add(m.Sums)
	}
	if want := (Sums{Approved: yuan(approved), Open: yuan(unsettled)}); is != want {
		d.t.Errorf("%s: missing are %+v, not %+v", when, is, want)
	}
}

var givingUp = LostForm{Directive: "d1", Reason: "there is no newer copy", Evidence: "report 8"}

func (d *desk) giveUp() (id string) {
	d.t.Helper()
	id, err := d.service.GiveUp(d.t.Context(), wang, givingUp)
	if err == nil {
		err = d.service.Answer(d.t.Context(), li, id, true, "")
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

// A source that tells less than it told is not closed out as if nothing were missing: two
// people sign that, all that it tells of comes first, and its gates close it.
func TestASourceGoesBack(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	d.next("east", open(5, 3))
	d.next("east", open(5, 1)) // the last word counts
	for range 3 {
		d.next("east", open(3, 3))
	}
	if n := d.facts(kindGoneBack); n != 1 {
		t.Errorf("recorded %d times", n)
	}
	d.misses("older", 2, 1)
	if _, err := d.service.GiveUp(t.Context(), wang, givingUp); code(err) != holdfast.Conflict {
		t.Errorf("signed before what it tells of is delivered: %v", err)
	}
	d.next("east", durable(3))
	if _, err := d.service.Close(t.Context(), wang, "d1", "all is well"); code(err) != holdfast.Conflict {
		t.Errorf("closed out as usual: %v", err)
	}
	id, err := d.service.GiveUp(t.Context(), wang, givingUp)
	if err != nil {
		t.Fatal(err)
	}
	d.next("east", durable(2))
	if err := d.service.Answer(t.Context(), li, id, true, ""); code(err) != holdfast.Conflict {
		t.Errorf("agreed to other figures: %v", err)
	}
	if err := d.service.Answer(t.Context(), wang, id, false, "more is missing"); err != nil {
		t.Fatal(err)
	}
	id = d.giveUp()
	got := d.decision(id)
	if u := got.Untraced(); got.State != Ordered || !got.GivenUp() || !d.closedOut() || len(u) != 1 || u[0].Tally != yuan(1) {
		t.Errorf("it is %+v, and lost track of are %+v", got, u)
	}
	if a := d.account(); a.GoneBack || !a.Holds || a.Explained || a.Lost || len(a.Missing) != 1 || a.Missing[0].Approved != yuan(3) {
		t.Errorf("signed, it is %+v", a)
	}
	if orders := d.next("east", durable(2)); len(orders) != 2 || orders[0].ID != id+closing+"0" {
		t.Errorf("ordered %+v", orders)
	}
	closed := durable(2)
	for i := range closed.Of {
		closed.Of[i].Standing[0].Closed = start
	}
	d.next("east", closed)
	d.next("east", knowingNothing())
	if a := d.account(); a.GoneBack || d.decision(id).State != Ordered {
		t.Errorf("forgotten, it is %+v", a)
	}
}

// A newer backup tells of what was missing, before it is signed or after.
func TestANewerBackup(t *testing.T) {
	t.Parallel()
	for _, signed := range []bool{false, true} {
		d := newLog(t)
		d.next("east", durable(5))
		d.next("east", durable(3))
		d.misses("older", 2, 0)
		var id string
		if signed {
			id = d.giveUp()
		}
		d.next("east", durable(5))
		if got := d.decision(id); signed && (got.State != Contradicted || d.closedOut()) {
			t.Errorf("a newer backup tells of it, and it is %+v", got)
		}
		d.misses("newer", 0, 0)
		closing, err := d.service.Close(t.Context(), wang, "d1", "all is well")
		if err == nil {
			err = d.service.Answer(t.Context(), li, closing, true, "")
		}
		if err != nil {
			t.Errorf("and cannot be closed out: %v", err)
		}
		// Long after it was closed the shards know nothing of it.
		d.next("east", knowingNothing())
		d.misses("forgotten", 0, 0)
		if n := d.facts(kindGoneBack); n != 1 {
			t.Errorf("recorded %d times", n)
		}
	}
}

// What is approved after the source went back does not make up for what is missing, nor does
// one that was closed out or given up hide it.
func TestWhatIsMissingStaysMissing(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	stands := func(approved int64) standin.Summary {
		s := open(approved, approved)
		for i := range s.Of {
			s.Of[i].Standing[0].Ended = time.Time{}
		}
		return s
	}
	d.next("east", stands(5))
	d.next("east", stands(3))
	for approved := range int64(6) {
		d.next("east", stands(3+approved))
	}
	d.misses("in force", 2, 2)
	d.now = d.now.Add(time.Hour)
	d.next("east", stands(8))
	d.next("east", stands(6)) // and once more
	d.misses("again", 4, 4)
	if _, err := d.service.GiveUp(t.Context(), wang, givingUp); code(err) != holdfast.Conflict {
		t.Errorf("given up while it stands in: %v", err)
	}
	part := durable(6)
	part.Of[1].Standing[0].Ended = time.Time{}
	d.next("east", part)
	if _, err := d.service.GiveUp(t.Context(), wang, givingUp); code(err) != holdfast.Conflict {
		t.Errorf("given up while a shard stands in: %v", err)
	}
	d.next("east", durable(6))
	d.misses("ended", 4, 4)
	d.giveUp()
}

// A source that was given up for good comes back, from an older backup: what it told before
// is missing, and nobody has signed that.
func TestGivenUpAndGoneBack(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	d.next("east", open(5, 2))
	d.now = d.now.Add(time.Hour)
	id := d.giveUp()
	d.next("east", durable(3))
	d.next("east", durable(3))
	if got := d.decision(id); got.State != Contradicted {
		t.Errorf("it is %+v", got)
	}
	d.misses("back", 2, 2)
	d.giveUp()
}

// What told nothing of the stand-in does not hide that one from later tells less than was lost.
func TestGivenUpAndGoneBackTwice(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	d.next("east", open(5, 2))
	d.now = d.now.Add(time.Hour)
	id := d.giveUp()
	d.next("east", knowingNothing())
	if got := d.decision(id); got.State != Done || len(got.Untraced()) != 1 {
		t.Errorf("told of without the stand-in it is %+v", got)
	}
	d.now = d.now.Add(time.Hour)
	d.next("east", durable(3))
	if got := d.decision(id); got.State != Contradicted {
		t.Errorf("it is %+v", got)
	}
	d.misses("from later", 2, 2)
}

// A backup from before the stand-in knows nothing of it. That is not the same as that no gate
// stood in.
func TestASourceFromBeforeTheStandIn(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	d.next("east", durable(5))
	nothing := standin.Summary{Source: "src1", Shards: 2, Of: []standin.ShardSummary{{Shard: 0, Epoch: 2, Durable: true}, {Shard: 1, Epoch: 2, Durable: true}}}
	d.next("west", nothing)
	d.misses("older", 5, 0)
	d.service.Desk.State.View(func() {
		if Untouched(d.service.Sources(d.now), "src1", "d1", d.directives["d1"].LiftedAt) {
			t.Error("it is untouched")
		}
	})
	d.giveUp()
}

// Of two gates the one tells that took over last. One of an earlier epoch that goes on to tell
// does so from another log; until that is sure the figures are incomplete.
func TestTwoGatesTellOfAShard(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	later := durable(5)
	for i := range later.Of {
		later.Of[i].Epoch = 7
	}
	d.next("west", later)
	cut := durable(3)
	cut.Alarms = []standin.Alarm{standin.NewAlarm(standin.AlarmSource, "it does not answer", start)}
	for range 90 {
		d.next("east", cut) // it knows no better
	}
	d.misses("cut off", 0, 0)
	d.next("east", durable(3))
	if _, err := d.service.Close(t.Context(), wang, "d1", "all is well"); code(err) != holdfast.Conflict {
		t.Errorf("closed out while it is not known who tells: %v", err)
	}
	d.next("west", later) // east had not read yet that west took over
	d.misses("west tells", 0, 0)
	for range 62 {
		d.next("east", durable(3))
	}
	d.misses("east insists", 2, 0)
	d.giveUp()
}

// What may rightly be told no more goes back behind nothing.
func TestNoSourceGoesBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		first, then func(*standin.Summary)
		unknown     bool // to the control plane
	}{
		{name: "as many", then: func(s *standin.Summary) { *s = durable(5) }},
		{name: "what a kill took back", first: func(s *standin.Summary) { s.Of[0].Durable = false }},
		{name: "not durable yet", then: func(s *standin.Summary) { s.Of[0].Durable = false }},
		{name: "it was closed", first: func(s *standin.Summary) { s.Of[0].Standing[0].Closed = start }},
		{name: "a directive of nobody", unknown: true},
		{name: "the shard is not told of", then: func(s *standin.Summary) { s.Of = s.Of[1:] }},
		{name: "there is no room to tell of it", then: func(s *standin.Summary) {
			s.Of[0].Balances, s.Of[0].Standing = nil, nil
			for i := range standin.MaxFigures {
				s.Of[0].Standing = append(s.Of[0].Standing, standin.Standing{Directive: fmt.Sprint("e", i), Opened: start})
			}
			s.Of[0].Balances = durable(5).Of[0].Balances
		}},
	} {
		d := newLog(t)
		if c.unknown {
			delete(d.directives, "d1")
		}
		first, then := durable(5), durable(3)
		if c.first != nil {
			c.first(&first)
		}
		if c.then != nil {
			c.then(&then)
		}
		d.next("east", first)
		d.next("east", then)
		if n := d.facts(kindGoneBack); n != 0 {
			t.Errorf("%s: recorded %d times", c.name, n)
		}
	}
}

// What comes late, from the gate or by another node, takes nothing back.
func TestLateWords(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	west := durable(0)
	west.Of = west.Of[1:]
	east := func(approved int64) standin.Summary { s := durable(approved); s.Of = s.Of[:1]; return s }
	d.next("west", west)
	d.next("east", east(5))
	late := east(3)
	late.At = d.now.Add(-time.Minute)
	d.tell("east", late)
	d.next("west", west)
	other := east(8) // told to a node whose clock is behind
	other.At = d.now.Add(time.Second)
	d.take("east", Told{Heard: d.now.Add(-time.Minute), Summary: other})
	d.next("west", west)
	if n := d.facts(kindGoneBack); n != 0 {
		t.Errorf("recorded %d times", n)
	}
	ahead := east(8) // its clock was a day ahead once
	ahead.At = d.now.Add(24 * time.Hour)
	d.tell("east", ahead)
	d.next("east", east(8))
	for range 61 {
		d.next("east", east(3))
		d.next("west", west)
	}
	d.misses("a clock that went back", 5, 0)
}

// take has the board read a document.
func (d *desk) take(gate string, t Told) {
	d.t.Helper()
	body, err := json.Marshal(t)
	if err == nil {
		err = d.service.Board.take(journal.Document{Key: keepPrefix + nameOf(gate, t.Summary.Source), Revision: 99, Body: body})
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

// What was told to another node, or before this one started, counts: the last word of which
// all was durable, though more was told since. Two nodes that see the same record it once.
func TestWhatWasToldBeforeAStart(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	d.next("east", durable(5))
	busy := durable(6)
	busy.Of[0].Durable = false
	d.next("east", busy)
	var told Told
	for _, k := range d.service.Board.kept {
		told = k.Told
		told.Before = d.service.Board.before(told)
	}
	other := d.service.Board
	for _, first := range []bool{false, true} { // told here before that was read
		d.service.Board = NewBoard()
		if first {
			d.next("east", durable(3))
		}
		d.take("east", told)
		d.next("east", durable(3))
		d.misses("after a start", 2, 0)
	}
	d.service.Board = other
	d.next("east", durable(3))
	if n := d.facts(kindGoneBack); n != 1 {
		t.Errorf("recorded %d times", n)
	}
}

// Two nodes that see a fall between gates whose clocks are apart record it once.
func TestClocksOfGatesApart(t *testing.T) {
	t.Parallel()
	d := newLog(t)
	stands := durable(5)
	for i := range stands.Of {
		stands.Of[i].Standing[0].Ended = time.Time{}
	}
	less := open(3, 3)
	for i := range less.Of {
		less.Of[i].Epoch, less.Of[i].Standing[0].Ended = 2, time.Time{}
	}
	boards := []*Board{d.service.Board, NewBoard()}
	for i, approved := range []int64{4, 5} {
		d.service.Board = boards[i]
		stands.Of[0].Balances = durable(approved).Of[0].Balances
		stands.At = start.Add(time.Duration(i) * time.Second)
		d.tell("east", stands)
	}
	for i := range boards {
		d.service.Board = boards[i]
		less.At = start.Add(-5 * time.Second)
		d.tell("west", less)
	}
	d.misses("once", 2, 0)
}
