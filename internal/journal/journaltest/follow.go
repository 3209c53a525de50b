package journaltest

import (
	"context"
	"sync"
	"testing"
	"time"

	"holdfast/internal/journal"
)

// Follow folds a state until the test ends: without it a desk waits for ever.
func Follow(t testing.TB, s *journal.State) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the fold ended: %v", err)
		}
	})
}

// Clock is one that a test sets. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time that was set last.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set sets the time.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}
