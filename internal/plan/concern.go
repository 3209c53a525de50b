package plan

import (
	"reflect"
	"slices"
	"strings"
)

// naming lists the keys by which an entry of the plan names roles.
var naming = []string{"role", "roles", "deputy", "owner", "approval", "to", "distribution", "team", "sign"}

// SplitChanges parts the changes from a to b into those that concern holders of
// some roles, and all others, each in the order of the plan. A change concerns a
// role if it lies in an entry that names the role in either plan (a task, its
// stage, an obligation, a contact), if it is the role's own entry with its
// authority, if what was added or removed names the role inside, or if the role
// came to a list of roles or left it.
func SplitChanges(a, b *Plan, changes []Change, roles []string) (own, others []Change) {
	for _, ch := range changes {
		if concerns(a, b, ch, roles) {
			own = append(own, ch)
		} else {
			others = append(others, ch)
		}
	}
	return own, others
}

func concerns(a, b *Plan, ch Change, roles []string) bool {
	owner := b
	if ch.Kind == Removed {
		owner = a
	}
	named := owner.namedOn(ch.Path)
	if anchor, ok := owner.Anchor(ch.Path); ok && ch.Kind == Changed {
		if before, ok := a.Find(anchor); ok {
			named = append(named, a.namedOn(before)...)
		}
	}
	was, is := strings.Split(ch.Old, ", "), strings.Split(ch.New, ", ")
	return slices.ContainsFunc(roles, func(role string) bool {
		return slices.Contains(named, role) || slices.Contains(naming, ch.What) && slices.Contains(was, role) != slices.Contains(is, role)
	})
}

// namedOn lists the roles that the entries on a path name, and those that what
// stands at its end names inside.
func (p *Plan) namedOn(path string) (roles []string) {
	parts := strings.Split(path, ".")
	for i := range parts {
		if _, _, v, ok := p.walk(strings.Join(parts[:i+1], "."), true); ok {
			roles = append(roles, rolesIn(v, i == len(parts)-1)...)
		}
	}
	return roles
}

// rolesIn lists the roles that an entry names: by its own keys, and if it is the
// whole that is asked for, also inside. The chapter of governance by itself names
// everyone; what became of its lists says whom it concerns.
func rolesIn(v reflect.Value, whole bool) (roles []string) {
	switch v = inside(v); {
	case !v.IsValid() || v.Type() == reflect.TypeFor[Governance]():
		return nil
	case v.Kind() == reflect.Slice && whole:
		for i := range v.Len() {
			roles = append(roles, rolesIn(v.Index(i), true)...)
		}
		return roles
	case v.Kind() != reflect.Struct:
		return nil
	}
	if r, is := v.Interface().(Role); is {
		roles = append(roles, r.ID)
	}
	for key, field := range fieldsOf(v.Type()) {
		switch f := v.Field(field); {
		case slices.Contains(naming, key) && f.Kind() == reflect.String:
			roles = append(roles, f.String())
		case slices.Contains(naming, key) && f.Type() == reflect.TypeFor[[]string]():
			roles = append(roles, f.Interface().([]string)...)
		case whole:
			roles = append(roles, rolesIn(f, true)...)
		}
	}
	return roles
}
