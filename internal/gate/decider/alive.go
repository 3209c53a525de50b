package decider

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/standin"
)

// Gates of one source show in its ledger "gates" that they live, whether the control plane
// hears them, and which advices they can send. The shards of one that does not any more
// are taken over by another, so that somebody tells of each, sends its advices and carries
// out what people decided on it.

const (
	aliveKey = "gates"
	// showEvery is how often a gate shows itself, AliveFor how long it counts as alive
	// after that.
	showEvery = 5 * time.Second
	AliveFor  = 30 * time.Second
	// toldFor is how long after its last summary a gate counts as heard.
	toldFor = 10 * time.Second
	// dropAfter is after how long without a word a gate is struck off.
	dropAfter = 24 * time.Hour
)

// shown is what a gate shows of itself.
type shown struct {
	// Turn goes on each time.
	Turn uint64 `json:"turn"`
	// Heard says that the control plane hears it.
	Heard bool `json:"heard,omitempty"`
	// Keys are those that it can open advices with, Routes those that it knows; nil
	// for all.
	Keys   []string `json:"keys,omitempty"`
	Routes []string `json:"routes,omitempty"`
}

// can reports whether a gate can send an advice, or ask about it.
func (g shown) can(i *standin.Item, ask bool) bool {
	key, _, _ := strings.Cut(i.Sealed.Key, ".") // of a data key, the one that it stands under
	return (g.Routes == nil || slices.Contains(g.Routes, i.Route)) && (ask || g.Keys == nil || slices.Contains(g.Keys, key))
}

// mate is another gate of the source, with when it last showed itself, and when that it
// is heard, by this gate's Boot.
type mate struct {
	shown
	at, heard time.Duration
}

func (d *Decider) self() shown { return shown{Keys: d.opt.Keys, Routes: d.opt.Routes} }

// watch shows this gate and takes over what silent ones left.
func (d *Decider) watch(ctx context.Context) error {
	if !d.opt.Shared || d.quiet.Load() {
		return nil
	}
	boot := d.opt.Clock.Boot()
	told := time.Duration(d.told.Load())
	heard := told != 0 && boot-told < toldFor
	if d.shown == 0 || boot-d.shown >= showEvery {
		if err := d.show(ctx, boot, heard); err != nil {
			return err
		}
	}
	if !heard {
		return nil
	}
	var errs []error
	for _, s := range d.shards {
		if gate := s.decider(); gate != "" && d.silent(gate, boot) {
			errs = append(errs, d.do(ctx, s, &job{polite: true, do: func(*turn) error { return nil }}))
		}
	}
	return errors.Join(errs...)
}

// show reads what others show, and shows this gate.
func (d *Decider) show(ctx context.Context, boot time.Duration, heard bool) error {
	revision, body, err := d.opt.Source.Ledger(ctx, aliveKey)
	if err != nil {
		return err
	}
	all := map[string]shown{}
	if json.Unmarshal(body, &all) != nil {
		clear(all) // it is made anew: nothing else rests on it
	}
	d.note(all, boot)
	me := d.self()
	me.Turn, me.Heard = all[d.opt.Gate].Turn+1, heard
	all[d.opt.Gate] = me
	if body, err = json.Marshal(all); err != nil {
		return err
	}
	err = d.opt.Source.PutLedger(context.WithoutCancel(ctx), aliveKey, revision, body)
	if code := holdfast.CodeOf(err); code == holdfast.Conflict || code == holdfast.Doubtful {
		return nil // at the next look
	}
	if err == nil {
		d.shown = boot
	}
	return err
}

// note notes what others show, and strikes off who has not for long.
func (d *Decider) note(all map[string]shown, boot time.Duration) {
	names := slices.Collect(maps.Keys(all))
	for _, s := range d.shards {
		names = append(names, s.decider())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.looked = boot
	for _, gate := range names {
		if gate == "" || gate == d.opt.Gate {
			continue
		}
		was, there := d.mates[gate]
		now, shows := all[gate]
		switch {
		case !there: // it may have shown itself just before
			d.mates[gate] = mate{now, boot, boot}
		case shows && was.Turn != now.Turn:
			m := mate{now, boot, was.heard}
			if now.Heard {
				m.heard = boot
			}
			d.mates[gate] = m
		case boot-was.at > dropAfter:
			delete(all, gate)
		}
	}
}

// silent reports whether the control plane has not heard a gate for long.
func (d *Decider) silent(gate string, boot time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	was, there := d.mates[gate]
	return there && boot-was.heard >= AliveFor
}

// others reports whether another gate that lives can send an advice, or ask about it.
func (d *Decider) others(i *standin.Item, ask bool) bool {
	boot := d.opt.Clock.Boot()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.mates {
		if boot-m.at < AliveFor && m.can(i, ask) {
			return true
		}
	}
	return false
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
