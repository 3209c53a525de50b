package roster

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Service keeps the roster. It is safe for concurrent use.
type Service struct {
	desk *journal.Desk
	book *Book
}

// New makes a service. The desk's state must fold the book.
func New(desk *journal.Desk, book *Book) *Service { return &Service{desk: desk, book: book} }

// Record states how people are from now on, all of them or none. Recording what
// is so already changes nothing. The error lists every fault.
func (s *Service) Record(ctx context.Context, by holdfast.Actor, people ...Person) error {
	_, err := s.desk.Do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		return record(s.book, people, now)
	})
	return err
}

// Leave states that a person is no longer here, and why. He fills no role then.
func (s *Service) Leave(ctx context.Context, by holdfast.Actor, id, reason string) error {
	_, err := s.desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		return leave(s.book, id, reason)
	})
	return err
}

// Person returns the person with an id, or code NotFound.
func (s *Service) Person(id string) (Person, error) {
	var p Person
	var ok bool
	s.desk.State.View(func() { p, ok = s.book.Person(id) })
	if !ok {
		return Person{}, holdfast.Errorf(holdfast.NotFound, "there is no person %q", id)
	}
	return p, nil
}

// People lists everyone by id.
func (s *Service) People() (all []Person) {
	s.desk.State.View(func() { all = s.book.People() })
	return all
}

// Holders lists who fills a role of the plan, by id.
func (s *Service) Holders(role string) (all []Person) {
	s.desk.State.View(func() { all = s.book.Holders(role) })
	return all
}
