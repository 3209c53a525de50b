package sqljournal

import (
	"context"
	"errors"
	"sync/atomic"

	"holdfast"
	"holdfast/internal/journal"
)

// request is a call that waits for the writing goroutine.
type request struct {
	// apply carries the call out in a transaction and returns its answer.
	apply func(*transaction) error
	// append is the append to make, so that what all requests of a transaction
	// need to know can be looked up at once. It is nil for other calls.
	append *journal.Append
	size   int
	state  atomic.Int32
	err    error
	done   chan struct{} // closed when err is set
}

// A request is waiting until the writer begins it or the caller gives it up.
const (
	waiting int32 = iota
	begun
	abandoned
)

// submit hands a request to the writing goroutine and waits for the answer.
func (s *Store) submit(ctx context.Context, r *request) error {
	if err := ctx.Err(); err != nil {
		return failure(ctx, "write", err)
	}
	r.done = make(chan struct{})
	select {
	case s.writer.requests <- r:
	case <-s.closing:
		return closedError()
	case <-ctx.Done():
		return failure(ctx, "write", ctx.Err())
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, abandoned) {
			return failure(ctx, "write", ctx.Err())
		}
		select {
		case <-r.done: // answered at the same time
			return r.err
		default:
		}
		return holdfast.Errorf(holdfast.Doubtful, "the request ended while it was being written; repeating it settles whether it was").Because(ctx.Err())
	case <-s.stopped:
	}
	// The writer may have answered just before it stopped.
	select {
	case <-r.done:
		return r.err
	default:
		return closedError()
	}
}

var errClosed = errors.New("closed")

func closedError() error {
	return holdfast.Errorf(holdfast.Unavailable, "the journal is closed").Because(errClosed)
}
