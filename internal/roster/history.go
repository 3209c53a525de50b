package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// maxHistory is how many facts of one subject are kept at hand, the newest. The
// journal has them all.
const maxHistory = 100

// apart are facts that leave what a form shows as it is: nobody's edit is overtaken
// by them.
var apart = []string{kindContactAsked, kindContactVerified, kindDutyCovered, kindDutyUncovered, kindLeaving, kindStaying}

func (b *Book) remember(f holdfast.Fact) {
	if !slices.Contains(apart, f.Kind) {
		b.edited[f.Subject] = f.Revision
	}
	list := append(b.history[f.Subject], f)
	b.history[f.Subject] = list[max(0, len(list)-maxHistory):]
}

// Edited returns the revision at which the state of a subject was last stated: what
// an edit that begins now is based on. It is 0 for what never was.
func (b *Book) Edited(s holdfast.Subject) holdfast.Revision { return b.edited[s] }

// History lists the facts of a subject, newest first, at most 100.
func (b *Book) History(s holdfast.Subject) []holdfast.Fact {
	list := slices.Clone(b.history[s])
	slices.Reverse(list)
	return list
}

// checkBase refuses an edit that was begun from another state than the present.
func (b *Book) checkBase(s holdfast.Subject, base holdfast.Revision) error {
	switch now := b.edited[s]; {
	case now == base:
		return nil
	case base == 0:
		return holdfast.Errorf(holdfast.Conflict, "%s is on the roster already, or was: edit or restore what is there, or choose another id", s).At("id")
	default:
		return holdfast.Errorf(holdfast.Conflict, "%s was changed by another person since you opened it: look at what is there now, then save again", s)
	}
}

// restore states a former state of a person, a party or a duty schedule anew.
func restore(b *Book, s holdfast.Subject, to, base holdfast.Revision, now time.Time) ([]journal.Draft, error) {
	if err := b.checkBase(s, base); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(b.history[s], func(f holdfast.Fact) bool { return f.Revision == to })
	if i < 0 {
		return nil, holdfast.Errorf(holdfast.NotFound, "%s has no state of revision %d at hand", s, to)
	}
	f := b.history[s][i]
	switch f.Kind {
	case kindRecorded:
		return again(f, func(p Person) ([]journal.Draft, error) { return record(b, []Person{p}, now) })
	case kindPartyRecorded:
		return again(f, func(p Party) ([]journal.Draft, error) { return recordParties(b, []Party{p}, now) })
	case kindDutyScheduled:
		return again(f, func(d Schedule) ([]journal.Draft, error) { return schedule(b, []Schedule{d}) })
	}
	return nil, holdfast.Errorf(holdfast.Invalid, "revision %d of %s states no whole state; choose one that does", to, s)
}

func again[T any](f holdfast.Fact, decide func(T) ([]journal.Draft, error)) ([]journal.Draft, error) {
	var state T
	if err := f.Decode(&state); err != nil {
		return nil, err
	}
	return decide(state)
}

// Save states how one person is from now on, if nobody has stated anything else of
// him since revision base, 0 for someone new. The faults' fields are those of
// the person, as contacts[1].address.
func (s *Service) Save(ctx context.Context, by holdfast.Actor, p Person, base holdfast.Revision) error {
	return s.save(ctx, by, subject(p.ID), base, func(now time.Time) ([]journal.Draft, error) { return record(s.book, []Person{p}, now) })
}

// SaveParty is [Service.Save] for a party.
func (s *Service) SaveParty(ctx context.Context, by holdfast.Actor, p Party, base holdfast.Revision) error {
	return s.save(ctx, by, partySubject(p.ID), base, func(now time.Time) ([]journal.Draft, error) { return recordParties(s.book, []Party{p}, now) })
}

// SaveSchedule is [Service.Save] for the duty schedule of a role.
func (s *Service) SaveSchedule(ctx context.Context, by holdfast.Actor, d Schedule, base holdfast.Revision) error {
	return s.save(ctx, by, dutySubject(d.Role), base, func(time.Time) ([]journal.Draft, error) { return schedule(s.book, []Schedule{d}) })
}

func (s *Service) save(ctx context.Context, by holdfast.Actor, at holdfast.Subject, base holdfast.Revision, decide func(time.Time) ([]journal.Draft, error)) error {
	err := s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		if err := s.book.checkBase(at, base); err != nil {
			return nil, err
		}
		return decide(now)
	})
	return own(err)
}

// Restore states a former state of a person, a party or a duty schedule anew, under
// the conditions of [Service.Save].
func (s *Service) Restore(ctx context.Context, by holdfast.Actor, at holdfast.Subject, to, base holdfast.Revision) error {
	err := s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return restore(s.book, at, to, base, now) })
	return own(err)
}

// own takes the place in a list of one from the fields of faults.
func own(err error) error {
	faults := FaultsOf(err)
	for i, e := range faults {
		if _, field, listed := strings.Cut(e.Field, "[0]."); listed && !strings.Contains(strings.TrimSuffix(e.Field, "[0]."+field), "[") {
			faults[i] = e.At(field)
		}
	}
	if len(faults) == 0 {
		return err
	}
	return Refusal(faults)
}

// Refusal is everything that is wrong with what someone wanted to state.
type Refusal []*holdfast.Error

// Error gives one fault a line.
func (r Refusal) Error() string {
	lines := make([]string, len(r))
	for i, e := range r {
		lines[i] = fmt.Sprintf("%s: %s", e.Field, e.Message())
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each fault.
func (r Refusal) Unwrap() []error {
	list := make([]error, len(r))
	for i, e := range r {
		list[i] = e
	}
	return list
}

// FaultsOf returns the faults that an error of this package joins, or none if it is
// no refusal of what was given.
func FaultsOf(err error) (faults []*holdfast.Error) {
	switch e := err.(type) {
	case *holdfast.Error:
		if e.Field != "" {
			return []*holdfast.Error{e}
		}
	case interface{ Unwrap() []error }:
		for _, each := range e.Unwrap() {
			faults = append(faults, FaultsOf(each)...)
		}
	case interface{ Unwrap() error }:
		return FaultsOf(e.Unwrap())
	}
	return faults
}
