package trial

import (
	"context"
	"encoding/json"
	"log/slog"
	"reflect"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

var start = time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)

// figures are those of a process that began at a time, of one version.
func figures(version string, since time.Time, approved, declined int64) standin.TrialFigures {
	return standin.TrialFigures{Profile: "small", Version: version, Share: 0.01, Since: since, Lines: []standin.TrialLine{
		{Currency: "CNY", Band: 3, Done: standin.Tally{Count: approved, Amount: 100 * approved}},
		{Currency: "CNY", Band: 5, Reason: "over-payment", Done: standin.Tally{Count: declined, Amount: 20000 * declined}},
	}}
}

func payments(k Kept, version string) (n int64) {
	for _, f := range Sum(map[string]Kept{"east": k}) {
		if f.Version == version {
			for _, l := range f.Lines {
				n += l.Done.Count + l.NotDone.Count + l.Unknown.Count
			}
		}
	}
	return n
}

func TestTake(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Hour)
	var k Kept
	for i, step := range []struct {
		told standin.TrialFigures
		want int64
	}{
		{figures("a", start, 3, 1), 4},
		{figures("a", start, 5, 2), 7},
		{figures("a", start, 3, 1), 7},  // heard late
		{figures("a", later, 1, 0), 8},  // the next process
		{figures("a", start, 5, 2), 8},  // one that has ended
		{figures("a", later, 2, 0), 9},  // and goes on
		{figures("a", later, 2, 0), 9},  // told twice
		{figures("b", later, 10, 0), 9}, // another version
	} {
		k = k.Take([]standin.TrialFigures{step.told}, start.Add(time.Duration(i)*time.Minute))
		if got := payments(k, "a"); got != step.want {
			t.Errorf("step %d: %d payments, want %d", i, got, step.want)
		}
		if err := k.check(); err != nil {
			t.Errorf("step %d: %v", i, err)
		}
	}
	if got := payments(k, "b"); got != 10 {
		t.Errorf("of another version %d", got)
	}
	for i := range 20 {
		k = k.Take([]standin.TrialFigures{figures("v"+strconv.Itoa(i), later, 1, 1)}, later.Add(time.Duration(i)*time.Minute))
	}
	if len(k.Trials) != maxKept || payments(k, "v19") != 2 || payments(k, "a") != 0 {
		t.Errorf("%d versions are kept", len(k.Trials))
	}
}

// However words of a gate's processes come, late or twice, each process counts once, by
// its longest word, as long as processes are first heard in their order.
func TestTakeInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		processes := rapid.IntRange(1, 4).Draw(r, "processes")
		var k Kept
		longest := make([]int64, processes)
		last := 0
		for range rapid.IntRange(1, 30).Draw(r, "words") {
			p := rapid.IntRange(0, min(last+1, processes-1)).Draw(r, "process")
			n := rapid.Int64Range(0, 50).Draw(r, "payments")
			if p >= last {
				last, longest[p] = p, max(longest[p], n)
			}
			k = k.Take([]standin.TrialFigures{figures("a", start.Add(time.Duration(p)*time.Hour), n, 0)}, start)
		}
		want := int64(0)
		for _, n := range longest {
			want += n
		}
		if got := payments(k, "a"); got != want {
			r.Fatalf("%d payments, want %d", got, want)
		}
	})
}

func TestSum(t *testing.T) {
	t.Parallel()
	later := start.Add(time.Hour)
	east := Kept{}.Take([]standin.TrialFigures{figures("a", later, 3, 1), figures("old", start, 9, 9)}, later)
	f := figures("a", start, 5, 2)
	f.Dropped = 7
	west := Kept{}.Take([]standin.TrialFigures{f}, later.Add(time.Minute))
	got := Sum(map[string]Kept{"west": west, "east": east})
	want := Found{
		Profile: "small", Version: "a", Share: 0.01, Since: start, Last: later.Add(time.Minute), Gates: []string{"east", "west"}, Dropped: 7,
		Lines: figures("a", start, 8, 3).Lines,
	}
	if len(got) != 2 || !reflect.DeepEqual(got[0], want) || got[1].Version != "old" {
		t.Errorf("%+v", got)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	of := func(count, amount int64) standin.Tally { return standin.Tally{Count: count, Amount: amount} }
	r := Judge(Found{Lines: []standin.TrialLine{
		{Currency: "CNY", Band: 3, Done: of(95, 9000), NotDone: of(5, 600), Unknown: of(2, 300)},
		{Currency: "CNY", Band: 1, Done: of(5, 20)},
		{Currency: "CNY", Band: 3, Reason: "blocked", NotDone: of(4, 800)},
		{Currency: "CNY", Band: 3, Reason: "stale", Done: of(1, 200)},
		{Currency: "CNY", Band: 5, Reason: "over-payment", Done: of(9, 180_000), NotDone: of(1, 20_000)},
		{Reason: "no-limit", Done: of(3, 0)},
	}})
	if r.Payments != 125 || r.Compared != 123 || len(r.Currencies) != 2 || len(r.Bands) != 3 {
		t.Fatalf("%+v", r)
	}
	c := r.Currencies[0]
	if c.Currency != "CNY" || c.Counts != (Counts{Approved: of(100, 9020), Declined: of(5, 20_800), FalseApprovals: of(5, 600), FalseDeclines: of(10, 180_200), Unknown: of(2, 300)}) {
		t.Errorf("%+v", c)
	}
	// 5 of 105 approvals; Wilson's interval of it is 2.05 % to 10.67 %.
	if got := c.FalseApproval; got.Count != 5 || got.Of != 105 || got.Low < 0.0205 || got.Low > 0.0206 || got.High < 0.1066 || got.High > 0.1068 {
		t.Errorf("false approvals %+v", got)
	}
	if got := c.FalseDecline; got.Count != 10 || got.Of != 110 {
		t.Errorf("false declines %+v", got)
	}
	var rules, bands []string
	for _, p := range r.Rules {
		rules = append(rules, p.Rule)
	}
	for _, p := range r.Bands {
		bands = append(bands, strconv.FormatInt(p.From, 10)+"-"+strconv.FormatInt(p.To, 10))
	}
	if !reflect.DeepEqual(rules, []string{"over-payment", "no-limit", "stale", "blocked"}) || !reflect.DeepEqual(bands, []string{"0-9", "100-999", "10000-99999"}) {
		t.Errorf("rules %v, bands %v", rules, bands)
	}
}

// An amount is in the band that it is counted in.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, amount := range []int64{0, 9, 10, 99, 100, 1299, 999_999, 1_000_000, 1_000_000_000_000_000} {
		if from, to := bounds(standin.BandOf(amount)); amount < from || amount > to {
			t.Errorf("%d is not in its band, %d to %d", amount, from, to)
		}
	}
}

// What gates found survives a node and a start of the gate, and reaches the other nodes,
// whichever heard it.
func TestBoard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := journal.NewMemory("test")
		ctx, cancel := context.WithCancel(t.Context())
		node := func() *Board {
			b := NewBoard()
			go func() {
				if err := b.Run(ctx, store, slog.New(slog.DiscardHandler)); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
			return b
		}
		found := func(b *Board) int64 {
			if list := b.Reports(); len(list) > 0 {
				return list[0].Payments
			}
			return 0
		}
		first, second := node(), node()
		began := time.Now()
		for i, told := range []struct {
			to    *Board
			since time.Time
			n     int64
			want  int64
		}{{first, began, 2, 2}, {second, began, 5, 5}, {first, began.Add(time.Hour), 1, 6}, {second, began.Add(time.Hour), 4, 9}, {first, began.Add(time.Hour), 4, 9}} {
			told.to.Put("east", []standin.TrialFigures{figures("a", told.since, told.n, 0)}, time.Now())
			if got := found(told.to); got != told.want {
				t.Errorf("word %d: who heard it has %d, want %d", i, got, told.want)
			}
			time.Sleep(5 * keepEvery)
			synctest.Wait()
			if found(first) != told.want || found(second) != told.want {
				t.Errorf("word %d: the nodes have %d and %d, want %d", i, found(first), found(second), told.want)
			}
		}
		// Both hear something before either has written.
		second.Put("east", []standin.TrialFigures{figures("a", began.Add(time.Hour), 6, 0)}, time.Now())
		first.Put("east", []standin.TrialFigures{figures("a", began.Add(2*time.Hour), 1, 0)}, time.Now())
		first.Put("east", nil, time.Now())
		time.Sleep(5 * keepEvery)
		synctest.Wait()
		third := node()
		for i, b := range []*Board{first, second, third} {
			if got := found(b); got < 10 || got > 12 { // the last word of the process before came late
				t.Errorf("node %d has %d", i, got)
			}
		}
		if a, b, c := found(first), found(second), found(third); a != b || b != c {
			t.Errorf("the nodes have %d, %d and %d", a, b, c)
		}
		cancel()
		synctest.Wait()
	})
}

// A process that ends before its word is written is not lost.
func TestBoardHearsTwoProcessesAtOnce(t *testing.T) {
	t.Parallel()
	b := NewBoard()
	for i, n := range []int64{3, 4, 2} {
		b.Put("east", []standin.TrialFigures{figures("a", start.Add(time.Duration(i/2)*time.Hour), n, 0)}, start)
	}
	if got := b.Reports()[0].Payments; got != 6 {
		t.Errorf("%d payments, want 6", got)
	}
}

func FuzzKept(f *testing.F) {
	body, err := json.Marshal(Kept{}.Take([]standin.TrialFigures{figures("a", start, 3, 1)}, start).Take([]standin.TrialFigures{figures("a", start.Add(time.Hour), 3, 1)}, start))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(body)
	f.Add([]byte(`{"heard":"2026-11-26T02:00:00Z","trials":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		k, err := decode(body)
		if err != nil {
			return
		}
		for _, found := range Sum(map[string]Kept{"east": k}) {
			r := Judge(found)
			if r.Compared > r.Payments {
				t.Fatalf("compared %d of %d", r.Compared, r.Payments)
			}
			for _, p := range r.Currencies {
				if rate := p.FalseApproval; rate.Low > rate.Share()+1e-9 || rate.Of > 0 && rate.High < rate.Share()-1e-9 {
					t.Fatalf("the interval of %+v", rate)
				}
			}
		}
		again, err := json.Marshal(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(again); err != nil {
			t.Fatalf("what was taken is not taken again: %v", err)
		}
	})
}
