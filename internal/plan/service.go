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
}

// Publish makes a text the next revision of the plan it names, in force at once,
// and returns the revision's number. A text with faults is refused with code
// Invalid and [Faults] in the chain, a text equal to the latest revision with
// code Conflict.
func (s *Service) Publish(ctx context.Context, by holdfast.Actor, src []byte, note string) (number int, err error) {
	p, faults := Decode("", src)
	if len(faults) > 0 {
		return 0, holdfast.Errorf(holdfast.Invalid, "the plan has %d faults; mend them and publish again", len(faults)).At("text").Because(faults)
	}
	_, err = s.Desk.Do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		number, drafts, err = Publish(s.Book, p.ID, src, note, now)
		return drafts, err
	})
	if err != nil {
		return 0, fmt.Errorf("publish plan %s: %w", p.ID, err)
	}
	return number, nil
}
