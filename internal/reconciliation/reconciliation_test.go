package reconciliation

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

var (
	start = time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	wang  = holdfast.Actor{Kind: holdfast.Account, ID: "wang", Name: "Wang"}
	li    = holdfast.Actor{Kind: holdfast.Account, ID: "li", Name: "Li"}
)

// desk is a service over a journal in memory.
type desk struct {
	t       *testing.T
	now     time.Time
	service *Service
	book    *Book
	// directives are those that there are, by number.
	directives map[string]*directive.Directive
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	store := journal.NewMemory("test")
	d := &desk{t: t, now: start, book: NewBook(), directives: map[string]*directive.Directive{}}
	gates := enrolment.NewBook()
	state := journal.NewState(store, holdfast.Head{Journal: "test", Epoch: 1, Hash: journal.Genesis("test")}, d.book, gates)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- state.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	d.service = &Service{
		Desk:  &journal.Desk{Journal: store, State: state, Now: func() time.Time { return d.now }},
		Board: NewBoard(),
		Nouns: Nouns{
			Book: d.book, Gates: gates, Named: func() map[string]string { return nil }, Directive: func(id string) *directive.Directive { return d.directives[id] },
			Above: func(directive string) (int64, bool) { return 5000, directive == "d1" },
			Owner: func(directive string) string { return map[string]string{"d1": "desk"}[directive] },
			Fills: func(account, role string, _ time.Time) bool { return account == "wang" && role == "desk" },
		},
	}
	return d
}

func (d *desk) tell(gate string, s standin.Summary) []standin.Order {
	d.t.Helper()
	if err := s.Check(); err != nil {
		d.t.Fatal(err)
	}
	orders, err := d.service.Told(d.t.Context(), gate, s)
	if err != nil {
		d.t.Fatal(err)
	}
	return orders
}

func (d *desk) decision(id string) (found Decision) {
	d.service.Desk.State.View(func() {
		if one, some := d.book.Decision(id); some {
			found = *one
		}
	})
	return found
}

func exception(identity string, amount int64, why standin.Why) standin.OpenException {
	return standin.OpenException{Identity: identity, Directive: "d1", Kind: standin.Payment, Amount: amount, Currency: "CNY", Why: why, Decided: start, Since: start, Approved: true}
}

// told is a gate that decides for shards, with open exceptions in the first.
func told(shards int, mine []int, open ...standin.OpenException) standin.Summary {
	s := standin.Summary{Source: "src1", At: start, Shards: shards}
	for i, n := range mine {
		of := standin.ShardSummary{Shard: n, Epoch: 1, Standing: []standin.Standing{{Directive: "d1", Opened: start}}}
		if i == 0 {
			of.Open = open
			n := int64(len(open))
			of.Balances = []standin.Balance{{Directive: "d1", Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: n}, Exception: standin.Tally{Count: n}, Unresolved: standin.Tally{Count: n}}}
		}
		s.Of = append(s.Of, of)
	}
	return s
}

func code(err error) holdfast.Code { return holdfast.CodeOf(err) }

func TestAnExceptionIsOrderedUntilTheGateHasDoneIt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell("east", told(2, []int{1}, exception("k1", 900, standin.PrimaryRefused)))
	form := Form{Identity: "k1", How: standin.Reverse, Note: "refunded at the counter"}
	id, err := d.service.Resolve(t.Context(), wang, form)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.service.Resolve(t.Context(), li, form); code(err) != holdfast.Conflict {
		t.Errorf("decided twice: %v", err)
	}
	if got := d.tell("west", told(2, []int{0})); len(got) != 0 {
		t.Errorf("a gate that does not decide for the shard is told %+v", got)
	}
	for range 2 { // again and again, until it is done
		got := d.tell("east", told(2, []int{1}, exception("k1", 900, standin.PrimaryRefused)))
		if len(got) != 1 || got[0] != (standin.Order{ID: id, Shard: 1, Directive: "d1", Identity: "k1", How: standin.Reverse, By: "wang", Note: form.Note}) {
			t.Fatalf("orders %+v", got)
		}
	}
	done := told(2, []int{1})
	done.Carried = []standin.Carried{{ID: id}, {ID: "d1.x9"}}
	if got := d.tell("east", done); len(got) != 0 {
		t.Errorf("still ordered: %+v", got)
	}
	if got := d.decision(id); got.State != Done || got.Gate != "east" {
		t.Errorf("it is %+v", got)
	}
}

func TestASecondPerson(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		directive string
		amount    int64
		how       standin.Resolution
		two       bool
	}{
		{"little", "d1", 5000, standin.Accept, false},
		{"much", "d1", 5001, standin.Accept, true},
		{"much, but sent again", "d1", 5001, standin.Retry, false},
		{"a loss", "d1", 1, standin.WriteOff, true},
		{"a profile that is not known", "d2", 1, standin.Accept, true},
	} {
		d := newDesk(t)
		e := exception("k1", c.amount, standin.Exhausted)
		e.Directive = c.directive
		d.tell("east", told(1, []int{0}, e))
		id, err := d.service.Resolve(t.Context(), wang, Form{Identity: "k1", How: c.how, Note: "a note"})
		if err != nil {
			t.Fatal(err)
		}
		if got := len(d.tell("east", told(1, []int{0}, e))) == 0; got != c.two {
			t.Errorf("%s: waits for a second person: %v", c.name, got)
		}
		if !c.two {
			continue
		}
		if err := d.service.Answer(t.Context(), wang, id, true, ""); code(err) != holdfast.Forbidden {
			t.Errorf("%s: who asked agreed, too: %v", c.name, err)
		}
		if err := d.service.Answer(t.Context(), li, id, true, ""); err != nil {
			t.Fatal(err)
		}
		if got := d.tell("east", told(1, []int{0}, e)); len(got) != 1 || got[0].Second != "li" {
			t.Errorf("%s: ordered %+v", c.name, got)
		}
		if err := d.service.Answer(t.Context(), li, id, false, "no"); code(err) != holdfast.Conflict {
			t.Errorf("%s: answered twice: %v", c.name, err)
		}
	}
}

func TestWhatIsRefusedOrFailedIsOpenAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	summary := told(1, []int{0}, exception("k1", 1, standin.Expired))
	d.tell("east", summary)
	ask := func(how standin.Resolution) string {
		id, err := d.service.Resolve(t.Context(), wang, Form{Identity: "k1", How: how, Note: "a note"})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	id := ask(standin.WriteOff)
	if err := d.service.Answer(t.Context(), wang, id, false, "a mistake"); err != nil {
		t.Fatal("it cannot be taken back:", err)
	}
	if got := d.decision(id); got.State != Refused || got.Reason != "a mistake" {
		t.Errorf("it is %+v", got)
	}
	id = ask(standin.Confirm)
	summary.Carried = []standin.Carried{{ID: id, Refused: "there is no such payment"}}
	d.tell("east", summary)
	if got := d.decision(id); got.State != Failed || got.Failure == "" {
		t.Errorf("it is %+v", got)
	}
	if again := ask(standin.Accept); again == id {
		t.Error("two decisions have one id")
	}
}

func TestWhatIsAskedForIsChecked(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.tell("east", told(1, []int{0}, exception("k1", 1, standin.DoneThoughReversed)))
	for name, c := range map[string]struct {
		form Form
		want holdfast.Code
	}{
		"no such payment": {Form{Identity: "k2", How: standin.Accept, Note: "a note"}, holdfast.NotFound},
		"no note":         {Form{Identity: "k1", How: standin.Accept, Note: " "}, holdfast.Invalid},
		"a long note":     {Form{Identity: "k1", How: standin.Accept, Note: strings.Repeat("a", longestNote+1)}, holdfast.Invalid},
		"no end":          {Form{Identity: "k1", How: 0, Note: "a note"}, holdfast.Invalid},
		"sent again though the primary has done it": {Form{Identity: "k1", How: standin.Retry, Note: "a note"}, holdfast.Invalid},
	} {
		if _, err := d.service.Resolve(t.Context(), wang, c.form); code(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	id, err := d.service.Resolve(t.Context(), wang, Form{Identity: "k1", How: standin.Accept, Note: "card 4111 1111 1111 1111"})
	if err != nil || strings.Contains(d.decision(id).Note, "4111 1111 1111") {
		t.Errorf("the note is %q, %v", d.decision(id).Note, err)
	}
}

// S20: closed by two people, with the figures, only when nothing is left to explain.
func TestCloseOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ask := func() (string, error) { return d.service.Close(t.Context(), wang, "d1", "all accounted for") }
	refused := func(why string, want holdfast.Code) {
		t.Helper()
		if _, err := ask(); code(err) != want {
			t.Errorf("%s: %v", why, err)
		}
	}
	refused("nothing was told", holdfast.NotFound)
	s := told(2, []int{0})
	s.Of[0].Balances[0] = standin.Balance{Directive: "d1", Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: 3, Amount: 30}, Delivered: standin.Tally{Count: 2, Amount: 20}, Pending: standin.Tally{Count: 1, Amount: 10}}
	d.tell("east", s)
	refused("it stands in", holdfast.Conflict)
	s.Of[0].Standing[0].Ended = start
	d.tell("east", s)
	refused("a shard was not told of", holdfast.Conflict)
	west := told(2, []int{1})
	west.Of[0].Standing[0].Ended = start
	west.Of[0].Balances = nil
	d.tell("west", west)
	refused("one is pending", holdfast.Conflict)
	s.Of[0].Balances[0].Pending, s.Of[0].Balances[0].Delivered = standin.Tally{}, standin.Tally{Count: 3, Amount: 30}
	d.tell("east", s)
	d.now = d.now.Add(2 * oldFigures)
	refused("the figures are old", holdfast.Conflict)
	d.tell("east", s)
	d.tell("west", west)
	id, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	refused("it was asked for", holdfast.Conflict)
	if got := d.tell("east", s); len(got) != 0 {
		t.Errorf("ordered by one person: %+v", got)
	}
	s.Of[0].Balances[0].Approved.Count = 4
	d.tell("east", s)
	if err := d.service.Answer(t.Context(), li, id, true, ""); code(err) != holdfast.Conflict {
		t.Errorf("signed though it does not add up: %v", err)
	}
	s.Of[0].Balances[0].Approved.Count = 3
	d.tell("east", s)
	if err := d.service.Answer(t.Context(), li, id, true, ""); err != nil {
		t.Fatal(err)
	}
	if got := d.decision(id).Figures; len(got) != 1 || got[0].Approved.Amount != 30 {
		t.Errorf("signed with %+v", got)
	}
	for gate, sum := range map[string]*standin.Summary{"east": &s, "west": &west} {
		got := d.tell(gate, *sum)
		if len(got) != 1 || got[0].Identity != "" || got[0].By != "wang" || got[0].Second != "li" || got[0].Shard != sum.Of[0].Shard || got[0].ID == id {
			t.Errorf("%s is told %+v", gate, got)
		}
		sum.Of[0].Standing[0].Closed = start
		sum.Carried = []standin.Carried{{ID: got[0].ID}}
		if got := d.tell(gate, *sum); len(got) != 0 {
			t.Errorf("%s is told again %+v", gate, got)
		}
	}
	if got := d.decision(id); got.State != Ordered {
		t.Errorf("a close-out that was carried out is %s", got.State)
	}
	if _, a := Find(d.service.Board.Sources(d.now), "d1"); !a.Settled {
		t.Errorf("it is %+v", a)
	}
}

// While a shard changes hands two gates tell of it: it counts once, by its later
// decider, whatever the order in which they are heard.
func TestSumsCountEachShardOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(1, 4).Draw(t, "shards")
		gates := map[string]*standin.Summary{}
		var want standin.Tally
		for n := range shards {
			last := rapid.IntRange(1, 3).Draw(t, "deciders")
			for epoch := 1; epoch <= last; epoch++ {
				name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "gate")
				if gates[name] == nil {
					gates[name] = &standin.Summary{Source: "src1", At: start, Shards: shards}
				}
				amount := rapid.Int64Range(0, 1000).Draw(t, "amount")
				of := standin.ShardSummary{Shard: n, Epoch: uint64(epoch), Balances: []standin.Balance{{
					Directive: "d1", Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: 1, Amount: amount}, Delivered: standin.Tally{Count: 1, Amount: amount},
				}}}
				g := gates[name]
				g.Of = append(without(g.Of, n), of)
				if epoch == last {
					want.Count, want.Amount = want.Count+1, want.Amount+amount
				}
			}
		}
		var list []Told
		for name, s := range gates {
			list = append(list, Told{Gate: name, Heard: start, Summary: *s})
		}
		list = rapid.Permutation(list).Draw(t, "order")
		got := Sum(list, start)
		if len(got) != 1 || got[0].Heard != shards || len(got[0].Accounts) != 1 {
			t.Fatalf("sums %+v", got)
		}
		if a := got[0].Accounts[0]; !a.Holds || !a.Explained || a.Lines[0].Approved != want {
			t.Fatalf("account %+v, want %+v", a, want)
		}
	})
}

func without(of []standin.ShardSummary, n int) (list []standin.ShardSummary) {
	for _, s := range of {
		if s.Shard != n {
			list = append(list, s)
		}
	}
	return list
}

func TestSumOfASource(t *testing.T) {
	t.Parallel()
	of := func(n int, used, pending int64) standin.ShardSummary {
		return standin.ShardSummary{Shard: n, Oldest: start.Add(-time.Duration(n) * time.Minute), Uses: []standin.Use{
			{Directive: "d1", Over: standin.Whole, Currency: "CNY", Limit: standin.Tally{Amount: 100}, Used: standin.Tally{Amount: used}, Drawn: standin.Tally{Amount: used}},
			{Directive: "d1", Over: standin.EachPayer, Currency: "CNY", Limit: standin.Tally{Amount: 100}, Used: standin.Tally{Amount: used}},
		}, Balances: []standin.Balance{{Directive: "d1", Kind: standin.Payment, Currency: "CNY", Approved: standin.Tally{Count: pending}, Pending: standin.Tally{Count: pending}}}}
	}
	decline := []standin.Decline{{Directive: "d1", Reason: "stale", Currency: "CNY", Tally: standin.Tally{Count: 2, Amount: 7}}}
	list := []Told{
		{Gate: "a", Heard: start, Summary: standin.Summary{Source: "src1", Shards: 3, Of: []standin.ShardSummary{of(0, 10, 30)}, Rate: 1, Budget: 2, Payers: start, Declines: decline}},
		{Gate: "b", Heard: start.Add(-time.Second), Summary: standin.Summary{Source: "src1", Shards: 3, Of: []standin.ShardSummary{of(1, 30, 30)}, Rate: 2, Budget: 2, Payers: start.Add(-time.Hour), Declines: decline}},
		{Gate: "silent", Heard: start.Add(-time.Hour), Summary: standin.Summary{Source: "src1", Shards: 3, Rate: 100, Alarms: []standin.Alarm{{Code: "x", Text: "x"}}}},
	}
	s := Sum(list, start)[0]
	if s.Heard != 2 || s.Shards != 3 || s.Accounts[0].Holds || s.Accounts[0].Explained {
		t.Errorf("a shard that nobody told of counts: %+v", s)
	}
	if s.Uses[0].Used.Amount != 40 || s.Uses[1].Used.Amount != 30 {
		t.Errorf("uses %+v", s.Uses)
	}
	if s.Rate != 3 || len(s.Alarms) != 0 || s.Pending.Count != 60 || !s.Clears.Equal(s.AsOf.Add(20*time.Second)) {
		t.Errorf("60 at 3 a second are clear at %s: %+v", s.Clears, s)
	}
	if !s.Oldest.Equal(start.Add(-time.Minute)) || !s.Payers.Equal(start.Add(-time.Hour)) || !s.AsOf.Equal(start.Add(-time.Second)) {
		t.Errorf("times %+v", s)
	}
	if len(s.Declines) != 1 || s.Declines[0].Tally != (standin.Tally{Count: 4, Amount: 14}) {
		t.Errorf("declines %+v", s.Declines)
	}
}

// What gates told survives a node, and reaches the other nodes, whoever wrote it last.
func TestBoardIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := journal.NewMemory("test")
		ctx, cancel := context.WithCancel(t.Context())
		run := func(b *Board) {
			go func() {
				if err := b.Run(ctx, store, slog.New(slog.DiscardHandler)); err != nil {
					t.Error(err)
				}
			}()
		}
		sum := func(amount int64) standin.Summary {
			s := told(1, []int{0})
			s.Of[0].Balances[0].Approved.Amount = amount
			return s
		}
		amount := func(b *Board) int64 {
			all := b.Sources(time.Now())
			if len(all) == 0 {
				return -1
			}
			return all[0].Accounts[0].Lines[0].Approved.Amount
		}
		first, second := NewBoard(), NewBoard()
		run(first)
		run(second)
		for n, b := range []*Board{first, second, first, first} {
			b.put("east", sum(int64(n)), time.Now())
			time.Sleep(5 * keepEvery)
			synctest.Wait()
			if amount(first) != int64(n) || amount(second) != int64(n) {
				t.Errorf("told %d, the nodes have %d and %d", n, amount(first), amount(second))
			}
		}
		third := NewBoard()
		run(third)
		synctest.Wait()
		if amount(third) != 3 {
			t.Errorf("a node that starts has %d", amount(third))
		}
		first.put("east", sum(4), time.Now())
		cancel() // before the next tick
		synctest.Wait()
		fourth := NewBoard()
		if err := fourth.load(t.Context(), store); err != nil || amount(fourth) != 4 {
			t.Errorf("after an orderly stop the next one has %d: %v", amount(fourth), err)
		}
	})
}

func FuzzTold(f *testing.F) {
	body, err := json.Marshal(Told{Heard: start, Summary: told(2, []int{1}, exception("k1", 1, standin.Expired))})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"heard":"2026-11-26T02:00:00Z","summary":{"source":"s","at":"2026-11-26T02:00:00Z","shards":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		told, err := decodeTold(body)
		if err != nil {
			return
		}
		for _, s := range Sum([]Told{told}, start) {
			for _, a := range s.Accounts {
				for _, l := range a.Lines {
					if l.Holds != (l.Difference == standin.Tally{}) {
						t.Fatalf("a line holds, with a difference: %+v", l)
					}
				}
			}
		}
	})
}

// A directive that was lifted before a gate stood in by it needs no close-out, once every
// shard was told of after that.
func TestUntouched(t *testing.T) {
	t.Parallel()
	lifted := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	whole := Source{ID: "s", Shards: 4, Heard: 4, AsOf: lifted.Add(2 * time.Minute), Accounts: []Account{{Directive: "d1"}}}
	with := func(change func(*Source)) []Source { s := whole; change(&s); return []Source{s} }
	for name, tt := range map[string]struct {
		sources   []Source
		directive string
		lifted    time.Time
		want      bool
	}{
		"no shard knows it":       {with(func(*Source) {}), "d2", lifted, true},
		"one does":                {with(func(*Source) {}), "d1", lifted, false},
		"a shard was not told of": {with(func(s *Source) { s.Heard = 3 }), "d2", lifted, false},
		"told of before the lift": {with(func(s *Source) { s.AsOf = lifted.Add(time.Second) }), "d2", lifted, false},
		"it is in force":          {with(func(*Source) {}), "d2", time.Time{}, false},
		"another source":          {with(func(s *Source) { s.ID = "t" }), "d2", lifted, false},
		"no gate tells":           {nil, "d2", lifted, false},
	} {
		if got := Untouched(tt.sources, "s", tt.directive, tt.lifted); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
