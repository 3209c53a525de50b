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
// Files in the gate's directory: gate.lock (one process at a time), identity
// (name, boot id and newest heads), posture (what to enforce), local (the local stops),
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
	"holdfast/internal/standin"
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
	// Fields are the names of what is known of a payment on the route: route, kind
	// and the fields that it reads.
	Fields []string `json:"fields,omitempty"`
	// Channels are those that its payments can have; empty means any.
	Channels []string `json:"channels,omitempty"`
	// StandIn says that its payments may be answered in the primary's place.
	StandIn bool `json:"stand_in,omitempty"`
	// Second says that its payments may be rerouted to a second primary.
	Second bool `json:"second,omitempty"`
	// Deduplicates says that the primary does a payment of the route once, however often it
	// gets its identity.
	Deduplicates bool `json:"deduplicates,omitempty"`
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
	// Inquiries is the budget in which it is asked.
	Inquiries Inquiries
	// PrimaryDown, if set, lists the addresses of the primary that are left out now. It must
	// not block.
	PrimaryDown func() []string
	// SecondDown, if set, lists those of the second primary, and Fence keeps each identity
	// from one of the two.
	SecondDown func() []string
	Fence      Fence
	// StandIn decides in place of the primary; nil if the gate does not stand in.
	StandIn StandIn
	// Shadow tries profiles on payments that are forwarded; nil without stand-in.
	Shadow Shadow
	// Counts, if set, is told each second's counts. It must not block.
	Counts func(traffic.Snapshot)
	Log    *slog.Logger
}

// Gate judges payments and keeps account of those in flight.
type Gate struct {
	opt  Options
	boot string
	lock *os.File

	onDisk *posture.File  // the file posture
	idFile *posture.Slots // the file identity

	installed atomic.Pointer[installed]
	lease     lease
	ring      *ring
	open      *openSet
	outcomes  *outcomes
	doubts    doubts
	counter   *traffic.Counter
	drains    drains
	outbox    outbox
	// asking is what there is to tell of the asking, toldAsked what was told last.
	asking    atomic.Pointer[[]Asked]
	toldAsked struct {
		at   time.Duration
		list []Asked
	}
	// unlisted are the resolutions, told last, of payments that are not listed here. Only the
	// session uses it.
	unlisted []Resolution
	files    chan *standin.FilePage // of settlement files, to be compared
	nonce    atomic.Uint64          // of the last heartbeat

	mu  sync.Mutex // serialises everything below and the swap of installed
	set posture.Set
	// shut means that there is no set to admit under: none was had, or what the
	// disk holds is damaged or older than what was enforced.
	shut  bool
	local []posture.Directive
	// other holds the restrictions of another history than the one of set.
	other []posture.Directive
	stops []stopInForce
	// left are the payments an earlier process had in flight when it was killed,
	// until they have been listed.
	left    []payment.Record
	unsaved bool              // the set is not on disk yet
	owed    []Acknowledgement // those that wait for it
	seen    Beat              // the last one that was taken
	// forgotten means that the control plane has less of the account of unknown
	// outcomes than it once confirmed. Only the session uses it.
	forgotten bool
	// toldStandIn is when stand-in was reported last, by Boot. Only the session uses it.
	toldStandIn time.Duration
	lags        time.Duration // since when, by Boot, the posture is behind it; 0 if it is not
	// before are the runs that used the directory and that the control plane may
	// not know to be gone.
	before  []string
	witness holdfast.Head // the newest head of the journal that was seen
	floor   holdfast.Head // the newest posture that was enforced
	kept    identity      // what the file holds
	alarm   [alarms]string
	closed  bool
	changed chan struct{} // closed and replaced when status changes
}

// identity is the content of the file of that name.
type identity struct {
	Name string `json:"name"`
	Boot string `json:"boot"`
	// Before are boot ids of earlier runs since the last that enrolled.
	Before []string `json:"before,omitempty"`
	// Witness is the newest head of the journal that the gate has seen.
	Witness holdfast.Head `json:"witness"`
	// Posture is the newest posture that it enforced: an older file was put back.
	Posture holdfast.Head `json:"posture"`
	// Other are the restrictions of another history, until a person has decided.
	Other []posture.Directive `json:"other,omitempty"`
}

const identityMagic = "holdfast-gate/1 "

// firstIdentity is the file that held the identity at first, as JSON alone. It is
// read where there is no newer one, and removed once there is.
const firstIdentity = "gate.json"

// maxBefore bounds the runs without an enrolment that are remembered. The oldest
// are, since the first is the one that enrolled.
const maxBefore = 500

// New opens a gate's directory. It judges payments from then on, by the posture
// it finds there; [Gate.Run] connects it to the control plane.
func New(opt Options) (*Gate, error) {
	if !holdfast.ValidName(opt.Name) {
		return nil, holdfast.Errorf(holdfast.Invalid, "gate name %q: use 1 to 64 lower-case letters, digits, '-', '_' and '.'", opt.Name)
	}
	for _, r := range opt.Routes {
		if len(r.Name) > maxRoute {
			return nil, holdfast.Errorf(holdfast.Invalid, "route %q: a name has at most %d bytes, to fit the list of payments in flight", r.Name, maxRoute)
		}
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
		files:   make(chan *standin.FilePage, 1),
		onDisk:  posture.NewFile(filepath.Join(opt.Dir, "posture")),
		idFile:  posture.NewSlots(filepath.Join(opt.Dir, "identity"), identityMagic),
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
	g.left = left
	// The account first: what the ring forgets must be there over a loss of power.
	if err := errors.Join(g.outcomes.sync(), g.ring.clear()); err != nil {
		return err
	}
	for _, r := range g.outcomes.unresolved() {
		g.open.setUnknown(r.Identity, true)
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
	content, err := posture.LoadSlots(g.path("identity"), identityMagic)
	if errors.Is(err, fs.ErrNotExist) {
		content, err = os.ReadFile(g.path(firstIdentity))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil && !errors.Is(err, posture.ErrNoSlot):
		return err
	default:
		if err == nil {
			err = json.Unmarshal(content, &id)
		}
		if err != nil {
			return holdfast.Errorf(holdfast.Damaged, "%s cannot be read; restore it, or start the gate in an empty directory under a new name", g.path("identity")).Because(err)
		}
		if id.Name != g.opt.Name {
			return holdfast.Errorf(holdfast.Invalid, "the directory %s belongs to gate %s, not to %s", g.opt.Dir, id.Name, g.opt.Name)
		}
	}
	g.before = id.Before
	if id.Boot != "" && len(g.before) < maxBefore {
		g.before = append(g.before, id.Boot)
	}
	g.witness, g.floor, g.other = id.Witness, id.Posture, id.Other
	if err := g.saveIdentity(); err != nil {
		return err
	}
	for _, old := range []string{firstIdentity, "." + firstIdentity + ".spare", ".posture.spare"} {
		if err := os.Remove(g.path(old)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// saveIdentity writes the file identity. The caller holds g.mu, or is the only one to
// know g.
func (g *Gate) saveIdentity() error {
	id := identity{Name: g.opt.Name, Boot: g.boot, Before: g.before, Witness: g.witness, Posture: g.floor, Other: g.other}
	content, err := json.Marshal(id)
	if err != nil {
		return err
	}
	if err := g.idFile.Save(content); err != nil {
		return err
	}
	g.kept = id
	return nil
}

// saveWitness writes the file identity if the newest head seen has moved since. It
// stands beside the posture file, whose head moves with the posture only: facts
// that change no posture can be lost too.
func (g *Gate) saveWitness() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.witness == g.kept.Witness && g.floor == g.kept.Posture && len(g.other) == len(g.kept.Other) && len(g.before) == len(g.kept.Before) {
		return nil
	}
	return g.saveIdentity()
}

// loadPosture puts in force what the disk says. Where that is missing though
// there was one, damaged or old, the gate declines.
func (g *Gate) loadPosture() error {
	local, err := loadLocal(g.path("local"))
	if err != nil {
		g.opt.Log.Error("the local stops cannot be read: everything is stopped until they are set anew", "error", err)
		g.alarm[alarmLocal] = err.Error()
	}
	g.local = local
	set, err := posture.Load(g.path("posture"))
	switch {
	case err == nil && later(set.Head, g.floor) != set.Head && set.Head.Journal == g.floor.Journal && set.Head.Epoch == g.floor.Epoch:
		err = holdfast.Errorf(holdfast.Damaged, "the posture file %s is of position %d; this gate has enforced position %d: payments are declined until the control plane sends the posture anew", g.path("posture"), set.Head.Position, g.floor.Position)
		g.shut = true
	case err == nil:
		g.set = set
		g.witness, g.floor = later(g.witness, set.Head), set.Head
	case holdfast.CodeOf(err) == holdfast.NotFound:
		g.shut = !g.opt.Alone || g.floor.Journal != ""
		err = nil
	default:
		g.shut = true
	}
	p, compileErr := g.compile()
	if err = errors.Join(err, compileErr); err != nil {
		g.opt.Log.Error("the posture on disk cannot be enforced: payments are declined", "error", err)
		g.alarm[alarmPosture] = err.Error()
	}
	if len(g.other) > 0 {
		g.alarm[alarmHistory] = "the restrictions of two histories of the journal are in force; when the control plane's journal is right, run: holdfast gate accept"
	}
	g.swap(p)
	return nil
}

// Close releases the gate's directory; no payment is admitted from then on.
// Payments must have finished or are listed as left in flight at the next start.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	g.drains.close()
	errs := []error{g.onDisk.Close(), g.idFile.Close()}
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
		Directives: g.set.Union(posture.Set{Directives: g.other}).Directives, Local: g.local,
		LeaseLeft:  max(0, g.lease.end()-g.opt.Clock.Boot()),
		InFlight:   g.ring.inUse(),
		Unresolved: g.outcomes.count(),
		Alarm:      g.alarmText(),
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
