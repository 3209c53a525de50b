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
// The four go on side by side, each with many advices at once: what is claimed waits for
// its turn, a quarter of a second at most of what the primary takes, so that the primary
// has something to do while the next are made durable; and no connection waits until what
// came of its advice is.
//
// What may not be sent under the posture is not claimed and loses no attempt; the
// gate's last check before the first byte holds for advices as for payments, and what is
// claimed by then loses one. Inquiries take from the same budget as advices.
//
// When Run ends nothing more is claimed. What is claimed may go on for the grace; an answer that comes later is not heard, and the advice is sent again, marked,
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
	// Settle says what came of some, durably. An error may be of a part of them.
	Settle(ctx context.Context, came ...standin.Came) error
}

// Primary is told of advices, and asked about them.
type Primary interface {
	// May reports whether an advice may be sent now, as far as can be told without
	// opening it. It must not block.
	May(i *standin.Item) bool
	// Deliver sends an advice, or asks about it, and says what came of it. With
	// NoAnswer it says why, in words without card data; [ErrHeld] means that it was
	// not sent.
	Deliver(ctx context.Context, w standin.Work) (standin.Came, error)
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
	opt     Options
	claimed chan claimed // those that wait for their turn, and no more than ahead
	sending chan claimed // taken by a lane at once
	settled chan standin.Came
	idle    time.Duration

	mu     sync.Mutex
	pace   *pace
	window window
	recent recent
	bears  time.Duration // how long an advice may wait for its turn
	busy   int           // lanes
	under  int           // claimed, and not settled yet
	silent bool          // the newest request got no answer
	done   minute
	came   map[string]int64
}

// claimed is an advice whose attempt is durable, and since when, by Boot.
type claimed struct {
	standin.Work
	at time.Duration
}

const (
	shortestIdle = 10 * time.Millisecond
	longestIdle  = time.Second
	// shortestWait is that for a place or for tokens: then there are several at once.
	shortestWait = time.Millisecond
	// longestAhead is how long what is claimed waits for its turn at most; of the time that the
	// primary has for its answer it is no more than a quarter.
	longestAhead = time.Second / 4
	// gather is how long results wait for others to be made durable with them.
	gather = 20 * time.Millisecond
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
	// As many as are under way, and the one that is next, may be held up and meet those of
	// the next second at the primary. Their places stay free, up to a fortieth of the budget.
	perSecond := opt.Rate - min(opt.Lanes+1, opt.Rate/40)
	f := &Forwarder{
		opt: opt, sending: make(chan claimed), idle: shortestIdle, bears: longestAhead,
		pace: newPace(perSecond, opt.Clock.Boot()), window: window{begun: make([]time.Duration, perSecond)},
	}
	f.claimed = make(chan claimed, f.most())
	f.settled = make(chan standin.Came, f.most())
	return f, nil
}

// most bounds what is under way: as many as there are lanes, and what is claimed ahead of
// them or waits to be settled.
func (f *Forwarder) most() int { return f.opt.Lanes + len(f.window.begun)/2 }

// Run delivers advices until ctx ends.
func (f *Forwarder) Run(ctx context.Context) error {
	under, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var all, lanes sync.WaitGroup
	all.Go(func() { f.dispatch(under) })
	for range f.opt.Lanes {
		lanes.Go(func() {
			for c := range f.sending {
				f.deliver(under, c)
			}
		})
	}
	all.Go(func() { f.settle(under) })
	f.claim(ctx)
	close(f.claimed)
	last := time.AfterFunc(f.opt.Grace, cut)
	defer last.Stop()
	lanes.Wait()
	close(f.settled)
	all.Wait()
	return ctx.Err()
}

// claim claims advices until ctx ends.
func (f *Forwarder) claim(ctx context.Context) {
	for {
		timer := time.NewTimer(f.round(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// round claims what may be sent soon, and says how long to wait for the next.
func (f *Forwarder) round(ctx context.Context) time.Duration {
	n, wait := f.take()
	if n == 0 {
		return wait
	}
	begun := f.opt.Clock.Boot()
	work, err := f.opt.Queue.Next(ctx, n, f.opt.Primary.May)
	f.giveBack(n-len(work), work)
	for _, w := range work {
		f.claimed <- claimed{w, begun}
	}
	switch {
	case err != nil:
		if ctx.Err() == nil {
			f.opt.Log.Warn("no advices can be had", "error", err)
		}
		return longestIdle
	case len(work) == 0:
		f.idle = min(2*f.idle, longestIdle)
		return f.idle
	}
	f.idle = shortestIdle
	return shortestWait
}

// dispatch gives what is claimed to lanes, as the budget allows, until there is no more or
// ctx ends.
func (f *Forwarder) dispatch(ctx context.Context) {
	defer close(f.sending)
	for c := range f.claimed {
		if !f.enter(ctx) {
			return
		}
		select {
		case f.sending <- c:
		case <-ctx.Done():
			return
		}
	}
}

// deliver takes one advice to its answer. Its time runs from when it was claimed: when
// that is over it may be claimed again.
func (f *Forwarder) deliver(ctx context.Context, c claimed) {
	f.begin()
	defer f.free()
	if c.Timeout -= f.opt.Clock.Boot() - c.at; c.Timeout <= 0 {
		f.opt.Log.Warn("the time of an advice was over before its turn: it is claimed again, and an attempt is lost")
		f.end(1)
		return
	}
	came, err := f.try(ctx, c.Work)
	f.count(came, err)
	if came.Of == standin.Unsendable {
		f.opt.Log.Warn("an advice cannot be sent: people have to look at it", "error", err)
	} else {
		f.heard(err)
	}
	if came.Of == standin.NoAnswer && came.Reply.Said == 0 {
		f.end(1)
		return
	}
	f.settled <- came
}

// settle has what came of advices made durable, until there is no more.
func (f *Forwarder) settle(ctx context.Context) {
	for first := range f.settled {
		if ctx.Err() == nil {
			time.Sleep(gather)
		}
		came := []standin.Came{first}
		for len(f.settled) > 0 {
			came = append(came, <-f.settled)
		}
		err := f.opt.Queue.Settle(ctx, came...)
		if err != nil {
			f.opt.Log.Warn("what came of advices could not be written: they are sent again, as repeats", "most", len(came), "error", err)
		}
		f.mu.Lock()
		now := f.opt.Clock.Boot()
		for _, c := range came {
			if err == nil && c.Of != standin.DoesNotKnow && c.Of != standin.NoAnswer { // those are sent anew
				f.done.add(now)
			}
		}
		f.mu.Unlock()
		f.end(len(came))
	}
}

// try is Deliver. A fault of the program costs one attempt, and not the gate.
func (f *Forwarder) try(ctx context.Context, w standin.Work) (came standin.Came, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			came, err = standin.Came{Identity: w.Item.Identity}, fmt.Errorf("a fault of the gate: %s", payment.Mask(fmt.Sprint(fault)))
			f.opt.Log.Error("an advice could not be delivered", "error", err)
		}
	}()
	return f.opt.Primary.Deliver(ctx, w)
}

// take says how many may be claimed now, or else how long to wait. Ahead of the lanes are
// no more than were begun in the time that an advice may wait: later it runs out of time.
func (f *Forwarder) take() (n int, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.opt.Clock.Boot()
	if f.opt.Spare != nil {
		f.pace.bound(now, float64(f.opt.Spare()))
	}
	waiting := len(f.claimed)
	ahead := int(min(float64(f.recent.of(now))/longestAhead.Seconds(), f.pace.rate) * f.bears.Seconds())
	room := min(f.opt.Lanes-f.busy+ahead-waiting, cap(f.claimed)-f.under)
	if waiting > ahead/2 || room <= 0 {
		return 0, shortestIdle
	}
	if n, wait = f.pace.take(now, room, ahead); n > 0 {
		f.under += n
	}
	return n, wait
}

// giveBack gives back what was taken and not claimed, and learns how long what was claimed
// may wait.
func (f *Forwarder) giveBack(n int, work []standin.Work) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(work) > 0 {
		f.bears = longestAhead
	}
	for _, w := range work {
		f.bears = min(f.bears, w.Timeout/4)
	}
	f.pace.put(float64(n))
	f.under -= n
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
		case <-time.After(max(wait, shortestWait)):
		case <-ctx.Done():
			return false
		}
	}
}

// begin notes that a lane has something to do, free that it has not.
func (f *Forwarder) begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy++
	f.recent.add(f.opt.Clock.Boot())
}

func (f *Forwarder) free() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
}

// end notes that so many are not under way any more.
func (f *Forwarder) end(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.under -= n
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
