package alert

import (
	"context"
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

// How many members of a delivery go into one append, and how many bytes of text,
// which JSON may make six times as long.
const (
	appendAtOnce = journal.MaxFacts / 2
	bytesAtOnce  = journal.MaxAppend / 8
)

// batches splits members so that each part fits one append.
func batches(members []Incoming) (parts [][]Incoming) {
	begin, size := 0, 0
	for i, in := range members {
		n := in.masked().size()
		if i > begin && (size+n > bytesAtOnce || i-begin == appendAtOnce) {
			parts = append(parts, members[begin:i])
			begin, size = i, 0
		}
		size += n
	}
	if begin < len(members) {
		parts = append(parts, members[begin:])
	}
	return parts
}

// Deliver stores what is new in a delivery.
func (s *Service) Deliver(ctx context.Context, by holdfast.Actor, d Delivery) error {
	if d.Group != "" {
		if err := s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Book.Cut(d.Group, d.Cut), nil }); err != nil {
			return err
		}
	}
	for _, members := range batches(d.Members) {
		if err := s.receive(ctx, by, members); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) receive(ctx context.Context, by holdfast.Actor, members []Incoming) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		var drafts []journal.Draft
		met := map[string]bool{} // a group may hold one identity twice
		for _, in := range members {
			in, ok := s.Book.started(in.identified(), now)
			id := in.ID()
			if !ok || met[id] {
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
