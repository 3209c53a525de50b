package roster

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Leaving is what was announced of a person who will leave; the body of
// person.leaving.
type Leaving struct {
	// From is the instant from which he is no longer here.
	From   time.Time `json:"from"`
	Reason string    `json:"reason"`
}

// longestNotice is how far ahead a leaving may be announced.
const longestNotice = 366 * 24 * time.Hour

// leave states that a person is no longer here, at once or from an instant to
// come.
func leave(b *Book, id string, from time.Time, reason string, now time.Time) ([]journal.Draft, error) {
	if _, ok := b.people[id]; !ok {
		return nil, noPerson(id)
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	if from.After(now.Add(longestNotice)) {
		return nil, holdfast.Errorf(holdfast.Invalid, "a leaving is announced at most 366 days ahead").At("from")
	}
	s := subject(id)
	if !from.After(now) {
		return []journal.Draft{journal.NewDraft(s, b.revisionOf(s), kindLeft, left{Reason: reason})}, nil
	}
	return []journal.Draft{journal.NewDraft(s, b.revisionOf(s), kindLeaving, Leaving{From: from.UTC().Truncate(time.Microsecond), Reason: reason})}, nil
}

// stay takes back the announcement that a person leaves.
func stay(b *Book, id string) ([]journal.Draft, error) {
	if _, ok := b.leaving[id]; !ok {
		return nil, holdfast.Errorf(holdfast.NotFound, "nobody has announced that %q leaves", id)
	}
	s := subject(id)
	return []journal.Draft{journal.NewDraft(s, b.revisionOf(s), kindStaying, struct{}{})}, nil
}

// departures states of each person whose day has come that he left.
func departures(b *Book, now time.Time) (drafts []journal.Draft) {
	for _, id := range slices.Sorted(maps.Keys(b.leaving)) {
		if l := b.leaving[id]; !l.From.After(now) && len(drafts) < journal.MaxFacts {
			drafts = append(drafts, journal.NewDraft(subject(id), b.revisionOf(subject(id)), kindLeft, left{Reason: l.Reason}))
		}
	}
	return drafts
}

// Leaving returns what was announced of a person who will leave.
func (b *Book) Leaving(id string) (Leaving, bool) {
	l, ok := b.leaving[id]
	return l, ok
}

// LeaveFrom states from when on a person is no longer here, and why. An instant
// that is not to come means at once; one that is can be taken back until then by
// [Service.Stay].
func (s *Service) LeaveFrom(ctx context.Context, by holdfast.Actor, id string, from time.Time, reason string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) { return leave(s.book, id, from, reason, now) })
}

// Stay takes back the announcement that a person leaves.
func (s *Service) Stay(ctx context.Context, by holdfast.Actor, id string) error {
	return s.do(ctx, by, func(time.Time) ([]journal.Draft, error) { return stay(s.book, id) })
}

// departEvery is how late a departure may be noticed.
const departEvery = 20 * time.Second

// Run states, within a minute, of each person whose day to leave has come that he
// left, until ctx ends. Every control node may run it.
func (s *Service) Run(ctx context.Context, log *slog.Logger) error {
	tick := time.NewTicker(departEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		due := func(now time.Time) ([]journal.Draft, error) { return departures(s.book, now), nil }
		if err := s.do(ctx, holdfast.Self("roster"), due); err != nil && ctx.Err() == nil {
			log.Error("a departure could not be recorded; it is tried again", "error", err)
		}
	}
}
