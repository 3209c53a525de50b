package status

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service carries out acts on bulletins. It is safe for concurrent use. The caller
// has checked the account's right.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
}

// Begin writes the first text of a new bulletin, on an incident if one is named, and
// returns its id.
func (s *Service) Begin(ctx context.Context, by holdfast.Actor, kind Kind, incident string, c Content) (id string, err error) {
	err = s.do(ctx, by, "begin a bulletin", func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.begin(kind, incident, c, now)
		return drafts, err
	})
	return id, err
}

// Write keeps another text of a bulletin's next entry.
func (s *Service) Write(ctx context.Context, by holdfast.Actor, id string, c Content) error {
	return s.do(ctx, by, "write bulletin "+id, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.write(id, c, now) })
}

// Publish publishes the text of a number.
func (s *Service) Publish(ctx context.Context, by holdfast.Actor, id string, draft int) error {
	return s.do(ctx, by, "publish bulletin "+id, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.publish(by, id, draft, now) })
}

// Drop says that the text of a number is not published, and why.
func (s *Service) Drop(ctx context.Context, by holdfast.Actor, id string, draft int, reason string) error {
	return s.do(ctx, by, "drop the text of bulletin "+id, func(time.Time) ([]journal.Draft, error) { return s.Nouns.drop(id, draft, reason) })
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, act string, decide func(now time.Time) ([]journal.Draft, error)) error {
	if _, err := s.Desk.Do(ctx, by, decide); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}
