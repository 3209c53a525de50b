package traffic

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/payment"
)

// paid is the key of an ordinary payment.
func paid() Key {
	return Key{
		Route: "pay", Channel: "card", Method: "visa", Kind: payment.Pay,
		Verdict: "forward", Outcome: payment.Done, Currency: "CNY",
	}
}

func count(rows []Row) (n int64) {
	for _, r := range rows {
		n += r.Count
	}
	return n
}

func TestCounter(t *testing.T) {
	c := NewCounter(0)
	refund := paid()
	refund.Kind = payment.Refund
	for range 3 {
		c.Add(paid(), 100, 10*time.Millisecond)
	}
	c.Add(paid(), 50, 10*time.Millisecond+1)
	c.Add(refund, 7, time.Minute)
	c.Add(refund, -5, -1) // no amount, not measured

	s := c.Take(1000)
	if s.Boot == "" || s.Sequence != 1 || s.Second != 1000 || s.Folded != 0 || len(s.Rows) != 2 {
		t.Fatalf("got %+v", s)
	}
	if got := s.Rows[0]; got.Key != paid() || got.Cell != (Cell{Count: 4, Amount: 350, Latency: Latency{3, 1}}) {
		t.Errorf("payments: %+v", got)
	}
	if got := s.Rows[1]; got.Key != refund || got.Cell != (Cell{Count: 2, Amount: 7, Latency: Latency{7: 1}}) {
		t.Errorf("refunds: %+v", got)
	}
	if err := s.Check(); err != nil {
		t.Error(err)
	}
	if next := c.Take(1001); next.Sequence != 2 || next.Boot != s.Boot || len(next.Rows) != 0 || next.Check() != nil {
		t.Errorf("a second without payments: %+v", next)
	}
}

func TestWhatIsKeptOfAKey(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Key)
		want   func(*Key)
		amount int64
	}{
		"as it is":         {func(k *Key) { k.Channel = strings.Repeat("c", MaxText) }, func(k *Key) { k.Channel = strings.Repeat("c", MaxText) }, 5},
		"unread":           {func(k *Key) { k.Channel, k.Currency = "", "" }, func(k *Key) { k.Channel, k.Currency = "", "" }, 5},
		"too long":         {func(k *Key) { k.Method = strings.Repeat("c", MaxText+1) }, func(k *Key) { k.Method = Other }, 5},
		"not text":         {func(k *Key) { k.Channel = "\xff" }, func(k *Key) { k.Channel = Other }, 5},
		"a card number":    {func(k *Key) { k.Channel = "6222021234567890123" }, func(k *Key) { k.Channel = Other }, 5},
		"long currency":    {func(k *Key) { k.Currency = strings.Repeat("c", 1<<20) }, func(k *Key) { k.Currency = Other }, 0},
		"no kind":          {func(k *Key) { k.Kind = 200 }, func(k *Key) { k.Kind = payment.Other }, 5},
		"no outcome":       {func(k *Key) { k.Outcome = 200 }, func(k *Key) { k.Outcome = payment.Unknown }, 5},
		"a long reason":    {func(k *Key) { k.Reason = strings.Repeat("c", 65) }, func(k *Key) { k.Reason = Other }, 5},
		"a long route":     {func(k *Key) { k.Route = strings.Repeat("c", 65) }, func(k *Key) { k.Route = Other }, 5},
		"a verdict is not": {func(k *Key) { k.Verdict = "\xc0" }, func(k *Key) { k.Verdict = Other }, 5},
	} {
		given, want := paid(), paid()
		c.change(&given)
		c.want(&want)
		counter := NewCounter(0)
		counter.Add(given, 5, 0)
		counter.Add(given, 0, 0)
		s := counter.Take(1)
		if len(s.Rows) != 1 || s.Rows[0].Key != want || s.Rows[0].Count != 2 || s.Rows[0].Amount != c.amount {
			t.Errorf("%s: got %+v", what, s.Rows)
			continue
		}
		folded := int64(0)
		if given != want {
			folded = 2
		}
		if s.Folded != folded {
			t.Errorf("%s: %d folded, want %d", what, s.Folded, folded)
		}
	}
}

// Whatever the keys, none is lost, their number is bounded, and what was folded
// is said.
func TestCounterFolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 300).Draw(t, "limit")
		routes := rapid.SampledFrom([]int{1, 5, 1000}).Draw(t, "routes")
		channels := rapid.SampledFrom([]int{1, 20, 1000}).Draw(t, "channels")
		currencies := rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "currencies")
		c := NewCounter(limit)
		var total int64
		amounts := map[string]int64{}
		for i := range rapid.IntRange(0, 3000).Draw(t, "payments") {
			k := paid()
			k.Route = fmt.Sprint("r", i%routes)
			k.Channel = fmt.Sprint("c", i*7%channels)
			k.Currency = fmt.Sprint("x", i*11%currencies)
			k.Outcome = payment.Outcome(i % 4)
			c.Add(k, int64(i), 0)
			total++
			amounts[k.Currency] += int64(i)
		}
		s := c.Take(1)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		if len(s.Rows) > max(limit, minKeys) {
			t.Fatalf("%d keys, the limit is %d", len(s.Rows), limit)
		}
		if got := count(s.Rows); got != total {
			t.Fatalf("%d payments counted, %d added", got, total)
		}
		var folded int64
		lost := false
		for _, r := range s.Rows {
			if r.Channel == Other {
				folded += r.Count
			}
			if r.Currency == Other {
				lost = true
			}
			amounts[r.Currency] -= r.Amount
		}
		if s.Folded != folded {
			t.Fatalf("%d folded, said %d", folded, s.Folded)
		}
		for currency, left := range amounts {
			if !lost && left != 0 {
				t.Fatalf("%d %s are lost", left, currency)
			}
		}
	})
}

func TestFoldingKeepsTheLargest(t *testing.T) {
	c := NewCounter(128)
	for range 1000 {
		c.Add(paid(), 1, 0)
	}
	for i := range 10_000 {
		k := paid()
		k.Channel = fmt.Sprint("junk", i)
		c.Add(k, 1, 0)
	}
	s := c.Take(1)
	other := paid().fold(1)
	if s.Rows[0].Key != other || s.Rows[1].Key != paid() || s.Rows[1].Count != 1000 {
		t.Errorf("the largest rows are %+v, %+v", s.Rows[0], s.Rows[1])
	}
}

// Nothing is lost between Add and the totals of a Series while all goes on at
// once and half of what comes is delivered twice.
func TestNothingIsLost(t *testing.T) {
	const workers, each = 4, 5000
	c, series := NewCounter(128), NewSeries()
	var adding, taking sync.WaitGroup
	for w := range workers {
		adding.Go(func() {
			for i := range each {
				k := paid()
				k.Channel = fmt.Sprint("c", i%(1+300*(w%2)))
				k.Outcome = payment.Outcome(i % 4)
				c.Add(k, 3, time.Duration(i)*time.Microsecond)
			}
		})
	}
	stop := make(chan struct{})
	deliver := func(second int64) {
		s := c.Take(second)
		for range 1 + second%2 {
			if err := series.Add(second, "east-1", s); err != nil {
				t.Error(err)
			}
		}
	}
	last := int64(1_000_000)
	taking.Go(func() {
		for ; ; last++ {
			deliver(last)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	adding.Wait()
	close(stop)
	taking.Wait()
	last++
	deliver(last)

	totals, err := series.Totals(Query{From: 1_000_000 - 60, To: last + 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := totals.Groups[0]
	if g.Count != workers*each || len(g.Amounts) != 1 || g.Amounts[0].Minor != 3*workers*each {
		t.Errorf("got %d payments of %v, want %d of %d", g.Count, g.Amounts, workers*each, 3*workers*each)
	}
	var measured int64
	for _, n := range g.Latency {
		measured += n
	}
	if measured != workers*each {
		t.Errorf("%d latencies", measured)
	}
}

func TestAddDoesNotAllocateForAKnownKey(t *testing.T) {
	c := NewCounter(0)
	for range 1000 { // every shard knows it
		c.Add(paid(), 1, 0)
	}
	if n := testing.AllocsPerRun(1000, func() { c.Add(paid(), 1, time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		latency Latency
		share   float64
		bound   int64
		known   bool
	}{
		{Latency{}, 0.5, 0, false},
		{Latency{99, 1}, 0.99, 10, true},
		{Latency{98, 1, 1}, 0.99, 50, true},
		{Latency{1, 0, 0, 0, 0, 0, 1}, 1, 30000, true},
		{Latency{7: 1}, 0.5, 0, false},
	} {
		if bound, known := c.latency.Within(c.share); bound != c.bound || known != c.known {
			t.Errorf("%v within %v: %d, %v", c.latency, c.share, bound, known)
		}
	}
}

func BenchmarkAdd(b *testing.B) {
	b.Run("one", func(b *testing.B) {
		c := NewCounter(0)
		b.ReportAllocs()
		for b.Loop() {
			c.Add(paid(), 100, time.Millisecond)
		}
	})
	b.Run("parallel", func(b *testing.B) {
		c := NewCounter(0)
		keys := make([]Key, 32)
		for i := range keys {
			keys[i] = paid()
			keys[i].Channel = fmt.Sprint("c", i)
		}
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				c.Add(keys[i%len(keys)], 100, time.Millisecond)
			}
		})
	})
	b.Run("attack", func(b *testing.B) {
		c := NewCounter(0)
		keys := make([]Key, 10_000)
		for i := range keys {
			keys[i] = paid()
			keys[i].Channel = fmt.Sprint("junk", i)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			c.Add(keys[i%len(keys)], 100, time.Millisecond)
		}
	})
}

func BenchmarkTake(b *testing.B) {
	c := NewCounter(0)
	k := paid()
	for b.Loop() {
		for i := range 4 {
			k.Outcome = payment.Outcome(i)
			c.Add(k, 1, 0)
		}
		c.Take(1)
	}
}
