// Package forwarder delivers what was stood in for to the primary, once that is
// back: in a lane of its own, beside the payments of customers.
//
//	claim     of each payer the oldest advice, as far as the budget goes; its
//	          attempt is durable before a byte is written
//	wait      in no second do more requests begin than the budget has
//	deliver   send it, marked as a repeat if it may have been sent before; or ask
//	          about it, where the primary may have forgotten its identity
//	settle    say what came of it; without an answer it comes round again
//
// What may not be sent under the posture is not claimed and loses no attempt; the
// gate's last check before the first byte holds for advices as for payments.
// Inquiries take from the same budget as advices.
//
// When Run ends nothing more is claimed. What is under way may go on for the grace;
// an answer that comes later is not heard, and the advice is sent again, marked,
// by the next process.
package forwarder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// Queue holds the advices.
type Queue interface {
	// Next claims up to most advices of those that may says yes to. Their attempts are
	// durable when it returns. What it returns is the caller's.
	Next(ctx context.Context, most int, may func(*standin.Item) bool) ([]standin.Work, error)
	// Settle says what came of one, durably.
	Settle(ctx context.Context, identity string, r standin.Result) error
}

// Primary is told of advices, and asked about them.
type Primary interface {
	// May reports whether an advice may be sent now, as far as can be told without
	// opening it. It must not block.
	May(i *standin.Item) bool
	// Deliver sends an advice, or asks about it, and says what came of it. With
	// NoAnswer it says why, in words without card data; [ErrHeld] means that it was
	// not sent.
	Deliver(ctx context.Context, w standin.Work) (standin.Result, error)
}

// ErrHeld is the error of an advice that the gate did not let pass after all.
var ErrHeld = errors.New("the posture holds it")

// Clock tells a time that goes on while the machine sleeps and is never set.
type Clock interface{ Boot() time.Duration }

// Options make a forwarder.
type Options struct {
	Queue   Queue
	Primary Primary
	// Rate is the most requests to the primary in a second, Lanes the most under way.
	Rate, Lanes int
	// Spare, if set, is how many requests a second the primary can take now beside those
	// of customers: within Rate it bounds the advices. One a second is always sent, so
	// that a backlog never stands still. It must not block.
	Spare func() int
	// Grace is how long what is under way may go on when Run ends.
	Grace time.Duration
	Clock Clock
	Log   *slog.Logger
}

// Forwarder delivers advices.
type Forwarder struct {
	opt   Options
	lanes chan struct{}
	idle  time.Duration

	mu     sync.Mutex
	pace   *pace
	window window
	silent bool // the newest request got no answer
	done   minute
	came   map[string]int64
}

const (
	shortestIdle = 10 * time.Millisecond
	longestIdle  = time.Second
)

// New makes a forwarder. It starts nothing.
func New(opt Options) (*Forwarder, error) {
	if opt.Queue == nil || opt.Primary == nil || opt.Clock == nil {
		return nil, holdfast.Errorf(holdfast.Internal, "a forwarder needs a queue, a primary and a clock")
	}
	if opt.Rate < 1 || opt.Lanes < 1 {
		return nil, holdfast.Errorf(holdfast.Invalid, "advices are forwarded at 1 a second or more, over 1 connection or more")
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	// As many as are under way may be held up and meet those of the next second at the
	// primary. Their places stay free, up to a fortieth of the budget.
	perSecond := opt.Rate - min(opt.Lanes, opt.Rate/40)
	return &Forwarder{
		opt: opt, lanes: make(chan struct{}, opt.Lanes), idle: shortestIdle,
		pace: newPace(perSecond, opt.Clock.Boot()), window: window{begun: make([]time.Duration, perSecond)},
	}, nil
}

// Run delivers advices until ctx ends.
func (f *Forwarder) Run(ctx context.Context) error {
	under, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var sending sync.WaitGroup
	for {
		timer := time.NewTimer(f.round(ctx, under, &sending))
		select {
		case <-ctx.Done():
			timer.Stop()
			last := time.AfterFunc(f.opt.Grace, cut)
			sending.Wait()
			last.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// round claims what may be sent now, sends it on its way, and says how long to wait
// for the next.
func (f *Forwarder) round(ctx, under context.Context, sending *sync.WaitGroup) time.Duration {
	select {
	case f.lanes <- struct{}{}: // only this loop takes lanes: one is free
		<-f.lanes
	case <-ctx.Done():
		return 0
	}
	n := f.take(cap(f.lanes) - len(f.lanes))
	if n == 0 {
		return f.wait()
	}
	begun := f.opt.Clock.Boot()
	work, err := f.opt.Queue.Next(ctx, n, f.opt.Primary.May)
	f.giveBack(n - len(work))
	if err != nil {
		if ctx.Err() == nil {
			f.opt.Log.Warn("no advices can be had", "error", err)
		}
		return longestIdle
	}
	for _, w := range work {
		f.lanes <- struct{}{}
		sending.Go(func() { f.deliver(under, w, begun) })
	}
	if len(work) == 0 {
		f.idle = min(2*f.idle, longestIdle)
		return f.idle
	}
	f.idle = shortestIdle
	return f.wait()
}

// deliver takes one advice to its end. Its time runs from when it was claimed: when that
// is over it may be claimed again.
func (f *Forwarder) deliver(ctx context.Context, w standin.Work, claimed time.Duration) {
	defer func() { <-f.lanes }()
	if !f.enter(ctx) {
		return
	}
	if w.Timeout -= f.opt.Clock.Boot() - claimed; w.Timeout <= 0 {
		return
	}
	result, err := f.try(ctx, w)
	f.count(result, err)
	if result == standin.Unsendable {
		f.opt.Log.Warn("an advice cannot be sent: people have to look at it", "error", err)
	} else {
		f.heard(err)
	}
	if result == standin.NoAnswer {
		return
	}
	if err := f.opt.Queue.Settle(ctx, w.Item.Identity, result); err != nil {
		f.opt.Log.Warn("what came of an advice could not be written: it is sent again, as a repeat", "error", err)
	} else if result != standin.DoesNotKnow { // that is sent anew
		f.settled()
	}
}

func (f *Forwarder) settled() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done.add(f.opt.Clock.Boot())
}

// try is Deliver. A fault of the program costs one attempt, and not the gate.
func (f *Forwarder) try(ctx context.Context, w standin.Work) (r standin.Result, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			r, err = standin.NoAnswer, fmt.Errorf("a fault of the gate: %s", payment.Mask(fmt.Sprint(fault)))
			f.opt.Log.Error("an advice could not be delivered", "error", err)
		}
	}()
	return f.opt.Primary.Deliver(ctx, w)
}

func (f *Forwarder) take(most int) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.opt.Clock.Boot()
	if f.opt.Spare != nil {
		f.pace.bound(now, float64(f.opt.Spare()))
	}
	return f.pace.take(now, most)
}

func (f *Forwarder) giveBack(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pace.put(float64(n))
}

// enter waits until one more may begin in this second. It returns false if ctx ends
// before.
func (f *Forwarder) enter(ctx context.Context) bool {
	for {
		f.mu.Lock()
		wait := f.window.enter(f.opt.Clock.Boot())
		f.mu.Unlock()
		if wait == 0 {
			return true
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return false
		}
	}
}

func (f *Forwarder) wait() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pace.wait()
}

// heard notes an answer, or why there was none.
func (f *Forwarder) heard(err error) {
	if errors.Is(err, ErrHeld) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.opt.Clock.Boot()
	f.pace.heard(now, err == nil)
	if silent := err != nil; silent != f.silent {
		f.silent = silent
		if silent {
			f.opt.Log.Warn("the primary does not answer an advice: it is sent again", "error", err)
		} else {
			f.opt.Log.Info("the primary answers advices")
		}
	}
}

// Rate returns how many advices a second were settled, delivered or not, since the
// first of the last minute; and how many requests a second may be made now.
func (f *Forwarder) Rate() (perSecond float64, budget int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pace.top < f.pace.full {
		return f.done.rate(f.opt.Clock.Boot()), int(f.pace.top)
	}
	return f.done.rate(f.opt.Clock.Boot()), f.opt.Rate
}

// minute counts what happened in each of the last sixty seconds.
type minute struct {
	counts [60]int
	second int64 // the newest
}

func (m *minute) pass(now time.Duration) int64 {
	s := int64(now / time.Second)
	for m.second = max(m.second, s-60); m.second < s; {
		m.second++
		m.counts[m.second%60] = 0
	}
	return m.second % 60
}

func (m *minute) add(now time.Duration) { m.counts[m.pass(now)]++ }

// rate is how many there were in a second, over the seconds since the first of them:
// what has just begun is not divided by a whole minute.
func (m *minute) rate(now time.Duration) float64 {
	newest := m.pass(now)
	n, over := 0, 1
	for back := range int64(60) {
		if c := m.counts[(newest-back+60)%60]; c > 0 {
			n, over = n+c, int(back)+1
		}
	}
	return float64(n) / float64(over)
}
