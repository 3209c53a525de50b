package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// resolving runs a gate with an inquirer in a bubble; ask answers.
func resolving(t *testing.T, ask func(payment.Record) (payment.Outcome, error), f func(t *testing.T, g *Gate, asked *answers)) {
	t.Helper()
	resolvingUnder(t, Inquiries{}, ask, f)
}

func resolvingUnder(t *testing.T, budget Inquiries, ask func(payment.Record) (payment.Outcome, error), f func(t *testing.T, g *Gate, asked *answers)) {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := &answers{outcome: ask}
		o := options(dir)
		o.Clock, o.Inquirer, o.Inquiries, o.InFlight = bubbleClock{time.Now()}, a, budget, 64
		g := start(t, o)
		enforce(t, g, set(10))
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- g.Run(ctx, nil) }()
		f(t, g, a)
		end()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func lose(t *testing.T, g *Gate, identities ...string) {
	t.Helper()
	for _, identity := range identities {
		admit(t, g, identity).Finish(payment.Unknown, "no answer")
	}
}

func TestInquiriesSettleWhatIsUnknown(t *testing.T) {
	outcomes := map[string]payment.Outcome{"done": payment.Done, "not": payment.NotDone, "open": payment.Unknown, "odd": payment.InFlight}
	resolving(t, func(r payment.Record) (payment.Outcome, error) { return outcomes[r.Identity], nil },
		func(t *testing.T, g *Gate, asked *answers) {
			lose(t, g, "done", "not", "open", "odd", "")
			time.Sleep(defaultFirst - time.Millisecond)
			synctest.Wait()
			if len(asked.asked()) != 0 {
				t.Errorf("asked at once: %q", asked.asked())
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if g.Pending("done") || g.Pending("not") || !g.Pending("open") || !g.Pending("odd") {
				t.Error("what was answered is not settled, or what was not is")
			}
			for _, r := range g.Unresolved() {
				if r.Identity != "open" && r.Identity != "odd" && !strings.HasPrefix(r.Identity, unnamed) {
					t.Errorf("unresolved: %s", r.Identity)
				}
			}
			for _, identity := range asked.asked() {
				if strings.HasPrefix(identity, unnamed) {
					t.Error("asked about a name that only the gate knows")
				}
			}
			_, entries := g.outcomes.unreported(10)
			if last := entries[len(entries)-1]; !strings.HasPrefix(last.Why, "the primary says") {
				t.Errorf("%+v", last)
			}
		})
}

// While the primary says "not yet" it is asked ever less often, but for as long
// as the payment is unknown.
func TestInquiriesGrowRare(t *testing.T) {
	var settled atomic.Bool
	resolving(t, func(payment.Record) (payment.Outcome, error) {
		if settled.Load() {
			return payment.Done, nil
		}
		return payment.Unknown, nil
	}, func(t *testing.T, g *Gate, asked *answers) {
		lose(t, g, "k")
		time.Sleep(time.Minute)
		synctest.Wait()
		first := len(asked.asked())
		if first < 4 || first > 8 {
			t.Errorf("asked %d times in the first minute", first)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := len(asked.asked()) - first; n < 24*60-50 || n > 24*60 {
			t.Errorf("asked %d times in a day", n)
		}
		if got := identities(g.Unresolved()); got != "k" {
			t.Errorf("waiting settled it: %q", got)
		}
		settled.Store(true)
		time.Sleep(longestInterval + time.Second)
		synctest.Wait()
		if g.Pending("k") {
			t.Error("not settled when the primary said so")
		}
	})
}

// Of two primaries one that is down keeps nobody from asking the other, however much there
// is to ask it, and is not flooded.
func TestOnePrimaryIsSilent(t *testing.T) {
	resolving(t, func(r payment.Record) (payment.Outcome, error) {
		if r.Second {
			return payment.Done, nil
		}
		return payment.Unknown, errors.New("connection refused")
	}, func(t *testing.T, g *Gate, asked *answers) {
		for i := range 50 {
			lose(t, g, fmt.Sprint("k", i))
		}
		time.Sleep(time.Minute)
		for i := range 10 {
			p := pay(fmt.Sprint("s", i))
			p.Second = true
			a, v := g.Admit(p, Static)
			if v.Action != posture.Forward {
				t.Fatalf("%+v", v)
			}
			a.Finish(payment.Unknown, "no answer")
		}
		before := len(asked.asked())
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for _, r := range g.Unresolved() {
			if r.Second {
				t.Errorf("%s was not asked about", r.Identity)
			}
		}
		if n := len(asked.asked()) - before; n > 10+4 {
			t.Errorf("%d inquiries in ten seconds, ten of them to the second primary", n)
		}
	})
}

// A primary that is down is not flooded: one inquiry at a time finds out whether
// it is back, and soon.
func TestInquiriesSpareAPrimaryThatIsDown(t *testing.T) {
	var up atomic.Bool
	resolving(t, func(payment.Record) (payment.Outcome, error) {
		if up.Load() {
			return payment.NotDone, nil
		}
		return payment.Unknown, errors.New("connection refused")
	}, func(t *testing.T, g *Gate, asked *answers) {
		for i := range 40 {
			lose(t, g, fmt.Sprint("k", i))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(asked.asked()); n < 10 || n > 20 {
			t.Errorf("asked %d times in a minute", n)
		}
		up.Store(true)
		time.Sleep(longestSilence + 10*time.Second)
		synctest.Wait()
		if got := g.Unresolved(); len(got) != 0 {
			t.Errorf("%d are unresolved", len(got))
		}
	})
}

// One payment that cannot be asked about does not keep the others from it.
func TestInquiriesGoAroundTheOneThatFails(t *testing.T) {
	resolving(t, func(r payment.Record) (payment.Outcome, error) {
		if r.Identity == "poison" {
			return payment.Unknown, errors.New("the answer is too large")
		}
		return payment.Done, nil
	}, func(t *testing.T, g *Gate, asked *answers) {
		lose(t, g, "poison")
		time.Sleep(10 * time.Millisecond)
		for i := range 30 {
			lose(t, g, fmt.Sprint("k", i))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := identities(g.Unresolved()); got != "poison" {
			t.Errorf("unresolved: %s", got)
		}
	})
}

// No second has more inquiries than the budget, and what the budget has is used.
func TestInquiriesHaveABudget(t *testing.T) {
	for _, rate := range []int{0, 1, 3, 10} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			most := rate
			if most == 0 {
				most = defaultRate
			}
			var mu sync.Mutex
			var at []time.Time
			resolvingUnder(t, Inquiries{Rate: rate}, func(payment.Record) (payment.Outcome, error) {
				mu.Lock()
				at = append(at, time.Now())
				mu.Unlock()
				return payment.Unknown, nil
			}, func(t *testing.T, g *Gate, _ *answers) {
				for i := range 60 {
					lose(t, g, fmt.Sprint("k", i))
				}
				time.Sleep(defaultFirst + 4*time.Second)
				synctest.Wait()
				mu.Lock()
				defer mu.Unlock()
				for i := most; i < len(at); i++ {
					if gap := at[i].Sub(at[i-most]); gap < time.Second {
						t.Fatalf("inquiry %d comes %v after the %dth before it", i, gap, most)
					}
				}
				if len(at) < 3*most {
					t.Errorf("%d inquiries in four seconds of %d", len(at), most)
				}
			})
		})
	}
}

// A payment is left alone for as long as is set, and after as many answers as are set.
// What the primary does not answer is not counted.
func TestInquiriesOfOnePayment(t *testing.T) {
	var down atomic.Bool
	down.Store(true)
	resolvingUnder(t, Inquiries{First: 20 * time.Second, Most: 3}, func(payment.Record) (payment.Outcome, error) {
		if down.Load() {
			return payment.Unknown, errors.New("connection refused")
		}
		return payment.Unknown, nil
	}, func(t *testing.T, g *Gate, asked *answers) {
		pass := func(d time.Duration) int {
			before := len(asked.asked())
			time.Sleep(d)
			synctest.Wait()
			return len(asked.asked()) - before
		}
		lose(t, g, "k")
		if n := pass(20*time.Second - time.Millisecond); n != 0 {
			t.Errorf("asked %d times before the first wait is over", n)
		}
		if n := pass(time.Minute); n < 5 {
			t.Errorf("asked a primary that is down only %d times", n)
		}
		down.Store(false)
		if n := pass(24 * time.Hour); n != 3 {
			t.Errorf("asked %d times in all, not 3", n)
		}
		if !g.Pending("k") {
			t.Error("the end of the budget settled it")
		}
		// Another attempt is another question.
		lose(t, g, "k")
		if n := pass(24 * time.Hour); n != 3 {
			t.Errorf("asked %d times about the next attempt, not 3", n)
		}
	})
}

// An answer that the primary gave before the last attempt says nothing about it.
func TestAnAnswerFromBeforeTheLastAttempt(t *testing.T) {
	var g *Gate
	retried := false
	resolving(t, func(r payment.Record) (payment.Outcome, error) {
		if !retried {
			retried = true
			// While the inquiry is under way the client tries again, and that gets no
			// answer either.
			a, _ := g.Admit(pay("k"), Static)
			a.Finish(payment.Unknown, "no answer")
			return payment.NotDone, nil
		}
		return payment.Unknown, nil
	}, func(t *testing.T, opened *Gate, asked *answers) {
		g = opened
		begun := time.Now()
		lose(t, g, "k")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		open := g.Unresolved()
		if len(asked.asked()) == 0 || !retried || len(open) != 1 || !g.Pending("k") {
			t.Fatalf("asked %q, open %+v", asked.asked(), open)
		}
		if !open[0].At.After(begun.Add(defaultFirst - time.Millisecond)) {
			t.Errorf("the primary is asked as if the last attempt was at %v", open[0].At)
		}
	})
}
