package decider

import (
	"context"
	"errors"
	"time"
)

const (
	// eraseEvery is how often data keys are looked at.
	eraseEvery = time.Minute
	// lostFor is how long after a gate showed itself last others destroy its data keys.
	lostFor = 10 * time.Minute
)

// Erase destroys the data keys under which nothing is kept any more that is pending or for
// people to decide: this gate's, and those of gates that are lost. Nothing is destroyed
// while a shard was not read or a pack is in doubt: what stands there is not known.
func (d *Decider) Erase(ctx context.Context) error {
	if d.opt.Vault == nil || d.unsure.Load() || d.doubtful() {
		return nil
	}
	used := map[string]bool{}
	for _, s := range d.shards {
		s.mu.Lock()
		there := s.state != nil
		if there {
			s.state.SealedBy(func(key string) { used[key] = true })
		}
		s.mu.Unlock()
		if !there {
			return nil
		}
	}
	errs := []error{d.opt.Vault.Destroy(ctx, d.opt.Gate, used)}
	for _, gate := range d.lost() {
		errs = append(errs, d.opt.Vault.Destroy(ctx, gate, used))
	}
	return errors.Join(errs...)
}

func (d *Decider) doubtful() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, doubt := d.alarms["doubt"]
	return doubt
}

// lost lists the gates of the source that have not shown themselves for long, if this one
// looked just now.
func (d *Decider) lost() (list []string) {
	boot := d.opt.Clock.Boot()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looked == 0 || boot-d.looked > 3*showEvery {
		return nil
	}
	for gate, m := range d.mates {
		if boot-m.at >= lostFor {
			list = append(list, gate)
		}
	}
	return list
}
