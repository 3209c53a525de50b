package gate

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
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
	// outcome yet, those of an earlier process that was killed included. It is
	// given when the posture holds a stop that this process has not listed for.
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

// stopInForce is a stop, or stand-in that is not open, of a posture and the install that brought it into force
// in this process.
type stopInForce struct {
	posture.Directive
	since  uint64
	listed bool // what was in flight when it came was listed
}

// Enforce puts a posture in force: swap, fence, list, save. It returns nil
// without an error when there is nothing to acknowledge, because the set is
// older than what was enforced. An error means that the gate does not enforce
// the set as it stands, or not over a restart, and must not acknowledge it; what
// it enforces instead is at least as strict.
func (g *Gate) Enforce(set posture.Set) (*Acknowledgement, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errClosed(g.opt.Name)
	}
	if err := g.judgePosture(set.Head); err != nil {
		return nil, g.enforceBoth(set, err)
	}
	if set.Head.Position < g.floor.Position {
		return nil, nil
	}
	g.set, g.shut = set, false
	g.witness, g.floor = later(g.witness, set.Head), set.Head
	p, err := g.compile()
	number := g.swap(p)
	if err != nil {
		g.lease.drop()
		return nil, g.raise(alarmPosture, errors.Join(fmt.Errorf("the posture cannot be enforced, payments are declined: %w", err), g.save()))
	}
	g.ring.fence(number)
	ack := g.list()
	if err := g.save(); err != nil {
		g.owed = append(g.owed, ack)
		return nil, g.raise(alarmPosture, fmt.Errorf("the posture is in force but not on disk: %w", err))
	}
	g.lease.enforced(set.Head)
	g.calm(alarmPosture)
	return &ack, nil
}

// save writes the posture, and then acknowledges what waited for that. Until it
// is written there is no lease: a stop that a restart would lose is not in force
// for good.
func (g *Gate) save() error {
	if err := g.onDisk.Save(g.set); err != nil {
		g.unsaved = true
		g.lease.drop()
		return err
	}
	g.unsaved = false
	for _, ack := range g.owed {
		g.outbox.acknowledge(ack)
	}
	g.owed = nil
	return nil
}

// saveAgain writes the posture that could not be written when it came.
func (g *Gate) saveAgain() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.unsaved {
		return nil
	}
	if err := g.save(); err != nil {
		return err
	}
	if !g.installed.Load().posture.IsClosed() {
		g.lease.enforced(g.set.Head)
		g.calm(alarmPosture)
	}
	return nil
}

// list makes the acknowledgement of the present set, and begins to drain what
// was in flight before its stops.
func (g *Gate) list() Acknowledgement {
	ack := Acknowledgement{Posture: g.set.Head, At: g.opt.Clock.Now().UTC()}
	var since uint64
	var newest holdfast.Position
	for i := range g.stops {
		if s := &g.stops[i]; !s.listed && posture.Contains(g.set.Directives, s.Directive) {
			s.listed, ack.Listed = true, true
			since, newest = max(since, s.since), max(newest, s.Position)
			ack.Drain = max(ack.Drain, s.Drain)
		}
	}
	if !ack.Listed {
		return ack
	}
	if ack.Drain == 0 {
		ack.Drain = defaultDrain
	}
	var lost []payment.Record
	for _, r := range g.left {
		if r.Posture < uint64(newest) && g.outcomes.isOpen(r.Identity) {
			lost = append(lost, r)
		}
	}
	g.left = nil
	ack.InFlight = g.begin(g.set.Head.Position, since, ack.Drain, lost)
	return ack
}

// compile makes the posture of the set, the local stops and another history's
// restrictions. Without a set to admit under it declines everything.
func (g *Gate) compile() (*posture.Posture, error) {
	if g.shut {
		return posture.Closed(g.set), nil
	}
	return posture.Compile(g.set, slices.Concat(g.local, g.other), g.opt.Name)
}

// enforceBoth keeps what is enforced and adds the other history's restrictions,
// until a person decides with `holdfast gate accept`.
func (g *Gate) enforceBoth(other posture.Set, why error) error {
	g.lease.drop()
	why = fmt.Errorf("%w; the gate enforces the restrictions of both; when the new journal is right, run: holdfast gate accept", why)
	before := len(g.other)
	for _, d := range other.Directives {
		if !posture.Contains(g.set.Directives, d) && !posture.Contains(g.other, d) {
			g.other = append(g.other[:len(g.other):len(g.other)], d)
		}
	}
	if len(g.other) == before {
		return g.raise(alarmHistory, why)
	}
	p, err := g.compile()
	if err != nil {
		g.opt.Log.Error("two histories cannot both be enforced: payments are declined", "error", err)
	}
	g.swap(p)
	if err := g.saveIdentity(); err != nil {
		g.opt.Log.Error("the restrictions of both histories are in force but not on disk", "error", err)
	}
	return g.raise(alarmHistory, why)
}

// Accept makes the gate follow whatever history the control plane has now, by a
// person's decision. What is enforced stays until the next posture arrives.
func (g *Gate) Accept() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	had := !g.shut
	g.set = g.set.Union(posture.Set{Directives: g.other})
	g.set.Head = holdfast.Head{}
	g.other, g.owed, g.seen = nil, nil, Beat{}
	g.witness, g.floor = holdfast.Head{}, holdfast.Head{}
	g.lease.drop()
	// The file's head is a witness, too: left as it was, it would come back with
	// the next start. Where no posture was had, none is written: a gate without one
	// declines, and an empty one would open it.
	if had {
		if err := g.save(); err != nil {
			return g.raise(alarmPosture, fmt.Errorf("the posture is in force but not on disk: %w", err))
		}
	} else if err := os.Rename(g.path("posture"), g.path("posture.refused")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for i := range g.stops {
		g.stops[i].listed = false // the new history has no list yet
	}
	if err := g.saveIdentity(); err != nil {
		return err
	}
	g.calm(alarmHistory)
	return nil
}

// keepStops notes which install brought each stop into force.
func (g *Gate) keepStops(number uint64) {
	var stops []stopInForce
	for _, d := range slices.Concat(g.set.Directives, g.other) {
		// Stand-in begins as a stop: what was in flight is listed before it opens.
		if d.Kind != posture.Stop && (d.Kind != posture.StandIn || d.Open) {
			continue
		}
		s := stopInForce{Directive: d, since: number}
		if i := slices.IndexFunc(g.stops, func(o stopInForce) bool { return posture.Contains([]posture.Directive{d}, o.Directive) }); i >= 0 {
			s = g.stops[i]
		}
		stops = append(stops, s)
	}
	g.stops = stops
}
