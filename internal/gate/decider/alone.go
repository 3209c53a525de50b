package decider

import (
	"context"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// lookTimeout is how long a payment waits for what another gate may have decided. The
// primary is up meanwhile, and knows an identity again.
const lookTimeout = 250 * time.Millisecond

// Holds reports whether a payment that stands in one by one only is the shards' business
// although the primary may be asked: its identity was used, or its payer has advices that
// are not delivered. Where other gates write to the source, it is read. If that cannot be
// done in time, what was read before counts: the primary does an identity once.
func (d *Decider) Holds(ctx context.Context, p *payment.Payment) bool {
	if d.quiet.Load() || !p.Read.Has(payment.Payer) {
		return false
	}
	s, payer := d.owner(p.Identity), d.Blind(p.Payer)
	if s != nil {
		return true
	}
	s = d.shards[standin.Shard(payer, len(d.shards))]
	s.mu.Lock()
	read := s.state != nil
	holds := read && s.state.Waits(payer)
	s.mu.Unlock()
	if holds || read && !d.opt.Shared {
		return holds
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	found := make(chan bool, 1)
	identity := p.Identity
	err := d.do(ctx, s, &job{look: true, do: func(t *turn) error {
		select {
		case <-found: // an earlier turn of this job
		default:
		}
		found <- t.s.state.Waits(payer) || t.s.state.Item(identity) != nil
		return nil
	}})
	return err == nil && <-found
}

// lets reports whether nothing is known here of what a payment would have to wait for.
func (s *shard) lets(r *standin.Request) bool {
	return s.state.Item(r.Payment.Identity) == nil && !s.state.Waits(r.Payer) && !r.Elsewhere
}

// Exclude notes, durably, that a payment was sent to the primary and that it is not known
// what became of it: no gate approves it before that is known.
func (d *Decider) Exclude(ctx context.Context, p *payment.Payment) error {
	if !p.Read.Has(payment.Payer) || p.Identity == "" {
		return nil
	}
	s := d.shards[standin.Shard(d.Blind(p.Payer), len(d.shards))]
	identity := p.Identity
	return d.do(ctx, s, &job{do: func(t *turn) error {
		return t.add(standin.Exclude(t.s.state, identity, t.now)...)
	}})
}
