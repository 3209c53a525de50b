package httpgate

import (
	"context"
	"sync"
	"time"
)

const (
	// standInTimeout is how long a client waits for stand-in at least. Then it is told to
	// inquire: it may have been decided.
	standInTimeout = 2 * time.Second
	// together is within what time those who come share the end of their patience.
	together = 100 * time.Millisecond
)

// patience bounds how long clients wait for stand-in. Nearly all are answered long before:
// a timer for each would cost as much as finding out who pays.
type patience struct {
	mu     sync.Mutex
	shared context.Context
	until  time.Time // nobody joins from then
}

// from returns a context that ends after standInTimeout from now, and together later at
// the latest.
func (p *patience) from(now time.Time) context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shared == nil || !now.Before(p.until) {
		ctx, end := context.WithCancel(context.Background())
		time.AfterFunc(standInTimeout+together, end)
		p.shared, p.until = ctx, now.Add(together)
	}
	return p.shared
}
