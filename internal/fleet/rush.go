package fleet

import (
	"context"
	"sync"
	"time"
)

// rush is the short time after a change of the posture in which it goes out to
// the gates. Acknowledgements wait for its end: the last gate does not stand
// behind the word of the first, and those that came meanwhile share one commit.
type rush struct {
	mu   sync.Mutex
	left int           // streams that have not been sent the posture
	done chan struct{} // closed when it is over; nil while there is none
}

// longestRush bounds it: a stream that does not move holds up nobody for longer.
const longestRush = 20 * time.Millisecond

// tellsOne is about how long it takes to send a posture on one stream: 100 gates
// have theirs within 10 ms. Gates keep their acknowledgements for so long, so
// that the node need not even read them during the rush.
const tellsOne = 100 * time.Microsecond

// begin counts a stream that has to be sent the posture.
func (r *rush) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.left++; r.left == 1 {
		done := make(chan struct{})
		r.done = done
		time.AfterFunc(longestRush, func() { r.finish(done) })
	}
}

// end counts one that was sent it, or that has ended.
func (r *rush) end() {
	r.mu.Lock()
	r.left--
	over, done := r.left == 0, r.done
	r.mu.Unlock()
	if over {
		r.finish(done)
	}
}

func (r *rush) finish(done chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == done && done != nil {
		close(done)
		r.done = nil
	}
}

// over returns when there is no rush, or when ctx ends.
func (r *rush) over(ctx context.Context) {
	r.mu.Lock()
	done := r.done
	r.mu.Unlock()
	if done == nil {
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}
