package gate_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// simGate is a gate's directory and the process that uses it, if one does.
type simGate struct {
	w       *world
	name    string
	dir     string
	routes  []gate.Route
	clock   *clock
	proc    *proc
	g       *gate.Gate
	busy    bool // a task holds the gate's lock and waits at the fence
	run     int  // counts processes
	node    int  // which node it asks
	stays   bool // at that node, for good
	sick    bool // its disk takes nothing
	gone    bool // for good
	unasked bool // the primary is not asked about unknown outcomes
	stale   gate.Beat
	wakes   []func() // of those who wait for something to report

	// What the simulation knows of it.
	floor    holdfast.Position // the newest posture that it acknowledged
	inFlight map[*attempt]bool // of the present process
	left     map[string]*attempt
	unknown  map[string]bool // identities whose last word was "unknown"
	local    map[string]scope
	listed   map[holdfast.Position][]int // by posture: how many each process listed
	told     map[string]bool             // stops that the present process has listed for
	paid     int
}

// attempt is a payment that was admitted.
type attempt struct {
	pay     payment.Payment
	posture holdfast.Position
	at      time.Duration
	gate    *simGate
	run     int
}

// routesOf makes a gate's routes: payments in one mode, refunds in another.
func routesOf(pay, refund gate.Mode) []gate.Route {
	return []gate.Route{{Name: "pay", Kind: "payment", Mode: pay}, {Name: "refund", Kind: "refund", Mode: refund}}
}

// gate begins a gate in an empty directory.
func (w *world) gate(name string, pay, refund gate.Mode) *simGate {
	g := &simGate{
		w: w, name: name, routes: routesOf(pay, refund), clock: w.clock(),
		left: map[string]*attempt{}, unknown: map[string]bool{}, local: map[string]scope{}, listed: map[holdfast.Position][]int{},
	}
	g.dir = w.dir()
	w.gates = append(w.gates, g)
	g.begin()
	return g
}

// dir makes an empty directory: in memory, where that is to be had, since each
// posture is synced.
func (w *world) dir() string {
	dir, err := os.MkdirTemp("/dev/shm", "holdfast-sim-")
	if err != nil {
		dir, err = os.MkdirTemp("", "holdfast-sim-")
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// begin starts a process on the gate's directory.
func (g *simGate) begin() {
	w := g.w
	g.run++
	g.inFlight, g.told, g.wakes, g.busy = map[*attempt]bool{}, map[string]bool{}, nil, false
	g.proc = w.process(fmt.Sprintf("%s#%d", g.name, g.run))
	var err error
	g.g, err = gate.New(gate.Options{
		Name: g.name, Version: "sim", Dir: g.dir, Routes: g.routes, Clock: g.clock, InFlight: 12, Inquirer: inquirer{g},
	})
	if err != nil {
		w.failf("gate %s does not start: %v", g.proc.name, err)
		g.proc.dead, g.gone = true, true
		return
	}
	g.g.SimYield(func() { w.sleep(100 * time.Microsecond) })
	g.proc.spawn(g.sessions)
	g.proc.spawn(g.keep)
}

func (g *simGate) up() bool { return !g.proc.dead }

// kill ends the gate's process as kill -9 does: what its files hold at this
// instant is what the next process finds.
func (g *simGate) kill() {
	if !g.up() {
		return
	}
	g.w.logf("gate %s is killed", g.proc.name)
	if g.sick {
		os.Rename(g.dir+".away", g.dir)
	}
	next := g.w.dir()
	names, err := os.ReadDir(g.dir)
	for _, name := range names {
		content, readErr := os.ReadFile(filepath.Join(g.dir, name.Name()))
		err = errors.Join(err, readErr, os.WriteFile(filepath.Join(next, name.Name()), content, 0o600))
	}
	if err != nil {
		g.w.t.Fatal(err)
	}
	g.proc.kill()
	g.g.Close()
	os.RemoveAll(g.dir)
	g.dir, g.sick = next, false
	for a := range g.inFlight {
		g.left[a.pay.Identity] = a
		g.unknown[a.pay.Identity] = true
	}
	g.inFlight = nil
}

func (g *simGate) remove() {
	if g.g != nil {
		g.g.Close()
	}
	os.RemoveAll(g.dir)
	os.RemoveAll(g.dir + ".away")
}

// sicken makes the gate's disk take nothing for a time.
func (g *simGate) sicken(d time.Duration) {
	if g.sick || !g.up() || os.Rename(g.dir, g.dir+".away") != nil {
		return
	}
	g.w.logf("the disk of %s takes nothing for %v", g.proc.name, d)
	g.sick = true
	dir := g.dir
	g.w.after(d, func() {
		if err := os.Rename(dir+".away", dir); err == nil {
			g.sick = false
		}
	})
}

// suspend puts the gate's machine to sleep: nothing runs, and CLOCK_BOOTTIME
// goes on.
func (g *simGate) suspend(d time.Duration) {
	g.w.logf("gate %s stands still for %v", g.proc.name, d)
	g.proc.pause(d)
}

// free waits until nobody holds the gate's lock.
func (g *simGate) free() {
	for g.busy {
		g.w.sleep(100 * time.Microsecond)
	}
}

// keep is the gate's book-keeping.
func (g *simGate) keep() {
	for {
		g.w.sleep(time.Second)
		g.free()
		if g.sick {
			continue // its log would say so
		}
		g.g.SimKeep()
		g.look(false)
		if !g.unasked && g.w.chance(0.3) {
			g.g.SimInquire(context.Background())
		}
	}
}

// session is a gate's time with one node.
type session struct {
	over  bool
	wakes []func()
}

func (s *session) end() {
	s.over = true
	for _, wake := range s.wakes {
		wake()
	}
}

// turn makes the next session one with the next node.
func (g *simGate) turn() {
	if !g.stays {
		g.node++
	}
}

// sessions holds one session after another.
func (g *simGate) sessions() {
	for {
		n := g.w.nodes[g.node%len(g.w.nodes)]
		s := &session{}
		x := &wire{g: g, n: n, s: s}
		g.free()
		enrolled, err := g.g.SimEnrol(context.Background(), x)
		if err != nil {
			g.turn()
			g.w.sleep(g.w.between(50*time.Millisecond, 400*time.Millisecond))
			continue
		}
		g.proc.spawn(func() { g.g.SimFollow(context.Background(), x); s.end() })
		g.proc.spawn(func() { g.beats(x, enrolled.Every); s.end() })
		g.proc.spawn(func() { g.reports(x); s.end() })
		for !s.over {
			g.w.await(0, func(wake func()) { s.wakes = append(s.wakes, wake) })
		}
		g.turn()
		g.w.sleep(g.w.between(20*time.Millisecond, 200*time.Millisecond))
	}
}

func (g *simGate) beats(x *wire, every time.Duration) {
	for !x.s.over {
		g.free()
		if err := g.g.SimBeat(context.Background(), x, every); err != nil {
			return
		}
		g.w.sleep(every)
	}
}

func (g *simGate) reports(x *wire) {
	for !x.s.over {
		for more := true; more; {
			var err error
			if more, err = g.g.SimReport(context.Background(), x); err != nil {
				return
			}
		}
		g.w.await(time.Second, func(wake func()) { g.wakes = append(g.wakes, wake) })
	}
}

// wire is a session's connection.
type wire struct {
	g *simGate
	n *simNode
	s *session
}

var errLost = errors.New("no answer")

// call takes a request to the node and its answer back, or loses either.
func call[T any](ctx context.Context, x *wire, kind string, handle func(context.Context) (T, error)) (answer T, err error) {
	w, got := x.g.w, false
	limit := 10 * time.Second
	if at, ok := ctx.Deadline(); ok {
		limit = time.Until(at)
	}
	err = errLost
	w.await(max(limit, time.Microsecond), func(wake func()) {
		x.s.wakes = append(x.s.wakes, wake)
		deliver := func() {
			if !w.net.passes(x.g, x.n) {
				return
			}
			w.after(w.net.takes(kind), func() {
				x.n.serve(func() {
					a, e := handle(context.Background())
					if !w.net.passes(x.g, x.n) {
						return
					}
					w.after(w.net.takes(kind+" answer"), func() {
						if !got {
							got, answer, err = true, a, e
							wake()
						}
					})
				})
			})
		}
		deliver()
		if w.chance(w.net.twice) {
			w.after(w.between(0, 2*time.Second), deliver)
		}
	})
	got = true // what comes from now on comes to nobody
	x.g.free()
	return answer, err
}

func (x *wire) Enrol(ctx context.Context, e gate.Enrolment) (gate.Enrolled, error) {
	return call(ctx, x, "enrol", func(ctx context.Context) (gate.Enrolled, error) { return x.n.fleet.Enrol(ctx, e) })
}

// Beat implements gate.Control. Now and then an old connection's answer comes in
// place of the right one.
func (x *wire) Beat(ctx context.Context, h gate.Heartbeat) (gate.Beat, error) {
	b, err := call(ctx, x, "beat", func(ctx context.Context) (gate.Beat, error) { return x.n.fleet.Beat(ctx, h) })
	old := x.g.stale
	if err == nil && (old.Nonce == 0 || x.g.w.chance(0.1)) {
		x.g.stale = b
	}
	if old.Nonce != 0 && x.g.w.chance(x.g.w.net.stale) {
		x.g.w.logf("%s gets the answer to an old heartbeat", x.g.proc.name)
		return old, nil
	}
	return b, err
}

func (x *wire) Report(ctx context.Context, r gate.Report) (gate.Reported, error) {
	return call(ctx, x, "report", func(ctx context.Context) (gate.Reported, error) { return x.n.fleet.Report(ctx, r) })
}

// Follow implements gate.Control: one stream, in order, that holds up what the
// network does not let pass until it breaks with the session.
func (x *wire) Follow(_ context.Context, name, boot string, enforce func(posture.Set) error) error {
	w, g := x.g.w, x.g
	var arrived []posture.Set
	var wake func()
	w.after(w.net.takes("follow"), func() {
		if w.net.passes(g, x.n) { // else the stream is dead and nobody says so
			x.n.serve(func() { x.push(name, boot, func(s posture.Set) { arrived = append(arrived, s); wake() }) })
		}
	})
	for {
		for len(arrived) == 0 && !x.s.over {
			w.await(0, func(f func()) { wake = f; x.s.wakes = append(x.s.wakes, f) })
		}
		if x.s.over {
			return errLost
		}
		set := arrived[0]
		arrived = arrived[1:]
		g.free()
		g.enforce(func() error { return enforce(set) }, set.Head.Position)
	}
}

// push is the node's end of the stream.
func (x *wire) push(name, boot string, arrive func(posture.Set)) {
	w := x.g.w
	var sent holdfast.Head
	var last time.Duration
	for first := true; !x.s.over; first = false {
		set, err := x.n.fleet.Posture(name, boot)
		if err != nil {
			w.after(0, x.s.end)
			return
		}
		if first || set.Head != sent {
			sent = set.Head
			last = max(last+1, w.now()+w.net.takes("posture"))
			x.deliver(last-w.now(), func() { arrive(set) })
		}
		x.n.watch(time.Second)
	}
}

// deliver tries until the network lets it pass.
func (x *wire) deliver(in time.Duration, f func()) {
	w := x.g.w
	w.after(in, func() {
		switch {
		case x.s.over || x.g.proc.dead:
		case w.net.cut != nil && w.net.cut(x.g, x.n):
			x.deliver(20*time.Millisecond, f)
		default:
			f()
		}
	})
}

// enforce runs what puts a posture in force and looks at what the gate says of
// it.
func (g *simGate) enforce(f func() error, p holdfast.Position) {
	g.busy = true
	if err := f(); err != nil {
		g.w.logf("%s does not take posture %d: %v", g.proc.name, p, err)
	}
	g.busy = false
	g.look(true)
}

// look takes note of what the gate acknowledges. now says that a list it finds
// was made at this instant.
func (g *simGate) look(now bool) {
	said, owed := g.g.SimSaid()
	for _, a := range said {
		if a.Posture.Position > g.floor {
			g.floor = a.Posture.Position
			g.w.logf("%s acknowledges %d, %d in flight", g.proc.name, g.floor, len(a.InFlight))
		}
	}
	if len(said) > 0 {
		wakes := g.wakes
		g.wakes = nil
		for _, wake := range wakes {
			wake()
		}
	}
	for _, a := range append(said, owed...) {
		if a.Listed && now && a.At.Equal(g.g.SimNow()) {
			g.w.truth.listed(g, a)
		}
		if a.Listed {
			g.listed[a.Posture.Position] = append(g.listed[a.Posture.Position], len(a.InFlight))
		}
	}
}

// stopLocally stops a scope at the gate.
func (g *simGate) stopLocally(s scope) *string {
	id := new(string)
	g.proc.spawn(func() {
		g.free()
		g.w.logf("%s is stopped by hand: %s", g.proc.name, s.text)
		g.enforce(func() (err error) {
			*id, _, err = g.g.StopLocally(s.text, 2*time.Second)
			if *id != "" && err == nil {
				g.local[*id] = s
			}
			return err
		}, 0)
	})
	return id
}

func (g *simGate) liftLocally(id string) {
	g.proc.spawn(func() {
		g.free()
		if g.g.LiftLocally(id) == nil {
			g.w.logf("%s: the local stop of %s is lifted", g.proc.name, g.local[id].text)
			delete(g.local, id)
		}
	})
}

// inquirer asks the primary.
type inquirer struct{ g *simGate }

func (i inquirer) Inquire(_ context.Context, r payment.Record) (payment.Outcome, string, error) {
	if i.g.w.chance(0.3) {
		return payment.Unknown, "not yet", nil
	}
	for a := range i.g.inFlight {
		if a.pay.Identity == r.Identity {
			return payment.Unknown, "under way", nil
		}
	}
	delete(i.g.unknown, r.Identity)
	return payment.Done, "the primary has it", nil
}
