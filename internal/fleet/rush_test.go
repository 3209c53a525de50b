package fleet

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// An acknowledgement waits until every stream has the posture, not longer than
// the rush may last, and not at all where nothing is to be sent.
func TestAcknowledgementsWaitForTheRush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r rush
		took := func(ctx context.Context) time.Duration {
			begin := time.Now()
			r.over(ctx)
			return time.Since(begin)
		}
		if d := took(t.Context()); d != 0 {
			t.Errorf("without a rush it took %v", d)
		}
		r.begin()
		r.begin()
		time.AfterFunc(time.Millisecond, r.end)
		time.AfterFunc(3*time.Millisecond, r.end)
		if d := took(t.Context()); d != 3*time.Millisecond {
			t.Errorf("until the second stream had it, it took %v", d)
		}
		// A stream that does not move.
		r.begin()
		if d := took(t.Context()); d != longestRush {
			t.Errorf("behind a dead stream it took %v", d)
		}
		if d := took(t.Context()); d != 0 {
			t.Errorf("and once more %v", d)
		}
		r.end()
		// The time-out of a rush that is over does not end the next.
		r.begin()
		r.end()
		time.Sleep(longestRush / 2)
		r.begin()
		if d := took(t.Context()); d != longestRush {
			t.Errorf("the next took %v", d)
		}
		r.end()
		r.begin()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if d := took(ctx); d != time.Millisecond {
			t.Errorf("though the caller had gone it took %v", d)
		}
		r.end()
	})
}
