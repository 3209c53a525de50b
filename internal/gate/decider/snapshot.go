package decider

import (
	"context"

	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

// snapshotEvery is after how many records a snapshot is made, at the earliest: one
// takes as long as it takes to fold a few thousand.
const snapshotEvery = 20_000

// after ends a turn: what has to wait for the next one waits, and a snapshot is made if
// it is time.
func (s *shard) after(ctx context.Context, p *pack) {
	if snap := s.snapshot(ctx); snap != nil {
		go func() {
			err := s.d.opt.Source.PutSnapshot(ctx, *snap)
			if err != nil && ctx.Err() == nil {
				s.d.opt.Log.Warn("a snapshot of stand-in could not be kept", "shard", s.n, "error", err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.snapped = false
		}()
	}
	s.rest(p.again)
}

// snapshot makes a snapshot of a state that is durable, if it is time.
func (s *shard) snapshot(ctx context.Context) *advice.Snapshot {
	s.mu.Lock()
	due := s.state != nil && !s.snapped && s.since >= snapshotEvery
	s.mu.Unlock()
	if !due {
		return nil
	}
	revision, chain, err := s.d.opt.Source.Head(ctx, s.n)
	if err != nil || revision != s.revision {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.snapped = 0, true
	return &advice.Snapshot{Shard: s.n, Revision: revision, Chain: chain, Version: standin.FoldVersion, Body: s.state.Snapshot()}
}
