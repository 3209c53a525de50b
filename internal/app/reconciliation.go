package app

import (
	"context"

	"holdfast/internal/reconciliation"
)

// makeReconciliation makes what keeps the figures of stand-in, and has people decide
// on what they do not explain.
func (c *Control) makeReconciliation() {
	board := reconciliation.NewBoard()
	c.reconciled = &reconciliation.Service{
		Desk: c.desk, Board: board,
		Nouns: reconciliation.Nouns{Book: c.books.reconciled, Directive: c.books.directives.Directive, Gates: c.books.gates, Named: c.node.Sources, Above: c.secondAbove, Owner: c.queueOwner, Fills: c.deciders.Nouns.Fills},
	}
	c.node.StandIn = c.reconciled
	c.loops = append(c.loops, loop{"figures of stand-in", func(ctx context.Context) error { return board.Run(ctx, c.store, c.opt.Log) }})
}

// secondAbove is the amount above which the profile of a directive asks for two people.
// The caller holds the state's lock.
func (c *Control) secondAbove(id string) (amount int64, known bool) {
	d := c.books.directives.Directive(id)
	if d == nil || d.StandIn == nil {
		return 0, false
	}
	return d.StandIn.Profile.SecondAbove, true
}

// queueOwner is the role that looks after what expires in the queue of a directive; "" if
// that is not known. The caller holds the state's lock.
func (c *Control) queueOwner(id string) string {
	d := c.books.directives.Directive(id)
	if d == nil || d.StandIn == nil {
		return ""
	}
	return d.StandIn.Profile.QueueOwner(d.StandIn.Planned)
}

// closedOut reports whether nothing of a stand-in is left to explain: two people have
// signed so, or that its source is gone for good, or no gate stood in by it. The caller
// holds the state's lock.
func (c *Control) closedOut(id string) bool {
	if c.books.reconciled.ClosedOut(id) {
		return true
	}
	d := c.books.directives.Directive(id)
	return d != nil && d.Opening != nil && reconciliation.Untouched(c.reconciled.Sources(c.opt.Now()), d.Opening.Source, id, d.LiftedAt)
}

// lost says what was lost track of of a stand-in whose source two people gave up; false of
// any other. The caller holds the state's lock.
func (c *Control) lost(id string) ([]reconciliation.Untraced, bool) {
	d, some := c.books.reconciled.Lost(id)
	if !some || !d.GivenUp() {
		return nil, false
	}
	return d.Untraced(), true
}
