package fleet

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/directive"
)

// Confirm watches the directives in force and records the confirmation of each
// as soon as it holds, until ctx ends. Every node may run it: the journal takes
// one confirmation.
func (n *Node) Confirm(ctx context.Context) error {
	watch, end := n.Desk.State.Watch()
	defer end()
	since := map[string]time.Duration{} // by directive: when this node's barrier returned
	for {
		wait, err := n.confirmRound(ctx, since)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			n.Log.Warn("directives cannot be confirmed now", "error", err)
			wait = time.Second
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-watch:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil
		}
	}
}

// confirmRound confirms what can be confirmed and returns how long to wait
// before looking again.
func (n *Node) confirmRound(ctx context.Context, since map[string]time.Duration) (time.Duration, error) {
	open, span := n.unconfirmed()
	keep := map[string]bool{}
	next := time.Minute
	for _, id := range open {
		keep[id] = true
		if _, ok := since[id]; !ok {
			// The directive is folded, so this barrier began after reading it.
			if _, err := n.Desk.Journal.Barrier(ctx); err != nil {
				return 0, err
			}
			since[id] = n.elapsed()
		}
		left := span - (n.elapsed() - since[id])
		if err := n.Directives.Confirm(ctx, holdfast.Self("fleet"), id, left <= 0); err != nil {
			return 0, err
		}
		if left > 0 {
			next = min(next, left)
		}
	}
	for id := range since {
		if !keep[id] {
			delete(since, id)
		}
	}
	return next, nil
}

// unconfirmed lists the directives in force that are not confirmed, and the
// time a confirmer waits for leases to run out.
func (n *Node) unconfirmed() (ids []string, span time.Duration) {
	n.Desk.State.View(func() {
		for _, d := range n.Directives.Book.InForce("") {
			if d.Confirmation == nil {
				ids = append(ids, d.ID)
			}
		}
		span = time.Duration(directive.LeaseFactor * float64(n.Directives.Book.LongestLease()))
	})
	return ids, span
}
