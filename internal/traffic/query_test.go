package traffic

import (
	"reflect"
	"testing"

	"holdfast"
	"holdfast/internal/payment"
)

// busy has, in the second noon, payments that differ in everything.
func busy(t *testing.T) *Series {
	s := NewSeries()
	snap := Snapshot{Boot: "b", Sequence: 1, Second: noon}
	row := func(n, amount int64, change func(*Key)) {
		k := paid()
		change(&k)
		snap.Rows = append(snap.Rows, Row{Key: k, Cell: Cell{Count: n, Amount: amount, Latency: Latency{0, n}}})
	}
	row(10, 1000, func(*Key) {})
	row(5, 500, func(k *Key) { k.Channel, k.Currency = "app", "USD" })
	row(3, 0, func(k *Key) { k.Verdict, k.Reason, k.Outcome = "decline", "stopped", payment.NotDone })
	row(2, 20, func(k *Key) { k.Method, k.Outcome = "alipay", payment.Unknown })
	row(1, 30, func(k *Key) { k.Route, k.Kind = "refund", payment.Refund })
	row(4, 7, func(k *Key) { k.Currency, k.Outcome = "", payment.InFlight })
	row(6, 99, func(k *Key) { k.Currency = Other })
	add(t, s, noon, "east-1", snap)
	return s
}

func TestTotals(t *testing.T) {
	s := busy(t)
	for what, c := range map[string]struct {
		by   Dimension
		want map[string]int64
	}{
		"route":    {ByRoute, map[string]int64{"pay": 30, "refund": 1}},
		"channel":  {ByChannel, map[string]int64{"card": 26, "app": 5}},
		"method":   {ByMethod, map[string]int64{"visa": 29, "alipay": 2}},
		"kind":     {ByKind, map[string]int64{"payment": 30, "refund": 1}},
		"verdict":  {ByVerdict, map[string]int64{"forward": 28, "decline": 3}},
		"reason":   {ByReason, map[string]int64{"": 28, "stopped": 3}},
		"outcome":  {ByOutcome, map[string]int64{"done": 22, "not-done": 3, "unknown": 2, "in-flight": 4}},
		"currency": {ByCurrency, map[string]int64{"CNY": 16, "USD": 5, "": 4, Other: 6}},
		"nothing":  {nil, map[string]int64{"": 31}},
	} {
		got, err := s.Totals(Query{From: noon, To: noon + 1}, c.by)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int64{}
		for i, g := range got.Groups {
			counts[g.Name] = g.Count
			if i > 0 && got.Groups[i-1].Name >= g.Name {
				t.Errorf("%s: groups out of order", what)
			}
		}
		if !reflect.DeepEqual(counts, c.want) {
			t.Errorf("by %s: %v, want %v", what, counts, c.want)
		}
	}
	got, err := s.Totals(Query{From: noon, To: noon + 1, Where: func(k Key) bool { return k.Verdict == "forward" }}, ByVerdict)
	if err != nil {
		t.Fatal(err)
	}
	want := Totals{
		From: noon, To: noon + 1, Coverage: Coverage{Heard: 1, Expected: 1},
		Groups: []Group{{"forward", Sum{
			Count: 28, Latency: Latency{0, 28},
			Amounts: []holdfast.Money{{Minor: 7}, {Minor: 1050, Currency: "CNY"}, {Minor: 500, Currency: "USD"}},
		}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func TestSuccess(t *testing.T) {
	s := busy(t)
	all, err := s.Success(Query{From: noon, To: noon + 2})
	if want := (Success{Done: 22, Of: 27, Coverage: Coverage{Heard: 1, Expected: 2}}); err != nil || all != want {
		t.Errorf("got %+v, %v", all, err)
	}
	forwarded, err := s.Success(Query{From: noon, To: noon + 1, Where: func(k Key) bool { return k.Verdict == "forward" }})
	if err != nil || forwarded.Done != 22 || forwarded.Of != 24 {
		t.Errorf("forwarded: %+v, %v", forwarded, err)
	}
	if none, err := s.Success(Query{From: noon - 9, To: noon}); err != nil || none.Of != 0 || !none.Gap() {
		t.Errorf("before: %+v, %v", none, err)
	}
	if _, err := s.Success(Query{From: 5, To: 5}); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("an empty span: %v", err)
	}
}

func TestRate(t *testing.T) {
	s := NewSeries()
	for i := range int64(20) {
		if i != 14 {
			add(t, s, noon+i, "east-1", sent(noon+i, 10))
		}
	}
	add(t, s, noon+19, "west-1", sent(noon+19, 1))
	for _, c := range []struct {
		now, n int64
		want   Rate
	}{
		{noon + 10 + Settle, 10, Rate{Count: 100, Seconds: 10, Coverage: Coverage{10, 10}}},
		{noon + 16 + Settle, 4, Rate{Count: 30, Seconds: 3, Coverage: Coverage{3, 4}}},
		{noon + 20 + Settle, 1, Rate{Count: 11, Seconds: 1, Coverage: Coverage{2, 2}}},
		{noon + 22 + Settle, 4, Rate{Count: 21, Seconds: 2, Coverage: Coverage{3, 7}}},
		{noon + 500, 10, Rate{Coverage: Coverage{0, 20}}},
		{noon - 100, 10, Rate{}},
		{5, 600, Rate{}},
	} {
		if got, err := s.Rate(c.now, c.n, nil); err != nil || got != c.want {
			t.Errorf("%d seconds at noon%+d: %+v, %v; want %+v", c.n, c.now-noon, got, err, c.want)
		}
	}
	for _, n := range []int64{0, 601} {
		if _, err := s.Rate(noon, n, nil); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%d seconds: %v", n, err)
		}
	}
	if got, _ := s.Rate(noon+10+Settle, 10, func(Key) bool { return false }); got.Count != 0 || got.Seconds != 10 {
		t.Errorf("a rate of none: %+v", got)
	}
}

func TestPointsByTheMinute(t *testing.T) {
	s := NewSeries()
	for i := range int64(2 * 3600) {
		if i/60 != 30 {
			add(t, s, noon+i, "east-1", sent(noon+i, 1))
		}
	}
	points, err := s.Points(Query{From: noon + 61, To: noon + 7200}, 600)
	if err != nil || len(points) != 12 || points[0].At != noon {
		t.Fatalf("%d points, %v", len(points), err)
	}
	for i, p := range points {
		want := Coverage{Heard: 600, Expected: 600}
		if i == 3 {
			want.Heard = 540
		}
		if p.Coverage != want || p.Count != want.Heard {
			t.Errorf("point %d: %d payments, %+v", i, p.Count, p.Coverage)
		}
	}
	for _, c := range []struct {
		q    Query
		step int64
		ok   bool
	}{
		{Query{From: noon + 3600, To: noon + 7200}, 2, true},
		{Query{From: noon + 3599, To: noon + 7200}, 2, false}, // kept by the minute
		{Query{From: noon + 3599, To: noon + 7200}, 60, true},
		{Query{From: noon + 3600, To: noon + 7200}, 1, false}, // too many
		{Query{From: noon + 3600, To: noon + 7200}, 0, false},
		{Query{From: noon + 7200, To: noon}, 60, false},
		{Query{From: -1, To: noon}, 60, false},
		{Query{From: noon, To: noon + 50*3600}, 600, false},
	} {
		if _, err := s.Points(c.q, c.step); (err == nil) != c.ok || err != nil && holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("[%d, %d) by %d: %v", c.q.From-noon, c.q.To-noon, c.step, err)
		}
	}
}

// A span that ends in the minute in which counts by the second begin is counted
// in whole minutes, and says so.
func TestTotalsAtTheBorder(t *testing.T) {
	s := NewSeries()
	for i := range int64(3600 + 30) {
		add(t, s, noon+i, "east-1", sent(noon+i, 1))
		if sum, c := whole(t, s, noon, noon+60); i > 60 && (sum.Count != 60 || !c.Complete()) {
			t.Fatalf("%d s later: %d payments, %+v", i, sum.Count, c)
		}
	}
	for to, want := range map[int64]int64{30: 60, 31: 60, 60: 60, 61: 61, 100: 100} {
		got, err := s.Totals(Query{From: noon + 7, To: noon + to}, nil)
		if err != nil || got.From != noon || got.To != noon+want || got.Groups[0].Count != want || !got.Complete() {
			t.Errorf("to %d: %+v, %v; want to %d", to, got, err, want)
		}
	}
}

// What is older than 48 hours is gone, and is missing rather than zero.
func TestWhatIsGoneIsMissing(t *testing.T) {
	s := NewSeries()
	add(t, s, noon, "east-1", sent(noon, 5))
	later := noon + 48*3600 - 1
	add(t, s, later, "east-1", sent(later, 1))
	if sum, _ := whole(t, s, noon, noon+60); sum.Count != 5 {
		t.Errorf("%d payments in the first of 48 hours", sum.Count)
	}
	add(t, s, later+1, "east-1", sent(later+1, 1))
	if sum, c := whole(t, s, noon, noon+60); sum.Count != 0 || c != (Coverage{Heard: 0, Expected: 60}) {
		t.Errorf("after 48 hours: %d payments, %+v", sum.Count, c)
	}
}
