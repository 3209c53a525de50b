package roster

import (
	"context"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// AddContact states that a person can be reached at one more address, after those he
// has. One that he has already stays as it is.
func (s *Service) AddContact(ctx context.Context, by holdfast.Actor, person string, c Contact) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return addContact(s.book, person, c, now) })
}

// DropContact states that a person is not reached at an address any more. To drop what
// is not there, or from who is not here, changes nothing.
func (s *Service) DropContact(ctx context.Context, by holdfast.Actor, person string, channel Channel, address string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		return dropContact(s.book, person, Contact{Channel: channel, Address: address}, now)
	})
}

func addContact(b *Book, person string, c Contact, now time.Time) ([]journal.Draft, error) {
	p, ok := b.Person(person)
	if !ok {
		return nil, noPerson(person)
	}
	if slices.ContainsFunc(p.Contacts, c.same) {
		return nil, nil
	}
	p.Contacts = append(p.Contacts, c)
	return record(b, []Person{p}, now)
}

func dropContact(b *Book, person string, c Contact, now time.Time) ([]journal.Draft, error) {
	p, ok := b.Person(person)
	if !ok || !slices.ContainsFunc(p.Contacts, c.same) {
		return nil, nil
	}
	p.Contacts = slices.DeleteFunc(p.Contacts, c.same)
	return record(b, []Person{p}, now)
}
