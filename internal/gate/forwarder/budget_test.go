package forwarder_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/gate/forwarder"
	"holdfast/internal/standin"
)

// The budget is used, and no second exceeds it.
func TestBudget(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{1, 7, 200} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, rate, 64, did, numbered(12*rate)...)
				pass(10 * time.Second)
				r.end(t)
				begun := r.begun
				if n := len(begun); float64(n) < 0.95*10*float64(rate)-1 {
					t.Errorf("%d were sent in 10 s at %d a second", n, rate)
				}
				for i := range begun {
					if j := i + rate; j < len(begun) && begun[j]-begun[i] < time.Second-time.Microsecond {
						t.Fatalf("%d began between %v and %v", rate+1, begun[i], begun[j])
					}
				}
				if perSecond, budget := r.f.Rate(); budget != rate || perSecond < 0.85*float64(rate) || perSecond > float64(rate) {
					t.Errorf("it says %v a second of %d", perSecond, budget)
				}
			})
		})
	}
}

// A disk that takes its time, and a primary that does, cost nothing of the budget: while
// some are made durable others are sent, and what is made durable at once are many.
func TestBudgetOverASlowDisk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const rate = 1000
		r := startWith(t, forwarder.Options{Rate: rate, Lanes: 8}, func(context.Context, standin.Work) (standin.Result, error) {
			time.Sleep(5 * time.Millisecond)
			return standin.Did, nil
		}, numbered(9999)...)
		r.mu().Lock()
		r.takes = 60 * time.Millisecond
		r.mu().Unlock()
		pass(2 * time.Second) // until the pace is known
		before, calls := len(r.got()), r.synced()
		pass(5 * time.Second)
		if n := len(r.got()) - before; n < 5*rate*95/100 {
			t.Errorf("%d were sent in 5 s at %d a second", n, rate)
		}
		if n := r.synced() - calls; n > 150 {
			t.Errorf("%d writes in 5 s", n)
		}
		r.end(t)
		if r.most > 8 {
			t.Errorf("%d at once", r.most)
		}
	})
}

// Where the primary has little time for its answer, little is claimed ahead: nothing runs
// out of it while it waits for its turn.
func TestAShortTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1000, 8, did, numbered(9999)...)
		r.mu().Lock()
		r.terms.Timeout, r.terms.Pause = 100*time.Millisecond, 100*time.Millisecond
		r.mu().Unlock()
		pass(5 * time.Second)
		r.end(t)
		if n := len(r.got()); n != tried(r, 9999) || n < 4700 {
			t.Errorf("%d attempts, of which %d were made", tried(r, 9999), n)
		}
	})
}

// tried is how many attempts there were.
func tried(r *rig, many int) (n int) {
	for _, id := range numbered(many) {
		n += r.s.Item(id).Attempts
	}
	return n
}

// What waits for its turn is no more than the primary takes while it waits: an attempt that
// began is made, also when the primary takes less and less.
func TestNothingWaitsTooLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var takes atomic.Int64
		r := start(t, 1000, 4, func(context.Context, standin.Work) (standin.Result, error) {
			time.Sleep(time.Duration(takes.Load()))
			return standin.Did, nil
		}, numbered(4000)...)
		for _, d := range []time.Duration{5, 10, 20, 40, 80} {
			takes.Store(int64(d * time.Millisecond))
			pass(3 * time.Second)
		}
		r.end(t)
		if n := len(r.got()); n != tried(r, 4000) || n < 2000 {
			t.Errorf("%d attempts, of which %d were made", tried(r, 4000), n)
		}
	})
}

// counted is how many of the results came at all.
func counted(counts map[string]int64) (n int) {
	for _, times := range counts {
		if times > 0 {
			n++
		}
	}
	return n
}

// What has no answer is not counted as forwarded, however often it is sent; what the
// primary refuses is, as it waits no longer. After a minute it is over.
func TestRateIsOfWhatWasSettled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		result  standin.Result
		err     error
		counted string
		rate    float64
	}{
		{standin.NoAnswer, errors.New("lost"), "no-answer", 0}, {standin.NoAnswer, errNobody, "unreached", 0},
		{standin.Refuses, nil, "refused", 2.0 / 5}, {standin.Did, nil, "delivered", 2.0 / 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := start(t, 10, 4, func(context.Context, standin.Work) (standin.Result, error) { return c.result, c.err }, "1", "2")
			pass(4*time.Second + 500*time.Millisecond)
			if rate, _ := r.f.Rate(); rate != c.rate {
				t.Errorf("%v: %v a second, want %v", c.result, rate, c.rate)
			}
			if counts := r.f.Counts(); counts[c.counted] < 2 || counted(counts) != 1 || len(counts) != len(forwarder.Results)+2 {
				t.Errorf("%v: counted %v", c.result, counts)
			}
			pass(time.Minute)
			if rate, _ := r.f.Rate(); rate != 0 {
				t.Errorf("%v: a minute later %v a second", c.result, rate)
			}
			r.end(t)
		})
	}
}

// Lanes bound what is under way, and a slow primary is not flooded.
func TestLanes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, 1000, 4, func(context.Context, standin.Work) (standin.Result, error) {
			time.Sleep(100 * time.Millisecond)
			return standin.Did, nil
		}, numbered(200)...)
		pass(time.Second)
		n := len(r.got())
		if r.end(t); r.most != 4 || n < 36 || n > 44 {
			t.Errorf("%d were sent, %d at once", n, r.most)
		}
	})
}

// A primary that does not answer is left alone, and given more as it recovers.
func TestSurplus(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lost := func(context.Context, standin.Work) (standin.Result, error) {
			return standin.NoAnswer, errors.New("lost")
		}
		r := start(t, 200, 64, lost, numbered(8_000)...)
		pass(15 * time.Second)
		before := len(r.got())
		pass(5 * time.Second)
		if n := len(r.got()) - before; n > 5*5 || n == 0 {
			t.Errorf("%d a second are sent to a primary that answers nothing", n/5)
		}
		r.says(did)
		pass(30 * time.Second)
		before = len(r.got())
		pass(5 * time.Second)
		if n := len(r.got()) - before; n < 5*190 {
			t.Errorf("%d a second are sent to a primary that is well again", n/5)
		}
		r.end(t)
	})
}

// Advices give way to customers, and take again what these leave.
func TestCustomersComeFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var spare atomic.Int64
		spare.Store(40)
		r := startWith(t, forwarder.Options{Rate: 200, Lanes: 64, Spare: func() int { return int(spare.Load()) }}, did, numbered(8_000)...)
		in := func(least, most int) {
			t.Helper()
			before := len(r.got())
			pass(10 * time.Second)
			if n := len(r.got()) - before; n < 10*least || n > 10*most {
				t.Errorf("%d in 10 s, with %d a second to spare", n, spare.Load())
			}
			if _, budget := r.f.Rate(); budget > max(1, int(spare.Load())) {
				t.Errorf("the budget is %d, with %d a second to spare", budget, spare.Load())
			}
		}
		pass(time.Second)
		in(38, 40)
		spare.Store(-10) // customers send more than the primary was said to take
		pass(time.Second)
		in(1, 1)
		spare.Store(120)
		pass(20 * time.Second)
		in(114, 120)
		r.end(t)
	})
}
