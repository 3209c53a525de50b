package gate_test

import (
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// TestHazards plays each row of the table of hazards in docs/formats/stop.md as
// a history of its own. The observer judges every admission in it, as in the
// random ones; a history adds what has to come out.
func TestHazards(t *testing.T) {
	t.Parallel()
	for name, history := range hazards {
		t.Run("hazard-"+name, func(t *testing.T) {
			t.Parallel()
			// Clocks and delays differ by the seed; the rule holds for all of them.
			for seed := range uint64(4) {
				w := simulate(t, seed, history)
				if len(w.fails) > 0 {
					t.Fatalf("seed %d: %s\n%s", seed, w.fails[0], w.tail(60))
				}
			}
		})
	}
}

var hazards = map[string]func(*world){
	"a-the-answer-overtakes-the-posture":         hazardA,
	"b-a-beat-is-a-barrier-of-its-own":           hazardB,
	"b-another-answer":                           hazardBAnother,
	"c-every-process-counts":                     hazardC,
	"c-a-lease-needs-an-enrolment":               hazardCLease,
	"c-a-dead-run-enrols-late":                   hazardCLate,
	"d-a-number-is-not-a-history":                hazardD,
	"e-seen-and-not-durable":                     hazardE,
	"e-each-stop-has-its-own-wait":               hazardEOwn,
	"f-two-histories":                            hazardF,
	"g-the-journal-stalls":                       hazardG,
	"h-nobody-knows-whether-it-was-written":      hazardH,
	"i-the-machine-sleeps":                       hazardI,
	"i-the-machine-sleeps-while-admitting":       hazardIAdmitting,
	"i-the-lease-counts-from-the-heartbeat":      hazardIReceived,
	"j-slewed-clocks":                            hazardJ,
	"k-no-clock-runs":                            hazardK,
	"l-admission-is-the-last-look":               hazardL,
	"m-a-worker-holds-the-old-posture":           hazardM,
	"m-a-worker-is-about-to-write":               hazardMWrite,
	"n-a-longer-lease-before":                    hazardN,
	"o-the-posture-is-gone-damaged-or-old":       hazardO,
	"o-the-disk-takes-nothing":                   hazardODisk,
	"p-clocks-end-nothing":                       hazardP,
	"q-a-lift-names-what-its-author-saw":         hazardQ,
	"q-local-stops-are-their-own":                hazardQLocal,
	"r-what-cannot-be-read-is-inside":            hazardR,
	"r-what-cannot-be-compiled-is-not-confirmed": hazardRUnknown,
	"s-a-cap-is-kept":                            hazardS,
	"t-refunds-and-probes":                       hazardT,
	"u-a-retry-is-not-declined":                  hazardU,
	"u-several-attempts-are-unknown":             hazardUSeveral,
}

// lab makes the nodes, and makes the lease a fact.
func (w *world) lab(nodes int) (first, last *simNode) {
	for n := range nodes {
		w.node([]string{"n1", "n2", "n3"}[n])
	}
	w.nodes[0].setLease(w.lease)
	w.run(300 * time.Millisecond)
	return w.nodes[0], w.nodes[nodes-1]
}

// ready begins a gate that asks a node, and waits until it has a lease.
func (w *world) ready(name string, mode gate.Mode, node int) *simGate {
	g := w.gate(name, mode, mode)
	g.node = node
	w.until(name+" admits", func() bool { return mode == gate.Observe && g.floor > 0 || w.admits(g) })
	return g
}

// plain is a payment of which everything can be read.
func (g *simGate) plain() *payment.Payment {
	p := g.draw()
	p.Route, p.Kind, p.Channel, p.Probe, p.Amount, p.Payer = "pay", payment.Pay, "app", "", 100, "acct12"
	p.Read = 1<<len(payment.Fields()) - 1
	p.Identity = holdfast.NewID()
	return p
}

// tries takes a payment through the gate, and waits for the verdict.
func (w *world) tries(g *simGate, p *payment.Payment) (a *attempt) {
	done := false
	g.proc.spawn(func() { a = g.pay(p); done = true })
	w.until("a verdict", func() bool { return done })
	return a
}

func (w *world) admits(g *simGate) bool { return w.tries(g, g.plain()) != nil }

// want notes whether something is as it has to be.
func (w *world) want(ok bool, what string) {
	if !ok {
		w.failf("not so: %s", what)
	}
}

// stop issues a stop and waits until it is a fact.
func (w *world) stop(n *simNode, scope string) *known {
	before := len(w.truth.order)
	n.propose(directive.Proposal{Kind: posture.Stop, Scope: scope, Drain: 2 * time.Second})
	w.until("a stop is in force", func() bool { return len(w.truth.order) > before })
	return w.truth.order[before]
}

// mute keeps the posture from reaching a gate, though everything else does.
func (w *world) mute() {
	w.net.delay = func(kind string) (time.Duration, bool) { return time.Hour, kind == "posture" }
}

func (w *world) isolate(g *simGate) {
	w.net.cut = func(o *simGate, _ *simNode) bool { return o == g }
}

func (w *world) confirmed(k *known) bool { return k.confirmed != 0 }

// byLease waits for a confirmation by time, and then for as long again: nothing
// may be admitted.
func (w *world) byLease(k *known) {
	w.until("a confirmation by time", func() bool { return w.confirmed(k) })
	w.want(w.truth.byTime > 0, "it was confirmed by time")
	w.run(2 * w.lease)
}
