package gate_test

import (
	"fmt"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// customers pay at a gate until its process ends, one after another, each so
// long after the one before. Some try a payment again that has no outcome.
func (g *simGate) customers(pause time.Duration) {
	g.proc.spawn(func() {
		for {
			g.w.sleep(g.w.between(pause/2, pause*3/2))
			g.pay(g.draw())
		}
	})
}

// draw makes a payment.
func (g *simGate) draw() *payment.Payment {
	w := g.w
	g.paid++
	p := &payment.Payment{
		Route: "pay", Kind: payment.Pay, Identity: fmt.Sprintf("%s-%d-%d", g.name, g.run, g.paid),
		Amount: w.rng.Int64N(10000), Currency: "CNY", Payee: "m1", Method: "card",
		Payer:   payment.Sensitive(fmt.Sprint("acct", w.rng.IntN(200))),
		Channel: []string{"app", "pos", "web"}[w.rng.IntN(3)],
	}
	for _, f := range payment.Fields() {
		p.Read = p.Read.With(f)
	}
	if w.chance(0.1) { // something cannot be read
		p.Read, p.Channel = p.Read&^(1<<payment.Channel), ""
	}
	if w.chance(0.2) {
		p.Route, p.Kind = "refund", payment.Refund
	}
	if w.chance(0.05) {
		p.Probe = "i1"
	}
	if w.chance(0.25) { // a retry
		if open := g.openIdentities(); len(open) > 0 {
			p.Identity = open[w.rng.IntN(len(open))]
		}
	}
	return p
}

func (g *simGate) openIdentities() (open []string) {
	for a := range g.inFlight {
		open = append(open, a.pay.Identity)
	}
	for id := range g.unknown {
		open = append(open, id)
	}
	slices.Sort(open)
	return open
}

func (g *simGate) mode(route string) gate.Mode {
	i := slices.IndexFunc(g.routes, func(r gate.Route) bool { return r.Name == route })
	return g.routes[i].Mode
}

// pay takes a payment through the gate as a transport does: judge, get a
// connection, admit, write at once. It returns the attempt, or nil.
func (g *simGate) pay(p *payment.Payment) *attempt {
	w := g.w
	mode := g.mode(p.Route)
	if v := g.g.Decide(p, mode); v.Action != posture.Forward && mode != gate.Observe {
		w.truth.refusal(g, p)
		return nil
	}
	w.sleep(w.between(0, 20*time.Millisecond)) // the connection
	return g.admit(p, func() { w.sleep(w.between(time.Millisecond, 1500*time.Millisecond)) })
}

// admit is the last step before the first byte; answer returns when the primary
// has answered.
func (g *simGate) admit(p *payment.Payment, answer func()) *attempt {
	w := g.w
	mode := g.mode(p.Route)
	t := w.task.Load()
	t.admit = true
	adm, v := g.g.Admit(p, mode)
	t.admit = false
	if v.Action != posture.Forward {
		w.truth.refusal(g, p)
		return nil
	}
	a := &attempt{pay: *p, posture: holdfast.Position(adm.Posture), at: w.now(), gate: g, run: g.run}
	w.truth.admission(g, a, mode)
	w.truth.last[g.name+g.dir] = a.posture
	g.inFlight[a] = true
	g.proc.spawn(func() {
		answer()
		outcome := []payment.Outcome{payment.Done, payment.Done, payment.NotDone, payment.Unknown}[w.rng.IntN(4)]
		if g.sick {
			outcome = payment.NotDone // an unknown one could not be written
		}
		adm.Finish(outcome, "test")
		delete(g.inFlight, a)
		switch outcome {
		case payment.Unknown:
			g.unknown[p.Identity] = true
		case payment.Done:
			delete(g.unknown, p.Identity)
		}
	})
	return a
}
