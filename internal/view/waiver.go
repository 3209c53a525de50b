package view

import (
	"time"

	"holdfast/internal/waiver"
)

// Waiver is a finding of lint that somebody answers for.
type Waiver struct {
	waiver.Waiver
	State     waiver.State `json:"state"`
	OwnerName string       `json:"owner_name"`
}

// AllWaivers assembles a page of waivers, newest first; active leaves only those
// that accept something now.
func (s *Source) AllWaivers(active bool, offset, size int) (p Page[Waiver]) {
	s.State.View(func() {
		now := s.Now()
		list := []*waiver.Waiver{}
		for _, w := range s.Waivers.All() {
			if !active || w.State(now) == waiver.Active {
				list = append(list, w)
			}
		}
		p = paginate(list, offset, size, func(w *waiver.Waiver) Waiver { return s.waiver(w, now) })
	})
	return p
}

func (s *Source) waiver(w *waiver.Waiver, now time.Time) Waiver {
	v := Waiver{Waiver: *w, State: w.State(now)}
	if person, found := s.Roster.Person(w.Owner); found {
		v.OwnerName = person.Name
	}
	return v
}
