package decider

import (
	"context"
	"slices"
	"sync"

	"holdfast"
	"holdfast/internal/standin"
)

// draw is a job that needs slices of wider limits.
type draw struct {
	job   *job
	needs []standin.Need
}

// mostTries is how often slices are drawn for one request while others spend them:
// unsure means decline.
const mostTries = 8

// drewEnough reports whether drawing is over for a job: what it still needs is not
// to be had.
func (j *job) drewEnough(needs []standin.Need) bool {
	return j.tries >= mostTries || slices.ContainsFunc(needs, func(n standin.Need) bool { return slices.Contains(j.short, n.Key) })
}

func without(jobs []*job, draws []draw) []*job {
	return slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool {
		return slices.ContainsFunc(draws, func(d draw) bool { return d.job == j })
	})
}

// draw draws slices for jobs, each ledger once, and has their turn come again.
func (s *shard) draw(ctx context.Context, draws []draw) {
	type drawn struct {
		need   standin.Need
		all    standin.Need // what all of the jobs want together
		record *standin.Drawn
		err    error
	}
	ledgers := map[string]*drawn{}
	for _, d := range draws {
		for _, n := range d.needs {
			l := ledgers[n.Key]
			if l == nil {
				ledgers[n.Key] = &drawn{need: n, all: n}
				continue
			}
			l.all.Want.Amount += n.Want.Amount - n.Used.Amount
			l.all.Want.Count += n.Want.Count - n.Used.Count
		}
	}
	var all sync.WaitGroup
	lanes := make(chan struct{}, 16)
	for _, l := range ledgers {
		lanes <- struct{}{}
		all.Go(func() {
			defer func() { <-lanes }()
			l.record, l.err = s.d.drawOne(ctx, s.n, l.all)
			if l.err == nil && (l.record == nil || !covers(l.record.UpTo, l.all)) {
				l.record, l.err = s.d.drawOne(ctx, s.n, l.need)
			}
		})
	}
	all.Wait()
	var again []*job
	for _, d := range draws {
		j := d.job
		j.tries++
		var err error
		for _, n := range d.needs {
			l := ledgers[n.Key]
			switch {
			case l.err != nil:
				err = l.err
			case l.record != nil:
				j.drawn = append(j.drawn, l.record)
			}
			if l.record == nil || !covers(l.record.UpTo, n) && !covers(l.record.UpTo, l.need) {
				j.short = append(j.short, n.Key)
			}
		}
		if err != nil {
			j.end(err)
			continue
		}
		again = append(again, j)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		tell(again, holdfast.Errorf(holdfast.Unavailable, "stand-in is not at work"))
		return
	}
	s.waiting = append(again, s.waiting...)
	s.wake()
}

// covers reports whether a slice is what a need wants.
func covers(slice standin.Slice, n standin.Need) bool {
	return (n.Limit.Amount == 0 || slice.Amount >= n.Want.Amount) && (n.Limit.Count == 0 || slice.Count >= n.Want.Count)
}

// drawOne draws from one ledger, against other shards and gates. A write in doubt is
// settled by reading.
func (d *Decider) drawOne(ctx context.Context, shard int, n standin.Need) (*standin.Drawn, error) {
	for {
		revision, body, err := d.opt.Source.Ledger(ctx, n.Key)
		if err != nil {
			return nil, err
		}
		next, record, err := n.Draw(body, shard, len(d.shards))
		if err != nil || next == nil {
			return record, err
		}
		err = d.opt.Source.PutLedger(context.WithoutCancel(ctx), n.Key, revision, next)
		switch holdfast.CodeOf(err) {
		case "":
			return record, nil
		case holdfast.Conflict, holdfast.Doubtful:
			if ctx.Err() != nil {
				return nil, err
			}
		default:
			return nil, err
		}
	}
}
