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
}

// People assembles the roster.
func (s *Source) People() (list []Person) {
	list = []Person{}
	s.State.View(func() {
		var p *plan.Plan
		if current, ok := s.Plans.Current("", s.Now()); ok {
			p = current.Plan()
		}
		for _, person := range s.Roster.People() {
			v := Person{Person: person, RoleNames: []Named{}}
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
			list = append(list, v)
		}
	})
	return list
}

// Matches reports whether the person's id, name, department or roles hold a
// text, in any language.
func (p Person) Matches(query string) bool {
	query = strings.ToLower(strings.TrimSpace(query))
	texts := []string{p.ID, p.Name, p.Department, p.DepartmentName.ZhHant, p.DepartmentName.ZhHans, p.DepartmentName.En}
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
