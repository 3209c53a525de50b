package obligation

import (
	"slices"
	"time"
)

// TidingKind is what there is to tell of reports.
type TidingKind string

const (
	// ToReport: they began to be owed, or to be possibly owed.
	ToReport TidingKind = "began"
	// NearDue and PastDue: their limits came near, or passed.
	NearDue TidingKind = "at-risk"
	PastDue TidingKind = "late"
)

// Tiding is what those who report must be told: reports of one incident to which the
// same happened at one instant.
type Tiding struct {
	Kind TidingKind
	// Role of the plan reports them.
	Role string
	At   time.Time
	// Duties are in order of their due times.
	Duties []Duty
}

// Tidings lists what there is to tell of an incident, the oldest first. What has gone
// out, or is owed no more, is not told of; nor is a due time that has moved since.
func (s Sheet) Tidings() (list []Tiding) {
	tell := func(kind TidingKind, at time.Time, d Duty) {
		role := d.Role(s.Plan)
		i := slices.IndexFunc(list, func(t Tiding) bool { return t.Kind == kind && t.Role == role && t.At.Equal(at) })
		if i < 0 {
			i, list = len(list), append(list, Tiding{Kind: kind, Role: role, At: at})
		}
		list[i].Duties = append(list[i].Duties, d)
	}
	for _, d := range s.Duties {
		if !d.Open() {
			continue
		}
		if turn := s.Record.turn(d.Pack.ID + "." + d.Rule.ID); turn.Began {
			tell(ToReport, turn.At, d)
		}
		for _, w := range d.Warnings {
			switch {
			case !w.Due.Equal(d.Due):
			case w.Breached:
				tell(PastDue, w.At, d)
			case !d.warned(d.Due, true):
				tell(NearDue, w.At, d)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Tiding) int { return a.At.Compare(b.At) })
	return list
}
