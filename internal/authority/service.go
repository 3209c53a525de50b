package authority

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service carries out acts on delegations and breaks of the glass. It is safe for
// concurrent use.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
	Log   *slog.Logger
}

// Delegate gives roles of a person to another for a time and returns the
// delegation's id. With others, the actor manages the roster and may name whose.
func (s *Service) Delegate(ctx context.Context, by holdfast.Actor, g Given, others bool) (id string, err error) {
	err = s.do(ctx, by, "delegate", func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.delegate(by, g, others, now)
		return drafts, err
	})
	return id, err
}

// EndDelegation ends one before its time.
func (s *Service) EndDelegation(ctx context.Context, by holdfast.Actor, id, reason string, others bool) error {
	return s.do(ctx, by, "end a delegation", func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.endDelegation(by, id, reason, others, now)
	})
}

// BreakGlass lets the actor act beyond his authority for a time, on the terms of
// the plan that rules the incident. incident may be empty.
func (s *Service) BreakGlass(ctx context.Context, by holdfast.Actor, reason, incident string) (id string, err error) {
	err = s.do(ctx, by, "act beyond one's authority", func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.smash(by, reason, incident, now)
		return drafts, err
	})
	return id, err
}

// EndGlass ends a break of the glass before its time.
func (s *Service) EndGlass(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, "end acting beyond one's authority", func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.endGlass(by, id, reason, now)
	})
}

// Judge records a superior's judgement of a break of the glass.
func (s *Service) Judge(ctx context.Context, by holdfast.Actor, id string, right bool, reason string) error {
	return s.do(ctx, by, "judge", func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.judge(by, id, right, reason, now)
	})
}

// look is how often what is overdue is looked for.
const look = 10 * time.Second

// Run states what was not judged in time, until ctx ends. Every control node may
// run it; the journal takes each statement once.
func (s *Service) Run(ctx context.Context) error {
	for {
		_, err := s.Desk.Do(ctx, holdfast.Self("authority"), func(now time.Time) ([]journal.Draft, error) { return s.Nouns.overdue(now), nil })
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("what was not judged in time cannot be stated now", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(look):
		}
	}
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, what string, decide func(time.Time) ([]journal.Draft, error)) error {
	if _, err := s.Desk.Do(ctx, by, decide); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
