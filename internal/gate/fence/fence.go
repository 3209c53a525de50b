// Package fence keeps which of two primaries an identity belongs to, so that no
// payment is ever sent to both. Before the first byte goes to either, the gate
// claims the identity for it, durably; whoever claims first has it, at whichever
// gate. So it is safe that gates learn of a reroute at different moments.
//
// # Where claims are kept
//
// In an advice source of their own ([advice.Source]): SQLite for one gate, PostgreSQL
// for several. A claim is the name of its identity in a pack. A name belongs to the
// shard that brought it first, and the shard says the rest:
//
//	shard = (slot × lanes + lane) × 2 + primary
//	slot  = number of the bucket of time, modulo 32
//	lane  = of the gate, so that gates seldom write to the same shard
//
// A bucket is 1/29 of the time that claims are kept. Once 30 more have passed, its slot is
// emptied for the next: a claim is kept for [Options.Keep] at least, and 1/14 of it longer at
// most. The ledger "bucket/<slot>/<lane>" says when the bucket of a slot began.
//
// A name is 64 bits of a hash. Two identities with the same one are taken for one: the
// later is thought to be claimed already. With a thousand million claims kept, that is
// so for one new identity in 18 thousand million.
//
// # What is relied on
//
// Clocks of gates that share a fence differ by less than 1/29 of Keep, two minutes at least. One that is
// far ahead empties a slot too early, of 32 one.
package fence

import (
	"context"
	"encoding/json"
	"hash/fnv"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// Primary is one of the two that a route can have.
type Primary uint8

const (
	First Primary = iota + 1
	Second
)

func (p Primary) String() string { return [...]string{"none", "first", "second"}[p] }

// Claim says whose an identity is.
type Claim struct {
	Owner Primary
	// Fresh says that nobody is known to have claimed it before. It may be said of a repeat
	// within a bucket.
	Fresh bool
	// Age is how old the claim is at most. Of a fresh one it is 0.
	Age time.Duration
}

// Clock tells the time.
type Clock interface{ Now() time.Time }

// Options make a fence.
type Options struct {
	// Source has [Shards] shards and is used for nothing else.
	Source advice.Source
	// Gate is the gate's name.
	Gate string
	// Keep is how long a claim is kept: as long as a client may send a payment again, or a
	// primary may still do it. [MinKeep] at least, and the same for all gates of the fence.
	Keep  time.Duration
	Clock Clock
	Log   *slog.Logger
}

const (
	slots   = 32
	lanes   = 16
	buckets = 29 // of the time that claims are kept; two of the slots are a margin, one is the next

	// Shards is how many the source of a fence has.
	Shards = slots * lanes * 2
	// MinKeep is the shortest time for which claims are kept.
	MinKeep = time.Hour

	maxWaiting = 4096
	fullPack   = 1000
)

// Fence keeps claims. It works while Run does.
type Fence struct {
	opt   Options
	id    string
	lane  int
	since time.Time
	jobs  chan *job

	mu     sync.Mutex
	heads  map[int]uint64    // revisions of shards, as this process last knew them
	starts map[int]time.Time // of the buckets that slots of this gate's lane were made ready for
}

// job is a claim to be made, for as long as ctx lasts: then nobody sends anything by it.
type job struct {
	ctx  context.Context
	name uint64
	by   Primary
	done chan result
}

type result struct {
	claim Claim
	err   error
}

// New makes a fence over a source that is open.
func New(ctx context.Context, opt Options) (*Fence, error) {
	if opt.Source == nil || opt.Clock == nil || opt.Gate == "" {
		return nil, holdfast.Errorf(holdfast.Internal, "a fence needs a source, a clock and the name of its gate")
	}
	if opt.Keep < MinKeep {
		return nil, holdfast.Errorf(holdfast.Invalid, "a fence keeps claims for %v or longer, not %v", MinKeep, opt.Keep).At("keep")
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	info, err := opt.Source.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Shards != Shards {
		return nil, holdfast.Errorf(holdfast.Invalid, "%s is no fence: it has %d shards, a fence has %d; give the fence a place of its own", info.Place, info.Shards, Shards)
	}
	hash := fnv.New32a()
	hash.Write([]byte(opt.Gate))
	f := &Fence{
		opt: opt, id: info.ID, lane: int(hash.Sum32() % lanes), jobs: make(chan *job, maxWaiting),
		heads: map[int]uint64{}, starts: map[int]time.Time{},
	}
	return f, f.begin(ctx)
}

// beginning is the ledger "fence".
type beginning struct {
	Since time.Time     `json:"since"`
	Keep  time.Duration `json:"keep"`
}

// begin reads since when there are claims, or says that it is now.
func (f *Fence) begin(ctx context.Context) error {
	for {
		revision, body, err := f.opt.Source.Ledger(ctx, "fence")
		if err != nil {
			return err
		}
		if revision > 0 {
			var b beginning
			if err := json.Unmarshal(body, &b); err != nil {
				return holdfast.Errorf(holdfast.Damaged, "the ledger of the fence cannot be read; restore its source from a backup").Because(err)
			}
			if b.Keep != f.opt.Keep {
				return holdfast.Errorf(holdfast.Invalid, "this fence keeps claims for %v, not %v: say so in the settings of every gate, or make another fence", b.Keep, f.opt.Keep).At("keep")
			}
			f.since = b.Since
			return nil
		}
		if body, err = json.Marshal(beginning{f.opt.Clock.Now().UTC(), f.opt.Keep}); err != nil {
			return err
		}
		if err := f.opt.Source.PutLedger(ctx, "fence", 0, body); err != nil && holdfast.CodeOf(err) != holdfast.Conflict {
			return err
		}
	}
}

// ID returns the id of the source: gates with the same one share a fence.
func (f *Fence) ID() string { return f.id }

// Since returns from when on all that was sent to either primary has been claimed.
func (f *Fence) Since() time.Time { return f.since }

// Keep returns how long claims are kept.
func (f *Fence) Keep() time.Duration { return f.opt.Keep }

// Claim claims an identity for a primary, unless it belongs to the other one: then it says
// so. What it says is durable. After an error nothing may be sent: the claim was not made, or
// with code Doubtful it is not known whether it was.
func (f *Fence) Claim(ctx context.Context, identity string, by Primary) (Claim, error) {
	if identity == "" || len(identity) > payment.MaxIdentity || by != First && by != Second {
		return Claim{}, holdfast.Errorf(holdfast.Invalid, "a claim is of an identity of 1 to %d bytes, for the first or the second primary", payment.MaxIdentity)
	}
	j := &job{ctx: ctx, name: standin.Name(identity), by: by, done: make(chan result, 1)}
	select {
	case f.jobs <- j:
	default:
		return Claim{}, holdfast.Errorf(holdfast.TooMany, "too many payments wait for the fence")
	}
	select {
	case r := <-j.done:
		return r.claim, r.err
	case <-ctx.Done():
		return Claim{}, holdfast.Errorf(holdfast.Doubtful, "the fence did not answer in time: it may have made the claim").Because(ctx.Err())
	}
}

// Owner returns whose an identity is, or false if nobody has claimed it.
func (f *Fence) Owner(ctx context.Context, identity string) (Claim, bool, error) {
	shard, there, err := f.opt.Source.Owner(ctx, standin.Name(identity))
	if err != nil || !there {
		return Claim{}, false, err
	}
	c, err := f.claim(ctx, shard)
	return c, err == nil, err
}

// Run makes claims until ctx ends. What waits then fails.
func (f *Fence) Run(ctx context.Context) error {
	var ahead sync.WaitGroup
	defer ahead.Wait()
	ahead.Go(func() { f.prepare(ctx) })
	for {
		select {
		case <-ctx.Done():
			f.refuse(ctx.Err())
			return ctx.Err()
		case j := <-f.jobs:
			jobs := []*job{j}
			runtime.Gosched() // who was just answered asks again at once
			for len(f.jobs) > 0 && len(jobs) < fullPack {
				jobs = append(jobs, <-f.jobs)
			}
			jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j.ctx.Err() != nil })
			if len(jobs) > 0 {
				f.make(ctx, jobs)
			}
		}
	}
}

func (f *Fence) refuse(why error) {
	for len(f.jobs) > 0 {
		fail([]*job{<-f.jobs}, holdfast.Errorf(holdfast.Unavailable, "the fence is not at work").Because(why))
	}
}

func fail(jobs []*job, err error) {
	for _, j := range jobs {
		j.done <- result{err: err}
	}
}
