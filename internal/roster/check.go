package roster

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast"
)

// check returns what is wrong with a person; each error's field is a path as
// contacts[1].address.
func check(p Person) []*holdfast.Error {
	var faults []*holdfast.Error
	invalid := func(field, format string, args ...any) {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, format, args...).At(field))
	}
	ident := func(field, s string) {
		if !holdfast.ValidName(s) {
			faults = append(faults, notName(s).At(field))
		}
	}
	ident("id", p.ID)
	switch {
	case p.Name == "":
		invalid("name", "the person needs a name")
	case !line(p.Name, maxName):
		invalid("name", "the name must be one line of up to %d characters, without space around it", maxName)
	}
	for _, l := range holdfast.Langs {
		if n := p.NameIn(l); n != p.Name && !line(n, maxName) {
			invalid("names."+string(l), "the name must be one line of up to %d characters, without space around it", maxName)
		}
	}
	if p.Department != "" {
		ident("department", p.Department)
	}
	if p.Account != "" {
		ident("account", p.Account)
	}
	if p.Lang != "" && !slices.Contains(holdfast.Langs[:], p.Lang) {
		invalid("lang", "language %q: write zh-Hant, zh-Hans or en, or leave it out", p.Lang)
	}
	if len(p.Roles) > maxRoles {
		invalid("roles", "a person has at most %d roles, not %d", maxRoles, len(p.Roles))
	}
	for i, r := range p.Roles {
		field := fmt.Sprintf("roles[%d]", i)
		ident(field, r)
		if slices.Contains(p.Roles[:i], r) {
			invalid(field, "the role %q stands here twice", r)
		}
	}
	return slices.Concat(faults, p.Quiet.check(), checkContacts(p.Contacts), checkDeputies(p))
}

// checkContacts returns what is wrong with the contacts of a person or a party.
func checkContacts(contacts []Contact) []*holdfast.Error {
	var faults []*holdfast.Error
	invalid := func(field, format string, args ...any) {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, format, args...).At(field))
	}
	if len(contacts) > maxContacts {
		invalid("contacts", "a person or a party has at most %d contacts, not %d", maxContacts, len(contacts))
	}
	for i, c := range contacts {
		if e := CheckAddress(c.Channel, c.Address); e != nil {
			faults = append(faults, e.At(fmt.Sprintf("contacts[%d].%s", i, e.Field)))
		}
		if !line(c.Label, maxLabel) {
			invalid(fmt.Sprintf("contacts[%d].label", i), "the label must be one line of up to %d characters, without space around it", maxLabel)
		}
		if slices.ContainsFunc(contacts[:i], c.same) {
			invalid(fmt.Sprintf("contacts[%d]", i), "the contact %s stands here twice", c.Address)
		}
	}
	return faults
}

func checkDeputies(p Person) []*holdfast.Error {
	var faults []*holdfast.Error
	invalid := func(field, format string, args ...any) {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, format, args...).At(field))
	}
	if len(p.Deputies) > maxDeputies {
		invalid("deputies", "a person has at most %d deputies, not %d", maxDeputies, len(p.Deputies))
	}
	for i, d := range p.Deputies {
		switch at := fmt.Sprintf("deputies[%d]", i); {
		case !holdfast.ValidName(d.Person):
			faults = append(faults, notName(d.Person).At(at+".person"))
		case d.Person == p.ID:
			invalid(at+".person", "nobody stands in for himself; name another person")
		case d.Role != "" && !slices.Contains(p.Roles, d.Role):
			invalid(at+".role", "%q is not a role of this person, so nobody stands in for it", d.Role)
		case slices.Contains(p.Deputies[:i], d):
			invalid(at, "the deputy %q stands here twice", d.Person)
		}
	}
	return faults
}

// notName is the error of what cannot be an id.
func notName(s string) *holdfast.Error {
	return holdfast.Errorf(holdfast.Invalid, "%q cannot be used here: use 1 to 64 lower-case letters, digits, '-', '_' and '.', a letter or digit first", s)
}

// line reports whether s is one printable line of at most limit characters.
func line(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && s == strings.TrimSpace(s) && !strings.ContainsFunc(s, unicode.IsControl)
}
