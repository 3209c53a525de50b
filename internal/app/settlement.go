package app

import (
	"slices"

	"holdfast/internal/settlement"
)

// makeSettlement makes what has the gates compare the primary's settlement files.
func (c *Control) makeSettlement() {
	c.settled = &settlement.Service{
		Desk: c.desk, Blobs: c.store, Log: c.opt.Log,
		Nouns: settlement.Nouns{Book: c.books.settled, Gates: c.inService, Above: c.aloneUpTo},
	}
	c.node.Settlement = c.settled
}

// inService lists the gates that a stop must hear from, by name. The caller holds the state's
// lock.
func (c *Control) inService() (names []string) {
	for _, i := range c.books.gates.Live() {
		if !slices.Contains(names, i.Gate) {
			names = append(names, i.Gate)
		}
	}
	return names
}

// aloneUpTo is the smallest amount above which a profile of the plan in force asks for two
// people; -1 if it has none, so that all take two. The caller holds the state's lock.
func (c *Control) aloneUpTo() int64 {
	least := int64(-1)
	if current, ok := c.books.plans.Current("", c.opt.Now()); ok {
		for _, t := range current.Plan().Temporary {
			if t.Profile != nil && (least < 0 || int64(t.Profile.SecondAbove) < least) {
				least = int64(t.Profile.SecondAbove)
			}
		}
	}
	return least
}
