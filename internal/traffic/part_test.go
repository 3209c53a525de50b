package traffic

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/payment"
)

// bank is a part of an ordinary payment.
func bank(name string) Part {
	return Part{Trait: Bank, Name: name, Route: "pay", Verdict: "forward", Outcome: payment.Done}
}

func countParts(rows []PartRow) (n int64) {
	for _, r := range rows {
		n += r.Count
	}
	return n
}

func TestParts(t *testing.T) {
	t.Parallel()
	c := NewCounter(0)
	failed := bank("icbc")
	failed.Outcome = payment.NotDone
	for range 3 {
		c.AddPart(bank("icbc"), 10*time.Millisecond)
	}
	c.AddPart(failed, -1)
	c.AddPart(Part{Trait: Merchant, Name: "travel", Route: "pay"}, time.Minute)
	c.AddPart(Part{Trait: Code, Name: "51", Route: "pay", Channel: "qr", Outcome: payment.NotDone}, -1)
	c.AddPart(Part{Trait: traits, Name: "no such trait"}, -1)
	s := c.Take(1000)
	want := []PartRow{
		{bank("icbc"), 3, Latency{3}}, {failed, 1, Latency{}},
		{Part{Trait: Merchant, Name: "travel", Route: "pay"}, 1, Latency{7: 1}},
		{Part{Trait: Code, Name: "51", Route: "pay", Channel: "qr", Outcome: payment.NotDone}, 1, Latency{}},
	}
	if !reflect.DeepEqual(s.Parts, want) || s.Check() != nil || len(s.Rows) != 0 {
		t.Fatalf("got %+v, %v", s, s.Check())
	}
	const text = `"parts":[["bank","icbc","pay","","forward","","done",3,[3]],["bank","icbc","pay","","forward","","not-done",1,[]],` +
		`["merchant","travel","pay","","","","in-flight",1,[0,0,0,0,0,0,0,1]],["code","51","pay","qr","","","not-done",1,[]]],"payers":{}}`
	b, err := json.Marshal(s)
	if err != nil || !strings.HasSuffix(string(b), text) {
		t.Errorf("written as %s, %v", b, err)
	}
	var back Snapshot
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, s) {
		t.Errorf("read back as %+v, %v", back, err)
	}
	series := NewSeries()
	for _, gate := range []string{"east-1", "west-1", "east-1"} {
		if err := series.Add(1000, gate, s); err != nil {
			t.Fatal(err)
		}
	}
	if got := series.Second(1000).Parts; len(got) != 4 || got[0].Count != 6 || got[0].Latency != (Latency{6}) {
		t.Errorf("two gates together: %+v", got)
	}
	if got := c.Take(1001); len(got.Parts) != 0 {
		t.Errorf("counted again: %+v", got.Parts)
	}
	s.Sequence, s.Second = 2, 1000+keptParts
	if err := series.Add(s.Second, "east-1", s); err != nil || len(series.Second(1000).Parts) != 0 {
		t.Errorf("the second before is kept: %v", err)
	}
}

// Names come from requests: what could be a card number, is too long or no text is
// not kept.
func TestWhatIsKeptOfAPart(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"icbc": "icbc", "工商銀行": "工商銀行", "": "", strings.Repeat("b", MaxText): strings.Repeat("b", MaxText),
		strings.Repeat("b", MaxText+1): Other, "\xff": Other, "6222021234567890123": Other, "card 6222 0212 3456 7890 123": Other,
	} {
		c := NewCounter(0)
		c.AddPart(bank(name), 0)
		c.AddPart(bank(name), 0)
		if s := c.Take(1); len(s.Parts) != 1 || s.Parts[0].Name != want || s.Parts[0].Count != 2 {
			t.Errorf("%q: %+v", name, s.Parts)
		}
	}
}

// Whatever the names, none is lost and their number is bounded, at the gate and at
// the control node.
func TestPartsFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([]int{1, 60, 3000}).Draw(t, "names")
		routes := rapid.SampledFrom([]int{1, 4, 3000}).Draw(t, "routes")
		c, series, total := NewCounter(0), NewSeries(), int64(0)
		for gate := range 3 {
			for i := range rapid.IntRange(0, 2000).Draw(t, "payments") {
				p := bank(fmt.Sprint("b", i*7%names+gate))
				p.Route, p.Outcome = fmt.Sprint("r", i%routes), payment.Outcome(i%4)
				c.AddPart(p, 0)
				total++
			}
			s := c.Take(int64(10))
			if len(s.Parts) > maxParts || s.Check() != nil {
				t.Fatalf("%d parts, %v", len(s.Parts), s.Check())
			}
			if err := series.Add(10, fmt.Sprint("gate-", gate), s); err != nil {
				t.Fatal(err)
			}
		}
		got := series.Second(10).Parts
		if len(got) > maxParts || countParts(got) != total {
			t.Fatalf("%d of %d payments in %d parts", countParts(got), total, len(got))
		}
	})
}

// Who invents names hides none of those with the most payments, though his come
// first in every second.
func TestInventedNamesHideNone(t *testing.T) {
	t.Parallel()
	c := NewCounter(0)
	for second := range int64(30) {
		if second >= 10 {
			for i := range 5000 {
				c.AddPart(bank(fmt.Sprintf("junk-%d-%d", second, i)), 0)
			}
		}
		for i := range 40 {
			for range 20 {
				c.AddPart(bank(fmt.Sprint("bank-", i)), 0)
			}
		}
		found := map[string]int64{}
		for _, r := range c.Take(second + 1).Parts {
			found[r.Name] += r.Count
		}
		for i := range 40 {
			if name := fmt.Sprint("bank-", i); found[name] != 20 {
				t.Fatalf("second %d: %s has %d payments", second, name, found[name])
			}
		}
		if len(found) > maxParts {
			t.Fatalf("%d names", len(found))
		}
	}
	if n := len(c.ranks[Bank]); n > maxRanked {
		t.Errorf("%d names are ranked", n)
	}
}

func TestAddPartDoesNotAllocateForAKnownPart(t *testing.T) {
	c := NewCounter(0)
	for range 1000 { // every shard knows it
		c.AddPart(bank("icbc"), 0)
	}
	if n := testing.AllocsPerRun(1000, func() { c.AddPart(bank("icbc"), time.Millisecond) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestPartsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []string{
		`["bank","icbc","pay","","forward","","done",3]`, `["branch","icbc","pay","","forward","","done",3,[]]`,
		`["bank","icbc","pay","","forward","","gone",3,[]]`, `["bank","icbc","pay","","forward","","done",3,[1,1,1,1,1,1,1,1,1]]`,
	} {
		var s Snapshot
		if json.Unmarshal([]byte(`{"rows":[],"parts":[`+row+`]}`), &s) == nil {
			t.Errorf("%s was read as %+v", row, s.Parts)
		}
	}
	for what, r := range map[string]PartRow{
		"long": {bank(strings.Repeat("b", 65)), 1, Latency{}}, "not text": {bank("\xff"), 1, Latency{}},
		"below zero": {bank("b"), -1, Latency{}}, "latency": {bank("b"), 5, Latency{-1}}, "more measured": {bank("b"), 5, Latency{6}},
		"no trait": {Part{Trait: traits}, 1, Latency{}}, "no outcome": {Part{Outcome: 9}, 1, Latency{}},
	} {
		if (Snapshot{Boot: "b", Sequence: 1, Second: 1, Parts: []PartRow{r}}).Check() == nil {
			t.Errorf("%s was taken", what)
		}
	}
	if (Snapshot{Boot: "b", Sequence: 1, Second: 1, Parts: make([]PartRow, maxRows+1)}).Check() == nil {
		t.Error("too many were taken")
	}
}

func BenchmarkAddPart(b *testing.B) {
	c := NewCounter(0)
	b.ReportAllocs()
	for b.Loop() {
		c.AddPart(bank("icbc"), time.Millisecond)
	}
}
