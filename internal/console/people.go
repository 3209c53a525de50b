package console

import (
	"time"

	"holdfast"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// The screens of people: who is here, what each holds, how he is reached.

type peoplePage struct {
	List  view.Page[view.Person]
	Pages pages
	Query view.PeopleQuery
	// Departments and Roles can be chosen by.
	Departments []view.Department
	Roles       []view.RoleCover
	// Vacant are roles of the plan that nobody holds.
	Vacant []view.Named
	// Filtered is whether the list leaves anyone out.
	Filtered bool
}

func (c *Console) people(v *visit) error {
	q := view.PeopleQuery{Text: v.query("q"), Department: v.query("department"), Role: v.query("role"), State: v.query("state")}
	own := peoplePage{
		List: c.View.FindPeople(q, v.offset(), view.PageSize), Query: q, Departments: c.View.Departments(), Roles: c.View.Roles(), Vacant: c.View.VacantRoles(),
		Filtered: q != view.PeopleQuery{},
	}
	own.Pages = pagesOf(v, own.List)
	return c.show(v, "people", v.words.T("people.title"), true, own)
}

// record is the history of a person, a party or a role's duty, with the revision
// that acts on it are based on.
type record struct {
	// At is the address of the page that the acts lie under.
	At      string
	Base    holdfast.Revision
	Changes []view.Change
}

func (c *Console) historyOf(subject holdfast.Subject, at string) record {
	changes, base := c.View.History(subject)
	return record{at, base, changes}
}

// history is a record as a reader sees it, who may restore a state or not.
type history struct {
	record
	May bool
}

// points are contacts with the acts that verify them.
type points struct {
	*page
	At     string
	Points []view.ContactPoint
}

type personPage struct {
	Person  view.Person
	Held    roster.Held
	History record
}

func (c *Console) person(v *visit) error {
	p, err := c.View.Person(v.path("id"))
	if err != nil {
		return err
	}
	now := c.Desk.Now()
	held, err := c.Roster.Held(p.ID, now, now.AddDate(0, 0, view.DutyDays))
	if err != nil {
		return err
	}
	own := personPage{Person: p, Held: held, History: c.historyOf(holdfast.NewSubject("person", p.ID), "/people/"+p.ID)}
	return c.show(v, "person", p.NameIn(v.words.Lang()), false, own)
}

// revisionOf reads a revision of a form.
func (v *visit) revisionOf(field string) (holdfast.Revision, error) {
	n, err := parseRevision(v.form(field))
	if err != nil {
		return 0, holdfast.Errorf(holdfast.Invalid, "the form does not say what it is based on: load the page again")
	}
	return n, nil
}

func (c *Console) verifyAt(v *visit, at holdfast.Subject, back string) error {
	if err := c.Verifier.Ask(v.r.Context(), v.by(), at, roster.Channel(v.form("channel")), v.form("address")); err != nil {
		return err
	}
	return v.seeOther(back, "asked")
}

// testAt sends a test to an address; the page it leads back to says what became of it.
func (c *Console) testAt(v *visit, back string) error {
	if _, err := c.Tester.Send(v.r.Context(), v.by(), roster.Channel(v.form("channel")), v.form("address"), v.words.Lang()); err != nil {
		return err
	}
	return v.seeOther(back, "tested")
}

func (c *Console) reachedAt(v *visit, at holdfast.Subject, back string) error {
	if err := c.Roster.Reached(v.r.Context(), v.by(), at, roster.Channel(v.form("channel")), v.form("address"), v.form("note")); err != nil {
		return err
	}
	return v.seeOther(back, "reached")
}

func (c *Console) restoreAt(v *visit, at holdfast.Subject, back string) error {
	to, err := v.revisionOf("revision")
	if err != nil {
		return err
	}
	base, err := v.revisionOf("base")
	if err != nil {
		return err
	}
	if err := c.Roster.Restore(v.r.Context(), v.by(), at, to, base); err != nil {
		return err
	}
	return v.seeOther(back, "restored")
}

func (c *Console) verifyPerson(v *visit) error {
	return c.verifyAt(v, holdfast.NewSubject("person", v.path("id")), "/people/"+v.path("id"))
}

func (c *Console) testPerson(v *visit) error { return c.testAt(v, "/people/"+v.path("id")) }

func (c *Console) reachedPerson(v *visit) error {
	return c.reachedAt(v, holdfast.NewSubject("person", v.path("id")), "/people/"+v.path("id"))
}

func (c *Console) restorePerson(v *visit) error {
	return c.restoreAt(v, holdfast.NewSubject("person", v.path("id")), "/people/"+v.path("id"))
}

func (c *Console) stay(v *visit) error {
	if err := c.Roster.Stay(v.r.Context(), v.by(), v.path("id")); err != nil {
		return err
	}
	return v.seeOther("/people/"+v.path("id"), "stays")
}

// leavePage shows what rests on a person, and what turns red without him.
type leavePage struct {
	Person    view.Person
	Departure view.Departure
	Findings  []finding
	// From is the first day on which he is no longer here; Now, whether that is today
	// or past.
	From   string
	Reason string
	Now    bool
}

func (c *Console) leavePage(v *visit) error {
	p, err := c.View.Person(v.path("id"))
	if err != nil {
		return err
	}
	text := v.query("from")
	if v.form("from") != "" {
		text = v.form("from")
	}
	now := c.Desk.Now()
	from, err := time.ParseInLocation(time.DateOnly, text, v.zone)
	if err != nil {
		from, text = now, now.In(v.zone).Format(time.DateOnly)
	}
	departure, err := c.View.Departure(p.ID, from)
	if err != nil {
		return err
	}
	own := leavePage{Person: p, Departure: departure, From: text, Reason: v.form("reason"), Now: !from.After(now)}
	organisation := c.View.Organisation()
	for _, f := range departure.Findings {
		own.Findings = append(own.Findings, finding{Severity: string(f.Severity), Rule: f.Rule, Message: inWords(v, organisation, f.Path, f.Error)})
	}
	bySeverity(own.Findings)
	return c.show(v, "leave", v.words.T("staff.leave"), false, own)
}

func (c *Console) leave(v *visit) error {
	from, err := v.day("from")
	if err != nil {
		return err
	}
	if err := c.Roster.LeaveFrom(v.r.Context(), v.by(), v.path("id"), from, v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/people/"+v.path("id"), "leaves")
}

// rolesPage is who fills each role and who works in each department.
type rolesPage struct {
	Roles       []view.RoleCover
	Departments []view.Department
	// Draft is the open draft, in which the plan's roles are changed.
	Draft string
}

func (c *Console) roles(v *visit) error {
	own := rolesPage{Roles: c.View.Roles(), Departments: c.View.Departments()}
	for _, d := range c.Drafts.Drafts() {
		if d.State.Open() {
			own.Draft = d.ID
		}
	}
	return c.show(v, "roles", v.words.T("staff.roles"), true, own)
}
