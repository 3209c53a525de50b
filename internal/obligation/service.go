package obligation

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"holdfast"
	"holdfast/internal/attachment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
)

// Service carries out acts on obligations. It is safe for concurrent use. The
// caller has checked the account's right.
type Service struct {
	Desk  *journal.Desk
	Nouns Nouns
	// Files keeps receipts and copies of what was handed in.
	Files journal.Blobs
	Log   *slog.Logger
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, act string, decide func(now time.Time) ([]journal.Draft, error)) error {
	if _, err := s.Desk.Do(ctx, by, decide); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// SetMoment corrects a starting moment of an incident; the zero time gives it back
// to the incident.
func (s *Service) SetMoment(ctx context.Context, by holdfast.Actor, incident, moment string, at time.Time, reason string) error {
	return s.do(ctx, by, "correct the moment "+moment, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.setMoment(incident, moment, at, reason, now)
	})
}

// Assess says what people found out of an incident.
func (s *Service) Assess(ctx context.Context, by holdfast.Actor, incident string, a Assessment) error {
	return s.do(ctx, by, "assess incident "+incident, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.assess(incident, a, now) })
}

// Explain says why a report is, or will be, late.
func (s *Service) Explain(ctx context.Context, by holdfast.Actor, incident, clock, reason string) error {
	return s.do(ctx, by, "explain report "+clock, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.explain(incident, clock, reason, now)
	})
}

// Save keeps a new text of a report.
func (s *Service) Save(ctx context.Context, by holdfast.Actor, incident, clock string, lang holdfast.Lang, text string) error {
	return s.do(ctx, by, "save report "+clock, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.save(incident, clock, lang, text, now)
	})
}

// Approve is a second person's consent to the text of a number.
func (s *Service) Approve(ctx context.Context, by holdfast.Actor, incident, clock string, draft int) error {
	return s.do(ctx, by, "approve report "+clock, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.decideDraft(by, incident, clock, draft, true, "", now)
	})
}

// Refuse is a second person's refusal.
func (s *Service) Refuse(ctx context.Context, by holdfast.Actor, incident, clock string, draft int, reason string) error {
	return s.do(ctx, by, "refuse report "+clock, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.decideDraft(by, incident, clock, draft, false, reason, now)
	})
}

// Submit records that the approved text went out.
func (s *Service) Submit(ctx context.Context, by holdfast.Actor, incident, clock string, at time.Time, how string) error {
	return s.do(ctx, by, "record the submission of "+clock, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.submit(incident, clock, at, how, now)
	})
}

// Receive records the recipient's receipt.
func (s *Service) Receive(ctx context.Context, by holdfast.Actor, incident, clock, number string, at time.Time) error {
	return s.do(ctx, by, "record the receipt of "+clock, func(now time.Time) ([]journal.Draft, error) {
		return s.Nouns.receive(incident, clock, number, at, now)
	})
}

// Scan keeps a file beside a report. What is refused is not kept.
func (s *Service) Scan(ctx context.Context, by holdfast.Actor, incident, clock, name string, content []byte) (file attachment.File, err error) {
	if file, err = attachment.Of(name, content); err != nil {
		return file, err
	}
	s.Desk.State.View(func() { _, err = s.Nouns.scan(incident, clock, file, s.Desk.Now()) })
	if err == nil {
		err = attachment.Keep(ctx, s.Files, content)
	}
	if err == nil {
		_, err = s.Desk.Do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.scan(incident, clock, file, now) })
	}
	if err != nil {
		return attachment.File{}, fmt.Errorf("keep a file of report %s: %w", clock, err)
	}
	return file, nil
}

// Verify says that a person compared a clock with the text in force.
func (s *Service) Verify(ctx context.Context, by holdfast.Actor, clock string, v Verification) error {
	return s.do(ctx, by, "verify clock "+clock, func(now time.Time) ([]journal.Draft, error) { return s.Nouns.verify(clock, v, now) })
}

// File returns a file of a report, or code NotFound.
func (s *Service) File(incident, clock string, h holdfast.Hash) (file attachment.File, err error) {
	err = attachment.None(h)
	s.Desk.State.View(func() {
		for _, scan := range s.Nouns.Book.Record(incident).work(clock).Scans {
			if scan.File.Hash == h {
				file, err = scan.File, nil
			}
		}
	})
	return file, err
}

const (
	// An incident that is over is looked at for so long: watched where no rule has
	// begun to apply, owing where one has.
	watched = 90 * 24 * time.Hour
	owing   = 400 * 24 * time.Hour
)

// Run states what arises by itself until ctx ends: rules that begin or cease to
// apply, limits that come near and pass, each once.
func (s *Service) Run(ctx context.Context) error {
	s.Desk.Loop(ctx, func(ctx context.Context) time.Time {
		next, err := s.follow(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("the obligations cannot be worked out now", "error", err)
		}
		return next
	})
	return nil
}

// follow states what is due and returns when the next will be.
func (s *Service) follow(ctx context.Context) (next time.Time, err error) {
	var live []*incident.Incident
	now := s.Desk.Now()
	s.Desk.State.View(func() {
		for _, in := range s.Nouns.Incidents.All() {
			if s.Nouns.Live(in, now) {
				live = append(live, in)
			}
		}
	})
	for _, in := range live { // each by itself: between them, facts are folded
		arises := false
		s.Desk.State.View(func() {
			sheet := s.Nouns.Sheet(in, now)
			if at := sheet.next(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
				next = at
			}
			arises = len(sheet.arise(now)) > 0
		})
		if !arises {
			continue
		}
		_, err := s.Desk.Do(ctx, holdfast.Self("obligation"), func(now time.Time) ([]journal.Draft, error) {
			return s.Nouns.Sheet(in, now).arise(now), nil
		})
		if err != nil {
			return next, err
		}
	}
	return next, nil
}

// Live reports whether something may still arise of an incident by itself.
func (n Nouns) Live(in *incident.Incident, now time.Time) bool {
	most := watched
	if n.Book.Record(in.ID) != nil {
		most = owing
	}
	return !in.Over() || now.Sub(in.Ended) < most
}
