package reconciliation

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/standin"
)

// Service carries out acts on exceptions and close-outs. It is safe for concurrent
// use. The caller has checked the account's right.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
	Board *Board
}

// Resolve asks for an exception to end, and returns the id of the decision. Where one
// person is enough it is ordered at once.
func (s *Service) Resolve(ctx context.Context, by holdfast.Actor, f Form) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.ask(f, Exceptions(s.Sources(now)))
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("resolve an exception: %w", err)
	}
	return id, nil
}

// LookAfter records what a person did about expired payments, and returns the ids of that,
// one for each.
func (s *Service) LookAfter(ctx context.Context, by holdfast.Actor, f CareForm) (ids []string, err error) {
	expired := Lapsed(s.Board.Sources(s.Desk.Now()))
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		ids, drafts, err = s.Nouns.care(by, f, expired, now)
		return drafts, err
	})
	if err != nil {
		return nil, fmt.Errorf("look after expired payments: %w", err)
	}
	return ids, nil
}

// Close asks for a directive to be closed, and returns the id of the decision.
func (s *Service) Close(ctx context.Context, by holdfast.Actor, directive, note string) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.askClose(directive, note, s.Sources(now), now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("close %s out: %w", directive, err)
	}
	return id, nil
}

// GiveUp asks for a directive to be closed out whose source is gone for good, and
// returns the id of the decision.
func (s *Service) GiveUp(ctx context.Context, by holdfast.Actor, f LostForm) (id string, err error) {
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.askLost(f, s.Sources(now), now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("give up the source of %s: %w", f.Directive, err)
	}
	return id, nil
}

// Sources adds up what gates told, and marks what was given up. Call it under the state's
// lock.
func (s *Service) Sources(now time.Time) []Source { return s.Nouns.Book.Mark(s.Board.Sources(now)) }

// Answer is a second person's word on a decision; whoever asked may take it back.
func (s *Service) Answer(ctx context.Context, by holdfast.Actor, id string, granted bool, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.answer(by, id, granted, reason, s.Sources(now), now)
	})
	if err != nil {
		return fmt.Errorf("answer %s: %w", id, err)
	}
	return nil
}

// Told takes what a gate tells, records what became of its orders, and returns those
// it still has to carry out.
func (s *Service) Told(ctx context.Context, gate string, sum standin.Summary) (orders []standin.Order, err error) {
	s.Board.put(gate, sum, s.Desk.Now())
	falls := s.Board.fallen(sum.Source)
	by := holdfast.Actor{Kind: holdfast.Gate, ID: gate}
	if _, err := s.Desk.Do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		drafts, said := s.Nouns.goneBack(sum.Source, falls, s.Nouns.contradict(sum, func() []Source { return s.Sources(now) }))
		falls = said
		return drafts, nil
	}); err != nil {
		return nil, err
	}
	s.Board.recorded(falls)
	for range sum.Carried {
		receipt, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) {
			return s.Nouns.carried(sum.Carried), nil
		})
		if err != nil {
			return nil, err
		}
		if receipt.Last == 0 {
			break
		}
	}
	sources := s.Board.Sources(s.Desk.Now())
	s.Desk.State.View(func() { orders = s.Nouns.orders(gate, sum.Source, sources) })
	return orders, nil
}
