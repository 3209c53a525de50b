package gate

import (
	"slices"
	"sync"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// doubts are payments that stand-in may hold for in flight at the primary though no
// attempt of this gate is unknown: the primary said no to one that was in flight when
// forwarding stopped, or a customer asks for one again. The primary is asked about
// them in the budget of unknown outcomes, since its no to one attempt says nothing about
// those of other gates. They are not kept on disk: a customer who asks again brings one
// back.
type doubts struct {
	mu   sync.Mutex
	open map[string]doubt
}

type doubt struct {
	payment.Record
	since time.Time
}

const (
	maxDoubts = 1000
	// doubtFor is how long one is asked about that nobody brings again.
	doubtFor = time.Hour
)

// Doubt has the primary asked about a payment, and stand-in told of what it says.
func (g *Gate) Doubt(r payment.Record) {
	if g.opt.StandIn == nil || r.Identity == "" {
		return
	}
	d := &g.doubts
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, there := d.open[r.Identity]; there || len(d.open) >= maxDoubts {
		return
	}
	if d.open == nil {
		d.open = map[string]doubt{}
	}
	d.open[r.Identity] = doubt{r, g.opt.Clock.Now()}
}

// saidNo has the primary asked about a payment that it said no to, if a directive that
// stands in came while it was in flight: it was listed then.
func (g *Gate) saidNo(r payment.Record) {
	if g.opt.StandIn == nil {
		return
	}
	now := g.installed.Load().posture
	if uint64(now.Head().Position) == r.Posture {
		return
	}
	if slices.ContainsFunc(now.Set().Directives, func(d posture.Directive) bool { return d.Kind == posture.StandIn }) {
		g.Doubt(r)
	}
}

// list returns those that are to be asked about, without the old ones.
func (d *doubts) list(now time.Time) (list []payment.Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for identity, x := range d.open {
		if now.Sub(x.since) > doubtFor {
			delete(d.open, identity)
			continue
		}
		list = append(list, x.Record)
	}
	return list
}

// settle ends one, and reports whether it did. Not done ends none that is young: an
// attempt of another gate may still be on its way.
func (d *doubts) settle(identity string, o payment.Outcome, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	x, there := d.open[identity]
	if !there || o != payment.Done && now.Sub(x.since) < defaultDrain {
		return false
	}
	delete(d.open, identity)
	return true
}
