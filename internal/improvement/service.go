package improvement

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// Service carries out acts on improvements. It is safe for concurrent use. The
// caller has checked the account's right.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
	// Decided lists what debriefs decided that are over since [Recent], for Run to
	// record. It is called under the state's lock.
	Decided func(now time.Time) []Decided
	// Files keeps evidence.
	Files journal.Blobs
	Log   *slog.Logger
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, act, id string, decide func(now time.Time) ([]journal.Draft, error)) error {
	if _, err := s.Desk.Do(ctx, by, decide); err != nil {
		return fmt.Errorf("%s improvement %s: %w", act, id, err)
	}
	return nil
}

// Record records an improvement and returns its id. Told the same of an incident
// again it returns the same id and writes nothing.
func (s *Service) Record(ctx context.Context, by holdfast.Actor, f Form) (id string, err error) {
	f.Decision = "" // only a debrief has one
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.Nouns.record(f, now)
		return drafts, err
	})
	if err != nil {
		return "", fmt.Errorf("record an improvement: %w", err)
	}
	return id, nil
}

// Extend gives it a later due day.
func (s *Service) Extend(ctx context.Context, by holdfast.Actor, id string, due plan.Date, reason string) error {
	return s.do(ctx, by, "extend", id, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.extend(by, id, due, reason, now) })
}

// Assign gives it another owner: a role, or a person.
func (s *Service) Assign(ctx context.Context, by holdfast.Actor, id, role, person, reason string) error {
	return s.do(ctx, by, "assign", id, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.assign(by, id, role, person, reason, now)
	})
}

// Done says that it is done, and what shows it.
func (s *Service) Done(ctx context.Context, by holdfast.Actor, id, evidence string) error {
	return s.do(ctx, by, "end", id, func(time.Time) ([]journal.Draft, error) { return s.Nouns.done(by, id, evidence) })
}

// Keep keeps a file as evidence. What is refused is not kept.
func (s *Service) Keep(ctx context.Context, by holdfast.Actor, id, name string, content []byte) (file attachment.File, err error) {
	if file, err = attachment.Of(name, content); err != nil {
		return file, err
	}
	s.Desk.State.View(func() { _, err = s.Nouns.keep(by, id, file) })
	if err == nil {
		err = attachment.Keep(ctx, s.Files, content)
	}
	if err == nil {
		_, err = s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Nouns.keep(by, id, file) })
	}
	if err != nil {
		return attachment.File{}, fmt.Errorf("keep a file of improvement %s: %w", id, err)
	}
	return file, nil
}

// File returns a file of an improvement, or code NotFound.
func (s *Service) File(id string, h holdfast.Hash) (file attachment.File, err error) {
	err = attachment.None(h)
	s.Desk.State.View(func() {
		im, found := s.Nouns.Book.Improvement(id)
		if !found {
			return
		}
		for _, f := range im.Files {
			if f.File.Hash == h {
				file, err = f.File, nil
			}
		}
	})
	return file, err
}

// AskDrop asks for it to be dropped.
func (s *Service) AskDrop(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, "drop", id, func(time.Time) ([]journal.Draft, error) { return s.Nouns.askDrop(by, id, reason) })
}

// AnswerDrop is a second person's answer to that.
func (s *Service) AnswerDrop(ctx context.Context, by holdfast.Actor, id string, granted bool, reason string) error {
	return s.do(ctx, by, "drop", id, func(time.Time) ([]journal.Draft, error) { return s.Nouns.answerDrop(by, id, granted, reason) })
}

// Reopen says that what was over is not.
func (s *Service) Reopen(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, "reopen", id, func(time.Time) ([]journal.Draft, error) { return s.Nouns.reopen(id, reason) })
}
