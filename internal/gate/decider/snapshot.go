package decider

import (
	"context"

	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// snapshotEvery is after how many records a snapshot is made, at the earliest. A large
// state waits for as many as it has decisions: so what snapshots cost for each decision
// does not grow with what is kept.
const snapshotEvery = 20_000

// timely reports whether it is time for a snapshot, which is the business of the gate that
// wrote last: one that comes late would take the place of newer ones. The caller holds mu.
func (s *shard) timely() bool {
	return s.state != nil && (!s.d.opt.Shared || s.mine()) && !s.snapped && (s.shrunk || s.since >= max(snapshotEvery, s.state.Len()))
}

// after ends a turn: what has to wait for the next one waits, and a snapshot is made if
// it is time.
func (s *shard) after(ctx context.Context, p *pack) {
	if snap, kept := s.snapshot(ctx); snap != nil {
		go func() {
			err := s.d.opt.Source.PutSnapshot(ctx, *snap)
			if err != nil && ctx.Err() == nil {
				s.d.opt.Log.Warn("a snapshot of stand-in could not be kept", "shard", s.n, "error", err)
			}
			kept()
		}()
	}
	s.rest(p.again)
}

// snapshotShare is the part of the time in which snapshots may be made, at most one in so
// many: those of large states fall due together, and each holds up what waits for the disk.
const snapshotShare = 10

// snapshot makes a snapshot of a state that is durable, if it is time. Of all shards one
// at a time does, until kept is called, and the next some time later: no request waits for
// more than one. What has just shrunk is soon made, and might have no other turn for long.
func (s *shard) snapshot(ctx context.Context) (snap *advice.Snapshot, kept func()) {
	s.mu.Lock()
	due, shrunk := s.timely(), s.shrunk
	s.mu.Unlock()
	begun := s.d.opt.Clock.Boot()
	if !due || !shrunk && (int64(begun) < s.d.snapNext.Load() || !s.d.snapping.CompareAndSwap(false, true)) {
		return nil, nil
	}
	free := func() {
		if !shrunk {
			now := s.d.opt.Clock.Boot()
			s.d.snapNext.Store(int64(now + (snapshotShare-1)*(now-begun)))
			s.d.snapping.Store(false)
		}
	}
	revision, chain, err := s.d.opt.Source.Head(ctx, s.n)
	if err != nil || revision != s.revision {
		free()
		return nil, nil
	}
	s.mu.Lock()
	s.since, s.shrunk, s.snapped = 0, false, true
	state := s.state
	s.mu.Unlock()
	// Only who has made the shard busy changes its state: others may read it meanwhile, and
	// payments that are none of its business do not wait.
	snap = &advice.Snapshot{Shard: s.n, Revision: revision, Chain: chain, Version: standin.FoldVersion, Body: state.Snapshot()}
	return snap, func() {
		free()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.snapped = false
	}
}
