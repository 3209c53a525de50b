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

func (s *Service) do(ctx context.Context, by holdfast.Actor, decide func(now time.Time) ([]journal.Draft, error)) error {
	_, err := s.desk.Do(ctx, by, decide)
	return err
}

// Record states how people are from now on, all of them or none. Recording what
// is so already changes nothing. The error lists every fault.
func (s *Service) Record(ctx context.Context, by holdfast.Actor, people ...Person) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return record(s.book, people, now) })
}

// Leave states that a person is no longer here, and why. He fills no role then;
// [Service.Held] lists what needs another person.
func (s *Service) Leave(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.LeaveFrom(ctx, by, id, time.Time{}, reason)
}

// RecordParties states how parties are from now on, all of them or none.
func (s *Service) RecordParties(ctx context.Context, by holdfast.Actor, parties ...Party) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return recordParties(s.book, parties, now) })
}

// RemoveParty states that the operator no longer deals with a party, and why.
func (s *Service) RemoveParty(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return removeParty(s.book, id, reason) })
}

// Schedule states the duty schedules of roles from now on, all of them or none.
// The covers of a role stay. The error lists every fault.
func (s *Service) Schedule(ctx context.Context, by holdfast.Actor, list ...Schedule) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return schedule(s.book, list) })
}

// EndDuty states that a role has no duty times any more, and why.
func (s *Service) EndDuty(ctx context.Context, by holdfast.Actor, role, reason string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return endDuty(s.book, role, reason) })
}

// Cover puts a person on duty in place of another for some time and returns the
// cover's id.
func (s *Service) Cover(ctx context.Context, by holdfast.Actor, role string, c Cover) (id string, err error) {
	err = s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		drafts, err := cover(s.book, role, c, now)
		id = coverID(s.book, role)
		return drafts, err
	})
	if err != nil {
		return "", err
	}
	return id, nil
}

// Uncover withdraws a cover, and says why.
func (s *Service) Uncover(ctx context.Context, by holdfast.Actor, role, id, reason string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return uncover(s.book, role, id, reason) })
}

// RecordCalendar states the years of a calendar, each in place of what the
// calendar had for it.
func (s *Service) RecordCalendar(ctx context.Context, by holdfast.Actor, c Calendar) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return recordCalendar(s.book, c), nil })
}

// AskContact states that a message with a link is sent to an address of a person
// or a party (person/<id>, party/<id>), and returns the address. hash is that of
// the link's secret.
func (s *Service) AskContact(ctx context.Context, by holdfast.Actor, at holdfast.Subject, channel Channel, address, ask string, hash holdfast.Hash) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		return askContact(s.book, at, channel, address, ask, hash, now)
	})
}

// Link returns the message whose link was followed, or code NotFound.
func (s *Service) Link(ask, secret string) (a Ask, err error) {
	s.desk.State.View(func() { a, err = s.book.findAsk(ask, secret) })
	return a, err
}

// Confirm states that the link of a message was followed. A link works once and
// for [LinkLife].
func (s *Service) Confirm(ctx context.Context, ask, secret string) error {
	return s.do(ctx, holdfast.Self("confirmation link"), func(now time.Time) ([]journal.Draft, error) {
		return confirmLink(s.book, ask, secret, now)
	})
}

// Reached states that a person reached someone at an address of a person or a
// party.
func (s *Service) Reached(ctx context.Context, by holdfast.Actor, at holdfast.Subject, channel Channel, address, note string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) {
		return reached(s.book, at, channel, address, note)
	})
}

// Person returns the person with an id, or code NotFound.
func (s *Service) Person(id string) (Person, error) {
	var p Person
	var ok bool
	s.desk.State.View(func() { p, ok = s.book.Person(id) })
	if !ok {
		return Person{}, noPerson(id)
	}
	return p, nil
}

// People lists everyone by id.
func (s *Service) People() (all []Person) {
	s.desk.State.View(func() { all = s.book.People() })
	return all
}

// Parties returns all third parties.
func (s *Service) Parties() (all []Party) {
	s.desk.State.View(func() { all = s.book.Parties() })
	return all
}

// Party returns the party with an id, or code NotFound.
func (s *Service) Party(id string) (p Party, err error) {
	var ok bool
	s.desk.State.View(func() { p, ok = s.book.Party(id) })
	if !ok {
		return Party{}, noParty(id)
	}
	return p, nil
}

// NameOf returns the name of a person or a party (person/<id>, party/<id>), or the
// id of one that is not here.
func (s *Service) NameOf(at holdfast.Subject) string {
	noun, id := at.Split()
	if noun == "party" {
		if p, err := s.Party(id); err == nil {
			return p.Name
		}
	} else if p, err := s.Person(id); err == nil {
		return p.Name
	}
	return id
}

// Holders lists who fills a role of the plan, by id.
func (s *Service) Holders(role string) (all []Person) {
	s.desk.State.View(func() { all = s.book.Holders(role) })
	return all
}

// OnDuty returns who is on duty for a role at an instant; see [Book.OnDuty].
func (s *Service) OnDuty(role string, t time.Time) (all []Person) {
	s.desk.State.View(func() { all = s.book.OnDuty(role, t) })
	return all
}

// Held lists what a person holds, with the duty between two instants, or code
// NotFound for who never was on the roster.
func (s *Service) Held(id string, from, until time.Time) (h Held, err error) {
	var ok bool
	s.desk.State.View(func() { h, ok = s.book.Held(id, from, until) })
	if !ok {
		return Held{}, noPerson(id)
	}
	return h, nil
}
