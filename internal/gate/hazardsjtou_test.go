package gate_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"holdfast/internal/directive"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// stopBehind issues a stop right after the barrier of a heartbeat, from when on
// the gate hears nothing but the answer to that one.
func (w *world) stopBehind(n *simNode, g *simGate) *known {
	slow, last := w.net.delay, false
	w.net.delay = func(kind string) (time.Duration, bool) {
		if kind == "posture" || last && kind == "beat" {
			return time.Hour, true
		}
		if slow != nil {
			if d, ok := slow(kind); ok {
				last = last || kind == "beat answer"
				return d, true
			}
		}
		last = last || kind == "beat answer"
		return 0, false
	}
	w.until("the barrier of a heartbeat", func() bool { return last })
	return w.stop(n, "all")
}

func hazardJ(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	g.clock.slew(slowest)
	n.clock.slew(fastest)
	g.customers(5 * time.Millisecond)
	w.run(time.Second)
	w.byLease(w.stopBehind(n, g))
}

// No clock of the gate's machine runs for longer than assumption 2 allows. The
// gate admits then, and says under which posture: a primary that refuses what
// is older than the stop closes it.
func hazardK(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	g.customers(10 * time.Millisecond)
	w.run(100 * time.Millisecond)
	w.truth.accept = true
	still := 3 * w.lease
	g.proc.pause(still)
	w.after(still, func() { g.clock.back(still) })
	w.mute()
	k := w.stop(n, "all")
	w.byLease(k)
	w.run(2 * w.lease)
	w.want(len(w.truth.escaped) > 0, "the assumption is needed")
	for _, a := range w.truth.escaped {
		w.want(a.posture < k.at, "the posture it was admitted under tells the primary")
	}
}

// A payment waits for its connection while the stop comes.
func hazardL(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	waits, admitted := true, false
	g.proc.spawn(func() {
		p := g.plain()
		w.want(g.g.Decide(p, gate.Static).Action == posture.Forward, "it may go")
		for waits {
			w.sleep(10 * time.Millisecond)
		}
		admitted = g.admit(p, func() {}) != nil
	})
	w.run(50 * time.Millisecond)
	k := w.stop(n, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	waits = false
	w.run(time.Second)
	w.want(!admitted, "the last look decides")
}

// A worker has loaded the posture when the next one comes.
func hazardM(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	w.lingers = func() time.Duration { return 300 * time.Millisecond }
	g.customers(20 * time.Millisecond)
	g.customers(20 * time.Millisecond)
	w.run(time.Second)
	k := w.stop(n, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	w.run(2 * time.Second)
}

// A worker has looked for the second time when the next posture comes: the gate
// waits for it, and lists it.
func hazardMWrite(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	w.lingers = func() time.Duration { return 150 * time.Millisecond }
	for range 4 {
		g.customers(20 * time.Millisecond)
	}
	w.run(time.Second)
	k := w.stop(n, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	w.want(w.truth.byTime == 0, "it was acknowledged")
	w.run(2 * time.Second)
}

// L was longer once, and a gate still has such a lease.
func hazardN(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	g.customers(10 * time.Millisecond)
	w.run(time.Second)
	w.isolate(g)
	n.setLease(w.lease / 3)
	w.run(10 * time.Millisecond)
	w.byLease(w.stop(n, "all"))
}

// The gate starts without the control plane, and its posture file is not what it
// wrote last.
func hazardO(w *world) {
	n, _ := w.lab(1)
	for _, harm := range []string{"gone", "emptied", "old", "changed", "left as it is"} {
		g := w.ready(gateName(harm), gate.Static, 0)
		old, err := os.ReadFile(filepath.Join(g.dir, "posture"))
		k := w.stop(n, "all")
		w.until("a confirmation", func() bool { return w.confirmed(k) })
		w.run(1100 * time.Millisecond) // the file identity
		w.isolate(g)
		g.kill()
		if err == nil {
			err = doHarm(harm, filepath.Join(g.dir, "posture"), old)
		}
		w.want(err == nil, "the file can be harmed")
		g.begin()
		g.customers(20 * time.Millisecond)
		w.run(w.lease)
		w.want(!w.admits(g), "it declines with its posture "+harm)
		w.net.cut = nil
		n.lift(k.ID, 0)
		w.until("it is open again", func() bool { return w.admits(g) })
	}
}

func doHarm(harm, file string, old []byte) error {
	switch harm {
	case "gone":
		return os.Remove(file)
	case "emptied":
		return os.WriteFile(file, nil, 0o600)
	case "old":
		return os.WriteFile(file, old, 0o600)
	case "changed":
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		for i := 150; i < len(content); i += 4096 {
			content[i] ^= 1
		}
		return os.WriteFile(file, content, 0o600)
	}
	return nil
}

// gateName makes a gate's name.
func gateName(s string) string {
	return string(slices.DeleteFunc([]byte("gate-"+s), func(b byte) bool { return b == ' ' }))
}

// The posture cannot be written: it is in force, and not acknowledged, since a
// restart would lose it.
func hazardODisk(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	g.sicken(2 * time.Second)
	k := w.stop(n, "all")
	w.run(1500 * time.Millisecond)
	w.want(!w.admits(g), "it is in force")
	w.want(!w.confirmed(k), "and not acknowledged")
	w.isolate(g)
	g.kill()
	g.begin()
	w.run(500 * time.Millisecond)
	w.want(w.admits(g), "the restart has lost it, and nobody was told otherwise")
	w.net.cut = nil
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	w.run(time.Second)
}

func hazardP(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	k := w.stop(n, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	w.isolate(g)
	for _, ahead := range []time.Duration{1000 * time.Hour, -1000 * time.Hour, 20 * 365 * 24 * time.Hour} {
		g.clock.set(ahead)
		g.stopLocally(scopeOf(`channel == "web"`))
		w.run(time.Minute)
		w.want(!w.admits(g), "it holds")
		g.kill()
		g.begin()
		w.run(time.Second)
		w.want(!w.admits(g), "over a restart, too")
	}
}

// Two people: one lifts what he has seen, the other stops meanwhile.
func hazardQ(w *world) {
	n1, n2 := w.lab(2)
	g := w.ready("east", gate.Static, 0)
	g.customers(30 * time.Millisecond)
	first := w.stop(n1, `channel == "app"`)
	const seen = 2                                                       // proposed and issued
	w.until("a confirmation", func() bool { return w.confirmed(first) }) // the revision moves on
	n1.lift(first.ID, seen)
	w.run(500 * time.Millisecond)
	w.want(first.lifted == 0, "what has changed since he looked is not lifted")
	n1.lift(first.ID, 0)
	second := w.stop(n2, "all")
	w.until("the first is lifted", func() bool { return first.lifted != 0 })
	w.until("a confirmation", func() bool { return w.confirmed(second) })
	w.run(time.Second)
	w.want(second.lifted == 0 && !w.admits(g), "the second holds")
}

func hazardQLocal(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	g.customers(30 * time.Millisecond)
	id := g.stopLocally(scopes[0])
	w.run(100 * time.Millisecond)
	w.want(*id != "" && !w.admits(g), "stopped by hand")
	k := w.stop(n, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	n.lift(k.ID, 0)
	w.run(500 * time.Millisecond)
	w.want(!w.admits(g), "the lift of a directive does not lift it")
	g.kill()
	g.begin()
	w.run(500 * time.Millisecond)
	w.want(!w.admits(g), "nor does a restart")
	k = w.stop(n, "all")
	w.run(300 * time.Millisecond)
	g.liftLocally(*id)
	w.run(300 * time.Millisecond)
	w.want(!w.admits(g), "lifted by hand, and the directive holds")
	n.lift(k.ID, 0)
	w.until("both are lifted", func() bool { return w.admits(g) })
}

func hazardR(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	for _, s := range scopes[1:7] {
		k := w.stop(n, s.text)
		w.until("a confirmation", func() bool { return w.confirmed(k) })
		p := g.plain()
		p.Read &^= 1 << s.reads
		p.Channel, p.Amount, p.Payer = "", 0, ""
		w.want(w.tries(g, p) == nil, "what cannot be read is inside "+s.text)
		n.lift(k.ID, 0)
		w.until("it is lifted", func() bool { return w.admits(g) })
	}
}

// A posture with a kind that this gate does not know declines everything, and is
// not acknowledged.
func hazardRUnknown(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	n.act("issue what no gate knows", func(ctx context.Context) error {
		_, err := n.directives.Desk.Do(ctx, mei, func(time.Time) ([]draft, error) {
			d := posture.Directive{ID: "d1", Kind: "queue", Scope: `channel == "web"`}
			return []draft{
				journal.NewDraft("directive/d1", 0, directive.KindProposed, struct{}{}),
				journal.NewDraft("directive/d1", 1, directive.KindIssued, directive.Issued{Directive: d}),
			}, nil
		})
		return err
	})
	w.run(5 * time.Second)
	w.want(len(w.truth.order) == 1 && !w.confirmed(w.truth.order[0]), "not confirmed")
	w.want(!w.admits(g), "declined")
}

// A cap over two gates; a third joins, one restarts, wall clocks jump.
func hazardS(w *world) {
	n, _ := w.lab(1)
	var gates []*simGate
	for _, name := range []string{"east", "west"} {
		gates = append(gates, w.ready(name, gate.Static, 0))
	}
	n.propose(directive.Proposal{Kind: posture.Limit, Scope: "all", Share: 1, Rate: 4})
	w.until("the cap is confirmed", func() bool { return len(w.truth.order) > 0 && w.confirmed(w.truth.order[0]) })
	late := w.gate("north", gate.Static, gate.Static)
	for _, g := range append(gates, late) {
		g.customers(20 * time.Millisecond)
	}
	for i := range 40 {
		gates[i%2].clock.set(time.Duration(i%3) * time.Hour)
		w.run(100 * time.Millisecond)
	}
	gates[0].kill()
	gates[0].begin()
	gates[0].customers(20 * time.Millisecond)
	w.run(3 * time.Second)
	w.want(len(w.truth.order[0].draws) > 10, "some pass")
	w.truth.caps()
}

func hazardT(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Strict, 0)
	n.propose(directive.Proposal{Kind: posture.Stop, Scope: "all", Incident: "i1"})
	w.until("a confirmation", func() bool { return len(w.truth.order) > 0 && w.confirmed(w.truth.order[0]) })
	refund := g.plain()
	refund.Route, refund.Kind = "refund", payment.Refund
	w.want(w.tries(g, refund) == nil, "a refund moves money")
	inquiry := g.plain()
	inquiry.Kind = payment.Inquiry
	w.want(g.g.Decide(inquiry, gate.Strict).Action == posture.Forward, "an inquiry passes")
	probe, other := g.plain(), g.plain()
	probe.Probe, other.Probe = "i1", "i2"
	w.want(w.tries(g, probe) != nil, "a probe of the incident passes")
	w.want(w.tries(g, other) == nil, "a probe of another does not")
	w.isolate(g)
	w.run(2 * w.lease)
	again := g.plain()
	again.Probe = "i1"
	w.want(w.tries(g, again) == nil, "a probe needs a lease, too")
}

func hazardU(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	p, answered := g.plain(), false
	g.proc.spawn(func() {
		g.admit(p, func() {
			for !answered {
				w.sleep(10 * time.Millisecond)
			}
		})
	})
	w.run(50 * time.Millisecond)
	k := w.stop(n, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	for range 20 { // past the drain's deadline
		retry := *p
		w.want(w.tries(g, &retry) == nil, "stopped")
		w.want(g.g.Pending(p.Identity), "its client is told to inquire")
		w.run(200 * time.Millisecond)
	}
	g.kill()
	g.begin()
	w.run(20 * time.Millisecond)
	retry := *p
	w.want(w.tries(g, &retry) == nil && g.g.Pending(p.Identity), "after a kill, too")
}

// Two attempts of a payment are under way when the drain gives up. The first has
// no outcome for good, the second was not done: that says nothing of the first.
func hazardUSeveral(w *world) {
	n, _ := w.lab(1)
	g := w.ready("east", gate.Static, 0)
	first := g.plain()
	second := *first
	ends := [2]bool{}
	try := func(i int, p *payment.Payment, o payment.Outcome) {
		g.proc.spawn(func() {
			a, v := g.g.Admit(p, gate.Static)
			w.want(v.Action == posture.Forward, "admitted")
			for !ends[i] {
				w.sleep(10 * time.Millisecond)
			}
			a.Finish(o, "test")
		})
		w.run(20 * time.Millisecond)
	}
	try(0, first, payment.Unknown)
	try(1, &second, payment.NotDone)
	k := w.stop(n, "all")
	w.until("a confirmation", func() bool { return w.confirmed(k) })
	g.unasked = true
	w.run(3 * time.Second)
	for i := range ends {
		ends[i] = true
		w.run(50 * time.Millisecond)
		w.want(g.g.Pending(first.Identity), "the first attempt is not settled")
	}
}
