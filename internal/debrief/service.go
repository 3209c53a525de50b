package debrief

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service carries out acts on debriefs. It is safe for concurrent use. The caller has
// checked the account's right to run incidents; that who signs holds the role is
// checked here.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
	Log   *slog.Logger
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, act, incident string, decide func(now time.Time) ([]journal.Draft, error)) error {
	if _, err := s.Desk.Do(ctx, by, decide); err != nil {
		return fmt.Errorf("%s of incident %s: %w", act, incident, err)
	}
	return nil
}

// Write keeps the texts that changed.
func (s *Service) Write(ctx context.Context, by holdfast.Actor, incident string, sheet Sheet) error {
	return s.do(ctx, by, "write the debrief", incident, func(time.Time) ([]journal.Draft, error) { return s.Nouns.write(incident, sheet) })
}

// SetCause keeps a new cause, or with an id a correction of one, and returns its id.
func (s *Service) SetCause(ctx context.Context, by holdfast.Actor, incident, cause string, f CauseForm) (id string, err error) {
	err = s.do(ctx, by, "write a cause", incident, func(time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.setCause(incident, cause, f)
		return drafts, err
	})
	return id, err
}

// WithdrawCause takes a cause back.
func (s *Service) WithdrawCause(ctx context.Context, by holdfast.Actor, incident, cause, reason string) error {
	return s.do(ctx, by, "withdraw a cause", incident, func(time.Time) ([]journal.Draft, error) {
		return s.Nouns.withdrawCause(incident, cause, reason)
	})
}

// SetImprovement keeps a new improvement, or with an id a correction of one, and
// returns its id.
func (s *Service) SetImprovement(ctx context.Context, by holdfast.Actor, incident, improvement string, f ImprovementForm) (id string, err error) {
	err = s.do(ctx, by, "write an improvement", incident, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.setImprovement(incident, improvement, f, now)
		return drafts, err
	})
	return id, err
}

// WithdrawImprovement takes an improvement back.
func (s *Service) WithdrawImprovement(ctx context.Context, by holdfast.Actor, incident, improvement, reason string) error {
	return s.do(ctx, by, "withdraw an improvement", incident, func(time.Time) ([]journal.Draft, error) {
		return s.Nouns.withdrawImprovement(incident, improvement, reason)
	})
}

// Present freezes the figures and asks those whom the plan names to sign.
func (s *Service) Present(ctx context.Context, by holdfast.Actor, incident string) error {
	return s.do(ctx, by, "present the debrief", incident, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.present(incident, now) })
}

// Sign signs a round for a role; without one for the first that the actor holds.
func (s *Service) Sign(ctx context.Context, by holdfast.Actor, incident string, round int, role string) error {
	return s.do(ctx, by, "sign the debrief", incident, func(time.Time) ([]journal.Draft, error) {
		return s.Nouns.sign(incident, round, role, by)
	})
}

// Return sends a round back with a reason.
func (s *Service) Return(ctx context.Context, by holdfast.Actor, incident string, round int, reason string) error {
	return s.do(ctx, by, "return the debrief", incident, func(time.Time) ([]journal.Draft, error) {
		return s.Nouns.giveBack(incident, round, reason, by)
	})
}

// Run tells of due times, each once, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	s.Desk.Loop(ctx, func(ctx context.Context) time.Time {
		next, err := s.follow(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("the due times of debriefs cannot be told now", "error", err)
		}
		return next
	})
	return nil
}

// follow tells what is due and returns when the next thing will be.
func (s *Service) follow(ctx context.Context) (next time.Time, err error) {
	_, err = s.Desk.Do(ctx, holdfast.Self("debrief"), func(now time.Time) (all []journal.Draft, _ error) {
		next = time.Time{}
		for _, in := range s.Nouns.Incidents.All() {
			drafts, at := s.Nouns.remind(in, now)
			all = append(all, drafts...)
			if !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		return all, nil
	})
	return next, err
}
