package journal

import (
	"context"
	"time"
)

const (
	// lookAgain is how long at most a loop waits without looking: figures move by
	// themselves, and a clock that was set must be noticed.
	lookAgain = time.Minute
	// breather keeps an alert storm from making a loop look at each fact.
	breather = time.Second
)

// Loop carries out step until ctx ends: when it begins, after the state has advanced, and
// at the time that the step before returned as its next (zero for none). Steps begin a
// second apart, unless one is due earlier, and at least once a minute.
func (d *Desk) Loop(ctx context.Context, step func(ctx context.Context) (next time.Time)) {
	watch, end := d.State.Watch()
	defer end()
	for {
		next, wait := step(ctx), lookAgain
		if left := next.Sub(d.Now()); !next.IsZero() && left < wait {
			wait = left
		}
		if wait <= 0 { // what was due and could not be done must not make it spin
			wait = breather
		}
		if !Pause(ctx, min(wait, breather), nil) || !Pause(ctx, wait-breather, watch) {
			return
		}
	}
}

// Pause waits for a time or a signal and reports whether ctx goes on.
func Pause(ctx context.Context, d time.Duration, signal <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-signal:
	case <-t.C:
	}
	return true
}
