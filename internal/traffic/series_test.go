package traffic

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/payment"
)

// noon is a whole hour, in seconds since 1970.
const noon = int64(1_700_000_000 - 1_700_000_000%3600)

// sent makes the snapshot a gate takes of a second in which n payments were
// done. Its sequence is the second, as for a gate that misses none.
func sent(second, n int64) Snapshot {
	s := Snapshot{Boot: "boot", Sequence: uint64(second), Second: second}
	if n > 0 {
		s.Rows = []Row{{Key: paid(), Cell: Cell{Count: n, Amount: 10 * n, Latency: Latency{n}}}}
	}
	return s
}

func add(t testing.TB, s *Series, now int64, gate string, snap Snapshot) {
	t.Helper()
	if err := s.Add(now, gate, snap); err != nil {
		t.Fatal(err)
	}
}

// whole returns the total of a span over all keys.
func whole(t testing.TB, s *Series, from, to int64) (Sum, Coverage) {
	t.Helper()
	got, err := s.Totals(Query{From: from, To: to}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Groups) == 0 {
		return Sum{}, got.Coverage
	}
	return got.Groups[0].Sum, got.Coverage
}

func TestGapIsNotZero(t *testing.T) {
	s := NewSeries()
	add(t, s, noon, "east-1", sent(noon, 5))
	add(t, s, noon+1, "east-1", sent(noon+1, 0))
	add(t, s, noon+3, "east-1", sent(noon+3, 7))
	add(t, s, noon+3, "west-1", sent(noon+3, 1))
	add(t, s, noon+4, "west-1", sent(noon+4, 2))

	points, err := s.Points(Query{From: noon - 1, To: noon + 6}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		count         int64
		gap, complete bool
	}{
		{0, true, false},  // before any gate was heard of
		{5, false, true},  // noon
		{0, false, true},  // zero: the gate was there and had none
		{0, true, false},  // missing
		{8, false, true},  // both gates
		{2, false, false}, // one of two
		{0, true, false},  // none of two
	} {
		p := points[i]
		if p.At != noon-1+int64(i) || p.Count != want.count || p.Gap() != want.gap || p.Complete() != want.complete {
			t.Errorf("point %d: %+v, want %+v", i, p, want)
		}
	}
	if got := points[4].Amounts; !reflect.DeepEqual(got, []holdfast.Money{{Minor: 80, Currency: "CNY"}}) {
		t.Errorf("amounts %v", got)
	}
	if sum, c := whole(t, s, noon, noon+6); sum.Count != 15 || c != (Coverage{Heard: 5, Expected: 6 + 3}) {
		t.Errorf("the whole is %+v, %+v", sum, c)
	}
}

func TestAddTakesASnapshotOnce(t *testing.T) {
	s := NewSeries()
	first := sent(noon, 5)
	for range 3 {
		add(t, s, noon, "east-1", first)
	}
	add(t, s, noon+60, "east-1", sent(noon+60, 1))
	add(t, s, noon+Late, "east-1", first)
	add(t, s, noon, "west-1", first) // another gate
	other := first
	other.Boot = "boot 2" // another process of the same gate
	add(t, s, noon, "east-1", other)
	other.Sequence++
	add(t, s, noon, "east-1", other)
	if sum, c := whole(t, s, noon, noon+1); sum.Count != 20 || c != (Coverage{Heard: 2, Expected: 2}) {
		t.Errorf("got %d payments, %+v", sum.Count, c)
	}
	add(t, s, noon+2*3600, "east-1", sent(noon+2*3600, 1))
	if sum, c := whole(t, s, noon, noon+60); sum.Count != 20 || c != (Coverage{Heard: 2, Expected: 120}) {
		t.Errorf("by the minute: got %d payments, %+v", sum.Count, c)
	}
}

func TestAddInTimeOnly(t *testing.T) {
	s := NewSeries()
	for now, code := range map[int64]holdfast.Code{
		noon - Ahead - 1: holdfast.Invalid, noon - Ahead: "", noon + Late: "", noon + Late + 1: holdfast.Invalid,
	} {
		snap := sent(noon, 1)
		snap.Sequence = uint64(now)
		if err := s.Add(now, "east-1", snap); holdfast.CodeOf(err) != code {
			t.Errorf("second %d at %d: %v", noon, now, err)
		}
	}
	if sum, _ := whole(t, s, noon, noon+1); sum.Count != 2 {
		t.Errorf("%d payments", sum.Count)
	}
	if err := s.Add(noon, "East 1", sent(noon, 1)); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a gate that is no name: %v", err)
	}
	if err := s.Add(noon, "east-1", Snapshot{Second: noon}); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a snapshot no counter makes: %v", err)
	}
}

func TestSeriesIsBounded(t *testing.T) {
	s := NewSeries()
	for i := range int64(MaxGates) {
		add(t, s, noon, fmt.Sprint("g", i), sent(noon, 1))
	}
	if err := s.Add(noon, "one-more", sent(noon, 1)); holdfast.CodeOf(err) != holdfast.TooMany {
		t.Errorf("gate %d: %v", MaxGates+1, err)
	}
	later := noon + forgetAfter + 1
	add(t, s, later, "one-more", sent(later, 1))
	if got := s.Gates(); len(got) != 1 || got[0] != (GateSeen{Gate: "one-more", Since: later, Last: later}) {
		t.Errorf("gates: %v", got)
	}

	snap := sent(later, 1)
	for i := range uint64(maxTaken - 1) {
		snap.Sequence = i + 1
		add(t, s, later, "one-more", snap)
	}
	snap.Sequence = maxTaken
	if err := s.Add(later, "one-more", snap); holdfast.CodeOf(err) != holdfast.TooMany {
		t.Errorf("a flood of snapshots: %v", err)
	}
	add(t, s, later+Late+1, "one-more", sent(later+Late+1, 1)) // and then it goes on

	second, keys := later+Late+2, int64(3*pointKeys)
	many := Snapshot{Boot: "many", Sequence: 1, Second: second}
	for i := range keys {
		k := paid()
		k.Channel = fmt.Sprint("c", i)
		many.Rows = append(many.Rows, Row{Key: k, Cell: Cell{Count: 1, Amount: 2}})
	}
	add(t, s, second, "one-more", many)
	got, err := s.Totals(Query{From: second, To: second + 1}, ByChannel)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.Groups); n > pointKeys {
		t.Errorf("%d channels in one point", n)
	}
	if sum, _ := whole(t, s, second, second+1); sum.Count != keys || sum.Amounts[0].Minor != 2*keys {
		t.Errorf("%d payments of %v", sum.Count, sum.Amounts)
	}
}

func TestFarewell(t *testing.T) {
	s := NewSeries()
	for i := range int64(10) {
		add(t, s, noon+i, "east-1", sent(noon+i, 1))
		if i < 3 {
			add(t, s, noon+i, "west-1", sent(noon+i, 1))
		}
	}
	if _, c := whole(t, s, noon, noon+10); c != (Coverage{Heard: 13, Expected: 20}) {
		t.Errorf("a silent gate: %+v", c)
	}
	s.Farewell("west-1", noon)
	s.Farewell("nobody", noon)
	if _, c := whole(t, s, noon, noon+10); !c.Complete() || c.Heard != 13 {
		t.Errorf("a gate that left: %+v", c)
	}
	if got := s.Gates()[1]; got != (GateSeen{Gate: "west-1", Since: noon, Last: noon + 2, Gone: true}) {
		t.Errorf("got %+v", got)
	}
	add(t, s, noon+8, "west-1", sent(noon+8, 1))
	if _, c := whole(t, s, noon, noon+10); c != (Coverage{Heard: 14, Expected: 15}) {
		t.Errorf("a gate that came back: %+v", c)
	}
	add(t, s, noon+8, "west-1", sent(noon+7, 1)) // late, of the new span
	add(t, s, noon+8, "west-1", sent(noon+1, 0)) // again, of the old one
	if _, c := whole(t, s, noon, noon+10); c != (Coverage{Heard: 15, Expected: 16}) || s.Gates()[1].Gone {
		t.Errorf("back a second earlier: %+v", c)
	}
	for i := range int64(3 * maxSpans) {
		s.Farewell("west-1", 0)
		add(t, s, noon+10+i, "west-1", sent(noon+10+i, 0))
	}
	if got := s.Gates()[1].Since; got != noon+10+2*maxSpans {
		t.Errorf("spans are kept since noon%+d", got-noon)
	}
}

func TestAWrongClockPasses(t *testing.T) {
	s := NewSeries()
	add(t, s, noon+86_400, "east-1", sent(noon+86_400, 1)) // both clocks a day ahead
	add(t, s, noon, "east-1", sent(noon, 5))
	if r, err := s.Rate(noon+1+Settle, 1, nil); err != nil || r.Count != 5 || r.Seconds != 1 {
		t.Errorf("got %+v, %v", r, err)
	}
	if got := s.Gates()[0].Last; got != noon {
		t.Errorf("last seen at %d", got)
	}
}

func TestSeriesFromManyGoroutines(t *testing.T) {
	s := NewSeries()
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range int64(100) {
				if err := s.Add(noon+i, fmt.Sprint("g", g), sent(noon+i, 1)); err != nil {
					t.Error(err)
				}
				if _, err := s.Rate(noon+i, 10, nil); err != nil {
					t.Error(err)
				}
				s.Gates()
			}
		})
	}
	wg.Wait()
	if sum, c := whole(t, s, noon, noon+100); sum.Count != 400 || !c.Complete() {
		t.Errorf("%d payments, %+v", sum.Count, c)
	}
}

// The series agrees with a list of all that was sent, whatever came late, twice
// or not at all, by the second and by the minute.
func TestSeriesAgreesWithAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := NewSeries()
		type one struct {
			gate   string
			second int64
		}
		list := map[one]int64{}
		gates := []string{"a", "b", "c"}
		now := noon
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.SampledFrom([]int64{0, 1, 1, 2, 50, 700, 5000}).Draw(t, "pass")
			o := one{rapid.SampledFrom(gates).Draw(t, "gate"), now - rapid.Int64Range(-Ahead, Late).Draw(t, "late")}
			n, again := list[o]
			if !again {
				n = rapid.Int64Range(0, 9).Draw(t, "payments")
				list[o] = n
			}
			if err := s.Add(now, o.gate, sent(o.second, n)); err != nil {
				t.Fatal(err)
			}
		}
		from := noon - Late + rapid.Int64Range(0, now-noon+Late).Draw(t, "from")
		to := from + rapid.Int64Range(1, 8000).Draw(t, "span")
		got, err := s.Totals(Query{From: from, To: to}, ByVerdict)
		if err != nil {
			t.Fatal(err)
		}
		if got.From > from || got.To < to || from-got.From >= 60 || got.To-to >= 60 {
			t.Fatalf("asked for [%d, %d), got [%d, %d)", from, to, got.From, got.To)
		}
		var count, heard int64
		since := map[string]int64{}
		for o, n := range list {
			if o.second >= got.From && o.second < got.To {
				count += n
				heard++
			}
			if first, known := since[o.gate]; !known || o.second < first {
				since[o.gate] = o.second
			}
		}
		var expected int64
		for _, first := range since {
			expected += max(0, got.To-max(first, got.From))
		}
		var sum int64
		for _, g := range got.Groups {
			sum += g.Count
		}
		if sum != count || got.Coverage != (Coverage{Heard: heard, Expected: expected}) {
			t.Fatalf("[%d, %d): %d payments, %+v; want %d, heard %d of %d", got.From, got.To, sum, got.Coverage, count, heard, expected)
		}
	})
}

func BenchmarkSeriesAdd(b *testing.B) {
	s := NewSeries()
	snap := Snapshot{Boot: "b"}
	for i := range 40 {
		k := paid()
		k.Channel, k.Outcome = fmt.Sprint("c", i/4), payment.Outcome(i%4)
		snap.Rows = append(snap.Rows, Row{Key: k, Cell: Cell{Count: 10, Amount: 1000}})
	}
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i++ {
		snap.Second, snap.Sequence = noon+i, uint64(i+1)
		add(b, s, snap.Second, "east-1", snap)
	}
}

func BenchmarkTotalsOfADay(b *testing.B) {
	s := NewSeries()
	const day = 86_400
	for i := range int64(day / 10) {
		add(b, s, noon+10*i, "east-1", sent(noon+10*i, 5))
	}
	for b.Loop() {
		if _, err := s.Totals(Query{From: noon, To: noon + day}, ByChannel); err != nil {
			b.Fatal(err)
		}
	}
}

// A name in a snapshot does not keep the request or the message it came in.
func TestSeriesKeepsNoCardNumber(t *testing.T) {
	s := NewSeries()
	snap := sent(noon, 1)
	snap.Rows[0].Channel = "6222021234567890123"
	add(t, s, noon, "east-1", snap)
	got, err := s.Totals(Query{From: noon, To: noon + 1}, ByChannel)
	if err != nil || strings.Contains(fmt.Sprint(got), "6222") || got.Groups[0].Name != Other {
		t.Errorf("got %+v, %v", got, err)
	}
}

// One second has the rows of all gates, and says which were heard.
func TestSecond(t *testing.T) {
	s := NewSeries()
	add(t, s, noon, "west-1", sent(noon, 4))
	add(t, s, noon, "east-1", sent(noon, 3))
	add(t, s, noon+1, "east-1", sent(noon+1, 0))
	got := s.Second(noon)
	if len(got.Rows) != 1 || got.Rows[0].Key != paid() || got.Rows[0].Count != 7 || !slices.Equal(got.Heard, []string{"east-1", "west-1"}) {
		t.Errorf("got %+v", got)
	}
	if got := s.Second(noon + 1); len(got.Rows) != 0 || !slices.Equal(got.Heard, []string{"east-1"}) {
		t.Errorf("without payments: %+v", got)
	}
	for _, at := range []int64{-1, noon + 2, noon - keptSeconds} {
		if got := s.Second(at); got.Rows != nil || got.Heard != nil {
			t.Errorf("second %d: %+v", at, got)
		}
	}
}

// An answer counts in the row of its payment, also in a later second, and is no
// payment.
func TestAnswers(t *testing.T) {
	c, s := NewCounter(0), NewSeries()
	c.Add(paid(), 100, 0)
	c.Answered(paid(), false)
	add(t, s, noon, "east-1", c.Take(noon))
	c.Answered(paid(), true)
	late := c.Take(noon + 1)
	b, err := json.Marshal(late)
	if err != nil || !strings.HasSuffix(string(b), `0,0,[]]],"answers":[[0,1,1]],"payers":{}}`) {
		t.Errorf("%s, %v", b, err)
	}
	var back Snapshot
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, late) {
		t.Errorf("read back as %+v, %v", back, err)
	}
	add(t, s, noon+1, "east-1", back)
	if got := s.Second(noon).Rows[0]; got.Count != 1 || got.Named != 1 || got.Differ != 0 {
		t.Errorf("first second: %+v", got)
	}
	if got := s.Second(noon + 1).Rows[0]; got.Count != 0 || got.Named != 1 || got.Differ != 1 {
		t.Errorf("next second: %+v", got)
	}
	if got, err := s.Totals(Query{From: noon + 1, To: noon + 2}, ByRoute); err != nil || len(got.Groups) > 0 {
		t.Errorf("answers are payments: %+v, %v", got, err)
	}
	for _, bad := range []string{`[[5,1,1]]`, `[[-1,1,1]]`} {
		if err := json.Unmarshal([]byte(`{"boot":"b","sequence":1,"second":5,"rows":[],"answers":`+bad+`}`), &back); err == nil {
			t.Errorf("answers %s were read", bad)
		}
	}
	late.Rows[0].Differ = 2
	if late.Check() == nil {
		t.Error("more answers differ than name an amount")
	}
	if n := testing.AllocsPerRun(1000, func() { c.Answered(paid(), true) }); n != 0 {
		t.Errorf("%v allocations for an answer", n)
	}
}
