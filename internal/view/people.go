package view

import (
	"slices"
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

// Person is someone on the roster, with the names of what they do.
type Person struct {
	roster.Person
	RoleNames []Named `json:"role_names"`
	// Department's name in the plan.
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
		p := s.organisation()
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
		v = s.person(s.organisation(), person)
	})
	return v, err
}

// organisation returns the plan in force, empty without one, and in it the
// departments and roles that the open draft adds: a plan needs its people before it
// is in force.
func (s *Source) organisation() *plan.Plan {
	o := &plan.Plan{}
	if current, ok := s.Plans.Current("", s.Now()); ok {
		*o = *current.Plan()
		o.Departments, o.Roles = slices.Clip(o.Departments), slices.Clip(o.Roles)
	}
	for _, d := range s.Triggers.Drafts.Drafts() {
		if !d.State.Open() {
			continue
		}
		text, _ := d.Chapter("organisation")
		draft, _ := plan.Decode("", []byte(text)) // what can be read of it
		for _, department := range draft.Departments {
			if !slices.ContainsFunc(o.Departments, func(has plan.Department) bool { return has.ID == department.ID }) {
				o.Departments = append(o.Departments, department)
			}
		}
		for _, role := range draft.Roles {
			if _, has := o.Role(role.ID); !has {
				o.Roles = append(o.Roles, role)
			}
		}
	}
	return o
}

// Organisation is the plan that gives people's screens their names: that in force, with
// the departments and roles that open drafts add. It must not be changed.
func (s *Source) Organisation() (p *plan.Plan) {
	s.State.View(func() { p = s.organisation() })
	return p
}

// PersonNamed returns a person whose name is to be shown: also of one who has left.
func (s *Source) PersonNamed(id string) (person roster.Person) {
	s.State.View(func() {
		one := s.standIn(id, "")
		person = roster.Person{ID: id, Name: one.Name, Names: one.Names}
	})
	return person
}

func (s *Source) person(p *plan.Plan, person roster.Person) Person {
	v := Person{Person: person, RoleNames: []Named{}, StandIns: []StandIn{}, StandsInFor: []StandIn{}, OnDuty: []Named{}}
	for _, id := range person.Roles {
		v.RoleNames = append(v.RoleNames, role(p, id))
	}
	for _, d := range p.Departments {
		if d.ID == person.Department {
			v.DepartmentName = d.Name
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

// VacantRoles lists the roles of the plan in force, and of the open draft, that
// nobody holds.
func (s *Source) VacantRoles() (list []Named) {
	list = []Named{}
	s.State.View(func() {
		for _, r := range s.organisation().Roles {
			if len(s.Roster.Holders(r.ID)) == 0 {
				list = append(list, Named{ID: r.ID, Name: r.Name})
			}
		}
	})
	return list
}
