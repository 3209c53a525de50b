package customers

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// Run lets customers arrive until ctx ends, and those whom an earlier process
// left without an answer go on inquiring. Requests under way when ctx ends are given
// up; their intentions stay in the log as unknown. It returns an error only if
// the customer log cannot be written.
func (t *Traffic) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var under sync.WaitGroup
	defer t.client.CloseIdleConnections()
	defer under.Wait()
	defer cancel()

	process := newArrivals(t.o.Seed, t.o.Curve, time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		now := time.Now()
		t.arrive(ctx, process, now, &under)
		process.setRate(now, t.apply())
		at, _ := process.next()
		if follow, any := t.followUp(ctx, now, &under); any && follow.Before(at) {
			at = follow
		}
		timer.Reset(time.Until(at))
		select {
		case <-timer.C:
		case <-t.wake:
		case err := <-t.failed:
			return fmt.Errorf("traffic of the sandbox: %w", err)
		case <-ctx.Done():
			return nil
		}
	}
}

// resume brings back the customers whom an earlier process left waiting. Their
// patience begins anew. Nobody else has the traffic yet.
func (t *Traffic) resume(now time.Time) {
	for _, e := range t.o.Log.Open() {
		t.waiting.enter(customer{Intention: e.Intention, state: e.State, doubt: now, sent: 1, next: inquire, at: now})
		t.open++
	}
}

// arrive sends all that is due.
func (t *Traffic) arrive(ctx context.Context, process *arrivals, now time.Time, under *sync.WaitGroup) {
	for {
		due, yes := process.next()
		if !yes || due.After(now) {
			return
		}
		process.take()
		t.count.add(due, func(c *Counts) { c.Offered++ })
		if now.Sub(due) > maxLate || !t.begin(ctx, due, under) {
			t.count.add(now, func(c *Counts) { c.Dropped++ })
		}
	}
}

// begin starts the next arrival, or reports that there is no place for it.
func (t *Traffic) begin(ctx context.Context, due time.Time, under *sync.WaitGroup) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.number
	t.number++
	if t.open >= t.o.MaxOpen || t.target == "" {
		return false
	}
	select {
	case t.slots <- struct{}{}:
	default:
		return false
	}
	t.open++
	d := draw(t.o, n)
	c := customer{Intention: d.intention, state: told.Begun, next: send}
	if len(t.paid) > 0 && d.purpose != toPay {
		i := int(d.pick % uint64(len(t.paid)))
		if d.purpose == toInquire {
			look := customer{Intention: t.paid[i], next: inquire}
			under.Go(func() { t.lookUp(ctx, look, due) })
			return true
		}
		c.Intention = d.refundOf(t.paid[i])
		t.paid = slices.Delete(t.paid, i, i+1)
	}
	under.Go(func() { t.first(ctx, c, due) })
	return true
}

// first makes the first request of an intention.
func (t *Traffic) first(ctx context.Context, c customer, due time.Time) {
	c.Begun = time.Now().UTC()
	intention := c.Intention
	if err := t.o.Log.Write(told.Event{Event: told.Begun, Identity: c.Identity, At: c.Begun, Intention: &intention}); err != nil {
		t.fail(err)
		t.closed()
		<-t.slots
		return
	}
	h := t.ask(ctx, c, due)
	c.sent = 1
	t.goOn(c, h)
}

// lookUp is a plain inquiry about a payment that was told done.
func (t *Traffic) lookUp(ctx context.Context, c customer, due time.Time) {
	t.ask(ctx, c, due)
	<-t.slots
	t.closed()
}

// ask makes a first request and counts it; its latency is that since due.
func (t *Traffic) ask(ctx context.Context, c customer, due time.Time) heard {
	t.count.add(time.Now(), func(c *Counts) { c.Sent++ })
	h, answered := t.request(ctx, c)
	now := time.Now()
	t.count.record(now, now.Sub(due), answered)
	return h
}

// followUp makes the requests that waiting customers want to make now, and
// returns when the next one wants to.
func (t *Traffic) followUp(ctx context.Context, now time.Time, under *sync.WaitGroup) (next time.Time, any bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.waiting) > 0 && !t.waiting[0].at.After(now) {
		c := t.waiting.leave()
		select {
		case t.slots <- struct{}{}:
		default:
			c.at = now.Add(postpone)
			t.waiting.enter(c)
			t.count.add(now, func(c *Counts) { c.Postponed++ })
			continue
		}
		under.Go(func() {
			t.count.add(time.Now(), func(c *Counts) { c.FollowUps++ })
			h, _ := t.request(ctx, c)
			if c.next == send {
				c.sent++
			}
			t.goOn(c, h)
		})
	}
	if len(t.waiting) == 0 {
		return time.Time{}, false
	}
	return t.waiting[0].at, true
}

// goOn takes a customer from one answer to what he does next, and frees the
// worker.
func (t *Traffic) goOn(c customer, h heard) {
	now := time.Now().UTC()
	doubted := !c.doubt.IsZero()
	jitter := world.Share(world.Hash(t.o.Seed, fmt.Sprint(c.Identity, "/", c.waits)))
	next, event := c.hears(h, t.o.Patience, jitter, now)
	if event != nil {
		if err := t.o.Log.Write(*event); err != nil {
			t.fail(err)
		}
	}
	t.count.add(now, func(n *Counts) { n.told(next, doubted) })
	<-t.slots
	t.mu.Lock()
	if h.news == done && next.Kind == truth.Payment {
		t.remember(next.Intention, h.answer.ID)
	}
	if next.next != stop {
		t.waiting.enter(next)
	}
	t.mu.Unlock()
	if next.next == stop {
		t.closed()
	} else {
		t.signal()
	}
}

// remember keeps a payment for later refunds and inquiries. The caller holds mu.
func (t *Traffic) remember(paid told.Intention, id string) {
	if id == "" {
		return
	}
	paid.Payment = id
	if len(t.paid) >= keepPaid {
		t.paid = slices.Delete(t.paid, 0, 1)
	}
	t.paid = append(t.paid, paid)
}

func (t *Traffic) fail(err error) {
	select {
	case t.failed <- err:
	default: // the first is enough
	}
}

// apply returns the rate that the loop is to use from now on.
func (t *Traffic) apply() float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.applied != t.rate {
		t.applied = t.rate
		t.tell()
	}
	return t.applied
}

func (t *Traffic) closed() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open--; t.open == 0 {
		t.tell()
	}
}

// tell wakes those who settle. The caller holds mu.
func (t *Traffic) tell() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// Settle waits until no customer is waiting for anything: all were told or gave
// up, and those who arrived before the rate was last set are among them. Set the
// rate to 0 first, or others arrive meanwhile.
func (t *Traffic) Settle(ctx context.Context) error {
	for {
		t.mu.Lock()
		settled, changed := t.open == 0 && t.applied == t.rate, t.changed
		t.mu.Unlock()
		if settled {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the customers: %w", ctx.Err())
		}
	}
}
