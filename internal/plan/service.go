package plan

import (
	"context"
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service carries out acts on plans. The caller has checked that the actor may
// act.
type Service struct {
	Desk *journal.Desk
	Book *Book
	// Files tells which files are kept here; nil means none.
	Files Files
}

// Files tells which files are kept.
type Files interface {
	HasBlob(ctx context.Context, h holdfast.Hash) (bool, error)
}

// Publish makes a text the next revision of the plan it names, in force at once,
// and returns the revision's number. A text with faults is refused with code
// Invalid and [Faults] in the chain, a text equal to the latest revision with
// code Conflict. Of the files that are kept here it may name those that a revision of
// the plan names already: whoever writes a text can write any hash, also that of a file
// he may not see. One that is not kept may be handed in to the revision afterwards.
func (s *Service) Publish(ctx context.Context, by holdfast.Actor, src []byte, note string) (number int, err error) {
	p, faults := Decode("", src)
	if len(faults) > 0 {
		return 0, holdfast.Errorf(holdfast.Invalid, "the plan has %d faults; mend them and publish again", len(faults)).At("text").Because(faults)
	}
	kept, err := s.kept(ctx, p)
	if err != nil {
		return 0, fmt.Errorf("publish plan %s: %w", p.ID, err)
	}
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		if err := s.Book.filesOf(p.ID, kept); err != nil {
			return nil, err
		}
		number, drafts, err = Publish(s.Book, p.ID, src, note, now)
		return drafts, err
	})
	if err != nil {
		return 0, fmt.Errorf("publish plan %s: %w", p.ID, err)
	}
	return number, nil
}

// kept lists the attachments of a plan whose files are kept here.
func (s *Service) kept(ctx context.Context, p *Plan) (list []Attachment, err error) {
	if s.Files == nil {
		return nil, nil
	}
	for _, a := range p.Attachments {
		f, ok := a.File()
		if !ok {
			continue
		}
		kept, err := s.Files.HasBlob(ctx, f.Hash)
		if err != nil {
			return nil, err
		}
		if kept {
			list = append(list, a)
		}
	}
	return list, nil
}
