package decider

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/standin"
)

const (
	// KnownFor is how long what was settled is known after its directive was closed: a
	// client that repeats it later is not recognised.
	KnownFor = 7 * 24 * time.Hour
	// tidyEvery is how often shards forget what is older.
	tidyEvery = time.Hour
)

// tidyUp keeps what the source holds bounded until ctx ends.
func (d *Decider) tidyUp(ctx context.Context) {
	tick, erase := time.NewTicker(tidyEvery), time.NewTicker(eraseEvery)
	defer tick.Stop()
	defer erase.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-erase.C:
			if err := d.Erase(ctx); err != nil && ctx.Err() == nil {
				d.opt.Log.Warn("data keys of what is settled could not be destroyed; it is tried again", "error", err)
			}
			continue
		case <-tick.C:
		}
		if err := d.Tidy(ctx); err != nil && ctx.Err() == nil {
			d.opt.Log.Warn("what is over could not be forgotten; it is tried again", "error", err)
		}
	}
}

// Tidy forgets what was settled long ago under closed directives, and drops ledgers and
// packs in which nothing stands that is known. A shard that has forgotten is made a
// snapshot of; its packs go at the next time.
func (d *Decider) Tidy(ctx context.Context) error {
	if d.quiet.Load() {
		return nil
	}
	gone := make(chan string, len(d.shards)*standin.MaxOrders)
	if err := d.everywhere(ctx, func(s *shard) error { return s.tidy(ctx, gone) }); err != nil {
		return err
	}
	close(gone)
	var profiles []string
	for directive := range gone {
		if !d.remembers(directive) {
			profiles = append(profiles, profileKey(directive))
		}
	}
	if len(profiles) == 0 {
		return nil
	}
	return d.opt.Source.DropLedgers(ctx, profiles)
}

// remembers reports whether a shard may still know of a directive.
func (d *Decider) remembers(directive string) bool {
	return slices.ContainsFunc(d.shards, func(s *shard) bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.state == nil {
			return true
		}
		_, there := s.state.Opening(directive)
		return there
	})
}

func (s *shard) tidy(ctx context.Context, gone chan<- string) error {
	if s.cutDue {
		if err := s.cut(ctx); err != nil {
			return err
		}
		s.cutDue = false
	}
	before := s.d.opt.Clock.Now().Add(-KnownFor)
	var stale bool
	var directives, ledgers []string
	look := &job{look: true, do: func(t *turn) error {
		if stale = s.mine() && s.state.Stale(before); stale {
			directives, ledgers = s.state.Over(before)
		}
		return nil
	}}
	if err := s.d.do(ctx, s, look); err != nil || !stale {
		return err
	}
	if err := s.d.opt.Source.DropLedgers(ctx, ledgers); err != nil {
		return err
	}
	forget := &job{polite: true, do: func(t *turn) error {
		s.shrunk = true // it is time for a snapshot
		return t.add(standin.Forget(s.state, before, t.now)...)
	}}
	if err := s.d.do(ctx, s, forget); err != nil {
		return err
	}
	s.cutDue = true
	for _, directive := range directives {
		select {
		case gone <- directive:
		default: // so many that the rest of the profiles stay
		}
	}
	return nil
}

// cutKey is the ledger that says up to where packs of a shard were cut.
func cutKey(shard int) string { return fmt.Sprint("cut/", shard) }

// cut drops packs before the first that brought something the shard still knows: as long as it
// is there, its identities are nobody else's.
func (s *shard) cut(ctx context.Context) error {
	source := s.d.opt.Source
	snaps, err := source.Snapshots(ctx, s.n)
	if err != nil || len(snaps) < 2 {
		return err
	}
	revision, body, err := source.Ledger(ctx, cutKey(s.n))
	if err != nil {
		return err
	}
	var from uint64
	if len(body) == 8 {
		from = binary.BigEndian.Uint64(body)
	}
	upTo, err := s.free(ctx, from, snaps[1].Revision)
	if err != nil || upTo == from {
		return err
	}
	// Where it is to be cut is written first: packs before it are not read again.
	if err := source.PutLedger(ctx, cutKey(s.n), revision, binary.BigEndian.AppendUint64(nil, upTo)); err != nil {
		return err
	}
	return source.Cut(ctx, s.n, upTo)
}

// free returns the last pack, after one and up to another, before the first that is needed.
func (s *shard) free(ctx context.Context, from, most uint64) (uint64, error) {
	for {
		packs, err := s.d.opt.Source.Read(ctx, s.n, from, 100)
		if err != nil || len(packs) == 0 {
			return from, err
		}
		for _, p := range packs {
			records, err := standin.Decode(p.Body)
			if err != nil || p.Revision() > most || s.knows(records) {
				return from, err
			}
			from = p.Revision()
		}
	}
}

func (s *shard) knows(records []standin.Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == nil || slices.ContainsFunc(records, func(r standin.Record) bool {
		d, ok := r.(*standin.Decision)
		return ok && s.state.Item(d.Identity) != nil
	})
}
