// Package shadow tries stand-in profiles at a gate, on payments that the primary
// answers: shadow mode. It decides beside the primary by the same pure code
// ([standin.Tried]), and answers nobody; nothing of it is durable.
//
//	a payment's answer ──▶ in the share? ──▶ bounded queue ──▶ one goroutine: decide, compare, count
//
// Which profiles are tried, the control plane says in its answer to each report of
// stand-in ([gate.Reported]); a gate that hears nothing goes on with those that it knows,
// and one that was started anew waits for the next. What does not fit the queue is
// dropped and counted: a payment never waits. While nothing is tried, a payment costs
// one look at a pointer.
//
// A share is of payers, not of payments: what a payer has used of its limits is known
// only if all its payments are tried. Each day (at the profile's offset to UTC) it is the turn
// of others, so nobody is left out for good. Gates count by themselves: a payer who pays through two
// gates has its limits at each.
package shadow

import (
	"context"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// Payers is what is known of payers.
type Payers interface {
	// Find returns what is known of a blinded payer; the zero Payer if nothing is.
	Find(payer standin.Digest) standin.Payer
}

// Options make a Shadow.
type Options struct {
	// Key blinds payers and payees; see [standin.Blind].
	Key    []byte
	Payers Payers
	Now    func() time.Time
	Log    *slog.Logger
}

// Shadow tries profiles. It works while Run does, and is safe for concurrent use.
type Shadow struct {
	opt    Options
	blind  *standin.Blinder
	trials atomic.Pointer[[]*trial] // nil while nothing is tried
	queue  chan sample

	mu sync.Mutex // held where what trials count is read or changed
}

// trial is a profile that is tried.
type trial struct {
	*standin.Tried
	scope   *expression.Scope
	since   time.Time
	dropped atomic.Int64
}

// sample is a payment that the primary has answered.
type sample struct {
	pay     payment.Payment
	outcome payment.Outcome
	at      time.Time
}

// maxQueued is how many payments wait to be tried: those of a tenth of a second at
// 20,000 a second, were all of them tried.
const maxQueued = 2048

// New makes a Shadow that tries nothing yet.
func New(opt Options) (*Shadow, error) {
	if opt.Payers == nil || opt.Now == nil || len(opt.Key) == 0 {
		return nil, holdfast.Errorf(holdfast.Internal, "shadow mode needs a key, what is known of payers, and a clock")
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Shadow{opt: opt, blind: standin.NewBlinder(opt.Key), queue: make(chan sample, maxQueued)}, nil
}

// Try sets what is tried from now on. A trial that goes on keeps its figures. One that
// cannot be tried here is left out, and logged.
func (s *Shadow) Try(list []standin.Trial) {
	var known, next []*trial
	if p := s.trials.Load(); p != nil {
		known = *p
	}
	for _, t := range list[:min(len(list), standin.MaxTrials)] {
		version := t.Version()
		if i := slices.IndexFunc(known, func(k *trial) bool { return k.Version == version }); i >= 0 {
			next = append(next, known[i])
			continue
		}
		made, err := s.begin(t)
		if err != nil {
			s.opt.Log.Warn("a profile is not tried in shadow", "profile", t.Profile.ID, "error", err)
			continue
		}
		s.opt.Log.Info("a profile is tried in shadow", "profile", t.Profile.ID, "share", t.Share)
		next = append(next, made)
	}
	if len(next) == 0 {
		s.trials.Store(nil)
		return
	}
	s.trials.Store(&next)
}

func (s *Shadow) begin(t standin.Trial) (*trial, error) {
	tried, err := t.Compile()
	if err != nil {
		return nil, err
	}
	scope, err := expression.CompileScope(t.Scope)
	if err != nil {
		return nil, err
	}
	return &trial{Tried: tried, scope: scope, since: s.opt.Now().UTC().Truncate(time.Microsecond)}, nil
}

// Seen is told of a payment that was forwarded, once its outcome is known. It does not
// block, and keeps nothing of what p points to.
func (s *Shadow) Seen(p *payment.Payment, o payment.Outcome, at time.Time) {
	trials := s.trials.Load()
	if trials == nil || p.Kind != payment.Pay || p.Apart() != "" {
		return
	}
	for i, t := range *trials {
		if !t.picks(p, at) {
			continue
		}
		select {
		case s.queue <- sample{*p, o, at}: // each trial looks for itself
		default:
			drop((*trials)[i:], p, at)
		}
		return
	}
}

func drop(trials []*trial, p *payment.Payment, at time.Time) {
	for _, t := range trials {
		if t.picks(p, at) {
			t.dropped.Add(1)
		}
	}
}

// picks reports whether it is the turn of a payment's payer. A payment without one,
// which stand-in declines, is picked by its identity.
func (t *trial) picks(p *payment.Payment, at time.Time) bool {
	who := p.Identity
	if p.Read.Has(payment.Payer) {
		who = p.Payer.Reveal()
	}
	const day = 24 * 60 * 60
	share, number := t.Trial.Share, (at.Unix()+int64(t.Trial.Profile.Zone/time.Second))/day
	at01 := posture.Fraction("shadow", who) - math.Mod(float64(number)*share, 1)
	if at01 < 0 {
		at01++
	}
	return at01 < share
}

// Run tries payments until ctx ends.
func (s *Shadow) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case one := <-s.queue:
			s.try(one)
		}
	}
}

func (s *Shadow) try(one sample) {
	trials := s.trials.Load()
	if trials == nil {
		return
	}
	p := &one.pay
	r := standin.Request{Payment: *p, Kind: standin.Payment, Cause: standin.Directed}
	if p.Read.Has(payment.Payer) {
		r.Payer = s.blind.Blind(p.Payer)
		r.Snapshot = s.opt.Payers.Find(r.Payer)
	}
	if p.Read.Has(payment.Payee) {
		r.Payee = s.blind.Blind(p.Payee)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range *trials {
		// What cannot be told to be out of scope would be stood in for.
		if t.picks(p, one.at) && t.scope.Match(p) != expression.No && !t.Tried.Try(&r, one.outcome, one.at) {
			t.dropped.Add(1)
		}
	}
}

// Figures are what was found so far, of each trial that goes on.
func (s *Shadow) Figures() (list []standin.TrialFigures) {
	trials := s.trials.Load()
	if trials == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range *trials {
		f := t.Figures()
		f.Since, f.Dropped = t.since, t.dropped.Load()
		list = append(list, f)
	}
	return list
}
