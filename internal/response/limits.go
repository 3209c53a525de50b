package response

import (
	"slices"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// tellLimits records limits that are at risk or breached and passes on tasks that
// nobody took, one incident at a time.
func (s *Service) tellLimits(now time.Time) ([]journal.Draft, error) {
	for _, in := range s.Incidents.Open() {
		if drafts, _ := incident.TellLimits(in, now); len(drafts) > 0 {
			return drafts, nil
		}
		if drafts, _ := incident.Deputise(in, now, s.deputies(now)); len(drafts) > 0 {
			return drafts, nil
		}
	}
	return nil, nil
}

// deputies says who stands in for those who should have taken a task: who is on
// duty for the deputy role, else all who hold it; without such a role, those whom the
// roster names for the holders of the task's own.
func (s *Service) deputies(now time.Time) func(procedure.Stage, procedure.Task) (string, []string) {
	return func(stage procedure.Stage, t procedure.Task) (string, []string) {
		people := s.Roster.OnDuty(t.Deputy, now)
		if len(people) == 0 {
			people = s.Roster.Holders(t.Deputy)
		}
		if t.Deputy == "" {
			role := t.Role
			if role == "" {
				role = stage.Role
			}
			people = nil
			for _, p := range s.Roster.Holders(role) {
				people = append(people, s.Roster.Deputies(p.ID, role)...)
			}
		}
		var ids []string
		for _, p := range people {
			if !slices.Contains(ids, p.ID) {
				ids = append(ids, p.ID)
			}
		}
		return t.Deputy, ids
	}
}

// lookAgain is how long the response waits for a fact before it looks again: until
// the next limit is due, and at most longest.
func (s *Service) lookAgain(longest time.Duration) time.Duration {
	now := s.Desk.Now()
	s.Desk.State.View(func() {
		for _, in := range s.Incidents.Open() {
			_, limit := incident.TellLimits(in, now)
			_, take := incident.Deputise(in, now, s.deputies(now))
			for _, at := range []time.Time{limit, take} {
				if !at.IsZero() {
					longest = min(longest, at.Sub(now)+time.Millisecond)
				}
			}
		}
	})
	return longest
}
