package alert

import (
	"context"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service takes alerts in. When it returns without an error, the alerts are
// stored: only then may a sender be told so.
type Service struct {
	Desk *journal.Desk
	Book *Book
}

// appendAtOnce is how many members of a delivery go into one append.
const appendAtOnce = journal.MaxFacts / 2

// Deliver stores what is new in a delivery.
func (s *Service) Deliver(ctx context.Context, by holdfast.Actor, d Delivery) error {
	if d.Group != "" {
		if err := s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Book.Cut(d.Group, d.Cut), nil }); err != nil {
			return err
		}
	}
	for members := range slices.Chunk(d.Members, appendAtOnce) {
		if err := s.receive(ctx, by, members); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) receive(ctx context.Context, by holdfast.Actor, members []Incoming) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		var drafts []journal.Draft
		met := map[string]bool{} // a group may hold one identity twice
		for _, in := range members {
			id := in.ID()
			if met[id] {
				continue
			}
			met[id] = true
			drafts = append(drafts, Receive(s.Book.Alert(id), in)...)
		}
		return drafts, nil
	})
}

// Report stores a person's report and returns the alert's id.
func (s *Service) Report(ctx context.Context, by holdfast.Actor, r Report) (string, error) {
	var id string
	key := holdfast.NewID()
	err := s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		in, err := r.Incoming(key, now)
		if err != nil {
			return nil, err
		}
		id = in.ID()
		return Receive(nil, in), nil
	})
	return id, err
}

// Dismiss says that an alert needs no incident.
func (s *Service) Dismiss(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return Dismiss(s.Book.Alert(id), reason) })
}

func (s *Service) do(ctx context.Context, by holdfast.Actor, decide func(time.Time) ([]journal.Draft, error)) error {
	_, err := s.Desk.Do(ctx, by, decide)
	return err
}
