package sqljournal

import (
	"context"

	"holdfast/internal/journal"
	"holdfast/internal/sqljournal/commit"
)

// request is a call that waits for the writing goroutine.
type request struct {
	commit.Call
	// apply carries the call out in a transaction and returns its answer.
	apply func(*transaction) error
	// append is the append to make, so that what all requests of a transaction
	// need to know can be looked up at once. It is nil for other calls.
	append  *journal.Append
	receipt journal.Receipt // the answer to an append
	answer  error
}

func newAppend(a *journal.Append) *request {
	r := &request{append: a}
	for _, d := range a.Facts {
		r.Size += len(d.Body)
	}
	r.apply = func(tx *transaction) (err error) {
		r.receipt, err = tx.append(a)
		return err
	}
	return r
}

// submit hands a request to the writing goroutine and waits for the answer.
func (s *Store) submit(ctx context.Context, r *request) error {
	return commit.Submit(ctx, s.writer.requests, r, s.closing, s.stopped)
}
