package notify

import (
	"context"
	"time"

	"holdfast/internal/journal"
)

// result is how an attempt ended, to be recorded.
type result struct {
	claimed
	Outcome
}

// keep has a result recorded: alone, or with others that came while results were
// being written. It returns when somebody else does that, or it is done.
func (c *Courier) keep(ctx context.Context, r result) {
	c.mu.Lock()
	c.results = append(c.results, r)
	mine := !c.writing
	c.writing = true
	c.mu.Unlock()
	for mine {
		c.mu.Lock()
		some := c.results[:min(len(c.results), claimAtOnce)]
		c.results = c.results[len(some):]
		if len(some) == 0 {
			c.writing, mine = false, false
		}
		c.mu.Unlock()
		if len(some) > 0 {
			c.record(ctx, some)
		}
	}
}

// record states results. It tries until the claim of each runs out; the notice is
// doubtful then, which is true.
func (c *Courier) record(ctx context.Context, results []result) {
	for {
		try, stop := context.WithTimeout(context.WithoutCancel(ctx), writeLimit)
		var gaveUp []result
		_, err := c.Desk.Do(try, self, func(now time.Time) (drafts []journal.Draft, _ error) {
			gaveUp = nil
			for _, r := range results {
				some := finish(c.Book.Notice(r.id), r.Attempt, r.Outcome, now)
				if len(some) > 0 && some[0].Kind == kindGaveUp {
					gaveUp = append(gaveUp, r)
				}
				drafts = append(drafts, some...)
			}
			return drafts, nil
		})
		stop()
		if err == nil {
			for _, r := range gaveUp {
				c.warnGaveUp(r.Notice, r.Attempt, r.Detail)
			}
			c.free(ids(results)...)
			return
		}
		if results = c.drop(ctx, results, err); len(results) == 0 {
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

// drop gives up the results that cannot be recorded any more, and returns the others.
func (c *Courier) drop(ctx context.Context, results []result, err error) (left []result) {
	now := c.Desk.Now()
	for _, r := range results {
		if ctx.Err() == nil && now.Before(r.until) {
			left = append(left, r)
			continue
		}
		c.Log.Warn("the result of a notice is not recorded", "notice", r.id, "error", err)
		c.free(r.id)
	}
	return left
}

func ids(results []result) (list []string) {
	for _, r := range results {
		list = append(list, r.id)
	}
	return list
}
