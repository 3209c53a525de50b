package fence

import (
	"context"
	"errors"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/standin/advice"
)

// group are the claims of one pack.
type group struct {
	by   Primary
	jobs []*job
}

// make makes claims, and answers each when its pack is durable.
func (f *Fence) make(ctx context.Context, jobs []*job) {
	slot, err := f.bucket(ctx)
	if err != nil {
		fail(jobs, err)
		return
	}
	groups := []group{{by: First}, {by: Second}}
	for _, j := range jobs {
		g := &groups[j.by-First]
		g.jobs = append(g.jobs, j)
	}
	for {
		var packs []advice.Pack
		var of []*group
		for i := range groups {
			g := &groups[i]
			if len(g.jobs) == 0 {
				continue
			}
			p, err := f.pack(ctx, f.shard(slot, f.lane, g.by), g)
			if err != nil {
				fail(g.jobs, err)
				g.jobs = nil
				continue
			}
			packs, of = append(packs, p), append(of, g)
		}
		if len(packs) == 0 {
			return
		}
		results, err := f.append(ctx, packs)
		for i, g := range of {
			if err != nil {
				fail(g.jobs, err)
				g.jobs = nil
				continue
			}
			f.answer(ctx, g, packs[i], results[i])
		}
	}
}

// shard returns the number of a shard.
func (f *Fence) shard(slot, lane int, p Primary) int {
	return (slot*lanes+lane)*2 + int(p-First)
}

// pack makes the pack of a group's claims.
func (f *Fence) pack(ctx context.Context, shard int, g *group) (advice.Pack, error) {
	revision, err := f.revision(ctx, shard)
	if err != nil {
		return advice.Pack{}, err
	}
	p := advice.Pack{Shard: shard, Expect: revision, ID: holdfast.NewID(), Body: []byte{version}}
	for _, j := range g.jobs {
		p.Names = append(p.Names, j.name)
	}
	return p, nil
}

// version is the body of a pack: all that it says are its names.
const version = 1

// revision returns where a shard stands, as far as is known here.
func (f *Fence) revision(ctx context.Context, shard int) (uint64, error) {
	f.mu.Lock()
	revision, known := f.heads[shard]
	f.mu.Unlock()
	if known {
		return revision, nil
	}
	revision, _, err := f.opt.Source.Head(ctx, shard)
	if err == nil {
		f.stands(shard, revision)
	}
	return revision, err
}

// stands notes where a shard stands.
func (f *Fence) stands(shard int, revision uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heads[shard] = revision
}

const (
	firstPause = 10 * time.Millisecond
	longPause  = time.Second
)

// append appends packs, again as they are while it is not known whether they were written.
func (f *Fence) append(ctx context.Context, packs []advice.Pack) ([]error, error) {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		results, err := f.opt.Source.Append(ctx, packs)
		if err == nil || holdfast.CodeOf(err) != holdfast.Doubtful {
			return results, err
		}
		f.opt.Log.Warn("it is not known whether claims were written; they are written again", "error", err)
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause):
		}
	}
}

// answer tells what came of a pack. What has to be tried again stays in the group.
func (f *Fence) answer(ctx context.Context, g *group, p advice.Pack, result error) {
	var moved *advice.Moved
	var taken *advice.Taken
	switch {
	case result == nil:
		f.stands(p.Shard, p.Revision())
		for _, j := range g.jobs {
			j.done <- resultOf(Claim{Owner: g.by, Fresh: true})
		}
		g.jobs = nil
	case errors.As(result, &moved):
		f.stands(p.Shard, moved.Actual)
	case errors.As(result, &taken):
		g.jobs = f.taken(ctx, g.jobs, p.Shard)
	default:
		fail(g.jobs, result)
		g.jobs = nil
	}
}

func resultOf(c Claim) result { return result{claim: c} }

// taken answers the claims that were made before, in another shard, and returns the others.
func (f *Fence) taken(ctx context.Context, jobs []*job, shard int) (left []*job) {
	for _, j := range jobs {
		owner, there, err := f.opt.Source.Owner(ctx, j.name)
		var c Claim
		if err == nil && there && owner != shard {
			c, err = f.claim(ctx, owner)
		}
		switch {
		case err != nil:
			j.done <- result{err: err}
		case c.Owner != 0:
			j.done <- resultOf(c)
		default:
			left = append(left, j)
		}
	}
	return left
}

// claim says what a shard says of the claims in it.
func (f *Fence) claim(ctx context.Context, shard int) (Claim, error) {
	if shard < 0 || shard >= Shards {
		return Claim{}, holdfast.Errorf(holdfast.Damaged, "the source of the fence names shard %d, and has %d", shard, Shards)
	}
	c := Claim{Owner: First + Primary(shard%2)}
	start, _, err := f.start(ctx, shard/2/lanes, shard/2%lanes)
	if err != nil {
		return Claim{}, err
	}
	c.Age = max(0, f.opt.Clock.Now().Sub(start))
	return c, nil
}

// start returns when the bucket of a slot began, and the ledger's revision; the zero time if it
// was never used.
func (f *Fence) start(ctx context.Context, slot, lane int) (time.Time, uint64, error) {
	revision, body, err := f.opt.Source.Ledger(ctx, ledger(slot, lane))
	if err != nil || revision == 0 {
		return time.Time{}, 0, err
	}
	var at time.Time
	if err := at.UnmarshalText(body); err != nil {
		return time.Time{}, 0, holdfast.Errorf(holdfast.Damaged, "the ledger %s of the fence cannot be read; restore its source from a backup", ledger(slot, lane)).Because(err)
	}
	return at, revision, nil
}

func ledger(slot, lane int) string { return fmt.Sprintf("bucket/%d/%d", slot, lane) }
