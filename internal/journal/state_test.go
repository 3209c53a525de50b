package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
)

// tally is a projection that counts facts per subject, and can refuse a kind.
type tally struct {
	counts map[holdfast.Subject]int
	refuse string
}

func newTally() *tally { return &tally{counts: map[holdfast.Subject]int{}} }

func (p *tally) Apply(f holdfast.Fact) error {
	if f.Kind == p.refuse {
		return errors.New("not this one")
	}
	p.counts[f.Subject]++
	return nil
}

var lin = holdfast.Actor{Kind: holdfast.Account, ID: "lin"}

func write(t *testing.T, j Journal, id string, drafts ...Draft) {
	t.Helper()
	if _, err := j.Append(t.Context(), Append{ID: id, Actor: lin, Facts: drafts}); err != nil {
		t.Fatal(err)
	}
}

func TestStateLoadsInBatches(t *testing.T) {
	m, p := NewMemory("m"), newTally()
	for i := range 5 {
		drafts := make([]Draft, MaxFacts)
		for r := range drafts {
			drafts[r] = NewDraft(holdfast.NewSubject("thing", fmt.Sprint(i)), holdfast.Revision(r), "thing.changed", r)
		}
		write(t, m, fmt.Sprint(i), drafts...)
	}
	s := NewState(m, m.Genesis(), p)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Head() != m.Head() || len(p.counts) != 5 || p.counts["thing/4"] != MaxFacts {
		t.Fatalf("head %v, counts %v", s.Head(), p.counts)
	}
}

// TestStateShowsWholeAppends looks at the state after every signal: two facts of
// one append are never seen apart.
func TestStateShowsWholeAppends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p := NewMemory("m"), newTally()
		s := NewState(m, m.Genesis(), p)
		ctx, stop := context.WithCancel(t.Context())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		go func() {
			for i := range holdfast.Revision(200) {
				write(t, m, fmt.Sprint(i), NewDraft("a/1", i, "k", 1), NewDraft("b/1", i, "k", 1))
			}
		}()
		for seen := 0; seen < 200; {
			if err := s.Reach(t.Context(), holdfast.Position(2*seen+1)); err != nil {
				t.Fatal(err)
			}
			s.View(func() {
				if p.counts["a/1"] != p.counts["b/1"] {
					t.Fatalf("half an append is visible: %v", p.counts)
				}
				seen = p.counts["a/1"]
			})
		}
		stop()
		if err := <-ran; err != nil {
			t.Fatal(err)
		}
	})
}

func TestStateRefusesABrokenChain(t *testing.T) {
	m, p := NewMemory("m"), newTally()
	for i := range holdfast.Revision(5) {
		write(t, m, fmt.Sprint(i), NewDraft("a/1", i, "k", i))
	}
	m.facts[2].Body = json.RawMessage("7")
	s := NewState(m, m.Genesis(), p)
	err := s.Load(t.Context())
	if holdfast.CodeOf(err) != holdfast.Damaged || !strings.Contains(err.Error(), "at position 3 ") {
		t.Fatalf("error %v", err)
	}
	if p.counts["a/1"] != 2 {
		t.Errorf("%d facts were folded, not the 2 before the damage", p.counts["a/1"])
	}
	other := NewState(NewMemory("m"), holdfast.Head{Journal: "m", Hash: Genesis("other")}, p)
	other.journal = m
	if err := other.Load(t.Context()); holdfast.CodeOf(err) != holdfast.Damaged {
		t.Errorf("another journal's facts were folded: %v", err)
	}
}

func TestStateStopsAtAFactItCannotFold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, p := NewMemory("m"), newTally()
		p.refuse = "bad"
		s := NewState(m, m.Genesis(), p)
		ran := make(chan error, 1)
		go func() { ran <- s.Run(t.Context()) }()
		write(t, m, "1", NewDraft("a/1", 0, "bad", 1))
		if err := <-ran; err == nil || !strings.Contains(err.Error(), "fold fact 1 (bad of a/1): not this one") {
			t.Fatalf("error %v", err)
		}
	})
}

func TestStateRunSaysWhyItCannotFollow(t *testing.T) {
	m := NewMemory("m")
	s := NewState(m, m.Genesis())
	m.Close()
	if err := s.Run(t.Context()); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Fatalf("error %v", err)
	}
}

func TestReachEndsWithItsContext(t *testing.T) {
	m := NewMemory("m")
	s := NewState(m, m.Genesis())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Reach(ctx, 1); holdfast.CodeOf(err) != holdfast.Unavailable || !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if err := s.Reach(ctx, 0); err != nil {
		t.Fatalf("what is reached needs no waiting: %v", err)
	}
}

func TestWatchCoalesces(t *testing.T) {
	m := NewMemory("m")
	s := NewState(m, m.Genesis())
	signals, end := s.Watch()
	others, endOthers := s.Watch()
	defer endOthers()
	for i := range holdfast.Revision(3) {
		write(t, m, fmt.Sprint(i), NewDraft("a/1", i, "k", i))
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(signals) != 1 || len(others) != 1 {
		t.Fatalf("%d and %d signals wait, not one for each watcher", len(signals), len(others))
	}
	<-signals
	end()
	write(t, m, "last", NewDraft("a/1", 3, "k", 1))
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(signals) != 0 {
		t.Error("a watch that ended got a signal")
	}
}

func TestWatchForTellsOfWhatIsDueOnly(t *testing.T) {
	m := NewMemory("m")
	s := NewState(m, m.Genesis())
	due := false
	signals, end := s.WatchFor(func() bool { return due })
	defer end()
	for i, want := range []bool{false, true, false} {
		due = want
		write(t, m, fmt.Sprint(i), NewDraft("a/1", holdfast.Revision(i), "k", i))
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := len(signals) == 1; got != want {
			t.Errorf("advance %d: a signal %v, want %v", i, got, want)
		}
		if want {
			<-signals
		}
	}
}

func TestWatchFactsTellsOfWhatConcernsOnly(t *testing.T) {
	m := NewMemory("m")
	s := NewState(m, m.Genesis())
	signals, end := s.WatchFacts(func(f holdfast.Fact) bool { return f.Kind == "loud" })
	defer end()
	for i, kinds := range [][]string{{"quiet"}, {"quiet", "loud"}, {"quiet", "quiet"}} {
		for j, kind := range kinds {
			subject := holdfast.Subject(fmt.Sprintf("a/%d-%d", i, j))
			write(t, m, string(subject), NewDraft(subject, 0, kind, i))
		}
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := len(signals) == 1, slices.Contains(kinds, "loud"); got != want {
			t.Errorf("after %v: a signal %v, want %v", kinds, got, want)
		}
		if len(signals) > 0 {
			<-signals
		}
	}
}

func TestMemoryDocumentsExpireByItsClock(t *testing.T) {
	m := NewMemory("m")
	clock := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	m.Now = func() time.Time { return clock }
	if _, err := m.PutDocument(t.Context(), Document{Key: "k", Expires: clock.Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Document(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	clock = clock.Add(time.Minute)
	if _, err := m.Document(t.Context(), "k"); holdfast.CodeOf(err) != holdfast.NotFound {
		t.Fatalf("an expired document answered %v", err)
	}
}
