package filing

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// Service carries out acts on filings. It is safe for concurrent use. The caller
// has checked the account's right.
type Service struct {
	Desk  *journal.Desk
	Book  *Book
	Plans *plan.Book
	// Files keeps scans.
	Files journal.Blobs
}

// Record states what was filed, and returns the filing's id.
func (s *Service) Record(ctx context.Context, by holdfast.Actor, f Form) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = record(s.Book, s.Plans, f, now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("record the filing: %w", err)
	}
	return id, nil
}

// Receive states the receipt of a filing.
func (s *Service) Receive(ctx context.Context, by holdfast.Actor, id string, r Receipt) error {
	if _, err := s.Desk.Do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return receive(s.Book, id, r, now) }); err != nil {
		return fmt.Errorf("record the receipt of filing %s: %w", id, err)
	}
	return nil
}
