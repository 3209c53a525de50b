package gate

import (
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// Acknowledgement says that a gate enforces a posture and every admission under
// an older one is written, undone, or listed here.
type Acknowledgement struct {
	Posture holdfast.Head `json:"posture"`
	// InFlight lists the payments admitted under an older posture that had no
	// outcome yet. It is given when the posture brought a stop.
	InFlight []payment.Record `json:"in_flight,omitempty"`
	// Listed says that the list was made, so that an empty one means none.
	Listed bool `json:"listed,omitempty"`
	// Drain is how long the gate will wait for them.
	Drain time.Duration `json:"drain,omitempty"`
	At    time.Time     `json:"at"`
}

// defaultDrain is used for a stop that names no time: payment time-outs are
// commonly 30 s.
const defaultDrain = 30 * time.Second

// Enforce puts a posture in force: swap, save, fence, list. It returns nil
// without an error when there is nothing to acknowledge, because the set is
// older than what is enforced. An error means that the gate does not enforce
// the set as it stands and must not acknowledge it; what it enforces instead is
// at least as strict.
func (g *Gate) Enforce(set posture.Set) (*Acknowledgement, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.judgeHistory(set.Head); err != nil {
		return nil, g.enforceBoth(set, err)
	}
	if set.Head.Position < g.set.Head.Position {
		return nil, nil
	}
	fresh := newStops(g.set, set)
	p, err := posture.Compile(set, g.local, g.opt.Name)
	number := g.swap(p)
	g.set = set
	g.witness = later(g.witness, set.Head)
	if saveErr := posture.Save(g.path("posture"), set); saveErr != nil {
		g.lease.drop()
		return nil, g.raise(fmt.Errorf("the posture is in force but not on disk: %w", saveErr))
	}
	if err != nil {
		g.lease.drop()
		return nil, g.raise(fmt.Errorf("the posture cannot be enforced, payments are declined: %w", err))
	}
	g.ring.fence(number)
	ack := &Acknowledgement{Posture: set.Head, At: g.opt.Clock.Now().UTC()}
	if fresh != nil {
		ack.Listed, ack.Drain = true, drainOf(fresh)
		ack.InFlight = g.begin(set.Head.Position, number, ack.Drain)
	}
	g.alarm = ""
	g.lease.enforced(set.Head)
	g.notify()
	return ack, nil
}

// judgeHistory refuses a head that belongs to another history than the one the
// gate has seen: another journal, an older epoch, or another hash at the same
// position.
func (g *Gate) judgeHistory(head holdfast.Head) error {
	w := g.witness
	switch {
	case w.Journal == "":
		return nil
	case head.Journal != w.Journal:
		return holdfast.Errorf(holdfast.Conflict, "the control plane's journal is %s; this gate has followed %s", head.Journal, w.Journal)
	case head.Epoch != w.Epoch:
		return holdfast.Errorf(holdfast.Conflict, "the control plane's journal is in epoch %d; this gate has seen epoch %d", head.Epoch, w.Epoch)
	case head.Position == w.Position && head.Hash != w.Hash:
		return holdfast.Errorf(holdfast.Conflict, "the control plane's journal differs at position %d from what this gate has seen", head.Position)
	case head.Position == g.set.Head.Position && g.set.Head.Journal != "" && head.Hash != g.set.Head.Hash:
		return holdfast.Errorf(holdfast.Conflict, "the control plane's posture at position %d differs from the one this gate enforces", head.Position)
	}
	return nil
}

// enforceBoth keeps what is enforced and adds the other history's restrictions,
// until a person decides with `holdfast gate accept`.
func (g *Gate) enforceBoth(other posture.Set, why error) error {
	g.lease.drop()
	why = fmt.Errorf("%w; the gate enforces the restrictions of both; when the new journal is right, run: holdfast gate accept", why)
	if g.installed.Load().posture.IsClosed() {
		return g.raise(why) // it declines everything; nothing is stricter
	}
	g.set = g.set.Union(other)
	p, err := posture.Compile(g.set, g.local, g.opt.Name)
	if err != nil {
		g.opt.Log.Error("two histories cannot both be enforced: payments are declined", "error", err)
	}
	g.swap(p)
	if err := posture.Save(g.path("posture"), g.set); err != nil {
		g.opt.Log.Error("the restrictions of both histories are in force but not on disk", "error", err)
	}
	return g.raise(why)
}

// Accept makes the gate follow whatever history the control plane has now, by a
// person's decision. What is enforced stays until the next posture arrives.
func (g *Gate) Accept() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	had := g.set.Head.Journal != ""
	g.witness = holdfast.Head{}
	g.set.Head = holdfast.Head{}
	g.alarm = ""
	if err := g.saveIdentity(); err != nil {
		return err
	}
	// The file's head is a witness, too: left as it was, it would come back with
	// the next start. Where no posture was had, none is written: a gate without one
	// declines, and an empty one would open it.
	if had {
		if err := posture.Save(g.path("posture"), g.set); err != nil {
			return err
		}
	}
	g.notify()
	return nil
}

// raise shows an alarm and returns it.
func (g *Gate) raise(err error) error {
	g.alarm = err.Error()
	g.notify()
	return err
}

func (g *Gate) notify() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// newStops returns the stops of next that were not in prev.
func newStops(prev, next posture.Set) []posture.Directive {
	had := map[string]bool{}
	for _, d := range prev.Directives {
		had[d.ID] = true
	}
	var fresh []posture.Directive
	for _, d := range next.Directives {
		if d.Kind == posture.Stop && !had[d.ID] {
			fresh = append(fresh, d)
		}
	}
	return fresh
}

func drainOf(stops []posture.Directive) time.Duration {
	var longest time.Duration
	for _, d := range stops {
		longest = max(longest, d.Drain)
	}
	if longest == 0 {
		return defaultDrain
	}
	return longest
}

func later(a, b holdfast.Head) holdfast.Head {
	if a.Journal == b.Journal && a.Epoch == b.Epoch && a.Position > b.Position {
		return a
	}
	return b
}
