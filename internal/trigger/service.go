package trigger

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service carries out acts on triggers. It is safe for concurrent use. The caller
// has checked the account's right.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
}

// Open records that something demands an update of the plan that incidents run,
// and returns the trigger's id. Told the same again it returns the same id and
// writes nothing.
func (s *Service) Open(ctx context.Context, by holdfast.Actor, r Report) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.open(opened{Report: r}, now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("open a trigger: %w", err)
	}
	return id, nil
}

// AssessRisk records that a risk of the plan in force was assessed anew, and
// returns the id of the trigger that this opens.
func (s *Service) AssessRisk(ctx context.Context, by holdfast.Actor, risk string, in RiskChange) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.assess(by, risk, in, now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("assess risk %s: %w", risk, err)
	}
	return id, nil
}

// RenewMaterial records that a material of the plan in force has a new version,
// and returns the id of the trigger that this opens.
func (s *Service) RenewMaterial(ctx context.Context, by holdfast.Actor, material string, in MaterialChange) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.renew(by, material, in, now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("renew material %s: %w", material, err)
	}
	return id, nil
}

// Dispose says what is done about a trigger.
func (s *Service) Dispose(ctx context.Context, by holdfast.Actor, id string, d Disposal) error {
	if _, err := s.Desk.Do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.dispose(id, d, now) }); err != nil {
		return fmt.Errorf("dispose of trigger %s: %w", id, err)
	}
	return nil
}
