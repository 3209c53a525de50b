package journaltest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"holdfast"
	"holdfast/internal/journal"
)

func waitWakes(t *testing.T, s journal.Store) {
	woken := make(chan error, 2)
	for _, after := range []holdfast.Position{0, 1} {
		go func() { woken <- s.Wait(t.Context(), after) }()
	}
	mustAppend(t, s, an("a", draft("thing/1", 0, 1), draft("thing/1", 1, 1)))
	for range 2 {
		if err := <-woken; err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Wait(t.Context(), 1); err != nil {
		t.Fatalf("wait for what exists: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { woken <- s.Wait(ctx, 2) }()
	cancel()
	if err := <-woken; !errors.Is(err, context.Canceled) {
		t.Fatalf("a wait whose context ended answered %v", err)
	}
}

func barrier(t *testing.T, s journal.Store) {
	empty, err := s.Barrier(t.Context())
	if err != nil || empty.Position != 0 || empty.Journal == "" || empty.Epoch == 0 || empty.Hash != journal.Genesis(empty.Journal) {
		t.Fatalf("the head of an empty journal is %v, error %v", empty, err)
	}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 10 {
				receipt, err := s.Append(t.Context(), an(fmt.Sprintf("%d-%d", i, j), draft(fmt.Sprint("thing/", i), holdfast.Revision(j), j)))
				if err != nil {
					t.Error(err)
					return
				}
				head, err := s.Barrier(t.Context())
				if err != nil || head.Position < receipt.Last {
					t.Errorf("a barrier after the receipt %v answered %v, error %v", receipt, head, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if facts := mustReadAll(t, s, 7); len(facts) != 80 || facts[79].Position != 80 {
		t.Fatalf("%d facts; barriers must take no position", len(facts))
	}
}

func endedContext(t *testing.T, s journal.Store) {
	ctx := ended()
	for name, err := range map[string]error{
		"append":  second(s.Append(ctx, an("a", draft("thing/1", 0, 1)))),
		"read":    second(s.Read(ctx, 0, 1)),
		"wait":    s.Wait(ctx, 0),
		"barrier": second(s.Barrier(ctx)),
		"put":     second(s.PutDocument(ctx, journal.Document{Key: "k"})),
		"delete":  s.DeleteDocument(ctx, "k"),
		"get":     second(s.Document(ctx, "k")),
		"list":    second(s.ListDocuments(ctx, "", "", 1)),
		"blob":    second(s.PutBlob(ctx, []byte("b"))),
	} {
		if holdfast.CodeOf(err) != holdfast.Unavailable || !errors.Is(err, context.Canceled) {
			t.Errorf("%s under an ended context: %v", name, err)
		}
	}
	if facts := mustReadAll(t, s, 1); len(facts) != 0 {
		t.Errorf("%d facts were written", len(facts))
	}
}

func second[T any](_ T, err error) error { return err }

func oneSubjectManyWriters(t *testing.T, s journal.Store) {
	const writers, revisions = 8, 15
	for r := range holdfast.Revision(revisions) {
		var won atomic.Int32
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				_, err := s.Append(t.Context(), an(fmt.Sprintf("%d-%d", r, w), draft("thing/1", r, w)))
				var moved *journal.Mismatch
				switch {
				case err == nil:
					won.Add(1)
				case !errors.As(err, &moved) || moved.Actual != r+1:
					t.Errorf("revision %d: %v", r, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d writers won revision %d", won.Load(), r+1)
		}
	}
	if facts := mustReadAll(t, s, 4); len(facts) != revisions {
		t.Fatalf("%d facts, not %d", len(facts), revisions)
	}
}

func manySubjectsAndFollower(t *testing.T, s journal.Store) {
	const writers, appends = 16, 20
	genesis := Genesis(t, s)
	followed := make(chan error, 1)
	go func() { followed <- follow(t.Context(), s, genesis, writers*appends*2) }()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range holdfast.Revision(appends) {
				subject := fmt.Sprint("thing/", w)
				a := an(fmt.Sprintf("%d-%d", w, i), draft(subject, 2*i, w), draft(subject, 2*i+1, w))
				receipt, err := s.Append(t.Context(), a)
				if err != nil || receipt.Last != receipt.First+1 {
					t.Errorf("append %s: %v, error %v", a.ID, receipt, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	if err := <-followed; err != nil {
		t.Fatal(err)
	}
}

// follow reads as a follower does until n facts were seen. No gap may be filled
// behind it and no append may be seen in part.
func follow(ctx context.Context, s journal.Journal, head holdfast.Head, n holdfast.Position) error {
	for head.Position < n {
		if err := s.Wait(ctx, head.Position); err != nil {
			return err
		}
		facts, err := s.Read(ctx, head.Position, 7)
		if err != nil {
			return err
		}
		if len(facts) == 0 || len(facts)%2 != 0 {
			return fmt.Errorf("after %d: %d facts, though every append holds two", head.Position, len(facts))
		}
		for i, f := range facts {
			if err := journal.Verify(head, f); err != nil {
				return err
			}
			if i%2 == 1 && f.Append != facts[i-1].Append {
				return fmt.Errorf("positions %d and %d are of two appends", f.Position-1, f.Position)
			}
			head.Position, head.Hash = f.Position, f.Hash
		}
	}
	return nil
}

func sameIDManyTimesAtOnce(t *testing.T, s journal.Store) {
	for round := range 5 {
		a := an(fmt.Sprint("round-", round), draft(fmt.Sprint("thing/", round), 0, 1))
		receipts := make([]journal.Receipt, 8)
		var wg sync.WaitGroup
		for i := range receipts {
			wg.Go(func() {
				var err error
				if receipts[i], err = s.Append(t.Context(), a); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, r := range receipts {
			if r != receipts[0] {
				t.Fatalf("one append has receipts %v", receipts)
			}
		}
	}
	if facts := mustReadAll(t, s, 100); len(facts) != 5 {
		t.Fatalf("%d facts, not 5", len(facts))
	}
}

// counter is a projection that counts facts of each subject.
type counter map[holdfast.Subject]int

func (c counter) Apply(f holdfast.Fact) error { c[f.Subject]++; return nil }

// stateFollows runs the real writers on the real fold: every Do sees its own
// write, and none is lost under contention.
func stateFollows(t *testing.T, s journal.Store) {
	counts := counter{}
	state := journal.NewState(s, Genesis(t, s), counts)
	if err := state.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- state.Run(ctx) }()
	desk := journal.Desk{Journal: s, State: state, Now: now}
	const writers, acts = 4, 5
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range acts {
				if _, err := desk.Do(t.Context(), someone, increment(counts)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	state.View(func() {
		if counts["thing/shared"] != writers*acts {
			t.Errorf("%d acts were counted, not %d", counts["thing/shared"], writers*acts)
		}
	})
	stop()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
}
