package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/payment"
)

// resolving runs a gate with an inquirer in a bubble; ask answers.
func resolving(t *testing.T, ask func(payment.Record) (payment.Outcome, error), f func(t *testing.T, g *Gate, asked *answers)) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := &answers{outcome: ask}
		o := options(dir)
		o.Clock, o.Inquirer, o.InFlight = bubbleClock{time.Now()}, a, 64
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
			time.Sleep(firstInquiry - time.Millisecond)
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

// No round asks about more than the budget.
func TestInquiriesHaveABudget(t *testing.T) {
	resolving(t, func(payment.Record) (payment.Outcome, error) { return payment.Unknown, nil },
		func(t *testing.T, g *Gate, asked *answers) {
			for i := range 60 {
				lose(t, g, fmt.Sprint("k", i))
			}
			time.Sleep(firstInquiry + resolveEvery/2)
			synctest.Wait()
			for range 4 {
				before := len(asked.asked())
				time.Sleep(resolveEvery)
				synctest.Wait()
				if n := len(asked.asked()) - before; n > inquiriesAtOnce {
					t.Errorf("%d inquiries in one round", n)
				}
			}
			if len(asked.asked()) < 2*inquiriesAtOnce {
				t.Errorf("asked %d times", len(asked.asked()))
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
		if !open[0].At.After(begun.Add(firstInquiry - time.Millisecond)) {
			t.Errorf("the primary is asked as if the last attempt was at %v", open[0].At)
		}
	})
}
