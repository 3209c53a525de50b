package gate

import (
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
)

// lease is the right to admit on strict routes until an instant of
// CLOCK_BOOTTIME. A beat's answer gives it only once the gate enforces the head
// that the answer carries; until then it is pending.
type lease struct {
	until atomic.Int64 // nanoseconds; 0 means none

	mu      sync.Mutex
	pending []grant
}

type grant struct {
	head  holdfast.Head
	until time.Duration
}

func (l *lease) end() time.Duration { return time.Duration(l.until.Load()) }

func (l *lease) holds(now time.Duration) bool { return int64(now) < l.until.Load() }

// offer takes a grant if the enforced head has reached the grant's, and else
// keeps it for when it does.
func (l *lease) offer(gr grant, enforced holdfast.Head) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if reaches(enforced, gr.head) {
		l.take(gr.until)
		return
	}
	l.pending = append(l.pending, gr)
	if len(l.pending) > 16 { // the newest are the ones that can still matter
		l.pending = l.pending[1:]
	}
}

// enforced takes the pending grants that the enforced head has reached.
func (l *lease) enforced(head holdfast.Head) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keep := l.pending[:0]
	for _, gr := range l.pending {
		if reaches(head, gr.head) {
			l.take(gr.until)
		} else {
			keep = append(keep, gr)
		}
	}
	l.pending = keep
}

func (l *lease) take(until time.Duration) {
	if int64(until) > l.until.Load() {
		l.until.Store(int64(until))
	}
}

// drop gives the lease back at once.
func (l *lease) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = nil
	l.until.Store(0)
}

// reaches reports whether enforcing head a includes all that head b includes.
func reaches(a, b holdfast.Head) bool {
	return a.Journal == b.Journal && a.Epoch == b.Epoch &&
		(a.Position > b.Position || a.Position == b.Position && a.Hash == b.Hash)
}
