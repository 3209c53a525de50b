package traffic

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"holdfast/internal/payment"
)

// The estimate keeps its standard error over sizes and seeds; of few payers it is
// nearly exact.
func TestPayersError(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 10, 100, 1000, 5000, 20_000, 200_000} {
		const seeds = 20
		var squares float64
		for seed := range seeds {
			rng := rand.New(rand.NewPCG(uint64(seed), 7))
			var s sketch
			for range n {
				payer := fmt.Sprint("62284800", rng.Uint64())
				s.add(payerHash(payer))
				s.add(payerHash(payer)) // who tries again is one payer
			}
			off := float64(s.estimate()-int64(n)) / max(1, float64(n))
			squares += off * off
		}
		limit := 1.5 * PayersError
		if n <= 10 {
			limit = 0.05
		}
		if rms := math.Sqrt(squares / seeds); rms > limit {
			t.Errorf("%d payers: %.1f %% off", n, 100*rms)
		}
	}
}

// Payers that differ in their last digit only, as numbers of cards and accounts do.
func TestPayersInARow(t *testing.T) {
	t.Parallel()
	var s sketch
	for i := range 50_000 {
		s.add(payerHash(fmt.Sprintf("%019d", i)))
	}
	if n := s.estimate(); n < 46_500 || n > 53_500 {
		t.Errorf("50000 payers are counted as %d", n)
	}
}

// The sketch of two groups together is that of all of them, in any order, and is read
// as it was written.
func TestPayersMerge(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var one, other, all, read sketch
		for _, payer := range rapid.SliceOf(rapid.String()).Draw(t, "payers") {
			half := &one
			if rapid.Bool().Draw(t, "half") {
				half = &other
			}
			half.add(payerHash(payer))
			all.add(payerHash(payer))
		}
		p := one.pack()
		if what := p.fault(); what != "" {
			t.Fatal(what)
		}
		read.unpack(p)
		if read != one {
			t.Fatal("read back as another")
		}
		read.unpack(other.pack())
		one.merge(&other)
		if read != all || one != all {
			t.Fatal("together they are another")
		}
	})
}

func TestPayersOfGates(t *testing.T) {
	t.Parallel()
	s := NewSeries()
	east, west := NewCounter(0), NewCounter(0)
	for i := range 12 {
		east.AddPayer(PayerDeclined, fmt.Sprint("p", i))
		west.AddPayer(PayerDeclined, fmt.Sprint("p", i+8)) // four of them at both gates
	}
	east.AddPayer(PayerUnknown, "p1")
	add(t, s, noon, "east-1", east.Take(noon))
	add(t, s, noon, "west-1", west.Take(noon))
	c, err := s.Payers(noon, noon+1)
	if err != nil || c.By != [fates]int64{PayerDeclined: 20, PayerUnknown: 1} || c.All != 20 || c.AtLeast || !c.Complete() {
		t.Errorf("%+v, %v", c, err)
	}

	// A minute later somebody meets it again, and one who was not met before.
	west.AddPayer(PayerFailed, "p3")
	west.AddPayer(PayerFailed, "p99")
	add(t, s, noon+60, "west-1", west.Take(noon+60))
	if c, err := s.Payers(noon, noon+61); err != nil || c.All != 21 || c.By[PayerFailed] != 2 || c.Complete() {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := s.Payers(noon+60, noon+61); err != nil || c.All != 2 {
		t.Errorf("%+v, %v", c, err)
	}
	if c, err := s.Payers(noon+600, noon+601); err != nil || c.All != 0 || !c.Gap() {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := s.Payers(noon, noon); err == nil {
		t.Error("an empty span was taken")
	}
}

// Where somebody cannot be counted, the number is a lower bound.
func TestPayersMissing(t *testing.T) {
	t.Parallel()
	failed := paid()
	failed.Outcome = payment.NotDone
	for what, snap := range map[string]func(c *Counter) Snapshot{
		"unread": func(c *Counter) Snapshot { c.AddPayer(PayerFailed, ""); return c.Take(noon) },
		"a gate of before": func(c *Counter) Snapshot {
			c.Add(failed, 5, 0)
			snap := c.Take(noon)
			snap.Payers = Payers{}
			return snap
		},
	} {
		s := NewSeries()
		add(t, s, noon, "east-1", snap(NewCounter(0)))
		if c, err := s.Payers(noon, noon+1); err != nil || !c.AtLeast {
			t.Errorf("%s: %+v, %v", what, c, err)
		}
	}
	s := NewSeries()
	c := NewCounter(0)
	c.Add(paid(), 5, 0)
	snap := c.Take(noon)
	snap.Payers = Payers{}
	add(t, s, noon, "east-1", snap) // nothing failed there
	if c, err := s.Payers(noon, noon+1); err != nil || c.AtLeast {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestPayersFormat(t *testing.T) {
	t.Parallel()
	c := NewCounter(0)
	c.AddPayer(PayerDeclined, "6228480402564890018")
	c.AddPayer(PayerUnknown, "")
	snap := c.Take(noon)
	b, err := json.Marshal(snap.Payers)
	var back Payers
	if err != nil || json.Unmarshal(b, &back) != nil || !reflect.DeepEqual(back, snap.Payers) {
		t.Errorf("%s: %+v, %v", b, back, err)
	}
	if again := c.Take(noon + 1).Payers; !reflect.DeepEqual(again, Payers{Counted: true}) {
		t.Errorf("the next second begins with %+v", again)
	}
}

func BenchmarkAddPayer(b *testing.B) {
	c := NewCounter(0)
	b.ReportAllocs()
	for b.Loop() {
		c.AddPayer(PayerDeclined, "6228480402564890018")
	}
}
