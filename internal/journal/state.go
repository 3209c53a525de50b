package journal

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"holdfast"
)

// Projection is a part of the state that is folded from facts. Apply sees every
// fact once, in order, and ignores kinds it does not know; an error stops the
// fold, since a state with a hole must not be shown.
type Projection interface {
	Apply(f holdfast.Fact) error
}

// State keeps projections folded up to one common position. The facts of one
// append become visible together.
type State struct {
	journal     Journal
	projections []Projection
	batch       int // how many facts one read asks for

	mu       sync.RWMutex
	head     holdfast.Head
	reached  chan struct{}                                // closed and replaced at each advance
	watchers map[chan struct{}]func([]holdfast.Fact) bool // what each waits for; nil for any advance
}

// NewState makes a state that follows j. Its head must be given: the journal's
// id and epoch with position 0 and the genesis hash.
func NewState(j Journal, genesis holdfast.Head, projections ...Projection) *State {
	return &State{
		journal: j, projections: projections, batch: readBatch, head: genesis,
		reached:  make(chan struct{}),
		watchers: map[chan struct{}]func([]holdfast.Fact) bool{},
	}
}

// readBatch is how many facts one read asks for: enough to hide the cost of a
// query, small enough that readers of the state do not wait long.
const readBatch = 2000

// Run follows the journal until ctx ends. It returns nil then, and an error if a
// fact cannot be read or folded.
func (s *State) Run(ctx context.Context) error {
	for {
		if err := s.journal.Wait(ctx, s.Head().Position); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("follow the journal: %w", err)
		}
		if _, err := s.advance(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

func (s *State) advance(ctx context.Context) (int, error) {
	facts, err := s.journal.Read(ctx, s.Head().Position, s.batch)
	if err != nil {
		return 0, fmt.Errorf("read the journal: %w", err)
	}
	if len(facts) == 0 {
		return 0, nil
	}
	return len(facts), s.fold(facts, 0)
}

// fold applies facts and shows them. The first so many are known to continue each
// the one before it, so only the first of them is verified.
func (s *State) fold(facts []holdfast.Fact, chained int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range facts {
		if i == 0 || i >= chained {
			if err := Verify(s.head, f); err != nil {
				return err
			}
		}
		for _, p := range s.projections {
			if err := p.Apply(f); err != nil {
				return fmt.Errorf("fold fact %d (%s of %s): %w", f.Position, f.Kind, f.Subject, err)
			}
		}
		s.head.Position, s.head.Hash = f.Position, f.Hash
	}
	close(s.reached)
	s.reached = make(chan struct{})
	for w, due := range s.watchers {
		if due != nil && !due(facts) {
			continue
		}
		select {
		case w <- struct{}{}:
		default: // it has a signal waiting; one is enough
		}
	}
	return nil
}

// View runs f while no fact is being folded. f must not block and must not keep
// what it reads unless it copies it.
func (s *State) View(f func()) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	f()
}

// Head returns how far the state is folded.
func (s *State) Head() holdfast.Head {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.head
}

// Reach returns once the state is folded at least to p.
func (s *State) Reach(ctx context.Context, p holdfast.Position) error {
	for {
		s.mu.RLock()
		position, reached := s.head.Position, s.reached
		s.mu.RUnlock()
		if position >= p {
			return nil
		}
		select {
		case <-reached:
		case <-ctx.Done():
			return holdfast.Errorf(holdfast.Unavailable, "the state has not reached position %d yet", p).Because(ctx.Err())
		}
	}
}

// Watch returns a channel that gets a signal after each advance, signals that
// were not taken being merged, and a function that ends it.
func (s *State) Watch() (<-chan struct{}, func()) { return s.watch(nil) }

// WatchFor is Watch for who waits for few of the advances: there is a signal only
// after those at which due returns true. It is called while the state is locked,
// so it must be quick, and what it reads must be changed under View only.
func (s *State) WatchFor(due func() bool) (<-chan struct{}, func()) {
	return s.watch(func([]holdfast.Fact) bool { return due() })
}

// WatchFacts is Watch for whom few facts concern: there is a signal only after an
// advance by one that does. It is asked while the state is locked, so it must be
// quick.
func (s *State) WatchFacts(concerns func(holdfast.Fact) bool) (<-chan struct{}, func()) {
	return s.watch(func(facts []holdfast.Fact) bool { return slices.ContainsFunc(facts, concerns) })
}

func (s *State) watch(due func([]holdfast.Fact) bool) (<-chan struct{}, func()) {
	w := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[w] = due
	return w, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, w)
	}
}
