package gate

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

// Drained is what became of the payments that were in flight when a stop
// arrived, at the drain's deadline or when the last one finished before it.
type Drained struct {
	// Position of the posture that brought the stop.
	Position holdfast.Position `json:"position"`
	Done     int               `json:"done"`
	NotDone  int               `json:"not_done"`
	// Unknown lists those that had no outcome in time, or an unknown one. Each is
	// in the gate's account of unknown outcomes.
	Unknown []payment.Record `json:"unknown,omitempty"`
	At      time.Time        `json:"at"`
}

// drains follows the payments in flight at each stop. Its lock is held through
// Admission.Finish, so a payment is either listed by a drain or finished before
// the drain looked, never both.
type drains struct {
	mu     sync.Mutex
	active []*drain
	closed bool
}

type drain struct {
	position holdfast.Position
	waiting  map[int32]payment.Record
	result   Drained
	over     bool
	timer    *time.Timer
}

// account notes the end of the payment in a slot. The caller holds the lock.
func (d *drains) account(slot int32, o payment.Outcome) {
	for _, dr := range d.active {
		r, ok := dr.waiting[slot]
		if !ok {
			continue
		}
		delete(dr.waiting, slot)
		switch o {
		case payment.Done:
			dr.result.Done++
		case payment.NotDone:
			dr.result.NotDone++
		default:
			dr.result.Unknown = append(dr.result.Unknown, r)
		}
	}
}

// begin starts a drain of what is in flight under an older install and returns
// the list, by time. Lost are those of an earlier process, whose outcome is
// unknown already. The drain ends by itself after the time span.
func (g *Gate) begin(position holdfast.Position, install uint64, span time.Duration, lost []payment.Record) []payment.Record {
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	dr := &drain{position: position, waiting: g.ring.sentBefore(install), result: Drained{Position: position, Unknown: lost}}
	list := slices.Clone(lost)
	for _, r := range dr.waiting {
		list = append(list, r)
	}
	byTime(list)
	g.drains.active = append(g.drains.active, dr)
	dr.timer = time.AfterFunc(span, func() { g.giveUp(dr) })
	return list
}

func byTime(list []payment.Record) {
	slices.SortFunc(list, func(a, b payment.Record) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Identity, b.Identity))
	})
}

// giveUp ends a drain at its deadline: what has no outcome is unknown.
func (g *Gate) giveUp(dr *drain) {
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	if g.drains.closed {
		return // the ring lists them for the next start
	}
	now := g.opt.Clock.Now()
	for slot, r := range dr.waiting {
		if err := g.outcomes.unknown(r, "no answer by the drain's deadline", now); err != nil {
			g.opt.Log.Error("an unknown outcome could not be written", "identity", r.Identity, "error", err)
		}
		g.open.setUnknown(r.Identity, true)
		dr.result.Unknown = append(dr.result.Unknown, r)
		delete(dr.waiting, slot)
	}
	dr.over = true
}

// drained takes the drains that have ended: at the deadline, or because nothing
// is left in flight.
func (g *Gate) drained() []Drained {
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	var ended []Drained
	keep := g.drains.active[:0]
	for _, dr := range g.drains.active {
		if dr.over || len(dr.waiting) == 0 {
			dr.over = true
			dr.timer.Stop()
			byTime(dr.result.Unknown)
			dr.result.At = g.opt.Clock.Now().UTC()
			ended = append(ended, dr.result)
		} else {
			keep = append(keep, dr)
		}
	}
	g.drains.active = keep
	return ended
}

// close ends the drains without a word: what they wait for is in the ring.
func (d *drains) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, dr := range d.active {
		dr.timer.Stop()
	}
}

// draining counts the payments in flight that a stop is waiting for.
func (g *Gate) draining() int {
	g.drains.mu.Lock()
	defer g.drains.mu.Unlock()
	n := 0
	for _, dr := range g.drains.active {
		n += len(dr.waiting)
	}
	return n
}
