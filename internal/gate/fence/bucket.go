package fence

import (
	"context"
	"errors"
	"time"

	"holdfast"
	"holdfast/internal/standin/advice"
)

// length is how long a bucket is.
func (f *Fence) length() time.Duration { return f.opt.Keep / buckets }

// number returns the number of the bucket that a time is in, and when that began.
func (f *Fence) number(at time.Time) (int, time.Time) {
	n := at.UnixNano() / int64(f.length())
	return int(n), time.Unix(0, n*int64(f.length())).UTC()
}

func slotOf(number int) int { return number % slots }

// bucket returns the slot of the bucket that it is time for. Its claims of a former use are
// gone.
func (f *Fence) bucket(ctx context.Context) (slot int, err error) {
	number, start := f.number(f.opt.Clock.Now())
	slot = slotOf(number)
	f.mu.Lock()
	kept := f.starts[slot]
	f.mu.Unlock()
	if !kept.Before(start) {
		return slot, nil
	}
	return slot, f.reuse(ctx, slot, f.lane, start)
}

// prepare empties the slot of the next bucket in all lanes before it is needed, bucket after
// bucket, until ctx ends.
func (f *Fence) prepare(ctx context.Context) {
	for {
		number, start := f.number(f.opt.Clock.Now())
		next := start.Add(f.length())
		for lane := range lanes {
			if err := f.reuse(ctx, slotOf(number+1), lane, next); err != nil && ctx.Err() == nil {
				f.opt.Log.Warn("old claims of the fence could not be dropped; it is tried again with the next bucket of time", "error", err)
				break
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(next.Sub(f.opt.Clock.Now()), time.Second)):
		}
	}
}

// reuse empties a slot of a lane for the bucket that begins at start, unless that was done, or what
// it holds must be kept.
func (f *Fence) reuse(ctx context.Context, slot, lane int, start time.Time) error {
	for {
		// First where the shards stand: what comes after that is of the new bucket.
		var heads [2]uint64
		for i, p := range [...]Primary{First, Second} {
			var err error
			if heads[i], _, err = f.opt.Source.Head(ctx, f.shard(slot, lane, p)); err != nil {
				return err
			}
		}
		held, revision, err := f.start(ctx, slot, lane)
		if err != nil {
			return err
		}
		if !held.Before(start) || revision > 0 && start.Sub(held) < f.opt.Keep {
			f.begun(slot, lane, start)
			return nil
		}
		again := false
		for i, p := range [...]Primary{First, Second} {
			emptied, err := f.empty(ctx, f.shard(slot, lane, p), heads[i])
			if err != nil {
				return err
			}
			again = again || !emptied
		}
		if again {
			continue
		}
		body, err := start.MarshalText()
		if err != nil {
			return err
		}
		if err := f.opt.Source.PutLedger(ctx, ledger(slot, lane), revision, body); err == nil {
			f.begun(slot, lane, start)
			return nil
		} else if code := holdfast.CodeOf(err); code != holdfast.Conflict && code != holdfast.Doubtful {
			return err
		}
	}
}

// begun notes that a slot of this gate's lane was made ready for the bucket that begins at start.
func (f *Fence) begun(slot, lane int, start time.Time) {
	if lane != f.lane {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.starts[slot] = start
}

// pieces is how many packs are dropped at once, so that claims do not wait for long.
const pieces = 2000

// empty drops the packs of a shard up to a revision, and with them their names. It returns
// false if somebody else wrote to the shard.
func (f *Fence) empty(ctx context.Context, shard int, upTo uint64) (bool, error) {
	if upTo == 0 {
		return true, nil
	}
	// Packs go only if two snapshots stand for them, of which the newer is after a pack more.
	snapshots, err := f.opt.Source.Snapshots(ctx, shard)
	if err != nil {
		return false, err
	}
	from := uint64(0) // what was cut before
	if len(snapshots) < 2 || snapshots[1].Revision < upTo {
		if len(snapshots) == 2 {
			from = snapshots[1].Revision
		}
		mark := advice.Pack{Shard: shard, Expect: upTo, ID: holdfast.NewID(), Body: []byte{version}}
		results, err := f.append(ctx, []advice.Pack{mark})
		if err != nil {
			return false, err
		}
		var moved *advice.Moved
		if errors.As(results[0], &moved) {
			f.stands(shard, moved.Actual)
			return false, nil
		}
		if results[0] != nil {
			return false, results[0]
		}
		f.stands(shard, mark.Revision())
		for revision := upTo; revision <= mark.Revision(); revision++ {
			s := advice.Snapshot{Shard: shard, Revision: revision, Version: version, Body: []byte{version}}
			if err := f.opt.Source.PutSnapshot(ctx, s); err != nil {
				return false, err
			}
		}
	}
	for at := from; at < upTo; {
		at = min(at+pieces, upTo)
		if err := f.opt.Source.Cut(ctx, shard, at); err != nil {
			return false, err
		}
	}
	return true, nil
}
