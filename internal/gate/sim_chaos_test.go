package gate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/posture"
)

// chaos is a random history: some nodes, some gates, customers, people who stop,
// limit and lift, and whatever can go wrong within the assumptions of the
// promise. It ends with everything mended, and then whatever is in force must
// come to be confirmed.
func chaos(w *world) {
	w.db.doubt, w.db.late = 0.05*w.rng.Float64(), 0.05*w.rng.Float64()
	w.net.lost, w.net.twice = 0.05*w.rng.Float64(), 0.1*w.rng.Float64()
	w.net.stale = 0.03 * w.rng.Float64()
	w.net.max = w.between(time.Millisecond, 60*time.Millisecond)
	for i := range 1 + w.rng.IntN(3) {
		n := w.node(fmt.Sprint("node", i+1))
		n.lag = w.between(time.Millisecond, 150*time.Millisecond)
	}
	w.nodes[0].setLease(w.lease)
	w.run(500 * time.Millisecond)
	for i := range 2 + w.rng.IntN(3) {
		w.newcomer(fmt.Sprint("gate", i+1))
	}
	w.run(time.Second)
	for w.now() < 25*time.Second {
		w.run(w.between(10*time.Millisecond, 1200*time.Millisecond))
		mishaps[w.rng.IntN(len(mishaps))](w)
	}
	w.mend()
	w.truth.caps()
}

// newcomer begins a gate of some sort, with customers. A quarter of the gates
// cannot be told what is not there: they observe a route.
func (w *world) newcomer(name string) *simGate {
	modes := [][2]gate.Mode{
		{gate.Strict, gate.Strict}, {gate.Strict, gate.Strict}, {gate.Strict, gate.Strict},
		{gate.Static, gate.Static}, {gate.Static, gate.Static}, {gate.Strict, gate.Static}, {gate.Static, gate.Strict},
	}[w.rng.IntN(7)]
	if w.chance(0.03) {
		modes[1] = gate.Observe
	}
	g := w.gate(name, modes[0], modes[1])
	g.node = w.rng.IntN(3)
	g.customers(400 * time.Millisecond)
	return g
}

// someGate picks a gate that runs, or nil.
func (w *world) someGate() *simGate {
	g := w.gates[w.rng.IntN(len(w.gates))]
	if !g.up() || g.gone {
		return nil
	}
	return g
}

func (w *world) someNode() *simNode { return w.nodes[w.rng.IntN(len(w.nodes))] }

// inForce lists what some node takes to be in force.
func (w *world) inForce(n *simNode) (ids []string) {
	n.view(func(b *directive.Book, _ *enrolment.Book) {
		for _, d := range b.InForce("") {
			ids = append(ids, d.ID)
		}
	})
	return ids
}

var mishaps = []func(*world){
	stopSome, stopSome, stopSome, stopSome, liftSome, liftSome, limitSome, limitSome,
	func(w *world) { // a stop that a second person approves
		n := w.someNode()
		n.act("propose a stop for approval", func(ctx context.Context) error {
			p := directive.Proposal{Kind: posture.Stop, Scope: w.someScope(), Reason: "test", Drain: w.between(time.Second, 5*time.Second)}
			id, err := n.directives.Propose(ctx, mei, p, false)
			if err != nil {
				return err
			}
			return n.directives.Approve(ctx, lin, id)
		})
	},
	func(w *world) { // partition of one pair, or of a gate from all
		g, n, all := w.gates[w.rng.IntN(len(w.gates))], w.someNode(), w.chance(0.6)
		w.cut(w.between(100*time.Millisecond, 8*time.Second), func(a *simGate, b *simNode) bool { return a == g && (all || b == n) })
	},
	func(w *world) { // a node is cut off
		n := w.someNode()
		w.cut(w.between(100*time.Millisecond, 4*time.Second), func(_ *simGate, b *simNode) bool { return b == n })
	},
	func(w *world) {
		if g := w.someGate(); g != nil {
			g.restart(w.between(0, 4*time.Second))
		}
	},
	func(w *world) { w.someNode().kill(w.between(10*time.Millisecond, 3*time.Second)) },
	func(w *world) {
		if g := w.someGate(); g != nil {
			g.suspend(w.between(100*time.Millisecond, 7*time.Second))
		}
	},
	func(w *world) {
		if n := w.someNode(); n.up() {
			n.suspend(w.between(100*time.Millisecond, 4*time.Second))
		}
	},
	func(w *world) { // SIGSTOP: its clocks go on
		if n := w.someNode(); n.up() {
			n.proc.pause(w.between(100*time.Millisecond, 4*time.Second))
		}
	},
	func(w *world) {
		w.db.failOver(w.between(50*time.Millisecond, 1500*time.Millisecond), func(open int) int { return w.rng.IntN(open + 1) })
	},
	func(w *world) { w.someClock().slew(slowest + w.rng.Float64()*(fastest-slowest)) },
	func(w *world) { w.someClock().set(w.between(-1000*time.Hour, 1000*time.Hour)) },
	func(w *world) {
		if g := w.someGate(); g != nil {
			g.sicken(w.between(100*time.Millisecond, 3*time.Second))
		}
	},
	func(w *world) { // a gate joins late, or a second one of the same name
		if len(w.gates) < 6 {
			name := fmt.Sprint("gate", len(w.gates)+1)
			if w.chance(0.3) && !w.gates[0].gone {
				name = w.gates[0].name
			}
			w.newcomer(name)
		}
	},
	func(w *world) { // a gate is gone for good, and a person says so
		g := w.someGate()
		if g == nil || w.staying() < 3 || w.namesakes(g) > 1 {
			return
		}
		g.kill()
		g.gone = true
		w.after(w.between(0, 2*time.Second), func() { w.retire(g) })
	},
	func(w *world) {
		w.someNode().setLease(w.between(w.lease/2, w.lease*3/2))
	},
	func(w *world) {
		if g := w.someGate(); g != nil && !g.sick {
			g.stopLocally(scopes[w.rng.IntN(len(scopes))])
		}
	},
	func(w *world) {
		if g := w.someGate(); g != nil && !g.sick {
			for _, id := range slices.Sorted(keys(g.local)) {
				g.liftLocally(id)
			}
		}
	},
}

// retire says that a gate is gone, until a node has taken it.
func (w *world) retire(g *simGate) {
	n, done := w.someNode(), false
	n.view(func(_ *directive.Book, gates *enrolment.Book) {
		i := gates.Gate(g.name).Present()
		done = i != nil && i.Gone
	})
	if done {
		return
	}
	n.act("retire "+g.name, func(ctx context.Context) error {
		_, err := n.directives.Desk.Do(ctx, mei, func(time.Time) ([]draft, error) { return enrolment.Retire(n.gates.Gate(g.name), "test") })
		return err
	})
	w.after(time.Second, func() { w.retire(g) })
}

func stopSome(w *world) {
	p := directive.Proposal{Kind: posture.Stop, Scope: w.someScope(), Drain: w.between(0, 5*time.Second)}
	if w.chance(0.3) {
		p.Incident = "i1"
	}
	w.someNode().propose(p)
}

func limitSome(w *world) {
	p := directive.Proposal{Kind: posture.Limit, Scope: w.someScope(), Share: 0.01 + 0.99*w.rng.Float64(), Salt: "ramp"}
	if w.chance(0.8) {
		p.Share, p.Rate = 1, 1+3*w.rng.Float64()
	}
	w.someNode().propose(p)
}

func liftSome(w *world) {
	n := w.someNode()
	if ids := w.inForce(n); len(ids) > 0 {
		n.lift(ids[w.rng.IntN(len(ids))], holdfast.Revision(w.rng.IntN(4)))
	}
}

func (w *world) someScope() string {
	if w.chance(0.4) {
		return "all"
	}
	return scopes[w.rng.IntN(len(scopes))].text
}

func (w *world) someClock() *clock {
	if w.chance(0.5) {
		return w.someNode().clock
	}
	return w.gates[w.rng.IntN(len(w.gates))].clock
}

// staying counts the gates that are not gone for good.
func (w *world) staying() (n int) {
	for _, g := range w.gates {
		if !g.gone {
			n++
		}
	}
	return n
}

func (w *world) namesakes(g *simGate) (n int) {
	for _, o := range w.gates {
		if o.name == g.name {
			n++
		}
	}
	return n
}

// cut keeps messages from passing where which says so, for a time.
func (w *world) cut(d time.Duration, which func(*simGate, *simNode) bool) {
	before, over := w.net.cut, false
	w.logf("the network is cut for %v", d)
	w.net.cut = func(g *simGate, n *simNode) bool {
		return !w.healing && !over && which(g, n) || before != nil && before(g, n)
	}
	w.after(d, func() { over = true })
}

// restart kills the gate's process and begins the next after a time. What the
// disk has of the posture may be damaged meanwhile.
func (g *simGate) restart(away time.Duration) {
	w := g.w
	g.kill()
	file := filepath.Join(g.dir, "posture")
	if w.chance(0.2) {
		w.logf("the posture of %s is damaged", g.name)
		if w.chance(0.5) {
			os.Remove(file)
		} else if content, err := os.ReadFile(file); err == nil && len(content) > 0 {
			content[w.rng.IntN(len(content))] ^= 4
			os.WriteFile(file, content, 0o600)
		}
	}
	w.after(away, func() {
		if !g.gone {
			g.begin()
			g.customers(400 * time.Millisecond)
		}
	})
}

// mend ends all that goes wrong, and waits until what is in force is confirmed.
func (w *world) mend() {
	w.logf("everything is mended")
	w.healing = true
	w.db.doubt, w.db.late, w.net.lost, w.net.stale = 0, 0, 0, 0
	for _, g := range w.gates { // the enrolment of a dead process may have come after its gate was retired
		if g.gone && w.namesakes(g) == 1 {
			w.retire(g)
		}
	}
	w.run(12 * time.Second)
	w.logf("now it should work")
	w.someNode().propose(directive.Proposal{Kind: posture.Stop, Scope: "all"})
	w.run(13 * time.Second) // a stream that is dead is found out after two leases
	observes := false
	for _, g := range w.gates {
		observes = observes || !g.gone && (g.routes[0].Mode == gate.Observe || g.routes[1].Mode == gate.Observe)
	}
	for _, k := range w.truth.order {
		if k.lifted == 0 && k.confirmed == 0 && !observes {
			n := w.nodes[0]
			n.view(func(b *directive.Book, gates *enrolment.Book) {
				w.failf("%s is in force and nothing is in the way; %v", k.ID, standings(directive.Progress(b.Directive(k.ID), gates)))
			})
		}
	}
	for _, n := range w.nodes {
		w.truth.shown(n)
	}
}
