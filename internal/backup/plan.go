package backup

import (
	"context"
	"slices"
	"time"

	"holdfast"
)

// Wish says how far to restore; at most one of the two is set.
type Wish struct {
	// Until keeps what came before the first fact that is later.
	Until time.Time
	// Position keeps what stands up to it.
	Position holdfast.Position
	// Force allows to replace a journal that has more than is kept, or another
	// one; then Reason says why.
	Force  bool
	Reason string
}

// There is what the directory holds that a backup is restored into.
type There struct {
	Fresh bool
	// Heads are all that it tells of, Sound whether its files agree.
	Heads []holdfast.Head
	Sound bool
}

// Decide decides whether and how a verified backup is restored over what is
// there, and returns the fact with which the new epoch begins and the revision
// of the journal's subject at the cut.
func (b *Backup) Decide(ctx context.Context, w Wish, there There) (Restored, holdfast.Revision, error) {
	if w.Position != 0 && !w.Until.IsZero() {
		return Restored{}, 0, holdfast.Errorf(holdfast.Invalid, "give a time or a position to restore to, not both")
	}
	cut, revision, err := b.cut(ctx, w)
	if err != nil {
		return Restored{}, 0, err
	}
	r := Restored{
		Epoch: b.Head.Epoch, From: b.Head, Made: b.Made, Version: b.Version,
		Cut: cut, Until: w.Until, Reason: w.Reason,
	}
	for _, h := range there.Heads {
		if h.Journal == b.Head.Journal {
			r.Epoch = max(r.Epoch, h.Epoch)
		}
		if r.Replaced.Journal == "" || h.Epoch > r.Replaced.Epoch || h.Epoch == r.Replaced.Epoch && h.Position > r.Replaced.Position {
			r.Replaced = h
		}
	}
	r.Epoch++
	return r, revision, permit(r, w, there)
}

// permit refuses to replace what has more than the backup, unless it is forced.
func permit(r Restored, w Wish, there There) error {
	if w.Force {
		return CheckReason(w.Reason)
	}
	switch {
	case there.Fresh:
		return nil
	case len(there.Heads) == 0:
		return holdfast.Errorf(holdfast.Conflict, "the directory holds a journal that cannot be read: it is not known what would be lost; if it is to be replaced all the same, give --force and --reason")
	case slices.ContainsFunc(there.Heads, func(h holdfast.Head) bool { return h.Journal != r.From.Journal }):
		return holdfast.Errorf(holdfast.Conflict, "the directory holds journal %s, and the backup is of journal %s; if it is to be replaced all the same, give --force and --reason", r.Replaced.Journal, r.From.Journal)
	case r.Replaced.Epoch > r.From.Epoch:
		return holdfast.Errorf(holdfast.Conflict, "the directory holds epoch %d, and the backup is of epoch %d: it was restored since; if it is to be replaced all the same, give --force and --reason", r.Replaced.Epoch, r.From.Epoch)
	case r.Replaced.Position > r.Cut:
		return holdfast.Errorf(holdfast.Conflict, "the directory holds position %d, and position %d would be the last that is kept; if it is to be replaced all the same, give --force and --reason", r.Replaced.Position, r.Cut)
	}
	return nil
}

// cut finds the last position to keep: the end of an append.
func (b *Backup) cut(ctx context.Context, w Wish) (cut holdfast.Position, revision holdfast.Revision, err error) {
	if w.Position > b.Head.Position {
		return 0, 0, holdfast.Errorf(holdfast.Invalid, "the backup ends at position %d, before position %d", b.Head.Position, w.Position)
	}
	ours := subject(b.Head.Journal)
	for after := holdfast.Position(0); ; {
		facts, err := b.Journal.Read(ctx, after, 2000) // whole appends
		if err != nil {
			return 0, 0, err
		}
		if len(facts) == 0 {
			return after, revision, nil
		}
		for len(facts) > 0 {
			n := 1
			for n < len(facts) && facts[n].Append == facts[0].Append {
				n++
			}
			one := facts[:n]
			facts = facts[n:]
			first, last := one[0].Position, one[n-1].Position
			switch {
			case after == 0 && !w.Until.IsZero() && one[0].Time.After(w.Until):
				return 0, 0, holdfast.Errorf(holdfast.Invalid, "the backup's first fact is of %s: nothing would be kept", one[0].Time.Format(time.RFC3339))
			case !w.Until.IsZero() && one[0].Time.After(w.Until), w.Position != 0 && first > w.Position:
				return after, revision, nil
			case w.Position != 0 && last > w.Position:
				return 0, 0, holdfast.Errorf(holdfast.Invalid, "position %d is inside an append, which is kept whole or not at all: give %d or %d", w.Position, first-1, last)
			}
			for _, f := range one {
				if f.Subject == ours {
					revision = f.Revision
				}
			}
			after = last
		}
	}
}
