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
	// Above is the amount, in minor units, above which a resolution takes two people; -1
	// if all do. It is called under the state's lock.
	Above func() int64
	// Left names the incidents that left a payment unknown. It is called under the state's
	// lock; nil knows of none.
	Left func(identity string) []string
}

// Resolve records what a person says became of a payment of unknown outcome, and returns
// the id of the resolution. Where one person is enough gates are told at once.
func (s *Service) Resolve(ctx context.Context, by holdfast.Actor, f ResolutionForm) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(time.Time) (drafts []journal.Draft, err error) {
		var incidents []string
		if s.Left != nil {
			incidents = s.Left(f.Identity)
		}
		id, drafts, err = Resolve(s.Book, f, s.Above(), incidents)
		return drafts, err
	})
	return id, err
}

// AnswerResolution is a second person's word.
func (s *Service) AnswerResolution(ctx context.Context, by holdfast.Actor, id string, granted bool, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		return AnswerResolution(s.Book, by, id, granted, reason)
	})
	return err
}

// WithdrawResolution takes back what no gate has carried out.
func (s *Service) WithdrawResolution(ctx context.Context, by holdfast.Actor, id, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return WithdrawResolution(s.Book, id, reason) })
	return err
}

// Retire records that a gate is gone for good.
func (s *Service) Retire(ctx context.Context, by holdfast.Actor, name, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return Retire(s.Book.Gate(name), reason) })
	return err
}
