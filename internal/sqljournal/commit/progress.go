package commit

import (
	"context"
	"sync"

	"holdfast"
)

// Progress is how far a journal has come, as this process knows it.
type Progress struct {
	closing <-chan struct{}

	mu    sync.Mutex
	head  holdfast.Head
	beat  uint64
	moved chan struct{} // closed and replaced when head moves
	fault error         // why it will not move any more
}

// NewProgress begins at a head and a beat. Waiting ends when closing is closed.
func NewProgress(head holdfast.Head, beat uint64, closing <-chan struct{}) *Progress {
	return &Progress{head: head, beat: beat, closing: closing, moved: make(chan struct{})}
}

// Head returns the newest head this process knows.
func (p *Progress) Head() holdfast.Head {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.head
}

// Beat returns the count of commits at the head.
func (p *Progress) Beat() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.beat
}

// Publish makes a new head known. One that is older than what is known already,
// as may come from another connection, changes nothing.
func (p *Progress) Publish(head holdfast.Head, beat uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if beat < p.beat {
		return
	}
	if head.Position != p.head.Position {
		close(p.moved)
		p.moved = make(chan struct{})
	}
	p.head, p.beat = head, beat
}

// Fail makes everybody who waits, now and later, be answered with err.
func (p *Progress) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = err
	close(p.moved)
	p.moved = make(chan struct{})
}

// Wait returns nil once a fact after the position exists.
func (p *Progress) Wait(ctx context.Context, after holdfast.Position) error {
	for {
		p.mu.Lock()
		position, moved, fault := p.head.Position, p.moved, p.fault
		p.mu.Unlock()
		select {
		case <-p.closing:
			return Closed()
		default:
		}
		if err := ctx.Err(); err != nil {
			return Ended(err)
		}
		if position > after {
			return nil
		}
		if fault != nil {
			return fault
		}
		select {
		case <-moved:
		case <-ctx.Done():
		case <-p.closing:
		}
	}
}
