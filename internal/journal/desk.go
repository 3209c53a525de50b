package journal

import (
	"context"
	"errors"
	"time"

	"holdfast"
)

// Desk is how a service writes: load, decide, append at the expected revision,
// and on a conflict load and decide anew.
type Desk struct {
	Journal Journal
	State   *State
	// Now is the control node's clock.
	Now func() time.Time
	// After makes the pause between repeated appends; nil means [time.After].
	After func(time.Duration) <-chan time.Time
}

// attempts bounds how often one act is decided anew. Each conflict means that
// another act went through, so this many in a row is contention, not progress.
const attempts = 50

// Do calls decide under the state's read lock and appends what it returns. It
// returns when the state has folded the new facts, so a caller reads what it
// wrote. Deciding nothing (no drafts, no error) is success with a zero receipt.
//
// decide must be pure: it may be called several times.
func (d *Desk) Do(ctx context.Context, by holdfast.Actor, decide func(now time.Time) ([]Draft, error)) (Receipt, error) {
	for range attempts {
		now, seen := d.Now(), d.State.Head().Position
		var drafts []Draft
		var err error
		d.State.View(func() { drafts, err = decide(now) })
		if err != nil && d.stale(ctx, seen, err) {
			continue
		}
		if err != nil || len(drafts) == 0 {
			return Receipt{}, err
		}
		receipt, err := d.append(ctx, Append{ID: holdfast.NewID(), Actor: by, Time: now, Facts: drafts})
		var moved *Mismatch
		switch {
		case errors.As(err, &moved):
			head, err := d.Journal.Barrier(ctx)
			if err != nil {
				return Receipt{}, err
			}
			if err := d.State.Reach(ctx, head.Position); err != nil {
				return Receipt{}, err
			}
		case err != nil:
			return Receipt{}, err
		default:
			// The facts are durable whatever happens now; a state that lags must not
			// make the act look undone.
			_ = d.State.Reach(ctx, receipt.Last)
			return receipt, nil
		}
	}
	return Receipt{}, holdfast.Errorf(holdfast.Unavailable, "too many others act on this at once; try again")
}

// stale reports whether a refusal may rest on a state that has been overtaken:
// what the act is about is not there yet, or has moved on, by a fact that another
// node wrote before the act began. The state is current then.
func (d *Desk) stale(ctx context.Context, seen holdfast.Position, refusal error) bool {
	if code := holdfast.CodeOf(refusal); code != holdfast.NotFound && code != holdfast.Conflict {
		return false
	}
	head, err := d.Journal.Barrier(ctx)
	return err == nil && head.Position > seen && d.State.Reach(ctx, head.Position) == nil
}

// append settles doubt by repeating the same append until it is answered or ctx
// ends: reading cannot prove that a write is absent. Nor can a repetition that
// was not carried out, so after a doubt Unavailable is no answer.
func (d *Desk) append(ctx context.Context, a Append) (Receipt, error) {
	after := d.After
	if after == nil {
		after = time.After
	}
	receipt, err := d.Journal.Append(ctx, a)
	for holdfast.CodeOf(err) == holdfast.Doubtful {
		doubt := err
		select {
		case <-ctx.Done():
			return Receipt{}, doubt
		case <-after(100 * time.Millisecond):
		}
		receipt, err = d.Journal.Append(ctx, a)
		if holdfast.CodeOf(err) == holdfast.Unavailable {
			err = doubt
		}
	}
	return receipt, err
}
