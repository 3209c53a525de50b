package notify

import (
	"context"
	"time"

	"holdfast/internal/journal"
)

// claimAtOnce keeps what is claimed together within one append.
const claimAtOnce = 400

// claimed is a notice that is to be sent until an instant, and by which errand.
type claimed struct {
	errand
	Message
	until time.Time
}

// begin claims notices, in one append, and makes the attempts. A page to hundreds of
// people costs few appends so.
func (c *Courier) begin(ctx context.Context, errands []errand) {
	taken, err := c.take(ctx, errands)
	got := map[string]bool{}
	for _, t := range taken {
		got[t.id] = true
	}
	c.mu.Lock()
	c.claiming = false
	for _, e := range errands {
		if !got[e.id] {
			delete(c.busy, e.id)
			c.leave(e.place)
		}
		if err != nil {
			c.held[e.id] = c.Desk.Now().Add(holdTime)
		}
	}
	c.mu.Unlock()
	c.wake()
	if err != nil && ctx.Err() == nil {
		c.Log.Warn("notices cannot be claimed now", "notices", len(errands), "first", errands[0].id, "error", err)
	}
	for _, t := range taken {
		c.done.Go(func() { c.run(ctx, t) })
	}
}

// take claims notices. It returns those that are to be sent: of the others another
// courier was first, or they are not to be sent at all.
func (c *Courier) take(ctx context.Context, errands []errand) (taken []claimed, err error) {
	type unsent struct {
		Notice
		attempts int
	}
	var gaveUp []unsent
	_, err = c.Desk.Do(ctx, self, func(now time.Time) (drafts []journal.Draft, _ error) {
		taken, gaveUp = nil, nil
		for _, e := range errands {
			d := c.Book.Notice(e.id)
			if d == nil {
				continue
			}
			some := c.takeOne(d, now)
			switch {
			case len(some) == 0:
			case some[len(some)-1].Kind != kindSending:
				gaveUp = append(gaveUp, unsent{d.Notice, d.Attempts})
			default:
				taken = append(taken, claimed{e, Message{Notice: d.Notice, Asked: d.Asked, Attempt: d.Attempts + 1}, now.Add(c.claim)})
			}
			drafts = append(drafts, some...)
		}
		return drafts, nil
	})
	if err != nil {
		return nil, err
	}
	for _, n := range gaveUp {
		c.warnGaveUp(n.Notice, n.attempts, "not sent")
	}
	return taken, nil
}

func (c *Courier) takeOne(d *Delivery, now time.Time) []journal.Draft {
	switch {
	case d.Drill && c.Outside != nil && c.Outside(d.Channel, d.Address):
		return giveUp(d, now, noParty)
	case c.Senders[d.Channel] == nil:
		return giveUp(d, now, noSender)
	case !c.notBefore(d, now).After(now):
		return begin(d, now, c.claim)
	}
	return nil
}

// run makes one attempt and has its result recorded.
func (c *Courier) run(ctx context.Context, t claimed) {
	// Writing the claim may have taken its whole time.
	left := min(c.Limit, t.until.Sub(c.Desk.Now()))
	send := left > 0 && ctx.Err() == nil
	var o Outcome
	if send {
		o = c.send(ctx, t.Message, left)
	}
	c.mu.Lock()
	c.leave(t.place)
	c.mu.Unlock()
	if !send {
		c.free(t.id)
		return
	}
	c.wake()
	c.keep(ctx, result{t, o})
}

// leave gives up a place; c.mu is locked.
func (c *Courier) leave(place string) {
	if c.places[place]--; c.places[place] == 0 {
		delete(c.places, place)
	}
}

func (c *Courier) free(ids ...string) {
	c.mu.Lock()
	for _, id := range ids {
		delete(c.busy, id)
	}
	c.mu.Unlock()
	c.wake()
}
