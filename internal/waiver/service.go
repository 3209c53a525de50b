package waiver

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service carries out acts on waivers. It is safe for concurrent use. The caller
// has checked that the account may approve plans.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
}

// Grant accepts a finding and returns the waiver's id.
func (s *Service) Grant(ctx context.Context, by holdfast.Actor, f Form) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.grant(by, f, now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("grant a waiver: %w", err)
	}
	return id, nil
}

// Revoke takes a waiver back.
func (s *Service) Revoke(ctx context.Context, by holdfast.Actor, id, reason string) error {
	if _, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Nouns.revoke(id, reason) }); err != nil {
		return fmt.Errorf("revoke waiver %s: %w", id, err)
	}
	return nil
}
