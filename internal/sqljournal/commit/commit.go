// Package commit is what a journal's engines share, whatever SQL they speak:
// calls that wait for one commit together ([Call], [Submit], [Collect]), the head
// that commits move ([Progress]), the file that keeps the newest acknowledged
// head beside the database ([Witness]), and what a fact's row holds encoded
// ([Actors]).
//
// # Life of a call
//
//	waiting ─▶ begun ─▶ answered
//	   └─────▶ abandoned
//
// Until the writer begins a call, the call ends with its context and nothing was
// done. From then on it is carried out whatever the caller does, and a caller
// that leaves early is told Doubtful.
package commit

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"holdfast"
	"holdfast/internal/journal"
)

// Call is one call that waits for the writing goroutine.
type Call struct {
	// Size is about how many bytes it writes.
	Size  int
	state atomic.Int32
	err   error
	done  chan struct{} // closed when err is set
}

const (
	waiting int32 = iota
	begun
	abandoned
)

// Ready makes the call one that [Submit] takes or that a writer makes for itself.
func (c *Call) Ready() { c.done = make(chan struct{}) }

// Begin takes the call into a commit. It answers false if the caller has gone.
func (c *Call) Begin() bool { return c.state.CompareAndSwap(waiting, begun) }

// Answer ends a call that was begun.
func (c *Call) Answer(err error) {
	c.err = err
	close(c.done)
}

// Base returns the call itself: types that embed Call satisfy [Waiting] by it.
func (c *Call) Base() *Call { return c }

// Waiting is a call with what an engine adds to it.
type Waiting interface{ Base() *Call }

// Submit hands a call to the writing goroutine and waits for the answer. Closing
// means that the store takes no more calls, stopped that the writer has ended.
func Submit[W Waiting](ctx context.Context, queue chan<- W, w W, closing, stopped <-chan struct{}) error {
	if err := enqueue(ctx, queue, w, closing); err != nil {
		return err
	}
	return await(ctx, w, stopped)
}

// SubmitAll hands over several calls, which are carried out in their order, and
// answers with the first error. Calls behind that one may have been carried out.
func SubmitAll[W Waiting](ctx context.Context, queue chan<- W, list []W, closing, stopped <-chan struct{}) error {
	for _, w := range list {
		if err := enqueue(ctx, queue, w, closing); err != nil {
			return err
		}
	}
	for _, w := range list {
		if err := await(ctx, w, stopped); err != nil {
			return err
		}
	}
	return nil
}

// AppendAll makes appends in order, many in one commit, through the requests that
// newRequest makes of them; the receipt it returns is that request's. It answers
// with the first error; what stands behind the append it concerns may have been
// written.
func AppendAll[W Waiting](ctx context.Context, queue chan<- W, list []journal.Append, newRequest func(*journal.Append) (W, *journal.Receipt), closing, stopped <-chan struct{}) ([]journal.Receipt, error) {
	requests, answers := make([]W, len(list)), make([]*journal.Receipt, len(list))
	for i := range list {
		if err := journal.Check(list[i]); err != nil {
			return nil, err
		}
		requests[i], answers[i] = newRequest(&list[i])
	}
	if err := SubmitAll(ctx, queue, requests, closing, stopped); err != nil {
		return nil, err
	}
	receipts := make([]journal.Receipt, len(list))
	for i, r := range answers {
		receipts[i] = *r
	}
	return receipts, nil
}

// IsClosing reports whether the channel that says so is closed.
func IsClosing(closing <-chan struct{}) bool {
	select {
	case <-closing:
		return true
	default:
		return false
	}
}

// enqueue hands a call to the writing goroutine.
func enqueue[W Waiting](ctx context.Context, queue chan<- W, w W, closing <-chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return Ended(err)
	}
	w.Base().Ready()
	select {
	case queue <- w:
		return nil
	case <-closing:
		return Closed()
	case <-ctx.Done():
		return Ended(ctx.Err())
	}
}

// await waits for the answer to a call that was handed over.
func await[W Waiting](ctx context.Context, w W, stopped <-chan struct{}) error {
	c := w.Base()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return c.leave(ctx.Err())
	case <-stopped:
	}
	// The writer may have answered just before it stopped.
	select {
	case <-c.done:
		return c.err
	default:
		return Closed()
	}
}

func (c *Call) leave(cause error) error {
	if c.state.CompareAndSwap(waiting, abandoned) {
		return Ended(cause)
	}
	select {
	case <-c.done: // answered at the same time
		return c.err
	default:
	}
	return holdfast.Errorf(holdfast.Doubtful, "the request ended while it was being written; repeating it settles whether it was").Because(cause)
}

// Collect takes what else is waiting into the commit that first begins, up to so
// many calls and about so many bytes.
func Collect[W Waiting](queue <-chan W, first W, calls, bytes int) []W {
	// Callers that were just answered come back at once. Unless they are let in
	// first, they miss every other commit.
	runtime.Gosched()
	batch := []W{first}
	for size := first.Base().Size; len(batch) < calls && size < bytes; {
		select {
		case w := <-queue:
			batch = append(batch, w)
			size += w.Base().Size
		default:
			return batch
		}
	}
	return batch
}

// ErrClosed is the cause of [Closed].
var ErrClosed = errors.New("closed")

// Closed is the answer of a store that was closed.
func Closed() error {
	return holdfast.Errorf(holdfast.Unavailable, "the journal is closed").Because(ErrClosed)
}

// Ended is the answer to a call whose context ended before it was carried out.
func Ended(cause error) error {
	return holdfast.Errorf(holdfast.Unavailable, "the request ended before the journal answered").Because(cause)
}
