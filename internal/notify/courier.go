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

	mu       sync.Mutex
	busy     map[string]bool      // notices, until the result is recorded
	places   map[string]int       // attempts that run, by place
	held     map[string]time.Time // notices that could not be claimed, until when
	claiming bool
	results  []result // that are not recorded yet
	writing  bool     // they are being recorded
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
		busy: map[string]bool{}, places: map[string]int{}, held: map[string]time.Time{},
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
// how long to wait for the next. While some are being claimed no others are: those
// that become due meanwhile are claimed together after them.
func (c *Courier) start(ctx context.Context) time.Duration {
	c.mu.Lock()
	claiming := c.claiming
	c.mu.Unlock()
	if claiming { // the end of the claim wakes the loop
		return longestWait
	}
	now := c.Desk.Now()
	errands := c.errands(now)
	wait := longestWait
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.held, func(_ string, until time.Time) bool { return !until.After(now) })
	var chosen []errand
	people := map[string]bool{}
	for _, e := range errands {
		due := e.due
		if held, ok := c.held[e.id]; ok && held.After(due) {
			due = held
		}
		switch {
		case c.busy[e.id]:
		case due.After(now):
			wait = min(wait, due.Sub(now))
		case e.person != "" && people[e.person]:
		case len(c.busy) >= c.AtOnce || c.places[e.place] >= c.ToOne || len(chosen) == claimAtOnce: // the end of an attempt, or of the claim, wakes the loop
		default:
			c.busy[e.id] = true
			c.places[e.place]++
			people[e.person] = true
			chosen = append(chosen, e)
		}
	}
	if len(chosen) > 0 {
		c.claiming = true
		c.done.Go(func() { c.begin(ctx, chosen) })
	}
	return wait
}

// errands lists what is to be sent, now or later: urgent notices first, and of
// those what has been due longest.
func (c *Courier) errands(now time.Time) (list []errand) {
	c.Desk.State.View(func() {
		for _, d := range c.Book.open {
			e := errand{id: d.ID, place: place(d.Channel, d.Address), urgent: d.Urgent, due: d.due(now)}
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

func (c *Courier) wake() {
	select {
	case c.freed <- struct{}{}:
	default:
	}
}

var self = holdfast.Self("notices")

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
