package view

import (
	"time"

	"holdfast"
	"holdfast/internal/authority"
	"holdfast/internal/directive"
	"holdfast/internal/plan"
)

// Authority is who may decide on directives now, as a revision of the plan says.
type Authority struct {
	// Plan and Revision say which: that in force, or the one that an incident runs.
	Plan     string `json:"plan,omitempty"`
	Revision int    `json:"revision,omitempty"`
	// Rows has one entry for each authority of each role.
	Rows []AuthorityRow `json:"rows"`
	// Terms of acting beyond one's authority; absent if the plan lets nobody.
	Terms *plan.BreakGlass `json:"break_glass,omitempty"`
}

// AuthorityRow is one authority of a role, with the people who have it now.
type AuthorityRow struct {
	Role Named `json:"role"`
	plan.Authority
	People []Holder `json:"people"`
}

// Holder is a person who has a role.
type Holder struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	// For is the name of who delegated the role.
	For string `json:"for,omitempty"`
	// Account is false for somebody who cannot sign in, and so cannot decide.
	Account bool `json:"account"`
}

// Delegation is roles of one person that another has for a time.
type Delegation struct {
	authority.Delegation
	FromName  string  `json:"from_name"`
	ToName    string  `json:"to_name"`
	RoleNames []Named `json:"role_names,omitempty"`
	Active    bool    `json:"active"`
	ByActor   *Actor  `json:"-"`
}

// Glass is one time that somebody acted beyond his authority.
type Glass struct {
	authority.Glass
	Name         string   `json:"name"`
	SuperiorName Named    `json:"superior_name"`
	Active       bool     `json:"active"`
	Issued       []string `json:"issued"`
}

// Open reports whether it lasts or waits for its judgement.
func (g Glass) Open() bool { return g.Active || g.Judged == nil }

// AllAuthority assembles who may decide now on what concerns an incident, or, with
// "", outside one.
func (s *Source) AllAuthority(incident string) (v Authority) {
	s.State.View(func() {
		v.Rows = []AuthorityRow{}
		now := s.Now()
		rev, published := s.Authority.Ruling(incident, now)
		if !published {
			return
		}
		v.Plan, v.Revision = rev.ID, rev.Number
		v.Terms = rev.Plan().Governance.BreakGlass
		for _, role := range rev.Plan().Roles {
			for _, a := range role.Authority {
				v.Rows = append(v.Rows, AuthorityRow{Role: Named{role.ID, role.Name}, Authority: a, People: s.holders(role.ID, now)})
			}
		}
	})
	return v
}

func (s *Source) holders(role string, now time.Time) []Holder {
	list := []Holder{}
	for _, p := range s.Roster.People() {
		for _, h := range s.Authority.Held(p, now) {
			if h.Role == role {
				list = append(list, Holder{Person: p.ID, Name: p.Name, For: s.personName(h.For), Account: p.Account != ""})
			}
		}
	}
	return list
}

func (s *Source) personName(id string) string {
	if p, found := s.Roster.Person(id); found {
		return p.Name
	}
	return id
}

func (s *Source) roleName(id string) Named {
	if rev, ok := s.Plans.Current("", s.Now()); ok {
		if role, ok := rev.Plan().Role(id); ok {
			return Named{id, role.Name}
		}
	}
	return Named{ID: id, Name: holdfast.Text{ZhHant: id, ZhHans: id, En: id}}
}

// Delegations assembles a page of delegations, newest first; active leaves only
// those in force.
func (s *Source) Delegations(active bool, offset, size int) (p Page[Delegation]) {
	s.State.View(func() {
		now := s.Now()
		list := []*authority.Delegation{}
		for _, d := range s.Authority.Book.Delegations() {
			if !active || d.Holds(now) {
				list = append(list, d)
			}
		}
		p = paginate(list, offset, size, func(d *authority.Delegation) Delegation {
			v := Delegation{Delegation: *d, FromName: s.personName(d.From), ToName: s.personName(d.To), Active: d.Holds(now), ByActor: actor(d.By)}
			for _, r := range d.Roles {
				v.RoleNames = append(v.RoleNames, s.roleName(r))
			}
			return v
		})
	})
	return p
}

// Glasses assembles a page of times that somebody acted beyond his authority,
// newest first; open leaves those that last or wait for their judgement.
func (s *Source) Glasses(open bool, offset, size int) (p Page[Glass]) {
	s.State.View(func() {
		all := []Glass{}
		for _, g := range s.Authority.Book.Glasses() {
			if v := s.glass(g); !open || v.Open() {
				all = append(all, v)
			}
		}
		p = paginate(all, offset, size, func(g Glass) Glass { return g })
	})
	return p
}

func (s *Source) glass(g *authority.Glass) Glass {
	v := Glass{Glass: *g, Name: s.personName(g.Person), SuperiorName: s.roleName(g.Superior), Active: g.Holds(s.Now()), Issued: []string{}}
	for _, d := range s.Directives.All() {
		if d.Glass == g.ID {
			v.Issued = append(v.Issued, d.ID)
		}
	}
	return v
}

// await adds what waits at a directive, its proposal or the wish to lift it: who may
// answer, and what consent would change.
func (s *Source) await(d *directive.Directive, v *Directive) {
	w, waits := s.Authority.Awaited(d)
	if !waits {
		return
	}
	for _, p := range s.Authority.Deciders(w, s.Now()) {
		v.Deciders = append(v.Deciders, p.Name)
	}
	effect := s.Response.Preview(d.Scope)
	if w.Kind == authority.Lift {
		effect = s.Response.PreviewLift(d.Scope)
	}
	effect = s.preview(effect)
	v.Effect = &effect
}
