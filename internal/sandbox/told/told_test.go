package told

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/sandbox/truth"
)

var start = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

func begun(n int) Event {
	i := Intention{
		Identity: fmt.Sprintf("c-%d", n), Kind: truth.Payment, Amount: 1299, Currency: "CNY",
		Payer: "acct_000001", Payee: "m_001", Channel: "app", Method: "card", Begun: start.Add(time.Duration(n) * time.Second),
	}
	return Event{Event: Begun, Identity: i.Identity, At: i.Begun, Intention: &i}
}

func later(n int, s State) Event {
	e := Event{Event: s, Identity: fmt.Sprintf("c-%d", n), At: start.Add(time.Duration(n)*time.Second + time.Minute)}
	if s == Done {
		e.Answer = &Answer{ID: "pay_1", Amount: 1299, Currency: "CNY", Payer: "acct_000001", Payee: "m_001"}
	}
	return e
}

func TestLifeOfAnIntention(t *testing.T) {
	for _, c := range []struct {
		name   string
		states []State
		last   holdfast.Code // of the last event's error
		doubt  bool
	}{
		{"told at once", []State{Done}, "", false},
		{"declined at once", []State{Declined}, "", false},
		{"resolved after doubt", []State{Doubt, Done}, "", true},
		{"pending, doubt, declined", []State{Pending, Doubt, Declined}, "", true},
		{"gave up", []State{Doubt, GaveUp}, "", true},
		{"nothing after done", []State{Done, Declined}, holdfast.Conflict, false},
		{"nothing after declined", []State{Declined, Done}, holdfast.Conflict, false},
		{"nothing after giving up", []State{GaveUp, Done}, holdfast.Conflict, false},
		{"begun once", []State{Begun}, holdfast.Conflict, false},
		{"an event nobody knows", []State{"lost"}, holdfast.Damaged, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := open(t, Options{})
			write(t, l, begun(1))
			for i, s := range c.states {
				e := later(1, s)
				if s == Begun {
					e = begun(1)
				}
				err := l.Write(e)
				if i == len(c.states)-1 && c.last != "" {
					if holdfast.CodeOf(err) != c.last {
						t.Fatalf("last event: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			e := all(l)[0]
			if want := c.states[len(c.states)-1]; e.State != want || !e.At.Equal(later(1, want).At) {
				t.Errorf("%s at %v", e.State, e.At)
			}
			if e.DoubtSince.IsZero() == c.doubt {
				t.Errorf("doubt since %v", e.DoubtSince)
			}
			if (e.State == Done) != (e.Answer.ID == "pay_1") {
				t.Errorf("answer %+v of an intention that is %s", e.Answer, e.State)
			}
		})
	}
}

func TestEventsThatMakeNoSense(t *testing.T) {
	l := open(t, Options{})
	write(t, l, begun(1))
	noAnswer := later(1, Done)
	noAnswer.Answer = nil
	other := begun(2)
	other.Identity = "c-3"
	free := begun(2)
	free.Intention.Amount = 0
	for name, e := range map[string]Event{
		"done without an answer": noAnswer, "never begun": later(2, Done), "two identities": other, "no amount": free,
	} {
		if err := l.Write(e); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestTheLogSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "customers")
	l := open(t, Options{File: path})
	write(t, l, begun(1), begun(2), begun(3), later(1, Done), later(2, Doubt))
	// Before anything is closed, what was begun is in the file.
	if got, err := ReadFile(path); err != nil || len(got) != 3 {
		t.Errorf("%d entries in the file: %v", len(got), err)
	}
	want := all(l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, Options{File: path})
	defer l.Close()
	if got := all(l); !reflect.DeepEqual(got, want) {
		t.Errorf("read back\n%+v, not\n%+v", got, want)
	}
	var ids []string
	for _, e := range l.Open() {
		ids = append(ids, e.Intention.Identity)
	}
	if !slices.Equal(ids, []string{"c-2", "c-3"}) {
		t.Errorf("open: %v", ids)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "customers")
	l := open(t, Options{File: path, Keep: 10})
	write(t, l, begun(0), begun(1), later(1, GaveUp))
	for n := 2; n < 100; n++ {
		write(t, l, begun(n), later(n, Declined))
	}
	entries, forgotten := l.Entries()
	if got := slices.Collect(entries); len(got) != 10 || got[0].Intention.Identity != "c-0" {
		t.Errorf("%d entries, the first %+v; the open one must stay", len(got), got[0])
	}
	if forgotten != (Forgotten{Settled: 89, Unknown: 1}) {
		t.Errorf("forgotten: %+v", forgotten)
	}
	l.Close()
	if got, err := ReadFile(path); err != nil || len(got) != 100 {
		t.Errorf("the file has %d entries: %v", len(got), err)
	}
	l = open(t, Options{File: path, Keep: 10})
	defer l.Close()
	if got := all(l); len(got) != 10 {
		t.Errorf("%d entries after reopening", len(got))
	}
}

// Whatever is written, memory holds all open entries, at most Keep when enough
// are final, and nothing disappears uncounted.
func TestForgettingLosesNothingSilently(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.IntRange(1, 5).Draw(t, "keep")
		l, err := Open(Options{Keep: keep})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		open := map[int]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			if len(open) == 0 || rapid.Bool().Draw(t, "begin") {
				if err := l.Write(begun(n)); err != nil {
					t.Fatal(err)
				}
				open[n] = true
				n++
				continue
			}
			id := rapid.SampledFrom(slices.Sorted(maps.Keys(open))).Draw(t, "which")
			s := rapid.SampledFrom([]State{Doubt, Pending, Done, Declined, GaveUp}).Draw(t, "state")
			if err := l.Write(later(id, s)); err != nil {
				t.Fatal(err)
			}
			if s.Final() {
				delete(open, id)
			}
		}
		entries, forgotten := l.Entries()
		held := len(slices.Collect(entries))
		if held+forgotten.Settled+forgotten.Unknown != n {
			t.Errorf("%d held, %+v forgotten, %d begun", held, forgotten, n)
		}
		if got := len(l.Open()); got != len(open) {
			t.Errorf("%d open entries held of %d", got, len(open))
		}
	})
}

func TestConcurrentCustomers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "customers")
	l := open(t, Options{File: path})
	var wait sync.WaitGroup
	for n := range 50 {
		wait.Go(func() {
			for _, e := range []Event{begun(n), later(n, Doubt), later(n, Done)} {
				if err := l.Write(e); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	want := all(l)
	l.Close()
	if got, err := ReadFile(path); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("the file and the memory differ (%v)", err)
	}
}

func TestBadOptions(t *testing.T) {
	if _, err := Open(Options{Keep: -1}); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Error(err)
	}
	path := filepath.Join(t.TempDir(), "customers")
	os.WriteFile(path, []byte("nonsense\nnonsense\n"), 0o600)
	if _, err := Open(Options{File: path}); holdfast.CodeOf(err) != holdfast.Damaged {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range []Event{begun(1), later(1, Done), later(1, Doubt)} {
		b, _ := json.Marshal(e)
		f.Add(b)
	}
	f.Add([]byte(`{"event":"begun","identity":"a","intention":null}`))
	f.Fuzz(func(t *testing.T, record []byte) {
		e, err := Decode(record)
		if err != nil {
			return
		}
		// Whatever was decoded can be folded or refused, and an entry stays whole.
		if entry, err := Begin(e); err == nil && (entry.State != Begun || entry.Intention.Identity != e.Identity) {
			t.Errorf("%q begins %+v", record, entry)
		}
		entry, _ := Begin(begun(1))
		if next, err := entry.Next(e); err == nil && next.State == Begun {
			t.Errorf("%q leads back to begun", record)
		}
	})
}

func open(t *testing.T, o Options) *Log {
	t.Helper()
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func write(t *testing.T, l *Log, events ...Event) {
	t.Helper()
	for _, e := range events {
		if err := l.Write(e); err != nil {
			t.Fatal(err)
		}
	}
}

func all(l *Log) []Entry {
	entries, _ := l.Entries()
	return slices.Collect(entries)
}
