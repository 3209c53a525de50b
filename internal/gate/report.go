package gate

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/standin"
	"holdfast/internal/traffic"
)

// outbox holds what waits to be reported.
type outbox struct {
	mu      sync.Mutex
	acks    []Acknowledgement
	drained []Drained
	counts  []traffic.Snapshot
	filed   *standin.FileWord
	wake    chan struct{}
}

// acknowledge enters an acknowledgement, unless it says nothing new: each new
// session brings the posture again.
func (o *outbox) acknowledge(a Acknowledgement) {
	o.mu.Lock()
	if n := len(o.acks); a.Listed || n == 0 || o.acks[n-1].Posture != a.Posture {
		o.acks = append(o.acks, a)
	}
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) count(s traffic.Snapshot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.counts = append(o.counts, s)
	if len(o.counts) > maxCountsWaiting {
		o.counts = o.counts[1:]
	}
}

// report sends what waits: when a posture was acknowledged, after the hold that
// the node asks for, and else each second.
func (g *Gate) report(ctx context.Context, control Control) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		for more := true; more; {
			var err error
			if more, err = g.reportOnce(ctx, control); err != nil {
				return fmt.Errorf("report: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-g.outbox.wake:
			g.hold(ctx)
		case <-tick.C:
		}
	}
}

// hold lets the time pass that the node needs to tell the other gates.
func (g *Gate) hold(ctx context.Context) {
	g.mu.Lock()
	span := min(g.seen.Hold, longestHold)
	g.mu.Unlock()
	if span <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(span):
	}
}

// reportOnce sends one report and, once it is recorded, forgets what it held.
// It returns true if more entries wait.
func (g *Gate) reportOnce(ctx context.Context, control Control) (more bool, err error) {
	o := &g.outbox
	ended := g.drained()
	o.mu.Lock()
	o.drained = append(o.drained, ended...)
	r := Report{
		Gate: g.opt.Name, Boot: g.boot,
		Acks:    append([]Acknowledgement(nil), o.acks...),
		Drained: append([]Drained(nil), o.drained...),
		Counts:  append([]traffic.Snapshot(nil), o.counts...),
		Filed:   o.filed,
	}
	o.mu.Unlock()
	r.Account, r.Entries = g.outcomes.unreported(maxEntriesAtOnce)
	r.StandIn, r.Asking = g.standInDue(), g.askedDue()
	if len(r.Entries) < maxEntriesAtOnce { // else entries that wait may say more
		r.Unlisted = g.stillUnlisted()
	}
	if len(r.Acks)+len(r.Drained)+len(r.Counts)+len(r.Entries) == 0 && r.StandIn == nil && r.Filed == nil && r.Asking == nil && len(r.Unlisted) == 0 {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	done, err := control.Report(ctx, r)
	if g.forgotten && len(r.Entries) > 0 && holdfast.CodeOf(err) == holdfast.Conflict {
		// The node asks for entries that a journal before this one had taken: they may
		// be gone here.
		g.forgotten = false
		return true, g.outcomes.anew()
	}
	if err != nil {
		return false, err
	}
	o.mu.Lock()
	o.acks = o.acks[len(r.Acks):]
	o.drained = o.drained[len(r.Drained):]
	o.counts = afterSent(o.counts, r.Counts)
	if o.filed == r.Filed {
		o.filed = nil
	}
	o.mu.Unlock()
	if r.Asking != nil {
		g.toldAsked.at, g.toldAsked.list = g.opt.Clock.Boot(), *r.Asking
	}
	g.takeFile(done.File)
	if r.StandIn != nil { // else the node says nothing of it, which is not that nothing is left
		g.opt.StandIn.Carry(done.StandIn)
		if g.opt.Shadow != nil {
			g.opt.Shadow.Try(done.Trials)
		}
	}
	if err := g.outcomes.confirm(done.Entries); err != nil {
		return false, err
	}
	return len(r.Entries) == maxEntriesAtOnce, g.resolved(done.Resolve)
}

// standInDue returns what there is to tell of stand-in, or nil if it was told just
// now.
func (g *Gate) standInDue() *standin.Summary {
	now := g.opt.Clock.Boot()
	if g.opt.StandIn == nil || g.toldStandIn != 0 && now-g.toldStandIn < tellStandInEvery {
		return nil
	}
	g.toldStandIn = now
	sum := g.opt.StandIn.Summary(g.opt.Clock.Now())
	if sum != nil && g.opt.Shadow != nil {
		sum.Trials = g.opt.Shadow.Figures()
	}
	return sum
}

// afterSent drops the counts that were sent; the box may have dropped some of
// them itself meanwhile.
func afterSent(waiting, sent []traffic.Snapshot) []traffic.Snapshot {
	if len(sent) == 0 {
		return waiting
	}
	last, i := sent[len(sent)-1].Sequence, 0
	for i < len(waiting) && waiting[i].Sequence <= last {
		i++
	}
	return waiting[i:]
}
