package decider

import (
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

// standing is a directive under which this gate stands in.
type standing struct {
	posture.Directive
	since time.Duration // when it came, by Boot
	begun time.Time     // when the first shard was opened for it; once ready
	ready chan struct{} // closed when every shard is open
}

// Install tells the posture that the gate enforces. Nothing is forwarded on the
// strength of it before shards have been read anew, if a directive is gone.
func (d *Decider) Install(set posture.Set) {
	set.Directives = slices.DeleteFunc(slices.Clone(set.Directives), func(x posture.Directive) bool { return x.Kind != posture.StandIn && x.Kind != posture.OneByOne })
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(set.Directives) > 0 {
		d.quiet.Store(false)
	}
	for _, old := range d.set.Directives {
		if !slices.ContainsFunc(set.Directives, func(x posture.Directive) bool { return x.ID == old.ID }) {
			d.unsure.Store(true)
		}
	}
	d.set, d.installed = set, true
	for id := range d.standings {
		if !slices.ContainsFunc(set.Directives, func(x posture.Directive) bool { return x.ID == id && x.Open }) {
			delete(d.standings, id)
		}
	}
	for _, x := range set.Directives {
		if x.Open && x.Source == d.id && d.standings[x.ID] == nil {
			d.standings[x.ID] = &standing{Directive: x, since: d.opt.Clock.Boot(), ready: make(chan struct{})}
		}
	}
	select {
	case d.news <- struct{}{}:
	default:
	}
}

// over reports whether the time of a directive is over.
func (st *standing) over(c Clock) bool {
	if st.Lasts <= 0 && st.Ends.IsZero() {
		return false // each request asks; the time of the machine is not free
	}
	now := c.Now()
	return !st.Ends.IsZero() && !now.Before(st.Ends) ||
		st.Lasts > 0 && (c.Boot()-st.since >= st.Lasts || st.isReady() && now.Sub(st.begun) >= st.Lasts)
}

func (st *standing) isReady() bool {
	select {
	case <-st.ready:
		return true
	default:
		return false
	}
}

// opened waits until every shard is open for a directive.
func (d *Decider) opened(ctx context.Context, directive string) error {
	d.mu.Lock()
	st := d.standings[directive]
	d.mu.Unlock()
	if st == nil {
		return holdfast.Errorf(holdfast.Unavailable, "this gate does not stand in under the directive %s: it names another source", directive)
	}
	select {
	case <-st.ready:
	case <-ctx.Done():
		return holdfast.Errorf(holdfast.Unavailable, "stand-in is not open yet")
	}
	if st.over(d.opt.Clock) {
		return holdfast.Errorf(holdfast.Unavailable, "the time of the directive %s is over", directive)
	}
	return nil
}

// lookEvery is how often directives are looked at for their end, and shards that others
// may have written to.
const lookEvery = time.Second

// follow keeps the shards at what the posture says.
func (d *Decider) follow(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := d.keepUp(ctx); err != nil && ctx.Err() == nil {
			d.alarm(standin.AlarmSource, err)
		} else {
			d.calm(standin.AlarmSource)
		}
		d.watchPayers()
		d.calmLeft()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-d.news:
		}
	}
}

// watchPayers raises an alarm while what should be known of payers cannot be read.
func (d *Decider) watchPayers() {
	p, ok := d.opt.Payers.(interface{ Fault() error })
	if !ok {
		return
	}
	if fault := p.Fault(); fault != nil {
		d.alarm(standin.AlarmPayers, fault)
	} else {
		d.calm(standin.AlarmPayers)
	}
}

// keepUp opens and ends what is to be opened and ended.
func (d *Decider) keepUp(ctx context.Context) error {
	d.mu.Lock()
	set, installed := d.set, d.installed
	var list []*standing
	for _, st := range d.standings {
		list = append(list, st)
	}
	d.mu.Unlock()
	if d.unsure.Load() || d.opt.Shared && !d.quiet.Load() {
		if err := d.readAll(ctx); err != nil {
			return err
		}
	}
	if !installed {
		return nil
	}
	var errs []error
	errs = append(errs, d.writeLearned(ctx), d.endOthers(ctx, set), d.watch(ctx))
	opening := false
	for _, st := range list {
		switch {
		case st.over(d.opt.Clock):
			errs = append(errs, d.everywhere(ctx, func(s *shard) error { return d.endIn(ctx, s, st.ID) }))
		case !st.isReady():
			opening = true
			errs = append(errs, d.open(ctx, st))
		}
	}
	if !opening { // what could not be opened may be lifted by now
		d.calm(standin.AlarmOpen)
	}
	err := errors.Join(errs...)
	if err == nil {
		d.settle(set)
	}
	return err
}

// settle notes what has been read, if the posture is still that one.
func (d *Decider) settle(set posture.Set) {
	blank := true
	for _, s := range d.shards {
		s.mu.Lock()
		blank = blank && s.state != nil && s.state.Blank()
		s.mu.Unlock()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.set.Head != set.Head {
		return
	}
	d.unsure.Store(false)
	if blank && len(set.Directives) == 0 {
		d.quiet.Store(true)
	}
}

// lifted reports whether the posture does not have a directive any more. What it has
// and forwards all the same is none of the directive's: out of its scope, or a probe.
func (d *Decider) lifted(directive string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !slices.ContainsFunc(d.set.Directives, func(x posture.Directive) bool { return x.ID == directive })
}

// readAll reads what others have written to any shard, and the profiles that shards
// are under.
func (d *Decider) readAll(ctx context.Context) error {
	var mu sync.Mutex
	under := map[string]bool{}
	err := d.everywhere(ctx, func(s *shard) error {
		return d.do(ctx, s, &job{look: true, do: func(t *turn) error {
			mu.Lock()
			defer mu.Unlock()
			if current := t.s.state.Current(); current != "" {
				under[current] = true
			}
			return nil
		}})
	})
	// A look that ctx ended may still come.
	mu.Lock()
	directives := slices.Collect(maps.Keys(under))
	mu.Unlock()
	for _, directive := range directives {
		if d.profile(directive) == nil {
			err = errors.Join(err, d.loadProfile(ctx, directive))
		}
	}
	return err
}

// endOthers ends the directives that the posture does not have any more.
func (d *Decider) endOthers(ctx context.Context, set posture.Set) error {
	return d.everywhere(ctx, func(s *shard) error {
		s.mu.Lock()
		current := ""
		if s.state != nil && s.stands() {
			current = s.state.Current()
		}
		s.mu.Unlock()
		if current == "" || slices.ContainsFunc(set.Directives, func(x posture.Directive) bool { return x.ID == current }) {
			return nil
		}
		k, err := d.keptOf(ctx, current)
		if err != nil || !k.follows(set.Head) {
			return err
		}
		return d.endIn(ctx, s, current)
	})
}

func (d *Decider) endIn(ctx context.Context, s *shard, directive string) error {
	s.mu.Lock()
	over := false
	if s.state != nil {
		o, there := s.state.Opening(directive)
		over = !there || o.Ended != 0
	}
	s.mu.Unlock()
	if over {
		return nil
	}
	return d.do(ctx, s, &job{do: func(t *turn) error { return t.add(standin.End(t.s.state, directive, t.now)...) }})
}

// open opens every shard for a directive: what is excluded, the opening, and what the
// shard has outstanding in the ledgers of the directive's limits.
func (d *Decider) open(ctx context.Context, st *standing) error {
	c, err := d.keep(ctx, st)
	if err != nil {
		d.alarm(standin.AlarmOpen, err, "directive", st.ID)
		return err
	}
	err = d.everywhere(ctx, func(s *shard) error { return d.openIn(ctx, s, st, c) })
	if err == nil {
		err = d.everywhere(ctx, func(s *shard) error { return d.register(ctx, s, st.ID) })
	}
	if err != nil {
		d.alarm(standin.AlarmOpen, err, "directive", st.ID)
		return err
	}
	d.calm(standin.AlarmOpen)
	st.begun = d.begun(st.ID)
	close(st.ready)
	d.opt.Log.Info("stand-in is open", "directive", st.ID, "shards", len(d.shards))
	return nil
}

// begun is when the first shard was opened for a directive.
func (d *Decider) begun(directive string) (first time.Time) {
	for _, s := range d.shards {
		s.mu.Lock()
		if s.state != nil {
			if o, ok := s.state.Opening(directive); ok && (first.IsZero() || o.At.Time().Before(first)) {
				first = o.At.Time()
			}
		}
		s.mu.Unlock()
	}
	return first
}

// excludedAtOnce is how many identities one pack excludes.
const excludedAtOnce = 2000

// openIn opens one shard. What stood in before it has been lifted. One that another gate
// has opened is left to it.
func (d *Decider) openIn(ctx context.Context, s *shard, st *standing, c *standin.Compiled) error {
	s.mu.Lock()
	there := false
	if s.state != nil {
		o, some := s.state.Opening(st.ID)
		there = some && o.Version == c.Version && o.Ended == 0
	}
	s.mu.Unlock()
	if there {
		return nil
	}
	rest := st.Excluded
	for len(rest) > excludedAtOnce {
		part := rest[:excludedAtOnce]
		rest = rest[excludedAtOnce:]
		err := d.do(ctx, s, &job{do: func(t *turn) error {
			if _, there := t.s.state.Opening(st.ID); there {
				return nil
			}
			for _, identity := range part {
				if err := t.add(standin.Exclude(t.s.state, identity, t.now)...); err != nil {
					return err
				}
			}
			return nil
		}})
		if err != nil {
			return err
		}
	}
	return d.do(ctx, s, &job{do: func(t *turn) error {
		records, err := standin.Open(t.s.state, c, st.ID, rest, t.now)
		if err != nil {
			return err
		}
		return t.add(records...)
	}})
}

// register draws what the shard has outstanding.
func (d *Decider) register(ctx context.Context, s *shard, directive string) error {
	s.mu.Lock()
	var needs []standin.Need
	if s.state != nil {
		needs = s.state.Registrations(directive)
	}
	s.mu.Unlock()
	if len(needs) == 0 {
		return nil
	}
	var records []standin.Record
	for _, n := range needs {
		record, err := d.drawOne(ctx, s.n, n)
		if err != nil {
			return err
		}
		if record != nil {
			records = append(records, record)
		}
	}
	return d.do(ctx, s, &job{do: func(t *turn) error { return t.add(records...) }})
}
