package gate

import (
	"context"
	"strings"
	"time"

	"holdfast/internal/payment"
)

// The budget of inquiries. A payment is asked about after a second, then, while
// the primary answers "not yet", at doubling intervals up to a minute, for as
// long as it is unknown: unknown is never turned into an outcome by waiting.
// While the primary does not answer at all, one inquiry at a time finds out
// whether it is back. UPI's outage of 2025-04-12 was made worse by a flood of
// status checks, so a gate sends few.
const (
	resolveEvery     = 250 * time.Millisecond
	inquiriesAtOnce  = 10
	firstInquiry     = time.Second
	longestInterval  = time.Minute
	longestSilence   = 5 * time.Second
	inquiryTimeLimit = 5 * time.Second
)

type inquiry struct {
	due   time.Time
	pause time.Duration
}

// resolve asks the primary about unknown outcomes until ctx ends.
func (g *Gate) resolve(ctx context.Context) error {
	if g.opt.Inquirer == nil {
		<-ctx.Done()
		return ctx.Err()
	}
	asked := map[string]inquiry{}
	wait := resolveEvery
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
		if g.round(ctx, asked) {
			wait = resolveEvery
		} else {
			wait = min(2*wait, longestSilence)
		}
	}
}

// round asks about the payments that are due and reports whether the primary
// answers.
func (g *Gate) round(ctx context.Context, asked map[string]inquiry) bool {
	for _, r := range g.due(asked, g.opt.Clock.Now()) {
		settled, err := g.inquire(ctx, r)
		if err != nil {
			g.opt.Log.Warn("the primary does not answer inquiries", "error", err)
			// Another is asked about next: it may be this one that cannot be answered.
			q := asked[r.Identity]
			q.due = g.opt.Clock.Now().Add(longestSilence)
			asked[r.Identity] = q
			return false
		}
		if settled {
			delete(asked, r.Identity)
			continue
		}
		q := asked[r.Identity]
		q.pause = min(max(2*q.pause, firstInquiry), longestInterval)
		q.due = g.opt.Clock.Now().Add(q.pause)
		asked[r.Identity] = q
	}
	return true
}

// due picks the payments to ask about now, the longest unknown first, and
// forgets those that were settled otherwise.
func (g *Gate) due(asked map[string]inquiry, now time.Time) []payment.Record {
	open := g.outcomes.unresolved()
	for _, r := range g.doubts.list(now) {
		if !g.outcomes.isOpen(r.Identity) {
			open = append(open, r)
		}
	}
	still := make(map[string]bool, len(open))
	var due []payment.Record
	for _, r := range open {
		still[r.Identity] = true
		if q, ok := asked[r.Identity]; ok && now.Before(q.due) || now.Sub(r.At) < firstInquiry || strings.HasPrefix(r.Identity, unnamed) {
			continue
		}
		due = append(due, r)
	}
	byTime(due)
	for identity := range asked {
		if !still[identity] {
			delete(asked, identity)
		}
	}
	return due[:min(len(due), inquiriesAtOnce)]
}

// inquire asks about one payment and reports whether it is settled. "Not done"
// settles it only if no later attempt of the same identity became unknown
// meanwhile: the answer may be older than that attempt.
func (g *Gate) inquire(ctx context.Context, r payment.Record) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, inquiryTimeLimit)
	defer cancel()
	outcome, why, err := g.opt.Inquirer.Inquire(ctx, r)
	if err != nil || !outcome.Settled() {
		return false, err
	}
	settled, err := g.settled(r, outcome, why, true)
	if err != nil {
		g.opt.Log.Error("a settled outcome could not be written", "identity", r.Identity, "error", err)
		return false, nil
	}
	return settled, nil
}

// settled enters what became of a payment, as somebody else than an answer to it says,
// and reports whether that settles it. With all it is said of every attempt, those of
// other gates too: then stand-in learns it.
func (g *Gate) settled(r payment.Record, outcome payment.Outcome, why string, all bool) (bool, error) {
	// Held so that no Finish of the same identity comes between the two.
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	now := g.opt.Clock.Now()
	settled, err := g.outcomes.settle(r, outcome, why, now)
	if err != nil {
		return false, err
	}
	if settled {
		g.open.setUnknown(r.Identity, false)
	}
	if !all {
		return settled, nil
	}
	if !g.open.has(r.Identity) && g.doubts.settle(r.Identity, outcome, now) {
		settled = true
	}
	if settled && g.opt.StandIn != nil {
		g.opt.StandIn.Learn(r.Identity, outcome == payment.Done)
	}
	return settled, nil
}
