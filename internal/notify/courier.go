package notify

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// CourierOptions make a courier.
type CourierOptions struct {
	Desk *journal.Desk
	// Book must be folded by the desk's state.
	Book *Book
	// Senders are by channel. A notice over another channel is given up at once.
	Senders map[string]Sender
	Log     *slog.Logger

	// Limit is how long one attempt may take; default 20 s. A claim runs ten
	// seconds longer.
	Limit time.Duration
	// AtOnce is how many attempts run at once, default 64; ToOne how many of them
	// to one place, default 8. A place is a host of web addresses, or a channel.
	AtOnce, ToOne int
	// PerPerson is how many notices that are not urgent one person gets in ten
	// minutes; default 12. The others wait for their turn.
	PerPerson int
	// Quiet returns when the quiet hours of a person end in which an instant lies;
	// the zero time if it lies in none. Nil means that nobody has any.
	Quiet func(person string, now time.Time) time.Time
	// Outside reports whether an address belongs to an outside party. Nil means that
	// there is none. Both are called under the state's lock.
	Outside func(channel, address string) bool
}

// Courier sends the notices that are due, the urgent ones first. An attempt
// begins as soon as the notice is folded; a slow receiver takes only its share
// of the attempts that run at once.
//
// What failed is tried again after 5 s, then after twice as long each time up to
// 15 min, for 2 hours; an urgent notice after 2 s, up to 2 min, for 12 hours.
type Courier struct {
	CourierOptions
	claim time.Duration
	// freed gets a signal when an attempt has ended.
	freed chan struct{}
	done  sync.WaitGroup

	mu     sync.Mutex
	busy   map[string]bool      // by notice
	places map[string]int       // attempts that run, by place
	claims map[string]bool      // people of whom a notice that counts is being claimed
	held   map[string]time.Time // notices that could not be claimed, until when
}

const (
	claimMargin = 10 * time.Second
	// longestWait bounds how long a step of the clock goes unnoticed.
	longestWait = time.Minute
	// holdTime is the pause after the journal could not be written.
	holdTime = time.Second
	// grace is how long attempts may go on after Run was told to end; what was
	// sent but not recorded would have to be sent again.
	grace = 3 * time.Second
	// writeLimit bounds one try to record a result.
	writeLimit = 2 * time.Second
)

// NewCourier makes a courier; Run starts it.
func NewCourier(o CourierOptions) (*Courier, error) {
	if o.Desk == nil || o.Book == nil || o.Log == nil {
		return nil, errors.New("notify: a courier needs a desk, a book and a log")
	}
	if o.Limit < 0 || o.AtOnce < 0 || o.ToOne < 0 || o.PerPerson < 0 {
		return nil, errors.New("notify: a courier's limits are not negative")
	}
	o.Limit = cmp.Or(o.Limit, 20*time.Second)
	o.AtOnce, o.ToOne, o.PerPerson = cmp.Or(o.AtOnce, 64), cmp.Or(o.ToOne, 8), cmp.Or(o.PerPerson, 12)
	o.Senders = maps.Clone(o.Senders)
	return &Courier{
		CourierOptions: o, claim: o.Limit + claimMargin, freed: make(chan struct{}, 1),
		busy: map[string]bool{}, places: map[string]int{}, claims: map[string]bool{}, held: map[string]time.Time{},
	}, nil
}

// Run sends until ctx ends, then lets attempts that run come to their end for up
// to three seconds.
func (c *Courier) Run(ctx context.Context) error {
	watch, end := c.Desk.State.Watch()
	defer end()
	attempts, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for ctx.Err() == nil {
		timer := time.NewTimer(c.start(attempts))
		select {
		case <-ctx.Done():
		case <-watch:
		case <-c.freed:
		case <-timer.C:
		}
		timer.Stop()
	}
	stop := time.AfterFunc(grace, cancel)
	defer stop.Stop()
	c.done.Wait()
	return nil
}

// errand is one notice that a courier may have to send.
type errand struct {
	id, place string
	urgent    bool
	due       time.Time
	// person is set for a first attempt that counts towards the person's limit: one
	// is claimed after the other, so that each sees those before it.
	person string
}

// start begins the attempts that are due and that there is room for. It returns
// how long to wait for the next.
func (c *Courier) start(ctx context.Context) time.Duration {
	now := c.Desk.Now()
	errands := c.errands(now)
	wait := longestWait
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.held, func(_ string, until time.Time) bool { return !until.After(now) })
	for _, e := range errands {
		due := e.due
		if held, ok := c.held[e.id]; ok && held.After(due) {
			due = held
		}
		switch {
		case c.busy[e.id]:
		case e.person != "" && c.claims[e.person] && !due.After(now): // the end of the claim wakes the loop
		case due.After(now):
			wait = min(wait, due.Sub(now))
		case len(c.busy) >= c.AtOnce || c.places[e.place] >= c.ToOne: // the end of an attempt wakes the loop
		default:
			c.busy[e.id] = true
			c.places[e.place]++
			if e.person != "" {
				c.claims[e.person] = true
			}
			c.done.Go(func() {
				defer c.free(e)
				c.run(ctx, e)
			})
		}
	}
	return wait
}

// errands lists what is to be sent, now or later: urgent notices first, and of
// those what has been due longest.
func (c *Courier) errands(now time.Time) (list []errand) {
	c.Desk.State.View(func() {
		for _, d := range c.Book.open {
			e := errand{id: d.ID, place: place(d.Channel, d.Address), urgent: d.Urgent, due: d.Due}
			if wait := c.notBefore(d, now); wait.After(e.due) {
				e.due = wait
			}
			if !d.Urgent && d.Attempts == 0 {
				e.person = d.Person
			}
			list = append(list, e)
		}
	})
	slices.SortFunc(list, func(a, b errand) int {
		if a.urgent != b.urgent {
			if a.urgent {
				return -1
			}
			return 1
		}
		return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.id, b.id))
	})
	return list
}

// place names what a slow delivery to an address may hold up.
func place(channel, address string) string {
	_, rest, isURL := strings.Cut(address, "://")
	if !isURL {
		return channel
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return channel + " " + rest
}

func (c *Courier) free(e errand) {
	c.mu.Lock()
	delete(c.busy, e.id)
	if c.places[e.place]--; c.places[e.place] == 0 {
		delete(c.places, e.place)
	}
	c.mu.Unlock()
	c.wake()
}

func (c *Courier) wake() {
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

// run makes one attempt: claim, send, record.
func (c *Courier) run(ctx context.Context, e errand) {
	id := e.id
	m, until, err := c.take(ctx, id)
	if e.person != "" {
		c.mu.Lock()
		delete(c.claims, e.person)
		c.mu.Unlock()
		c.wake()
	}
	if err != nil {
		c.mu.Lock()
		c.held[id] = c.Desk.Now().Add(holdTime)
		c.mu.Unlock()
		if ctx.Err() == nil {
			c.Log.Warn("a notice cannot be claimed now", "notice", id, "error", err)
		}
		return
	}
	// Writing the claim may have taken its whole time.
	left := min(c.Limit, until.Sub(c.Desk.Now()))
	if m.ID == "" || left <= 0 || ctx.Err() != nil {
		return
	}
	c.record(ctx, m, until, c.send(ctx, m, left))
}

var self = holdfast.Self("notices")

// take claims a notice. The message is zero if there is nothing to send: another
// courier was first, or no sender serves the channel.
func (c *Courier) take(ctx context.Context, id string) (m Message, until time.Time, err error) {
	var last Delivery
	var drafts []journal.Draft
	_, err = c.Desk.Do(ctx, self, func(now time.Time) ([]journal.Draft, error) {
		drafts = nil
		d := c.Book.Notice(id)
		if d == nil {
			return nil, nil
		}
		last, until = *d, now.Add(c.claim)
		switch {
		case d.Drill && c.Outside != nil && c.Outside(d.Channel, d.Address):
			drafts = giveUp(d, now, noParty)
		case c.Senders[d.Channel] == nil:
			drafts = giveUp(d, now, noSender)
		case !c.notBefore(d, now).After(now):
			drafts = begin(d, now, c.claim)
		}
		return drafts, nil
	})
	if err != nil || len(drafts) == 0 {
		return Message{}, until, err
	}
	if drafts[len(drafts)-1].Kind != kindSending {
		c.warnGaveUp(last.Notice, last.Attempts, "not sent")
		return Message{}, until, nil
	}
	return Message{Notice: last.Notice, Asked: last.Asked, Attempt: last.Attempts + 1}, until, nil
}

func (c *Courier) warnGaveUp(n Notice, attempts int, detail string) {
	c.Log.Warn("a notice was given up", "notice", n.ID, "incident", n.Incident, "channel", n.Channel, "attempts", attempts, "detail", oneLine(detail, maxDetail))
}

// send makes the attempt. A sender that panics must not take the control node
// with it.
func (c *Courier) send(ctx context.Context, m Message, limit time.Duration) (o Outcome) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			c.Log.Error("a sender failed", "channel", m.Channel, "notice", m.ID, "panic", r, "stack", string(debug.Stack()))
			o = Outcome{Result: Unsure, Detail: "the sender failed by a fault of its own; the log has more"}
		}
	}()
	return c.Senders[m.Channel].Send(ctx, m)
}

// record states the result. It tries until the claim runs out; the notice is
// doubtful then, which is true.
func (c *Courier) record(ctx context.Context, m Message, until time.Time, o Outcome) {
	for {
		try, stop := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
		var gaveUp bool
		_, err := c.Desk.Do(try, self, func(now time.Time) ([]journal.Draft, error) {
			drafts := finish(c.Book.Notice(m.ID), m.Attempt, o, now)
			gaveUp = len(drafts) > 0 && drafts[0].Kind == kindGaveUp
			return drafts, nil
		})
		stop()
		switch {
		case err == nil && gaveUp:
			c.warnGaveUp(m.Notice, m.Attempt, o.Detail)
			return
		case err == nil:
			return
		case ctx.Err() != nil || !c.Desk.Now().Before(until):
			c.Log.Warn("the result of a notice is not recorded", "notice", m.ID, "error", err)
			return
		}
		pause := time.NewTimer(holdTime / 4)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
		pause.Stop()
	}
}
