package decider

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// shard is one shard's state in this process.
type shard struct {
	n int
	d *Decider

	mu      sync.Mutex
	state   *standin.State // nil until it is read
	waiting []*job
	busy    bool // it is in the hands of a worker, or on its way to one
	ended   bool

	// What follows belongs to who made it busy.
	revision uint64
	since    int           // records since the last snapshot
	unheard  []string      // approvals that nobody heard of, to be taken back in the next turn
	foreign  time.Duration // when another gate was last seen, or may be thought, to have written, by Boot
	snapped  bool          // a snapshot is being written
	shrunk   bool          // much was forgotten since the last one
	cutDue   bool          // packs may be free to go; belongs to Tidy
}

// job is something for a shard to decide on.
type job struct {
	// do decides. It may be called again, and then says all anew.
	do       func(t *turn) error
	decision *decision // instead of do
	// look means that nothing is answered to a client's request for money: it needs no take-over.
	look bool
	// about is the identity that it tells of, if it does. With reverse, an approval that nobody
	// waits for any more is taken back.
	about   string
	reverse bool
	// polite leaves the shard to another gate that is at work on it.
	polite bool

	done  chan error
	left  atomic.Bool // nobody waits any more
	moves int         // how often it went to another shard
	tries int         // how often slices were drawn for it
	short []string    // the ledgers that had not enough for it
	drawn []standin.Record
}

// end says what came of a job. The first that is said counts.
func (j *job) end(err error) {
	j.left.Store(true)
	select {
	case j.done <- err:
	default:
	}
}

// decision is a request, and its answer once there is one.
type decision struct {
	r      standin.Request
	answer standin.Answer
}

// turn is what a shard decides at once.
type turn struct {
	s       *shard
	now     time.Time
	records []standin.Record
	size    int
}

// add applies records and has them written with the turn's pack.
func (t *turn) add(records ...standin.Record) error {
	if err := t.s.state.Apply(records...); err != nil {
		return err
	}
	t.records = append(t.records, records...)
	for _, r := range records {
		t.size += 256
		if d, ok := r.(*standin.Decision); ok {
			t.size += len(d.Sealed.Data) + len(d.Original) + len(d.Channel)
		}
	}
	return nil
}

const (
	// fullPack is at how many bytes a pack takes no more; one more decision fits.
	fullPack = advice.MaxBody / 2
	// fullTurn is the most jobs of a turn.
	fullTurn = 1000
)

// stands reports whether a directive has not ended in the shard. The caller holds mu.
func (s *shard) stands() bool {
	o, ok := s.state.Opening(s.state.Current())
	return ok && o.Ended == 0
}

// lingers reports whether a directive stands in the shard that was lifted. The caller
// holds mu.
func (s *shard) lingers() bool { return s.stands() && s.d.lifted(s.state.Current()) }

func (s *shard) submit(jobs ...*job) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return holdfast.Errorf(holdfast.Unavailable, "stand-in is not at work")
	case len(s.waiting) >= maxWaiting:
		return holdfast.Errorf(holdfast.TooMany, "too many requests wait for stand-in")
	}
	s.waiting = append(s.waiting, jobs...)
	s.wake()
	return nil
}

// wake hands the shard to a worker, if it has work. The caller holds mu.
func (s *shard) wake() {
	if !s.busy && len(s.waiting) > 0 {
		s.busy = true
		s.d.ready <- s // as many as there are shards fit
	}
}

// rest gives the shard out of hands, with jobs that have to wait for another turn.
func (s *shard) rest(again []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(again, s.waiting...)
	s.busy = false
	s.wake()
}

// end fails what waits.
func (s *shard) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	for _, j := range s.waiting {
		j.end(holdfast.Errorf(holdfast.Unavailable, "stand-in is not at work"))
	}
	s.waiting = nil
}

// take takes what waits.
func (s *shard) take() []*job {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(len(s.waiting), fullTurn)
	jobs := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	return jobs
}

// drop throws the state away: it has in it what is not durable.
func (s *shard) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.unheard = nil, nil
}

// load reads the shard from its newest snapshot that can be read, and what follows.
func (s *shard) load(ctx context.Context) error {
	source := s.d.opt.Source
	state, revision := standin.NewState(), uint64(0)
	snaps, err := source.Snapshots(ctx, s.n)
	if err != nil {
		return err
	}
	other := 0 // the version of snapshots that another build made
	for _, snap := range snaps {
		if restored, err := standin.Restore(snap.Body); err == nil {
			state, revision = restored, snap.Revision
			break
		}
		if snap.Version != standin.FoldVersion {
			other = snap.Version
		}
	}
	s.since = 0
	from := revision
	if revision, err = s.read(ctx, state, from); err != nil {
		if from == 0 && other != 0 && holdfast.CodeOf(err) == holdfast.NotFound {
			return s.otherSnapshots(other)
		}
		return err
	}
	if gate, _, _ := state.Decider(); s.d.opt.Shared && gate != "" && gate != s.d.opt.Gate {
		s.foreign = s.d.opt.Clock.Boot() // it may be at work
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state, s.revision = state, revision
	return nil
}

// read folds what stands after a revision. Nobody waits for the source meanwhile.
func (s *shard) read(ctx context.Context, state *standin.State, revision uint64) (uint64, error) {
	for {
		packs, err := s.d.opt.Source.Read(ctx, s.n, revision, 100)
		if err != nil || len(packs) == 0 {
			return revision, err
		}
		if revision, err = s.fold(state, packs); err != nil {
			return revision, err
		}
	}
}

func (s *shard) fold(state *standin.State, packs []advice.Pack) (revision uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range packs {
		if err := s.checkVersion(p); err != nil {
			return revision, err
		}
		n, err := state.Fold(p.Body)
		if err != nil {
			return revision, err
		}
		s.since += n
		revision = p.Revision()
	}
	return revision, nil
}

// catchUp reads what others have written, and reports whether there was anything. The state
// has nothing in it that is not durable.
func (s *shard) catchUp(ctx context.Context) (moved bool, err error) {
	if s.state == nil {
		select {
		case s.d.loading <- struct{}{}:
			defer func() { <-s.d.loading }()
		case <-ctx.Done():
			return false, ctx.Err()
		}
		return true, s.load(ctx)
	}
	if !s.d.opt.Shared {
		return false, nil
	}
	head, _, err := s.d.opt.Source.Head(ctx, s.n)
	if err != nil || head == s.revision {
		return false, err
	}
	s.foreign = s.d.opt.Clock.Boot()
	if s.revision, err = s.read(ctx, s.state, s.revision); err != nil {
		s.drop() // packs were cut meanwhile, or some of them folded
		if holdfast.CodeOf(err) == holdfast.NotFound {
			err = nil
		}
	}
	return true, err
}

// mine reports whether this process wrote to the shard last.
func (s *shard) mine() bool {
	gate, boot, _ := s.state.Decider()
	return gate == s.d.opt.Gate && boot == s.d.opt.Boot
}

// busyElsewhere is how long a shard is left to the gate that wrote to it.
const busyElsewhere = 10 * time.Second

// elsewhere reports whether another gate is at work on the shard.
func (s *shard) elsewhere() bool { return !s.mine() && s.contested() }

// contested reports whether another gate was seen at the shard of late.
func (s *shard) contested() bool {
	return s.foreign != 0 && s.d.opt.Clock.Boot()-s.foreign < busyElsewhere
}
