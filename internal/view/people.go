package view

import (
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Person is someone on the roster, with the names of what they do.
type Person struct {
	roster.Person
	RoleNames []Named `json:"role_names"`
	// Department's name in the plan in force.
	DepartmentName holdfast.Text `json:"department_name,omitzero"`
	// Points are the contacts with how far each is verified.
	Points []ContactPoint `json:"points"`
	// StandIns are the deputies, StandsInFor those whose deputy he is.
	StandIns    []StandIn `json:"stand_ins"`
	StandsInFor []StandIn `json:"stands_in_for"`
	// OnDuty lists the roles for which he is on duty now.
	OnDuty []Named `json:"on_duty"`
	// Revision is what an edit is based on. Left is whether he has left; Leaving, what
	// was announced of one who will.
	Revision holdfast.Revision `json:"revision"`
	Left     bool              `json:"left,omitempty"`
	Leaving  *roster.Leaving   `json:"leaving,omitempty"`
}

// People assembles the roster.
func (s *Source) People() (list []Person) {
	list = []Person{}
	s.State.View(func() {
		p := s.planInForce()
		for _, person := range s.Roster.People() {
			list = append(list, s.person(p, person))
		}
	})
	return list
}

// Person assembles one person of the roster.
func (s *Source) Person(id string) (v Person, err error) {
	s.State.View(func() {
		person, ok := s.Roster.Person(id)
		for _, p := range s.Roster.Left() {
			if p.ID == id {
				person, ok = p, true
			}
		}
		if !ok {
			err = holdfast.Errorf(holdfast.NotFound, "there is no person %q", id)
			return
		}
		v = s.person(s.planInForce(), person)
	})
	return v, err
}

// planInForce returns the plan in force, or nil.
func (s *Source) planInForce() *plan.Plan {
	if current, ok := s.Plans.Current("", s.Now()); ok {
		return current.Plan()
	}
	return nil
}

func (s *Source) person(p *plan.Plan, person roster.Person) Person {
	v := Person{Person: person, RoleNames: []Named{}, StandIns: []StandIn{}, StandsInFor: []StandIn{}, OnDuty: []Named{}}
	for _, id := range person.Roles {
		v.RoleNames = append(v.RoleNames, role(p, id))
	}
	if p != nil {
		for _, d := range p.Departments {
			if d.ID == person.Department {
				v.DepartmentName = d.Name
			}
		}
	}
	now := s.Now()
	v.Revision = s.Roster.Edited(holdfast.NewSubject("person", person.ID))
	_, here := s.Roster.Person(person.ID)
	v.Left = !here
	if l, ok := s.Roster.Leaving(person.ID); ok {
		v.Leaving = &l
	}
	v.Points = s.points(holdfast.NewSubject("person", person.ID), person.Contacts)
	for _, d := range person.Deputies {
		v.StandIns = append(v.StandIns, s.standIn(d.Person, d.Role))
	}
	for _, f := range s.Roster.DeputyOf(person.ID) {
		v.StandsInFor = append(v.StandsInFor, s.standIn(f.Person, f.Role))
	}
	for _, schedule := range s.Roster.Schedules() {
		for _, on := range s.Roster.OnDuty(schedule.Role, now) {
			if on.ID == person.ID {
				v.OnDuty = append(v.OnDuty, role(p, schedule.Role))
			}
		}
	}
	return v
}

// Matches reports whether the person's id, name, department or roles hold a
// text, in any language.
func (p Person) Matches(query string) bool {
	query = strings.ToLower(strings.TrimSpace(query))
	texts := []string{p.ID, p.Name, p.Names.ZhHant, p.Names.ZhHans, p.Names.En, p.Department, p.DepartmentName.ZhHant, p.DepartmentName.ZhHans, p.DepartmentName.En}
	for _, r := range p.RoleNames {
		texts = append(texts, r.ID, r.Name.ZhHant, r.Name.ZhHans, r.Name.En)
	}
	return strings.Contains(strings.ToLower(strings.Join(texts, "\n")), query)
}

// VacantRoles lists the roles of the plan in force that nobody holds.
func (s *Source) VacantRoles() (list []Named) {
	list = []Named{}
	s.State.View(func() {
		current, ok := s.Plans.Current("", s.Now())
		if !ok {
			return
		}
		for _, r := range current.Plan().Roles {
			if len(s.Roster.Holders(r.ID)) == 0 {
				list = append(list, Named{ID: r.ID, Name: r.Name})
			}
		}
	})
	return list
}
