package journal

import (
	"context"
	"fmt"

	"holdfast"
)

// readAhead is how many batches are read and verified while one is folded.
const readAhead = 2

// batch is what stands after a position, as read ahead of the fold.
type batch struct {
	facts []holdfast.Fact
	// chained says how many of the facts continue each the one before it.
	chained int
	err     error
}

// Load folds what the journal holds now. Call it once, before Run.
//
// A start waits for this, so batches are read and verified side by side, at
// positions where they will begin if none is short. One that is short leaves a
// hole, which is read in order.
func (s *State) Load(ctx context.Context) error {
	ahead, cancel := context.WithCancel(ctx)
	defer cancel()
	for next := range s.readBatches(ahead) {
		b := <-next
		if b.err != nil {
			return fmt.Errorf("read the journal: %w", b.err)
		}
		if len(b.facts) == 0 {
			break
		}
		if err := s.foldBatch(ctx, b); err != nil {
			return err
		}
	}
	for {
		if n, err := s.advance(ctx); err != nil || n == 0 {
			return err
		}
	}
}

// readBatches reads batches from the state's head on, until ctx ends. Those after
// the journal's end are empty.
func (s *State) readBatches(ctx context.Context) <-chan chan batch {
	batches := make(chan chan batch, readAhead)
	go func() {
		defer close(batches)
		for after := s.Head().Position; ; after += holdfast.Position(s.batch) {
			next := make(chan batch, 1)
			select {
			case batches <- next:
			case <-ctx.Done():
				return
			}
			go func() { next <- s.readBatch(ctx, after) }()
		}
	}()
	return batches
}

func (s *State) readBatch(ctx context.Context, after holdfast.Position) (b batch) {
	b.facts, b.err = s.journal.Read(ctx, after, s.batch)
	for b.chained = min(1, len(b.facts)); b.chained < len(b.facts); b.chained++ {
		before := b.facts[b.chained-1]
		if Verify(holdfast.Head{Position: before.Position, Hash: before.Hash}, b.facts[b.chained]) != nil {
			break // the fold meets it again and says what is wrong
		}
	}
	return b
}

// foldBatch folds a batch, after what stands before it and was not folded yet, and
// without what was.
func (s *State) foldBatch(ctx context.Context, b batch) error {
	for s.Head().Position+1 < b.facts[0].Position {
		if n, err := s.advance(ctx); err != nil {
			return err
		} else if n == 0 {
			break // there is a hole in the journal; the fold says so
		}
	}
	known := 0
	for head := s.Head().Position; known < len(b.facts) && b.facts[known].Position <= head; known++ {
	}
	if known == len(b.facts) {
		return nil
	}
	return s.fold(b.facts[known:], b.chained-known)
}
