package enrolment

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service carries out the acts of people on gates. What gates say of themselves
// comes in through package fleet.
type Service struct {
	Desk *journal.Desk
	Book *Book
}

// Retire records that a gate is gone for good.
func (s *Service) Retire(ctx context.Context, by holdfast.Actor, name, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return Retire(s.Book.Gate(name), reason) })
	return err
}
