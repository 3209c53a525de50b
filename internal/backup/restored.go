package backup

import (
	"context"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
)

// Kinds of facts.
const (
	KindRestored = "journal.restored"
	KindSettled  = "journal.settled"
)

func subject(id string) holdfast.Subject { return holdfast.NewSubject("journal", id) }

// Restored says that the facts from here on follow a restored backup.
type Restored struct {
	// Epoch begins with this fact.
	Epoch uint32 `json:"epoch"`
	// From is the head of the backup, Made when and Version by what it was made.
	From    holdfast.Head `json:"from"`
	Made    time.Time     `json:"made"`
	Version string        `json:"version"`
	// Cut is the last position that was kept, less than From's if the restore was
	// to a point in time.
	Cut   holdfast.Position `json:"cut"`
	Until time.Time         `json:"until,omitzero"`
	// Replaced is the newest head that the directory told of, if it held a journal.
	Replaced holdfast.Head `json:"replaced,omitzero"`
	Reason   string        `json:"reason,omitempty"`
}

// Lost returns the positions that are known to be lost: those after the cut that
// the backup or the replaced journal had. What gates have seen may be more.
func (r Restored) Lost() (from, to holdfast.Position, any bool) {
	to = r.From.Position
	if r.Replaced.Journal == r.From.Journal {
		to = max(to, r.Replaced.Position)
	}
	return r.Cut + 1, to, to > r.Cut
}

// settled is a person's word that every gate is accounted for.
type settled struct {
	Reason string `json:"reason"`
}

// Restoration is one that the journal has been through.
type Restoration struct {
	Restored
	At       time.Time
	By       holdfast.Actor
	Position holdfast.Position
	// Settled is when a person said that every gate is accounted for; zero until
	// then.
	Settled   time.Time
	SettledBy holdfast.Actor
	Reason    string
}

// Book folds restorations. Use it under the state's lock.
type Book struct {
	journal  string
	revision holdfast.Revision
	all      []Restoration
}

// NewBook returns an empty book.
func NewBook() *Book { return &Book{} }

// Apply folds a fact.
func (b *Book) Apply(f holdfast.Fact) error {
	noun, id := f.Subject.Split()
	if noun != "journal" {
		return nil
	}
	b.journal, b.revision = id, f.Revision
	switch f.Kind {
	case KindRestored:
		r := Restoration{At: f.Time, By: f.Actor, Position: f.Position}
		if err := f.Decode(&r.Restored); err != nil {
			return err
		}
		b.all = append(b.all, r)
	case KindSettled:
		var s settled
		if err := f.Decode(&s); err != nil {
			return err
		}
		for i := range b.all {
			if r := &b.all[i]; r.Settled.IsZero() {
				r.Settled, r.SettledBy, r.Reason = f.Time, f.Actor, s.Reason
			}
		}
	}
	return nil
}

// All returns every restoration, newest first.
func (b *Book) All() []Restoration {
	all := slices.Clone(b.all)
	slices.Reverse(all)
	return all
}

// Open returns the newest restoration that nobody has settled, or nil.
func (b *Book) Open() *Restoration {
	if n := len(b.all); n > 0 && b.all[n-1].Settled.IsZero() {
		r := b.all[n-1]
		return &r
	}
	return nil
}

// Begin is the append that a restored journal's epoch begins with. Revision is
// that of the journal's subject at the cut.
func Begin(r Restored, revision holdfast.Revision, by holdfast.Actor, now time.Time) journal.Append {
	return journal.Append{
		ID: holdfast.NewID(), Actor: by, Time: now,
		Facts: []journal.Draft{journal.NewDraft(subject(r.From.Journal), revision, KindRestored, r)},
	}
}

const maxReason = 2000

// CheckReason refuses a reason that says nothing.
func CheckReason(reason string) error {
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		return holdfast.Errorf(holdfast.Invalid, "write why, in 1 to %d bytes", maxReason).At("reason")
	}
	return nil
}

// settle decides on a person's word that every gate is accounted for.
func (b *Book) settle(reason string) ([]journal.Draft, error) {
	if b.Open() == nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "there is no restored journal to settle")
	}
	if err := CheckReason(reason); err != nil {
		return nil, err
	}
	return []journal.Draft{journal.NewDraft(subject(b.journal), b.revision, KindSettled, settled{reason})}, nil
}

// Service carries out the acts of people on a restored journal.
type Service struct {
	Desk *journal.Desk
	Book *Book
}

// Settle records that every gate is accounted for: stops are confirmed again.
func (s *Service) Settle(ctx context.Context, by holdfast.Actor, reason string) error {
	_, err := s.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return s.Book.settle(reason) })
	return err
}
