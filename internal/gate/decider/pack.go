package decider

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// pack is what a turn is to write, and who waits for it.
type pack struct {
	advice.Pack
	s    *shard
	jobs []*job
	// again has its turn after this one; it needs slices that have to be drawn, or
	// did not fit.
	again []*job
	draw  []draw
}

// work takes turns of shards until ctx ends.
func (d *Decider) work(ctx context.Context) {
	for {
		var turns []*shard
		select {
		case <-ctx.Done():
			return
		case s := <-d.ready:
			turns = append(turns, s)
		}
		runtime.Gosched() // who was just answered asks again at once: else its request misses this append
		for len(d.ready) > 0 {
			turns = append(turns, <-d.ready)
		}
		packs := make([]*pack, len(turns))
		var all sync.WaitGroup
		for i, s := range turns {
			all.Go(func() { packs[i] = s.turn(ctx) })
		}
		all.Wait()
		packs = slices.DeleteFunc(packs, func(p *pack) bool { return p == nil })
		if len(packs) > 0 {
			d.write(ctx, packs)
		}
	}
}

// turn decides on what waits. If there is nothing to write it has been answered.
func (s *shard) turn(ctx context.Context) *pack {
	jobs := s.take()
	for sure := s.surely(jobs); ; sure = false {
		if !sure {
			if _, err := s.catchUp(ctx); err != nil {
				s.fail(jobs, err)
				s.rest(nil)
				return nil
			}
		}
		if s.state == nil {
			continue
		}
		p, err := s.decide(jobs)
		if err == nil && len(p.draw) > 0 {
			go s.draw(ctx, p.draw)
			jobs = without(jobs, p.draw)
		}
		if err != nil { // the shard cannot be read: what is there is not what it says
			s.drop()
			s.fail(jobs, err)
			s.rest(nil)
			return nil
		}
		if len(p.Body) > 0 {
			return p
		}
		moved, err := s.catchUp(ctx)
		switch {
		case err != nil:
			s.fail(p.jobs, err)
		case moved:
			continue
		default:
			tell(p.jobs, nil)
		}
		s.after(ctx, p)
		return nil
	}
}

// surely reports whether jobs may be decided on as the state is: nobody else is thought to
// have written to the shard of late, and if somebody has, the source refuses the pack or
// what is there is read before anything is answered. A pack that is refused costs the whole
// state: what another gate writes in turns with this one is read first.
func (s *shard) surely(jobs []*job) bool {
	return s.state != nil && s.mine() && !s.contested() && !slices.ContainsFunc(jobs, func(j *job) bool { return j.decision == nil })
}

// decide makes the pack of a turn.
func (s *shard) decide(jobs []*job) (*pack, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &pack{s: s}
	t := &turn{s: s, now: s.d.opt.Clock.Now()}
	other := s.elsewhere()
	if !s.mine() && slices.ContainsFunc(jobs, func(j *job) bool { return !j.look && (!j.polite || !other) }) {
		if err := t.add(standin.TakeOver(s.state, s.d.opt.Gate, s.d.opt.Boot, t.now)); err != nil {
			return nil, err
		}
	}
	for _, identity := range s.unheard {
		if err := t.add(standin.Withdraw(s.state, identity, t.now)...); err != nil {
			return nil, err
		}
	}
	s.unheard = nil
	for i, j := range jobs {
		if t.size >= fullPack {
			p.again = append(p.again, jobs[i:]...)
			break
		}
		if j.left.Load() {
			continue
		}
		if j.polite && other {
			p.jobs = append(p.jobs, j)
			continue
		}
		if err := t.add(j.drawn...); err != nil {
			return nil, err
		}
		if j.decision == nil {
			if err := j.do(t); err != nil {
				if holdfast.CodeOf(err) == holdfast.Damaged {
					return nil, err
				}
				j.end(err)
				continue
			}
			p.jobs = append(p.jobs, j)
			continue
		}
		needs, err := s.request(t, j)
		if err != nil {
			return nil, err
		}
		if len(needs) > 0 {
			p.draw = append(p.draw, draw{j, needs})
			continue
		}
		p.jobs = append(p.jobs, j)
	}
	if len(t.records) > 0 {
		p.Pack = advice.Pack{
			Shard: s.n, Expect: s.revision, ID: holdfast.NewID(), Body: standin.Encode(t.records), Names: standin.Names(s.state, t.records),
		}
		s.since += len(t.records)
	}
	return p, nil
}

// request decides on a request, or says which slices it needs.
func (s *shard) request(t *turn, j *job) ([]standin.Need, error) {
	r := &j.decision.r
	if r.Directive == "" {
		if s.passes(r) {
			j.decision.answer = standin.Answer{Verdict: standin.Forward}
			return nil, nil
		}
		after := *r
		after.Directive = s.state.Current()
		r = &after
	}
	if r.Cause == standin.Behind && s.lets(r) {
		j.decision.answer = standin.Answer{Verdict: standin.Forward}
		return nil, nil
	}
	c := s.d.profile(r.Directive)
	if c == nil || j.decision.r.Directive == "" && s.stands() {
		// No terms: what is known is answered, all else is refused for now. Where the
		// directive was lifted, it has not ended in the shard yet.
		c = &standin.Compiled{}
	}
	answer, records, needs := standin.Decide(s.state, c, r, t.now)
	if len(needs) > 0 && j.drewEnough(needs) {
		last := *r
		last.Drawn = true
		answer, records, needs = standin.Decide(s.state, c, &last, t.now)
	}
	if len(needs) > 0 {
		return needs, nil
	}
	if answer.Item != nil {
		item := *answer.Item
		answer.Item = &item
	}
	j.decision.answer = answer
	return nil, t.add(records...)
}

// passes reports whether a request is the primary's: no directive stands in, the
// identity was not used here, and nothing of its payer is on its way.
func (s *shard) passes(r *standin.Request) bool {
	return !s.lingers() && s.state.Item(r.Payment.Identity) == nil && !s.state.Excludes(r.Payment.Identity) && !s.state.Excludes(r.Original) &&
		!r.Elsewhere && !s.state.Waits(r.Payer)
}

// write appends packs until it is known what became of each.
func (d *Decider) write(ctx context.Context, packs []*pack) {
	list := make([]advice.Pack, len(packs))
	for i, p := range packs {
		list[i] = p.Pack
	}
	results, err := d.opt.Source.Append(context.WithoutCancel(ctx), list)
	if holdfast.CodeOf(err) == holdfast.Doubtful {
		results, err = d.writeAgain(ctx, list, err)
	}
	for i, p := range packs {
		if err != nil {
			p.s.drop()
			p.s.fail(p.jobs, err)
		} else {
			p.settle(results[i])
		}
		p.s.after(ctx, p)
	}
}

// writeAgain appends packs that are in doubt as they are, whatever the source says,
// until it says what became of them: what it refuses now may have been written before.
func (d *Decider) writeAgain(ctx context.Context, list []advice.Pack, err error) (results []error, _ error) {
	defer d.calm(standin.AlarmDoubt)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		d.alarm(standin.AlarmDoubt, err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, holdfast.Errorf(holdfast.Doubtful, "stand-in did not answer in time: it may have decided").Because(err)
		}
		if results, err = d.opt.Source.Append(context.WithoutCancel(ctx), list); err == nil {
			return results, nil
		}
	}
}

const (
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// settle does what the source said of a pack.
func (p *pack) settle(result error) {
	s := p.s
	var moved *advice.Moved
	var taken *advice.Taken
	switch {
	case result == nil:
		s.revision++
		if s.unheard = p.unheard(); len(s.unheard) > 0 { // before anybody can be told of them
			p.again = append([]*job{{look: true, do: func(*turn) error { return nil }, done: make(chan error, 1)}}, p.again...)
		}
		tell(p.jobs, nil)
	case errors.As(result, &moved):
		s.foreign = s.d.opt.Clock.Boot()
		s.drop()
		p.again = append(p.jobs, p.again...)
	case errors.As(result, &taken):
		s.drop()
		for _, j := range p.jobs {
			if !s.redirect(j, taken) {
				p.again = append(p.again, j)
			}
		}
	default:
		s.drop()
		s.fail(p.jobs, result)
	}
}

// unheard lists the approvals of a durable pack that are to be taken back: their clients
// were told to inquire, and nobody was told of them.
func (p *pack) unheard() (list []string) {
	for _, j := range p.jobs {
		if !j.reverse || !j.left.Load() || j.decision.answer.Verdict != standin.Approved || j.decision.answer.Item != nil {
			continue
		}
		if !slices.ContainsFunc(p.jobs, func(o *job) bool { return o != j && o.about == j.about }) {
			list = append(list, j.about)
		}
	}
	return list
}

// redirect gives a request to the shard that its identity, or its original,
// belongs to.
func (s *shard) redirect(j *job, taken *advice.Taken) bool {
	if j.decision == nil {
		return false
	}
	r := &j.decision.r
	own := standin.Name(r.Payment.Identity) == taken.Name
	if !own && (r.Original == "" || standin.Name(r.Original) != taken.Name) {
		return false
	}
	if j.moves++; j.moves > 3 || taken.By < 0 || taken.By >= len(s.d.shards) {
		j.end(holdfast.Errorf(holdfast.Unavailable, "two shards of stand-in send a request to each other"))
		return true
	}
	r.Elsewhere, r.Away = own, !own
	j.tries, j.short, j.drawn = 0, nil, nil
	if err := s.d.shards[taken.By].submit(j); err != nil {
		j.end(err)
	}
	return true
}

func (s *shard) fail(jobs []*job, err error) {
	s.d.opt.Log.Warn("stand-in cannot decide", "shard", s.n, "error", err)
	tell(jobs, err)
}

// tell says what came of jobs.
func tell(jobs []*job, err error) {
	for _, j := range jobs {
		j.end(err)
	}
}
