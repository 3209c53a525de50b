package gate

import (
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// Substitution is a payment that stand-in decides on at this gate. While it lasts, a
// posture that comes is not acknowledged: no answer is given under an older one.
type Substitution struct {
	gate *Gate
	slot int32
	pay  *payment.Payment
	// Directive stands in; empty if the posture would forward the payment whatever becomes
	// of it. Alone says that it stands in only where the primary fails.
	Directive string
	Alone     bool
	begun     time.Time
}

// Substitute judges a payment once more and enters it, as never sent, in the list
// of payments in flight. Unless the verdict is to decline, the transport has stand-in
// decide and answers, and then calls Finish, or Drop if it is the primary's after all.
func (g *Gate) Substitute(p *payment.Payment, mode Mode) (Substitution, posture.Verdict) {
	for {
		in := g.installed.Load()
		now := g.opt.Clock.Now()
		v := in.posture.Decide(p)
		if v.Action == posture.Decline || g.opt.StandIn == nil {
			return Substitution{}, held(v)
		}
		slot, ok := g.ring.register(p, in.number, uint64(in.posture.Head().Position), now)
		if !ok {
			return Substitution{}, posture.Verdict{Action: posture.Decline, Reason: posture.Full}
		}
		if g.installed.Load() != in {
			g.ring.release(slot)
			continue
		}
		if mode == Strict && !g.lease.holds(g.opt.Clock.Boot()) {
			g.ring.release(slot)
			return Substitution{}, posture.Verdict{Action: posture.Decline, Reason: posture.NoLease}
		}
		return Substitution{gate: g, slot: slot, pay: p, Directive: v.Directive, Alone: v.Action == posture.Forward && v.Directive != "", begun: now}, v
	}
}

// Drop ends it without an answer.
func (s *Substitution) Drop() { s.gate.ring.release(s.slot) }

// Finish says what was answered.
func (s *Substitution) Finish(o payment.Outcome) {
	g := s.gate
	s.Drop()
	g.count(s.pay, posture.Verdict{Action: posture.Substitute, Directive: s.Directive}, o, max(0, g.opt.Clock.Now().Sub(s.begun)))
}
