package view

import (
	"time"

	"holdfast"
	"holdfast/internal/lint"
	"holdfast/internal/notify"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// ContactPoint is a contact with how far it is verified.
type ContactPoint struct {
	roster.Contact
	// State is never, fresh or stale (verified longer ago than roster.Fresh), or
	// asked: a link is out.
	State string `json:"state"`
	// AgeDays is how many whole days ago it was verified; -1 if it never was.
	AgeDays int `json:"age_days"`
	// Asked is when the last link was sent, Expires when it works no more; both are
	// zero if none was. Delivery is what became of the message, as a notice's.
	Asked    time.Time `json:"asked,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
	Delivery string    `json:"delivery,omitempty"`
	// Tested is what became of the newest test of the address, if there was one.
	Tested *Tested `json:"tested,omitempty"`
}

// StandIn is a person beside another, with the role it is about; without one it
// is about all.
type StandIn struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Names is the name in languages in which it is another.
	Names holdfast.Text `json:"names,omitzero"`
	Role  string        `json:"role,omitempty"`
	// Left is whether he is no longer on the roster.
	Left bool `json:"left,omitempty"`
}

// Party is a third party with how far its contacts are verified.
type Party struct {
	roster.Party
	Points []ContactPoint `json:"points"`
	// Revision is what an edit is based on.
	Revision holdfast.Revision `json:"revision"`
	// Cited lists where the plan in force names it.
	Cited []Citation `json:"cited"`
}

// RoleCover is who fills a role.
type RoleCover struct {
	roster.RoleCover
	Name holdfast.Text `json:"name"`
	// Planned is whether the plan in force has the role.
	Planned bool `json:"planned"`
	// Covered is whether at least two people hold it.
	Covered bool `json:"covered"`
	// OnDuty is who is on duty for it now, if it has duty times.
	OnDuty []StandIn `json:"on_duty"`
	// HeldBy and StandIns are the holders and the deputies with their names.
	HeldBy   []StandIn `json:"held_by"`
	StandIns []StandIn `json:"stand_ins"`
	// Chapters of the plan in force that name the role.
	Chapters []string `json:"chapters"`
}

// DutyDays is how many days a duty week shows.
const DutyDays = 14

// DutyWeek is who is on duty for a role in the coming days.
type DutyWeek struct {
	Role     Named           `json:"role"`
	Schedule roster.Schedule `json:"schedule"`
	From     time.Time       `json:"from"`
	Until    time.Time       `json:"until"`
	// Slots follow each other without gap or overlap.
	Slots []DutySlot `json:"slots"`
	// Covers lists those that run or are to come.
	Covers []DutyCover `json:"covers"`
	// Revision is what an edit of the schedule is based on.
	Revision holdfast.Revision `json:"revision"`
}

// DutySlot is time on duty.
type DutySlot struct {
	roster.Slot
	// Name is the person's, ForName that of whom he covers for.
	Name    string        `json:"name,omitempty"`
	Names   holdfast.Text `json:"names,omitzero"`
	ForName string        `json:"for_name,omitempty"`
	// Vacant is whether who is due has left, or nobody is due yet.
	Vacant bool `json:"vacant,omitempty"`
}

// points tells how far contacts are verified.
func (s *Source) points(at holdfast.Subject, contacts []roster.Contact) []ContactPoint {
	list := []ContactPoint{}
	now := s.Now()
	for _, c := range contacts {
		p := ContactPoint{Contact: c, State: "never", AgeDays: -1, Tested: NewTested(s.Notices.Tested(string(c.Channel), c.Address))}
		if !c.Verified.IsZero() {
			age := max(now.Sub(c.Verified), 0)
			p.AgeDays, p.State = int(age/(24*time.Hour)), "fresh"
			if age > roster.Fresh {
				p.State = "stale"
			}
		}
		if ask, ok := s.Roster.Asked(at, c); ok {
			p.Asked, p.Expires = ask.At, ask.Expires
			if ask.Open(now) && p.State != "fresh" {
				p.State = "asked"
			}
			p.Delivery = delivery(s.Notices, roster.NoticeSubject, ask.ID)
		}
		list = append(list, p)
	}
	return list
}

// delivery is what became of a message with a link, "" if there is none.
func delivery(b *notify.Book, subject, task string) string {
	for _, p := range b.ByTask(subject, task) {
		for _, d := range p.Deliveries {
			return string(d.State)
		}
	}
	return ""
}

func (s *Source) standIn(id, role string) StandIn {
	p, here := s.Roster.Person(id)
	return StandIn{ID: id, Name: p.Name, Names: p.Names, Role: role, Left: !here}
}

// Parties assembles the third parties.
func (s *Source) Parties() (list []Party) {
	list = []Party{}
	s.State.View(func() {
		for _, p := range s.Roster.Parties() {
			list = append(list, s.party(s.organisation(), p))
		}
	})
	return list
}

// Party assembles one third party.
func (s *Source) Party(id string) (v Party, err error) {
	s.State.View(func() {
		p, ok := s.Roster.Party(id)
		if !ok {
			err = holdfast.Errorf(holdfast.NotFound, "there is no party %q", id)
			return
		}
		v = s.party(s.organisation(), p)
	})
	return v, err
}

func (s *Source) party(current *plan.Plan, p roster.Party) Party {
	at := holdfast.NewSubject("party", p.ID)
	return Party{Party: p, Points: s.points(at, p.Contacts), Revision: s.Roster.Edited(at), Cited: cited(current, p.ID)}
}

// Roles lists who fills each role: those of the plan in force in its order, those
// that the open draft adds, then what the roster has besides.
func (s *Source) Roles() (list []RoleCover) {
	list = []RoleCover{}
	s.State.View(func() {
		p, seen := s.organisation(), map[string]bool{}
		uses := lint.RoleUses(p)
		for _, r := range p.Roles {
			seen[r.ID] = true
			list = append(list, s.roleCover(p, s.Roster.Role(r.ID), true))
		}
		for _, r := range s.Roster.Roles() {
			if !seen[r.Role] {
				list = append(list, s.roleCover(p, r, false))
			}
		}
		for i, r := range list {
			list[i].Chapters = append([]string{}, uses[r.Role]...)
		}
	})
	return list
}

func (s *Source) roleCover(p *plan.Plan, r roster.RoleCover, planned bool) RoleCover {
	v := RoleCover{RoleCover: r, Name: role(p, r.Role).Name, Planned: planned, Covered: r.Covered(), OnDuty: []StandIn{}, HeldBy: []StandIn{}, StandIns: []StandIn{}}
	for _, id := range r.Holders {
		v.HeldBy = append(v.HeldBy, s.standIn(id, ""))
	}
	for _, id := range r.Deputies {
		v.StandIns = append(v.StandIns, s.standIn(id, ""))
	}
	for _, on := range s.Roster.OnDuty(r.Role, s.Now()) {
		v.OnDuty = append(v.OnDuty, StandIn{ID: on.ID, Name: on.Name, Names: on.Names})
	}
	return v
}

// DutyWeek assembles who is on duty for a role for some days from an instant on.
func (s *Source) DutyWeek(id string, from time.Time, days int) (v DutyWeek, err error) {
	s.State.View(func() {
		for _, schedule := range s.Roster.Schedules() {
			if schedule.Role == id {
				v = s.dutyWeek(s.organisation(), schedule, from, days)
				return
			}
		}
		err = holdfast.Errorf(holdfast.NotFound, "the role %q has no duty schedule", id)
	})
	return v, err
}

// DutyWeeks assembles who is on duty for every role in the coming days.
func (s *Source) DutyWeeks() (list []DutyWeek) {
	list = []DutyWeek{}
	s.State.View(func() {
		p := s.organisation()
		for _, schedule := range s.Roster.Schedules() {
			list = append(list, s.dutyWeek(p, schedule, s.Now(), DutyDays))
		}
	})
	return list
}

func (s *Source) dutyWeek(p *plan.Plan, schedule roster.Schedule, from time.Time, days int) DutyWeek {
	from = from.UTC()
	v := DutyWeek{
		Role: role(p, schedule.Role), Schedule: schedule, From: from, Until: from.Add(time.Duration(days) * 24 * time.Hour),
		Slots: s.dutySlots(schedule.Role, from, from.Add(time.Duration(days)*24*time.Hour)), Covers: []DutyCover{}, Revision: s.Roster.Edited(holdfast.NewSubject("duty", schedule.Role)),
	}
	name := func(id string) string {
		person, _ := s.Roster.Person(id)
		return person.Name
	}
	for _, c := range s.Roster.Covers(schedule.Role) {
		if c.Until.After(s.Now()) {
			v.Covers = append(v.Covers, DutyCover{c, name(c.Person), name(c.For), s.clashes(p, schedule.Role, c)})
		}
	}
	return v
}

// Calendars lists the calendars with the years they have data for.
func (s *Source) Calendars() (list []roster.Calendar) {
	s.State.View(func() { list = s.Roster.Calendars() })
	return list
}
