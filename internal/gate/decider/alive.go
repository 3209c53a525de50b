package decider

import (
	"context"
	"errors"
	"time"

	"holdfast"
)

// Gates of one source show at it that they live, and that the control plane hears them: in a
// ledger "gate/<name>" whose revision goes on. The shards of one that does not any more
// are taken over by another, so that somebody tells of each, sends its advices and carries
// out what people decided on it.

const (
	// showEvery is how often a gate shows itself, AliveFor how long it counts as alive
	// after that.
	showEvery = 5 * time.Second
	AliveFor  = 30 * time.Second
	// toldFor is how long after its last summary a gate counts as heard.
	toldFor = 10 * time.Second
)

// seen is when another gate showed itself last, by this gate's Boot.
type seen struct {
	revision uint64
	at       time.Duration
}

// alive belongs to the loop that follows the posture.
type alive struct {
	shown  time.Duration
	others map[string]seen
}

func aliveKey(gate string) string { return "gate/" + gate }

// watch shows this gate and takes over what silent ones left.
func (d *Decider) watch(ctx context.Context) error {
	boot := d.opt.Clock.Boot()
	told := time.Duration(d.told.Load())
	if !d.opt.Shared || d.quiet.Load() || told == 0 || boot-told >= toldFor {
		clear(d.alive.others) // what was not looked at is not known to be silent
		return nil
	}
	var errs []error
	if d.alive.shown == 0 || boot-d.alive.shown >= showEvery {
		d.alive.shown = boot
		errs = append(errs, d.show(ctx))
		errs = append(errs, d.look(ctx, boot))
	}
	for _, s := range d.shards {
		if gate := s.decider(); gate != "" && d.silent(gate, boot) {
			errs = append(errs, d.do(ctx, s, &job{polite: true, do: func(*turn) error { return nil }}))
		}
	}
	return errors.Join(errs...)
}

func (d *Decider) show(ctx context.Context) error {
	key := aliveKey(d.opt.Gate)
	revision, _, err := d.opt.Source.Ledger(ctx, key)
	if err != nil {
		return err
	}
	err = d.opt.Source.PutLedger(context.WithoutCancel(ctx), key, revision, []byte(d.opt.Boot))
	if code := holdfast.CodeOf(err); code == holdfast.Conflict || code == holdfast.Doubtful {
		return nil // the next one shows it
	}
	return err
}

// look notes which of the gates that decide for shards have shown themselves.
func (d *Decider) look(ctx context.Context, boot time.Duration) error {
	now := map[string]seen{}
	for _, s := range d.shards {
		gate := s.decider()
		if _, there := now[gate]; there || gate == "" {
			continue
		}
		revision, _, err := d.opt.Source.Ledger(ctx, aliveKey(gate))
		if err != nil {
			return err
		}
		was, there := d.alive.others[gate]
		if !there || was.revision != revision {
			was = seen{revision, boot}
		}
		now[gate] = was
	}
	d.alive.others = now
	return nil
}

func (d *Decider) silent(gate string, boot time.Duration) bool {
	was, there := d.alive.others[gate]
	return there && boot-was.at >= AliveFor
}

// decider returns the other gate that wrote to the shard last; empty if none did.
func (s *shard) decider() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state == nil {
		return ""
	}
	gate, _, _ := s.state.Decider()
	if gate == s.d.opt.Gate {
		return ""
	}
	return gate
}
