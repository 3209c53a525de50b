package fleet

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/directive"
)

// Confirm watches the directives in force and records the confirmation of each
// as soon as it holds, and that a stand-in is opened and ends, until ctx ends. Every node may run it: the journal takes
// one confirmation.
func (n *Node) Confirm(ctx context.Context) error {
	watch, end := n.Desk.State.Watch()
	defer end()
	c := NewConfirmer(n, n.elapsed)
	for {
		wait, err := c.Round(ctx)
		if err == nil {
			var next time.Duration
			next, err = n.standIns(ctx)
			wait = min(wait, next)
		}
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

// Confirmer waits for the leases to run out that gates may have from before a
// directive. What it has waited is its own: another node, or this one after a
// restart, begins anew.
type Confirmer struct {
	node    *Node
	elapsed func() time.Duration
	since   map[string]time.Duration // by directive: when the barrier had returned
}

// NewConfirmer makes a confirmer that waits by a monotonic clock. That the clock
// stops while the machine sleeps only makes it wait longer.
func NewConfirmer(n *Node, elapsed func() time.Duration) *Confirmer {
	return &Confirmer{node: n, elapsed: elapsed, since: map[string]time.Duration{}}
}

// Round confirms what can be confirmed and returns how long to wait before the
// next.
func (c *Confirmer) Round(ctx context.Context) (time.Duration, error) {
	open, span := c.node.unconfirmed()
	keep := map[string]bool{}
	next := time.Minute
	for _, d := range open {
		keep[d.id] = true
		begun, err := c.begin(ctx, d)
		if err != nil {
			return 0, err
		}
		if !begun {
			next = min(next, time.Second)
			continue
		}
		left := span - (c.elapsed() - c.since[d.id])
		if err := c.node.Directives.Confirm(ctx, holdfast.Self("fleet"), d.id, left <= 0); err != nil {
			return 0, err
		}
		if left > 0 {
			next = min(next, left)
		}
	}
	for id := range c.since {
		if !keep[id] {
			delete(c.since, id)
		}
	}
	return next, nil
}

// begin begins the wait for a directive once a barrier has returned that began
// after the directive was folded. The barrier must stand at the directive or
// after it: a journal that does not hold it any more, or not yet again, may
// still grant leases from before it. Nor does a barrier count that a fail-over
// could take back.
func (c *Confirmer) begin(ctx context.Context, d unconfirmed) (begun bool, err error) {
	if _, ok := c.since[d.id]; ok {
		return true, nil
	}
	head, err := c.node.Desk.Journal.Barrier(ctx)
	if err != nil {
		return false, err
	}
	if c.node.Durability != nil && !c.node.Durability().MayConfirm {
		return false, nil
	}
	if head.Position < d.position {
		return false, fmt.Errorf("the journal ends at position %d; directive %s was read at %d", head.Position, d.id, d.position)
	}
	c.since[d.id] = c.elapsed()
	return true, nil
}

// unconfirmed is a directive in force that is not confirmed.
type unconfirmed struct {
	id       string
	position holdfast.Position
}

// unconfirmed lists the directives in force that are not confirmed, and the
// time a confirmer waits for leases to run out.
func (n *Node) unconfirmed() (list []unconfirmed, span time.Duration) {
	n.Desk.State.View(func() {
		if n.Unsettled != nil && n.Unsettled() {
			return
		}
		for _, d := range n.Directives.Book.InForce("") {
			if d.Confirmation == nil {
				list = append(list, unconfirmed{d.ID, d.Position})
			}
		}
		span = time.Duration(directive.LeaseFactor * float64(n.Directives.Book.LongestLease()))
	})
	return list, span
}
