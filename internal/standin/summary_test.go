package standin_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// told is what a gate tells of shards, as it comes over the wire.
func told(t *testing.T, of ...standin.ShardSummary) standin.Summary {
	t.Helper()
	s := standin.Summary{Source: "src1", At: start, Shards: 16, Of: of}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var back standin.Summary
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(s, back) {
		t.Fatalf("it comes back as\n%+v\n%+v", s, back)
	}
	if err := back.Check(); err != nil {
		t.Fatal(err)
	}
	return back
}

func TestSummary(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("k1", "p1", 10000), standin.Approved, standin.None)
	h.want(pay("k2", "p1", 4000), standin.Approved, standin.None)
	h.want(pay("k3", "p2", 2000), standin.Approved, standin.None)
	h.apply(standin.Settle(h.s, standin.Came{Identity: "k1", Of: standin.Refuses}, h.now)...)
	of := told(t, standin.Summarize(h.s, 3, standin.Room{Open: 10}, h.now)).Of[0]
	if len(of.Standing) != 1 || of.Standing[0].Directive != "d1" || !of.Standing[0].Ended.IsZero() {
		t.Errorf("it stands in under %+v", of.Standing)
	}
	b := of.Balances[0]
	if !b.Holds() || b.Explained() || b.Approved != (standin.Tally{Count: 3, Amount: 16000}) || b.Pending.Count != 2 || b.Unresolved.Count != 1 {
		t.Errorf("balance %+v", b)
	}
	if len(of.Open) != 1 || of.Open[0].Identity != "k1" || of.Open[0].Why != standin.PrimaryRefused || !of.Open[0].Approved {
		t.Errorf("open exceptions %+v", of.Open)
	}
	if of.Oldest.IsZero() {
		t.Error("the oldest that is pending is missing")
	}
	uses := map[standin.Over]standin.Use{}
	for _, u := range of.Uses {
		uses[u.Over] = u
	}
	if u := uses[standin.Whole]; u.Used.Amount != 16000 || u.Limit.Amount != 100000 || u.Drawn.Amount < u.Used.Amount {
		t.Errorf("of all: %+v", u)
	}
	if u := uses[standin.EachPayer]; u.Used.Amount != 14000 {
		t.Errorf("of the largest payer: %+v", u)
	}
	if got := standin.Summarize(h.s, 3, standin.Room{}, h.now).Open; len(got) != 0 {
		t.Errorf("%d exceptions where none was asked for", len(got))
	}
}

func TestOrdersAreCarriedOutOnce(t *testing.T) {
	t.Parallel()
	h := newShard(t, aProfile())
	h.want(pay("k1", "p1", 1000), standin.Approved, standin.None)
	h.apply(standin.Settle(h.s, standin.Came{Identity: "k1", Of: standin.Refuses}, h.now)...)
	carry := func(o standin.Order) error {
		records, err := standin.Carry(h.s, aProfile(), o, h.now)
		h.apply(records...)
		return err
	}
	writeOff := standin.Order{ID: "x1", Directive: "d1", Identity: "k1", How: standin.WriteOff, By: "wang", Note: "lost"}
	if err := carry(writeOff); holdfast.CodeOf(err) != holdfast.Forbidden {
		t.Errorf("one person wrote off: %v", err)
	}
	writeOff.Second = "li"
	for range 2 { // the answer to the first was lost
		if err := carry(writeOff); err != nil {
			t.Fatal(err)
		}
	}
	other := writeOff
	other.How = standin.Accept
	if err := carry(other); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Errorf("it was resolved twice: %v", err)
	}
	closing := standin.Order{ID: "x2", Directive: "d1", By: "wang", Second: "li", Note: "done"}
	if err := carry(closing); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("closed while it stands in: %v", err)
	}
	h.apply(standin.End(h.s, "d1", h.now)...)
	for range 2 {
		if err := carry(closing); err != nil {
			t.Fatal(err)
		}
	}
	if got := told(t, standin.Summarize(h.s, 0, standin.Room{Open: 10}, h.now)).Of[0].Standing[0]; got.Closed.IsZero() || got.By != "wang, li" {
		t.Errorf("closed as %+v", got)
	}
}

func TestSummaryCheck(t *testing.T) {
	t.Parallel()
	shard := func() standin.ShardSummary {
		return standin.ShardSummary{
			Shard: 1, Balances: []standin.Balance{{Directive: "d1", Kind: standin.Payment, Currency: "CNY"}},
			Standing: []standin.Standing{{Directive: "d1", Opened: start}},
			Uses:     []standin.Use{{Directive: "d1", Over: standin.Whole, Currency: "CNY"}},
			Open:     []standin.OpenException{{Identity: "k", Directive: "d1", Kind: standin.Payment, Currency: "CNY", Why: standin.Expired, Since: start}},
		}
	}
	for name, spoil := range map[string]func(*standin.Summary){
		"no source":                      func(s *standin.Summary) { s.Source = "" },
		"no time":                        func(s *standin.Summary) { s.At = time.Time{} },
		"no shards":                      func(s *standin.Summary) { s.Shards = 0 },
		"too many shards":                func(s *standin.Summary) { s.Shards = standin.MaxShards + 1 },
		"a shard beyond":                 func(s *standin.Summary) { s.Of[0].Shard = 16 },
		"a shard twice":                  func(s *standin.Summary) { s.Of = append(s.Of, shard()) },
		"a negative rate":                func(s *standin.Summary) { s.Rate = -1 },
		"a negative figure":              func(s *standin.Summary) { s.Of[0].Balances[0].Pending.Count = -1 },
		"more looked after than expired": func(s *standin.Summary) { s.Of[0].Balances[0].Queue.LookedAfter.Count = 1 },
		"a sum beyond":                   func(s *standin.Summary) { s.Of[0].Balances[0].Pending.Amount = 1 << 60 },
		"a kind":                         func(s *standin.Summary) { s.Of[0].Balances[0].Kind = 9 },
		"a currency":                     func(s *standin.Summary) { s.Of[0].Balances[0].Currency = "RENMINBI" },
		"a directive":                    func(s *standin.Summary) { s.Of[0].Standing[0].Directive = "<b>" },
		"a use":                          func(s *standin.Summary) { s.Of[0].Uses[0].Used.Count = -1 },
		"no identity":                    func(s *standin.Summary) { s.Of[0].Open[0].Identity = "" },
		"a long identity":                func(s *standin.Summary) { s.Of[0].Open[0].Identity = strings.Repeat("k", 161) },
		"a reason":                       func(s *standin.Summary) { s.Of[0].Open[0].Why = 0 },
		"a decline":                      func(s *standin.Summary) { s.Declines = []standin.Decline{{Directive: "d1"}} },
		"an alarm":                       func(s *standin.Summary) { s.Alarms = []standin.Alarm{{Code: "x", Text: strings.Repeat("a", 301)}} },
		"a param": func(s *standin.Summary) {
			s.Alarms = []standin.Alarm{{Code: "x", Text: "x", Params: map[string]string{"a": strings.Repeat("a", 301)}}}
		},
		"a param's name": func(s *standin.Summary) {
			s.Alarms = []standin.Alarm{{Code: "x", Text: "x", Params: map[string]string{"{": "a"}}}
		},
		"too many params": func(s *standin.Summary) {
			s.Alarms = []standin.Alarm{{Code: "x", Text: "x", Params: map[string]string{"a": "", "b": "", "c": "", "d": "", "e": ""}}}
		},
		"an order":           func(s *standin.Summary) { s.Carried = []standin.Carried{{ID: "X"}} },
		"too many open ones": func(s *standin.Summary) { s.Of[0].Open = make([]standin.OpenException, standin.MaxOpen+1) },
	} {
		s := told(t, shard())
		if spoil(&s); s.Check() == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}

func FuzzSummary(f *testing.F) {
	f.Add([]byte(`{"source":"src1","at":"2026-11-26T02:00:00Z","shards":16,"of":[{"shard":3,"epoch":2,"balances":[{"directive":"d4","kind":"payment","currency":"CNY","approved":{"count":9,"amount":41200}}],"open":[{"identity":"app/k1","directive":"d4","kind":"payment","amount":1200,"currency":"CNY","why":"primary-refused","decided":"2026-11-26T01:12:00Z","since":"2026-11-26T01:40:00Z"}]}]}`))
	f.Add([]byte(`{"source":"s","at":"2026-11-26T02:00:00Z","shards":1,"rate":1e300}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var s standin.Summary
		if json.Unmarshal(body, &s) != nil || s.Check() != nil {
			return
		}
		again, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back standin.Summary
		if err := json.Unmarshal(again, &back); err != nil || back.Check() != nil {
			t.Fatalf("what was taken is not taken again: %v, %v", err, back.Check())
		}
	})
}
