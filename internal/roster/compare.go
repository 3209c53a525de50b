package roster

import (
	"strconv"
	"strings"
)

// Difference is one field in which two states differ, each value in short.
type Difference struct {
	// Field is name, names, department, roles, lang, account, quiet, deputies, contacts,
	// kind, contract, zone, start, calendar or rotations.
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// state is what can be compared field by field.
type state interface{ Fields() [][2]string }

// Compare lists the fields in which two states differ, in the order of the file's
// keys.
func Compare[T state](before, after T) []Difference {
	list := []Difference{}
	old := before.Fields()
	for i, f := range after.Fields() {
		if f[1] != old[i][1] {
			list = append(list, Difference{Field: f[0], Old: old[i][1], New: f[1]})
		}
	}
	return list
}

// Fields lists what can be compared, each key with its value in short.
func (p Person) Fields() [][2]string {
	return [][2]string{
		{"name", p.Name}, {"names", joined(p.Names.ZhHant, p.Names.ZhHans, p.Names.En)}, {"department", p.Department},
		{"roles", strings.Join(p.Roles, " ")}, {"lang", string(p.Lang)}, {"account", p.Account}, {"quiet", p.Quiet.String()}, {"deputies", joinDeputies(p.Deputies)}, {"contacts", contactsText(p.Contacts)},
	}
}

// Fields lists what can be compared, each key with its value in short.
func (p Party) Fields() [][2]string {
	return [][2]string{{"name", p.Name}, {"kind", string(p.Kind)}, {"lang", string(p.Lang)}, {"contract", p.Contract}, {"contacts", contactsText(p.Contacts)}}
}

// Fields lists what can be compared, each key with its value in short.
func (s Schedule) Fields() [][2]string {
	var rotations []string
	for _, r := range s.Rotations {
		rotations = append(rotations, string(r.days())+" "+r.Shift+" "+strings.Join(r.People, ", "))
	}
	return [][2]string{{"zone", s.Zone}, {"start", s.Start}, {"calendar", s.Calendar}, {"rotations", strings.Join(rotations, " · ")}}
}

func contactsText(contacts []Contact) string {
	var list []string
	for i, c := range contacts {
		list = append(list, strconv.Itoa(i+1)+". "+joined(string(c.Channel)+" "+c.Address, c.Label, dayText(c.Verified)))
	}
	return strings.Join(list, " ")
}

func joined(parts ...string) string {
	var some []string
	for _, p := range parts {
		if p != "" {
			some = append(some, p)
		}
	}
	return strings.Join(some, " · ")
}
