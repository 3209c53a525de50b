package roster

import (
	"maps"
	"slices"
	"time"
)

// Enough is how many people must hold a role for it to survive the absence of
// one.
const Enough = 2

// RoleCover is who fills one role.
type RoleCover struct {
	Role string `json:"role"`
	// Holders and Deputies are ids. A deputy is one of a holder for this role; who
	// holds the role himself is not listed again.
	Holders  []string `json:"holders"`
	Deputies []string `json:"deputies"`
}

// Covered reports whether the role has at least two holders.
func (r RoleCover) Covered() bool { return len(r.Holders) >= Enough }

// Role returns who fills a role.
func (b *Book) Role(role string) RoleCover {
	c := RoleCover{Role: role, Holders: []string{}, Deputies: []string{}}
	holders := b.Holders(role)
	for _, p := range holders {
		c.Holders = append(c.Holders, p.ID)
	}
	for _, p := range holders {
		for _, d := range b.Deputies(p.ID, role) {
			if !slices.Contains(c.Holders, d.ID) && !slices.Contains(c.Deputies, d.ID) {
				c.Deputies = append(c.Deputies, d.ID)
			}
		}
	}
	return c
}

// Roles lists, by id, each role that someone holds, held when he left, or that
// has duty times.
func (b *Book) Roles() []RoleCover {
	ids := map[string]bool{}
	for _, people := range []map[string]Person{b.people, b.gone} {
		for _, p := range people {
			for _, r := range p.Roles {
				ids[r] = true
			}
		}
	}
	for r := range b.duties {
		ids[r] = true
	}
	list := []RoleCover{}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		list = append(list, b.Role(id))
	}
	return list
}

// Held is all that rests on one person.
type Held struct {
	Person string `json:"person"`
	// Left is whether he has left: all that is listed then needs another person.
	Left  bool       `json:"left"`
	Roles []HeldRole `json:"roles"`
	// Account is the one he signs in with, or empty.
	Account string `json:"account,omitempty"`
	// DeputyOf lists for whom he stands in.
	DeputyOf []HeldDeputy `json:"deputy_of"`
	// Rotations lists the roles in whose rotation he stands.
	Rotations []string `json:"rotations"`
	// Duty lists his slots of the time asked for.
	Duty []HeldSlot `json:"duty"`
}

// HeldRole is a role that a person holds, or held when he left.
type HeldRole struct {
	Role string `json:"role"`
	// Others counts who else holds it.
	Others int `json:"others"`
	// Last is whether nobody else does: without the person the role is empty.
	Last bool `json:"last"`
}

// HeldDeputy is one for whom a person stands in, in a role or, if it is empty,
// in all.
type HeldDeputy struct {
	Person string `json:"person"`
	Role   string `json:"role,omitempty"`
}

// HeldSlot is time on duty for a role.
type HeldSlot struct {
	Role string `json:"role"`
	Slot
}

// Held lists what a person holds, whether he is here or has left, with the duty
// between two instants. It reports false for who never was on the roster.
func (b *Book) Held(id string, from, until time.Time) (Held, bool) {
	h := Held{Person: id, Roles: []HeldRole{}, DeputyOf: []HeldDeputy{}, Rotations: []string{}, Duty: []HeldSlot{}}
	p, here := b.people[id]
	if !here {
		if p, h.Left = b.gone[id]; !h.Left {
			return h, false
		}
	}
	h.Account = p.Account
	for _, r := range p.Roles {
		others := len(b.Holders(r))
		if here {
			others--
		}
		h.Roles = append(h.Roles, HeldRole{Role: r, Others: others, Last: others == 0})
	}
	h.DeputyOf = append(h.DeputyOf, b.DeputyOf(id)...)
	for _, role := range slices.Sorted(maps.Keys(b.duties)) {
		d := b.duties[role]
		if !d.names(id) {
			continue
		}
		if slices.ContainsFunc(d.schedule.Rotations, func(r Rotation) bool { return slices.Contains(r.People, id) }) {
			h.Rotations = append(h.Rotations, role)
		}
		for _, s := range b.Slots(role, from, until) {
			if s.Person == id {
				h.Duty = append(h.Duty, HeldSlot{role, s})
			}
		}
	}
	return h, true
}

// DeputyOf lists for whom a person stands in, by id.
func (b *Book) DeputyOf(id string) []HeldDeputy {
	var list []HeldDeputy
	for _, other := range slices.Sorted(maps.Keys(b.people)) {
		for _, d := range b.people[other].Deputies {
			if d.Person == id {
				list = append(list, HeldDeputy{other, d.Role})
			}
		}
	}
	return list
}
