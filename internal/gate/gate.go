// Package gate is the inline point every payment passes, free of any wire
// format. A transport (httpgate) reads a request into a payment.Payment and
// takes it through the gate:
//
//	Decide   judge by the posture; a decline is answered at once
//	(the transport gets a connection to the primary)
//	Admit    judge again, now holding the connection: posture and lease
//	(the transport writes the first byte)
//	Finish   say what became of it: done, not done or unknown
//
// Admission is the last check before the first byte. It enters the payment in
// the ring of payments in flight under the posture it was judged by, then looks
// whether that posture still holds; if not, it undoes the entry and judges
// anew. So once [Gate.Enforce] has swapped the posture and seen every older
// entry either written or undone, no payment of an older posture can follow,
// and what may still be in flight is listed, by name.
//
// A gate goes on without the control plane. What it enforced last lies on its
// disk. Its mode, per route, says what happens without a lease: static (the
// default) keeps the last posture, strict declines, observe only counts.
//
// Files in the gate's directory: gate.lock (one process at a time), gate.json
// (name and boot id), posture (what to enforce), local (the local stops),
// inflight (the ring, memory-mapped, so that a killed gate still lists what it
// had in flight), outcomes (payments of unknown outcome and how each was
// settled).
package gate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// Mode says what a route does without a lease.
type Mode string

const (
	// Static keeps the last posture: losing Holdfast must not stop payments.
	Static Mode = "static"
	// Strict declines without a lease: losing Holdfast stops payments within the
	// lease, and in return a stop is confirmed even when the gate is cut off.
	Strict Mode = "strict"
	// Observe counts what the posture would do and forwards everything.
	Observe Mode = "observe"
)

// Route is a kind of request the gate knows.
type Route struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	Mode Mode   `json:"mode"`
}

// Clock tells the time. Boot is CLOCK_BOOTTIME, which goes on while the machine
// sleeps and is never set; leases use it alone. Now is wall time, for records.
type Clock interface {
	Boot() time.Duration
	Now() time.Time
}

// Inquirer asks the primary what became of a payment. It returns Unknown when
// that cannot be said yet, and in words what the primary answered.
type Inquirer interface {
	Inquire(ctx context.Context, r payment.Record) (payment.Outcome, string, error)
}

// Options make a gate.
type Options struct {
	Name    string
	Version string
	// Dir is the gate's own directory; it is made if missing.
	Dir    string
	Routes []Route
	Clock  Clock
	// InFlight is the most payments in flight at once; 0 means 4096. One more is
	// declined as "full".
	InFlight int
	// Alone says that no control plane is configured: without a posture on disk
	// the gate then starts open. Otherwise it declines until it has one.
	Alone    bool
	Inquirer Inquirer
	// Counts, if set, is told each second's counts. It must not block.
	Counts func(traffic.Snapshot)
	Log    *slog.Logger
}

// Gate judges payments and keeps account of those in flight.
type Gate struct {
	opt      Options
	boot     string
	replaces string
	lock     *os.File

	installed atomic.Pointer[installed]
	lease     lease
	ring      *ring
	open      *openSet
	outcomes  *outcomes
	counter   *traffic.Counter
	drains    drains
	outbox    outbox

	mu      sync.Mutex // serialises everything below and the swap of installed
	set     posture.Set
	local   []posture.Directive
	witness holdfast.Head
	// witnessed is the witness that gate.json holds.
	witnessed holdfast.Head
	alarm     string
	changed   chan struct{} // closed and replaced when status changes
}

// identity is the content of gate.json.
type identity struct {
	Name string `json:"name"`
	Boot string `json:"boot"`
	// Witness is the newest head of the journal that the gate has seen.
	Witness holdfast.Head `json:"witness"`
}

// New opens a gate's directory. It judges payments from then on, by the posture
// it finds there; [Gate.Run] connects it to the control plane.
func New(opt Options) (*Gate, error) {
	if !holdfast.ValidName(opt.Name) {
		return nil, holdfast.Errorf(holdfast.Invalid, "gate name %q: use 1 to 64 lower-case letters, digits, '-', '_' and '.'", opt.Name)
	}
	if opt.InFlight == 0 {
		opt.InFlight = 4096
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(opt.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open gate: %w", err)
	}
	g := &Gate{
		opt:     opt,
		boot:    holdfast.NewID(),
		open:    newOpenSet(),
		counter: traffic.NewCounter(0),
		changed: make(chan struct{}),
		outbox:  outbox{wake: make(chan struct{}, 1)},
	}
	if err := g.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("open gate %s: %w", opt.Name, err), g.Close())
	}
	return g, nil
}

func (g *Gate) path(name string) string { return filepath.Join(g.opt.Dir, name) }

func (g *Gate) start() error {
	if err := g.lockDir(); err != nil {
		return err
	}
	if err := g.loadIdentity(); err != nil {
		return err
	}
	var err error
	if g.outcomes, err = openOutcomes(g.path("outcomes")); err != nil {
		return err
	}
	var left []payment.Record
	if g.ring, left, err = openRing(g.path("inflight"), g.opt.InFlight); err != nil {
		return err
	}
	for _, r := range left {
		if err := g.outcomes.unknown(r, "the gate was killed while the payment was in flight", g.opt.Clock.Now()); err != nil {
			return err
		}
	}
	if err := g.ring.clear(); err != nil {
		return err
	}
	for _, r := range g.outcomes.unresolved() {
		g.open.unresolved(r.Identity)
	}
	return g.loadPosture()
}

// lockDir makes sure that the process that used the directory before is gone:
// that is what lets this one answer for it.
func (g *Gate) lockDir() error {
	f, err := os.OpenFile(g.path("gate.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return holdfast.Errorf(holdfast.Conflict, "the directory %s is in use by another gate process", g.opt.Dir)
	}
	g.lock = f
	return nil
}

func (g *Gate) loadIdentity() error {
	var id identity
	content, err := os.ReadFile(g.path("gate.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(content, &id); err != nil {
			return holdfast.Errorf(holdfast.Damaged, "%s cannot be read; restore it, or start the gate in an empty directory under a new name", g.path("gate.json")).Because(err)
		}
		if id.Name != g.opt.Name {
			return holdfast.Errorf(holdfast.Invalid, "the directory %s belongs to gate %s, not to %s", g.opt.Dir, id.Name, g.opt.Name)
		}
	}
	g.replaces, g.witness = id.Boot, id.Witness
	return g.saveIdentity()
}

// saveIdentity writes gate.json. The caller holds g.mu, or is the only one to
// know g.
func (g *Gate) saveIdentity() error {
	content, err := json.Marshal(identity{Name: g.opt.Name, Boot: g.boot, Witness: g.witness})
	if err != nil {
		return err
	}
	if err := posture.WriteFile(g.path("gate.json"), content); err != nil {
		return err
	}
	g.witnessed = g.witness
	return nil
}

// saveWitness writes gate.json if the newest head seen has moved since. It
// stands beside the posture file, whose head moves with the posture only: facts
// that change no posture can be lost too.
func (g *Gate) saveWitness() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.witness == g.witnessed {
		return nil
	}
	return g.saveIdentity()
}

func (g *Gate) loadPosture() error {
	local, err := loadLocal(g.path("local"))
	if err != nil {
		g.opt.Log.Error("the local stops cannot be read: everything is stopped until they are set anew", "error", err)
		g.alarm = err.Error()
	}
	g.local = local
	set, err := posture.Load(g.path("posture"))
	switch {
	case err == nil:
		g.set = set
		g.witness = later(g.witness, set.Head)
		p, err := posture.Compile(set, g.local, g.opt.Name)
		if err != nil {
			g.opt.Log.Error("the posture on disk cannot be enforced: payments are declined", "error", err)
			g.alarm = err.Error()
		}
		g.swap(p)
	case holdfast.CodeOf(err) == holdfast.NotFound && g.opt.Alone:
		return g.recompile()
	case holdfast.CodeOf(err) == holdfast.NotFound:
		g.swap(posture.Closed(posture.Set{}))
	default:
		g.opt.Log.Error("the posture on disk cannot be used", "error", err)
		g.alarm = err.Error()
		g.swap(posture.Closed(posture.Set{}))
	}
	return nil
}

// Close releases the gate's directory. Payments must have finished or are
// listed as left in flight at the next start.
func (g *Gate) Close() error {
	var errs []error
	if g.ring != nil {
		errs = append(errs, g.ring.close())
	}
	if g.outcomes != nil {
		errs = append(errs, g.outcomes.close())
	}
	if g.lock != nil {
		errs = append(errs, g.lock.Close())
	}
	return errors.Join(errs...)
}

// Name returns the gate's name.
func (g *Gate) Name() string { return g.opt.Name }

// Boot returns the id of this run of the gate's process.
func (g *Gate) Boot() string { return g.boot }

// Status is what the gate says about itself.
type Status struct {
	Gate    string        `json:"gate"`
	Boot    string        `json:"boot"`
	Posture holdfast.Head `json:"posture"`
	// Closed means that payments are declined because there is no posture that
	// can be enforced.
	Closed     bool                `json:"closed,omitempty"`
	Directives []posture.Directive `json:"directives"`
	Local      []posture.Directive `json:"local"`
	// LeaseLeft is how long strict routes may still admit; 0 means no lease.
	LeaseLeft  time.Duration `json:"lease_left"`
	InFlight   int           `json:"in_flight"`
	Unresolved int           `json:"unresolved"`
	Alarm      string        `json:"alarm,omitempty"`
	Routes     []Route       `json:"routes"`
}

// Status returns the gate's state now.
func (g *Gate) Status() Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.installed.Load().posture
	return Status{
		Gate: g.opt.Name, Boot: g.boot,
		Posture: p.Head(), Closed: p.IsClosed(),
		Directives: g.set.Directives, Local: g.local,
		LeaseLeft:  max(0, g.lease.end()-g.opt.Clock.Boot()),
		InFlight:   g.ring.inUse(),
		Unresolved: g.outcomes.count(),
		Alarm:      g.alarm,
		Routes:     g.opt.Routes,
	}
}

// Changed returns a channel that is closed at the next change of posture, local
// stops or alarm.
func (g *Gate) Changed() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.changed
}

// Unresolved lists the payments of unknown outcome.
func (g *Gate) Unresolved() []payment.Record { return g.outcomes.unresolved() }
