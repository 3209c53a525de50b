package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// The forms of people and parties. A button that adds, moves or removes a row shows
// the form again with what was typed; nothing is recorded before it is saved.

// draftForm is what all these forms have.
type draftForm struct {
	// Action is where the form is sent; Back, where it was entered from.
	Action, Back string
	New          bool
	// Base is the revision that the form shows; 0 for something new.
	Base holdfast.Revision
	// Problems are what is wrong, by field.
	Problems map[string]string
	// Overtaken is what differs between the form and what another person has saved
	// meanwhile; saving again takes the form's side.
	Overtaken []roster.Difference
	Channels  []roster.Channel
	Langs     []holdfast.Lang
}

func (c *Console) newDraftForm(v *visit, isNew bool, at holdfast.Subject, action, back string) draftForm {
	f := draftForm{Action: action, Back: back, New: isNew, Problems: map[string]string{}, Channels: roster.Channels[:], Langs: holdfast.Langs[:]}
	if !isNew {
		_, f.Base = c.View.History(at)
	}
	if r, ok := v.w.(*refused); ok {
		for _, e := range roster.FaultsOf(r.err) {
			f.Problems[e.Field] = v.words.Error(e)
		}
	}
	if typed(v) && !overtaken(v) {
		f.Base, _ = parseRevision(v.form("base"))
	}
	return f
}

// overtaken reports whether the act was refused because another was quicker.
func overtaken(v *visit) bool {
	r, ok := v.w.(*refused)
	return ok && holdfast.CodeOf(r.err) == holdfast.Conflict
}

// typed reports whether the page shows what a reader has typed.
func typed(v *visit) bool { return v.r.Method == "POST" }

func parseRevision(text string) (holdfast.Revision, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	return holdfast.Revision(n), err
}

// pressed is what the button asks that was pressed: to save, or to change the rows of a list.
func (v *visit) pressed() (verb, list string, at int) {
	words := strings.Fields(v.form("act"))
	if len(words) < 2 {
		return "save", "", 0
	}
	if len(words) > 2 {
		at, _ = strconv.Atoi(words[2]) // a row that is not there is left alone
	}
	return words[0], words[1], at
}

// rearranged carries out the pressed button on one of the lists.
func rearranged[T any](v *visit, name string, list []T) []T {
	verb, which, i := v.pressed()
	if which != name || i < 0 || i >= len(list) && verb != "add" {
		return list
	}
	switch {
	case verb == "add":
		var blank T
		return append(list, blank)
	case verb == "drop":
		return slices.Delete(list, i, i+1)
	case verb == "up" && i > 0:
		list[i-1], list[i] = list[i], list[i-1]
	case verb == "down" && i+1 < len(list):
		list[i+1], list[i] = list[i], list[i+1]
	}
	return list
}

// maxRows bounds what is read of a form.
const maxRows = 200

// rows calls f with the prefix of each row of a list that the form has.
func (v *visit) rows(list, field string, f func(at string)) {
	for i := range maxRows {
		at := fmt.Sprintf("%s.%d.", list, i)
		if _, there := v.r.PostForm[at+field]; !there {
			return
		}
		f(at)
	}
}

// contactsOf reads the contacts of a form, blank rows too.
func contactsOf(v *visit) (list []roster.Contact) {
	v.rows("contact", "address", func(at string) {
		list = append(list, roster.Contact{Channel: roster.Channel(v.form(at + "channel")), Address: strings.TrimSpace(v.form(at + "address")), Label: strings.TrimSpace(v.form(at + "label"))})
	})
	return rearranged(v, "contact", list)
}

// filled leaves out rows in which nothing was written.
func filled(list []roster.Contact) []roster.Contact {
	return slices.DeleteFunc(slices.Clone(list), func(c roster.Contact) bool { return c.Address == "" && c.Label == "" })
}

// contactRows are the contacts of a form.
type contactRows struct {
	draftForm
	Contacts []roster.Contact
}

type personForm struct {
	draftForm
	Person roster.Person
	Roles  []roleChoice
	// Other is roles, by id, that neither the plan nor anyone has yet.
	Other       string
	Departments []view.Department
	People      []view.Person
	// Zone is the reader's, for quiet hours that are new.
	Zone string
}

// ContactRows is the part of the form that is about contacts.
func (f personForm) ContactRows() contactRows { return contactRows{f.draftForm, f.Person.Contacts} }

type roleChoice struct {
	view.Named
	Checked bool
}

func (c *Console) personNew(v *visit) error {
	return c.personForm(v, c.newDraftForm(v, true, "", "/people/-new", "/people"), roster.Person{Contacts: []roster.Contact{{Channel: roster.Phone}, {Channel: roster.SMTP}}})
}

func (c *Console) personEdit(v *visit) error {
	p, err := c.View.Person(v.path("id"))
	if err != nil {
		return err
	}
	at := "/people/" + p.ID
	f := c.newDraftForm(v, false, holdfast.NewSubject("person", p.ID), at+"/edit", at)
	if overtaken(v) {
		own := personOf(v)
		f.Overtaken = roster.Compare(p.Person, withVerified(own, p.Person))
	}
	return c.personForm(v, f, p.Person)
}

// withVerified gives a form's contacts the days that the roster knows, so that they
// are no difference.
func withVerified(p, known roster.Person) roster.Person {
	for i, one := range p.Contacts {
		for _, k := range known.Contacts {
			if k.Channel == one.Channel && k.Address == one.Address {
				p.Contacts[i].Verified = k.Verified
			}
		}
	}
	return p
}

func (c *Console) personForm(v *visit, f draftForm, p roster.Person) error {
	own := personForm{draftForm: f, Person: p, Departments: c.View.Departments(), People: c.View.People(), Zone: v.zone.String()}
	if typed(v) {
		own.Person, own.Other = personOf(v), v.form("role-other")
	}
	var known []string
	for _, r := range c.View.Roles() {
		known = append(known, r.Role)
		own.Roles = append(own.Roles, roleChoice{view.Named{ID: r.Role, Name: r.Name}, slices.Contains(own.Person.Roles, r.Role)})
	}
	for _, r := range own.Person.Roles {
		if !slices.Contains(known, r) && !slices.Contains(strings.Fields(own.Other), r) {
			own.Roles = append(own.Roles, roleChoice{view.Named{ID: r}, true})
		}
	}
	own.People = slices.DeleteFunc(own.People, func(o view.Person) bool { return o.ID == own.Person.ID })
	title := v.words.T("staff.new-person")
	if !f.New {
		title = own.Person.NameIn(v.words.Lang())
	}
	return c.show(v, "personform", title, false, own)
}

// personOf reads the form of a person.
func personOf(v *visit) roster.Person {
	field := func(name string) string { return strings.TrimSpace(v.form(name)) }
	p := roster.Person{
		ID: field("id"), Name: field("name"), Names: holdfast.Text{ZhHant: field("names.zh-Hant"), ZhHans: field("names.zh-Hans"), En: field("names.en")},
		Department: field("department"), Roles: slices.Concat(v.r.PostForm["role"], strings.Fields(v.form("role-other"))),
		Lang: holdfast.Lang(field("lang")), Account: field("account"), Contacts: contactsOf(v),
	}
	if id := v.path("id"); id != "" {
		p.ID = id
	}
	if q := (roster.Quiet{From: field("quiet.from"), Until: field("quiet.until"), Zone: field("quiet.zone")}); q.From+q.Until != "" {
		p.Quiet = q
	}
	v.rows("deputy", "person", func(at string) {
		p.Deputies = append(p.Deputies, roster.Deputy{Person: v.form(at + "person"), Role: v.form(at + "role")})
	})
	p.Deputies = rearranged(v, "deputy", p.Deputies)
	return p
}

func (c *Console) savePerson(v *visit) error {
	if verb, _, _ := v.pressed(); verb != "save" {
		if v.path("id") == "" {
			return c.personNew(v)
		}
		return c.personEdit(v)
	}
	base, err := v.revisionOf("base")
	if err != nil {
		return err
	}
	p := personOf(v)
	p.Contacts = filled(p.Contacts)
	p.Deputies = slices.DeleteFunc(p.Deputies, func(d roster.Deputy) bool { return d.Person == "" })
	if err := c.Roster.Save(v.r.Context(), v.by(), p, base); err != nil {
		return err
	}
	return v.seeOther("/people/"+p.ID, "saved")
}
