package notify

import (
	"context"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service takes notices in and records acknowledgements. It sends nothing: a
// [Courier] follows.
type Service struct {
	Desk *journal.Desk
	// Book must be folded by the desk's state.
	Book *Book
}

// askAtOnce keeps the largest notices, every byte of them escaped, within one
// append.
const askAtOnce = 50

// Ask asks for notices to be delivered. Those that were asked for already are
// left as they are. When it returns nil, they are durable.
func (s *Service) Ask(ctx context.Context, by holdfast.Actor, notices ...Notice) error {
	for some := range slices.Chunk(notices, askAtOnce) {
		if err := s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return ask(s.Book, some) }); err != nil {
			return err
		}
	}
	return nil
}

// Acknowledge records that a person has taken note of a task's notices, how that
// is known (console, phone) and a note about it. Nothing more is sent to the
// person for the task. Acknowledging again is no error and writes nothing; code
// NotFound means that nobody of that id is told for the task.
func (s *Service) Acknowledge(ctx context.Context, by holdfast.Actor, incident, task, person, how, note string) error {
	return s.AcknowledgeRound(ctx, by, incident, task, 0, person, how, note)
}

// AcknowledgeRound is Acknowledge for another round of the task than the first.
func (s *Service) AcknowledgeRound(ctx context.Context, by holdfast.Actor, incident, task string, round int, person, how, note string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		return acknowledge(s.Book, incident, task, round, person, how, note)
	})
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, decide func(time.Time) ([]journal.Draft, error)) error {
	_, err := s.Desk.Do(ctx, by, decide)
	return err
}
