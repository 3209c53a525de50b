package decider

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// Next claims up to most advices that may be sent now. Their attempts are durable
// when it returns; what it returns is the caller's. Shards that another gate is at
// work on are left to it, and so is what this gate cannot send and another can.
func (d *Decider) Next(ctx context.Context, most int, may func(*standin.Item) bool) ([]standin.Work, error) {
	var with []*shard
	start := int(d.next.Add(1))
	for i := range d.shards {
		s := d.shards[(start+i)%len(d.shards)]
		s.mu.Lock()
		if s.state != nil && s.state.Backlog() > 0 && (s.mine() || d.finds(s, may)) {
			with = append(with, s)
		}
		s.mu.Unlock()
	}
	n := min(len(with), (most+together-1)/together) // as many as it takes, if each has enough
	d.next.Add(uint32(max(0, n-1)))
	work, err := d.claimOf(ctx, with[:n], most, may)
	if len(work) < most && ctx.Err() == nil {
		more, fault := d.claimOf(ctx, with[n:], most-len(work), may)
		work, err = append(work, more...), cmp.Or(err, fault)
	}
	if len(work) > 0 {
		return work, nil
	}
	return nil, err
}

const (
	// together is how many advices of one shard are claimed rather than some of every shard:
	// a pack of many costs little more than one of few.
	together = 256
	// mostTogether is the most that is claimed, or settled, in one pack.
	mostTogether = 1000
)

// claimOf claims advices of some shards, side by side.
func (d *Decider) claimOf(ctx context.Context, with []*shard, most int, may func(*standin.Item) bool) ([]standin.Work, error) {
	found := make([][]standin.Work, len(with))
	errs := make(chan error, len(with))
	for i, s := range with {
		share := most / len(with)
		if i < most%len(with) {
			share++
		}
		share = min(share, mostTogether)
		go func() {
			if share == 0 {
				errs <- nil
				return
			}
			j := &job{polite: true}
			j.do = func(t *turn) (err error) {
				found[i], err = d.claim(t, share, may)
				return err
			}
			err := d.do(ctx, s, j)
			if err != nil {
				j.left.Store(true)
			}
			errs <- err
		}()
	}
	var first error
	for range with {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	if ctx.Err() != nil {
		return nil, first // a worker may still be at what it is to find
	}
	return slices.Concat(found...), first
}

// finds reports whether there is something to do in another's shard: for nothing it is not
// taken over. The caller holds the shard's mu.
func (d *Decider) finds(s *shard, may func(*standin.Item) bool) bool {
	work, records := d.find(s.state, d.opt.Clock.Now(), 1, may)
	return len(work)+len(records) > 0
}

// claim finds advices of a shard and begins their attempts. What this gate cannot send is
// left to those that can; where there are none it is handed to people.
func (d *Decider) claim(t *turn, most int, may func(*standin.Item) bool) ([]standin.Work, error) {
	work, records := d.find(t.s.state, t.now, most, may)
	for i, w := range work {
		records = append(records, w.Attempt)
		item := *w.Item
		work[i].Item = &item
	}
	return work, t.add(records...)
}

// mostHopeless is how many advices are handed to people at once since nobody can send them:
// more would not fit into a pack.
const mostHopeless = 1000

// find finds advices of a shard that this gate may send, and the records that hand those
// to people which nobody can.
func (d *Decider) find(s *standin.State, now time.Time, most int, may func(*standin.Item) bool) ([]standin.Work, []standin.Record) {
	c := d.profile(s.Current())
	if c == nil {
		return nil, nil
	}
	me := d.self()
	var hopeless []standin.Record
	var left *standin.Item
	work, park := standin.Next(s, c.Profile.Forwarding, now, most, func(i *standin.Item, ask bool) bool {
		switch {
		case !ask && !may(i):
			return false
		case me.can(i, ask):
			return true
		}
		switch {
		case !d.others(i, ask) && len(hopeless) >= mostHopeless:
		case !d.others(i, ask):
			hopeless = append(hopeless, standin.Settle(s, standin.Came{Identity: i.Identity, Of: standin.Unsendable}, now)...)
		default:
			left = i
		}
		return false
	})
	if left != nil {
		d.leave(left)
	}
	return work, append(park, hopeless...)
}

// leave raises the alarm that this gate leaves advices to others.
func (d *Decider) leave(i *standin.Item) {
	d.left.Store(int64(d.opt.Clock.Boot()))
	d.alarm(standin.AlarmLeft, holdfast.Errorf(holdfast.Unavailable,
		"advices of the route %s, sealed with the key %s, are left to other gates of the source: this one does not know the one or the other; give all of them the same routes and keys", i.Route, i.Sealed.Key),
		"route", i.Route, "key", i.Sealed.Key)
}

// calmLeft ends that alarm once nothing was left for a while.
func (d *Decider) calmLeft() {
	if left := time.Duration(d.left.Load()); left != 0 && d.opt.Clock.Boot()-left > AliveFor {
		d.left.Store(0)
		d.calm(standin.AlarmLeft)
	}
}

// Settle says what came of advices, durably: of those of one shard in one pack, as a rule.
// An error may be of a part of them.
func (d *Decider) Settle(ctx context.Context, came ...standin.Came) error {
	of := map[*shard][]standin.Came{}
	var errs []error
	for _, c := range came {
		if s := d.owner(c.Identity); s != nil {
			of[s] = append(of[s], c)
		} else {
			errs = append(errs, holdfast.Errorf(holdfast.NotFound, "stand-in does not know the payment"))
		}
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for s, list := range of {
		for some := range slices.Chunk(list, mostTogether) {
			all.Go(func() {
				// What settles nothing is not worth a take-over.
				polite := !slices.ContainsFunc(some, func(c standin.Came) bool { return c.Of != standin.NoAnswer })
				if err := d.do(ctx, s, &job{polite: polite, do: func(t *turn) error { return t.settle(some) }}); err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				}
			})
		}
	}
	all.Wait()
	return errors.Join(errs...)
}

func (t *turn) settle(came []standin.Came) error {
	for _, c := range came {
		if err := t.add(standin.Settle(t.s.state, c, t.now)...); err != nil {
			return err
		}
	}
	return nil
}

// Learn notes what the primary turned out to have done with what was in flight when
// stand-in opened. It is written soon, and again until it is.
func (d *Decider) Learn(identity string, done bool) {
	if d.quiet.Load() || !d.opening() && !slices.ContainsFunc(d.shards, func(s *shard) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.state == nil || s.state.Excludes(identity)
	}) {
		return
	}
	d.mu.Lock()
	if len(d.learned) < maxLearned {
		d.learned[identity] = done || d.learned[identity]
	}
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// maxLearned bounds what was learned and not written yet: what is excluded from a
// stand-in is no more.
const maxLearned = posture.MaxExcluded

// opening reports whether a directive is in force and not open in every shard yet: what
// is learned now may be excluded then.
func (d *Decider) opening() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.set.Directives, func(x posture.Directive) bool {
		st := d.standings[x.ID]
		return !x.Open || st != nil && !st.isReady()
	})
}

// writeLearned tells the shards what was learned.
func (d *Decider) writeLearned(ctx context.Context) error {
	if d.opening() {
		return nil
	}
	d.mu.Lock()
	learned := maps.Clone(d.learned)
	d.mu.Unlock()
	for identity, done := range learned {
		if err := d.answered(ctx, identity, done); err != nil {
			return err
		}
		d.mu.Lock()
		if d.learned[identity] == done {
			delete(d.learned, identity)
		}
		d.mu.Unlock()
	}
	return nil
}

// answered tells that the primary turned out to have done, or not done, what it was sent
// outside of forwarding.
func (d *Decider) answered(ctx context.Context, identity string, done bool) error {
	return d.everywhere(ctx, func(s *shard) error {
		s.mu.Lock()
		concerned := s.state == nil || s.state.Excludes(identity) || s.state.Item(identity) != nil
		s.mu.Unlock()
		if !concerned {
			return nil
		}
		return d.do(ctx, s, &job{do: func(t *turn) error {
			if !t.s.state.Excludes(identity) && t.s.state.Item(identity) == nil {
				return nil
			}
			return t.add(standin.Answered(t.s.state, identity, done, t.now)...)
		}})
	})
}
