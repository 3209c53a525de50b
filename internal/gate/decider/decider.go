// Package decider runs stand-in at a gate: it holds the states of the shards of
// one advice source, decides on requests by package standin, and answers nothing
// before the pack with it is durable.
//
// # A turn of a shard
//
//	requests that wait ──▶ catch up · take over · decide, one after the other ──▶ one pack
//	packs of all shards that are ready ──▶ one append ──▶ answers
//
// A shard has one pack under way at a time; what comes meanwhile waits for the
// next. Shards decide side by side, and all that are ready go into one append: half as
// many requests in a pack cost the source nearly as much.
//
// Whoever writes to a shard last is its decider: the pack of a gate that was not
// begins with its take-over, and a pack at another revision than the shard's is
// refused with all that is in it. So gates of one source need not agree on who
// has which shard; a gate goes on where the other stopped, by reading what that
// has written. A turn that writes nothing looks whether the shard is still where
// it was read.
//
// A pack in doubt is appended again as it is until the source says what became of
// it. Nothing is answered meanwhile; a client that gives up is told to inquire.
// Where the source says that nothing was written, the shard's state is read anew.
//
// # Directives
//
// A directive is opened in every shard before anything is answered under it, and
// ended in every shard when it is lifted or its time is over. Its profile is kept
// at the source (ledger "profile/<directive>"), for after a restart.
package decider

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// Clock tells the time. Boot is CLOCK_BOOTTIME, Now wall time.
type Clock interface {
	Boot() time.Duration
	Now() time.Time
}

// Payers is what is known of payers.
type Payers interface {
	// Find returns what is known of a blinded payer; the zero Payer if nothing is.
	Find(payer standin.Digest) standin.Payer
	// At is when it was true; zero if there is nothing.
	At() time.Time
}

// Vault has the data keys that what forwarding needs of a request is sealed under.
type Vault interface {
	// Destroy destroys those of a gate that are not used; see [seal.Vault.Destroy].
	Destroy(ctx context.Context, gate string, used map[string]bool) error
}

// Options make a decider.
type Options struct {
	// Gate and Boot name the process in take-overs.
	Gate, Boot string
	Source     advice.Source
	// Shared says that other processes may use the source, too.
	Shared bool
	// Key blinds payers and payees; see [standin.Blind].
	Key    []byte
	Payers Payers
	Clock  Clock
	Log    *slog.Logger
	// Keys names those that this gate can open advices with, Routes those that it knows:
	// others are left to gates that can. Nil is all.
	Keys, Routes []string
	// Vault, if set, destroys the data keys of advices that are settled.
	Vault Vault
	// Rate, if set, tells how many advices a second were forwarded and may be.
	Rate func() (perSecond float64, budget int)
}

// Decider decides for the shards of a source. It works while Run does.
type Decider struct {
	opt     Options
	id      string
	place   string // of the source, in words
	blinder *standin.Blinder
	shards  []*shard
	ready   chan *shard
	news    chan struct{} // the directives have changed
	carries chan standin.Order
	loading chan struct{} // has one for each shard that is being read whole

	// quiet means that no shard knows of anything, and none may: payments pass by.
	quiet atomic.Bool
	// unsure means that shards may have been written to of which this process has not
	// read: before it has, and when a directive has just gone.
	unsure atomic.Bool
	next   atomic.Uint32 // the shard that is forwarded from first
	// snapping means that a shard makes a snapshot; the next is not made before snapNext, by Boot.
	snapping atomic.Bool
	snapNext atomic.Int64
	told     atomic.Int64  // when a summary was last asked for, by Boot
	left     atomic.Int64  // when an advice was last left to other gates, by Boot
	shown    time.Duration // when this gate showed itself last, by Boot; belongs to follow
	file     *filed        // belongs to who calls CompareFile

	// mu is taken with a shard's held, never the other way round.
	mu        sync.Mutex
	set       posture.Set // its directives of stand-in alone
	installed bool        // there was one
	standings map[string]*standing
	profiles  map[string]*standin.Compiled // by directive
	declines  map[declineKey]standin.Tally
	learned   map[string]bool // what the primary has done, by identity
	carried   map[string]standin.Carried
	alarms    map[string]standin.Alarm
	mates     map[string]mate // other gates of the source
	looked    time.Duration   // when what they show was last read, by Boot
}

const (
	// maxWaiting bounds the requests that wait in one shard.
	maxWaiting = 4096
	// maxLoading is how many shards are read whole at once: with a large backlog each takes
	// twice the memory meanwhile.
	maxLoading = 4
	// minKey is the shortest key that blinds payers, in bytes.
	minKey = 16
)

// New makes a decider for a source that is open.
func New(ctx context.Context, opt Options) (*Decider, error) {
	if opt.Source == nil || opt.Clock == nil || opt.Gate == "" || opt.Boot == "" {
		return nil, holdfast.Errorf(holdfast.Internal, "a decider needs a source, a clock and the names of its gate and process")
	}
	if len(opt.Key) < minKey {
		return nil, holdfast.Errorf(holdfast.Invalid, "the key that blinds payers has %d bytes or more, not %d: make one with openssl rand -hex 32", minKey, len(opt.Key))
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	info, err := opt.Source.Info(ctx)
	if err != nil {
		return nil, err
	}
	d := &Decider{
		opt: opt, id: info.ID, place: cmp.Or(info.Place, info.ID), blinder: standin.NewBlinder(opt.Key), ready: make(chan *shard, info.Shards), news: make(chan struct{}, 1), carries: make(chan standin.Order, standin.MaxOrders+standin.MaxCares), loading: make(chan struct{}, maxLoading),
		standings: map[string]*standing{}, profiles: map[string]*standin.Compiled{}, declines: map[declineKey]standin.Tally{},
		learned: map[string]bool{}, carried: map[string]standin.Carried{}, alarms: map[string]standin.Alarm{}, mates: map[string]mate{},
	}
	d.unsure.Store(true)
	for n := range info.Shards {
		d.shards = append(d.shards, &shard{n: n, d: d})
	}
	if err := d.checkVersions(ctx); err != nil {
		return nil, err
	}
	return d, nil
}

// Run decides until ctx ends. What is being written then is waited for, but not
// if it stays in doubt.
func (d *Decider) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { d.work(ctx) })
	all.Go(func() { d.follow(ctx) })
	all.Go(func() { d.carryOut(ctx) })
	all.Go(func() { d.tidyUp(ctx) })
	all.Wait()
	for _, s := range d.shards {
		s.end()
	}
	return ctx.Err()
}

// Source returns the id of the advice source.
func (d *Decider) Source() string { return d.id }

// Blind returns what stands for a payer or payee.
func (d *Decider) Blind(value payment.Sensitive) standin.Digest {
	return d.blinder.Blind(value)
}

// Ask is what a gate wants to have decided.
type Ask struct {
	Payment  payment.Payment
	Kind     standin.Kind
	Original string
	Cause    standin.Cause
	// Directive stands in; empty asks what the shard says without one, as after a lift.
	Directive string
	// Seal makes what forwarding needs of the request.
	Seal func() standin.Sealed
	// Reverse takes an approval back that was durable only after ctx had ended, if nobody
	// else was told of it and no other gate can have been asked. Else it is kept.
	Reverse bool
}

// Decide answers a request. The answer is durable, and so is what it rests on. An
// error means that the request was not decided on, unless its code is Doubtful: then it may
// have been.
func (d *Decider) Decide(ctx context.Context, a Ask) (standin.Answer, error) {
	r := standin.Request{Payment: a.Payment, Kind: a.Kind, Original: a.Original, Cause: a.Cause, Directive: a.Directive}
	if a.Payment.Read.Has(payment.Payer) {
		r.Payer = d.Blind(a.Payment.Payer)
		if d.opt.Payers != nil {
			r.Snapshot = d.opt.Payers.Find(r.Payer)
		}
	}
	if a.Payment.Read.Has(payment.Payee) {
		r.Payee = d.Blind(a.Payment.Payee)
	}
	if a.Directive != "" {
		if err := d.opened(ctx, a.Directive); err != nil {
			return standin.Answer{}, err
		}
	}
	if a.Seal != nil {
		if r.Sealed = a.Seal(); r.Sealed.Key == "" {
			return standin.Answer{}, holdfast.Errorf(holdfast.Unavailable, "the advice source does not answer: nothing can be sealed")
		}
	}
	j := &job{decision: &decision{r: r}, about: a.Payment.Identity, reverse: a.Reverse && !d.opt.Shared}
	s := d.shards[standin.Shard(r.Payer, len(d.shards))]
	if a.Directive == "" || !a.Payment.Read.Has(payment.Payer) {
		if known := d.owner(a.Payment.Identity); known != nil {
			s = known
		}
	}
	if err := d.do(ctx, s, j); err != nil {
		return standin.Answer{}, err
	}
	d.count(&r, j.decision.answer)
	return j.decision.answer, nil
}

// Concerns reports whether a payment that the posture would forward may be the
// shards' business: its identity is known to them, its payer has advices that are not
// delivered, or a directive that was lifted has not ended in them yet. Decide says what
// it is.
func (d *Decider) Concerns(p *payment.Payment) bool {
	if d.quiet.Load() {
		return false
	}
	if d.unsure.Load() || d.owner(p.Identity) != nil {
		return true
	}
	if !p.Read.Has(payment.Payer) {
		return d.unsettled()
	}
	payer := d.Blind(p.Payer)
	s := d.shards[standin.Shard(payer, len(d.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == nil || s.lingers() || s.state.Waits(payer) || s.state.Excludes(p.Identity)
}

// unsettled reports whether in any shard something may stand in that was lifted.
func (d *Decider) unsettled() bool {
	for _, s := range d.shards {
		s.mu.Lock()
		open := s.state == nil || s.lingers()
		s.mu.Unlock()
		if open {
			return true
		}
	}
	return false
}

// owner returns the shard that has decided on an identity, as far as is known here.
func (d *Decider) owner(identity string) *shard {
	for _, s := range d.shards {
		s.mu.Lock()
		there := s.state != nil && s.state.Item(identity) != nil
		s.mu.Unlock()
		if there {
			return s
		}
	}
	return nil
}

// Knows returns what was decided on the identity of a request, or false if stand-in
// knows nothing of it. What it says is durable.
func (d *Decider) Knows(ctx context.Context, p *payment.Payment) (standin.Item, bool, error) {
	if d.quiet.Load() || p.Identity == "" {
		return standin.Item{}, false, nil
	}
	s := d.owner(p.Identity)
	if s == nil { // the source knows whose it is, without a look into each shard
		n, there, err := d.opt.Source.Owner(ctx, standin.Name(p.Identity))
		if err != nil || !there || n >= len(d.shards) {
			return standin.Item{}, false, err
		}
		s = d.shards[n]
	}
	// Nobody waits for the turn of a job that ctx ended.
	found := make(chan *standin.Item, 1)
	identity := p.Identity
	err := d.do(ctx, s, &job{look: true, about: identity, do: func(t *turn) error {
		select {
		case <-found: // an earlier turn of this job
		default:
		}
		var item *standin.Item
		if i := t.s.state.Item(identity); i != nil {
			known := *i
			item = &known
		}
		found <- item
		return nil
	}})
	if err != nil {
		return standin.Item{}, false, err
	}
	if item := <-found; item != nil {
		return *item, true, nil
	}
	return standin.Item{}, false, nil
}

// do has a shard do a job, and waits until what came of it is durable.
func (d *Decider) do(ctx context.Context, s *shard, j *job) error {
	j.done = make(chan error, 1)
	if err := s.submit(j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		j.left.Store(true)
		return holdfast.Errorf(holdfast.Doubtful, "stand-in did not answer in time: it may have decided")
	}
}

// everywhere has every shard do a job, side by side.
func (d *Decider) everywhere(ctx context.Context, job func(s *shard) error) error {
	errs := make([]error, len(d.shards))
	var all sync.WaitGroup
	for i, s := range d.shards {
		all.Go(func() { errs[i] = job(s) })
	}
	all.Wait()
	return errors.Join(errs...)
}
