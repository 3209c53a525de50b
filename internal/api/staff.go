package api

import (
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// EditPerson is how a person is from now on. Revision is the one that was seen: if
// another has stated anything since, it is a conflict.
type EditPerson struct {
	Person   roster.Person     `json:"person"`
	Revision holdfast.Revision `json:"revision"`
}

// EditParty is EditPerson for a party.
type EditParty struct {
	Party    roster.Party      `json:"party"`
	Revision holdfast.Revision `json:"revision"`
}

// EditDuty is EditPerson for the duty schedule of a role.
type EditDuty struct {
	Schedule roster.Schedule   `json:"schedule"`
	Revision holdfast.Revision `json:"revision"`
}

// Leave says that a person leaves, from a time on or, without one, at once.
type Leave struct {
	Reason string    `json:"reason"`
	From   time.Time `json:"from,omitzero"`
}

// Restore names the former state by its revision; Revision is the one that was seen.
type Restore struct {
	To       holdfast.Revision `json:"to"`
	Revision holdfast.Revision `json:"revision"`
}

// History is what happened to a person, a party or a role's duty. Revision is what an
// edit is based on.
type History struct {
	Revision holdfast.Revision `json:"revision"`
	Changes  []view.Change     `json:"changes"`
}

// Departure is what rests on a person and what turns red without him.
type Departure struct {
	view.Departure
	// Findings are in the reader's language.
	Findings []Fault `json:"findings"`
}

// ImportPreview is what importing a file would do. Digest is to be sent with the
// import.
type ImportPreview struct {
	Fit    bool        `json:"fit"`
	Digest string      `json:"digest"`
	Rows   []ImportRow `json:"rows"`
	// Kept are the fields for which a file in CSV lacks columns: what is recorded there
	// stays.
	Kept []string `json:"kept"`
	// Faults concern the file and no row of it.
	Faults []ImportFault `json:"faults"`
}

// ImportRow is one entry of the file.
type ImportRow struct {
	roster.Row
	Faults []ImportFault `json:"faults"`
}

// ImportFault is why a row or the file is refused. Line and Column count from 1; 0
// is the whole.
type ImportFault struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// same refuses a body that is about something else than the path.
func same(path, body string) error {
	if path != body {
		return holdfast.Errorf(holdfast.Invalid, "the path names %q and the body %q: write one", path, body).At("id")
	}
	return nil
}

func (a *API) editPerson(c *call) (any, error) {
	in, err := body[EditPerson](c)
	if err == nil {
		err = same(c.path("id"), in.Person.ID)
	}
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.Save(c.r.Context(), c.by(), in.Person, in.Revision)
}

func (a *API) editParty(c *call) (any, error) {
	in, err := body[EditParty](c)
	if err == nil {
		err = same(c.path("id"), in.Party.ID)
	}
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.SaveParty(c.r.Context(), c.by(), in.Party, in.Revision)
}

func (a *API) editDuty(c *call) (any, error) {
	in, err := body[EditDuty](c)
	if err == nil {
		err = same(c.path("role"), in.Schedule.Role)
	}
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.SaveSchedule(c.r.Context(), c.by(), in.Schedule, in.Revision)
}

func (a *API) leave(c *call) (any, error) {
	in, err := body[Leave](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.LeaveFrom(c.r.Context(), c.by(), c.path("id"), in.From, in.Reason)
}

func (a *API) stay(c *call) (any, error) {
	return nil, a.Roster.Stay(c.r.Context(), c.by(), c.path("id"))
}

func (a *API) departure(c *call) (any, error) {
	from, err := a.instant(c, "from")
	if err != nil {
		return nil, err
	}
	d, err := a.View.Departure(c.path("id"), from)
	return Departure{d, findings(d.Findings, locale.For(c.lang))}, err
}

// historyOf answers what happened to the noun that a part of the path names.
func historyOf(noun, part string) func(*API, *call) (any, error) {
	return func(a *API, c *call) (any, error) {
		changes, base := a.View.History(holdfast.NewSubject(noun, c.path(part)))
		if len(changes) == 0 {
			return nil, holdfast.Errorf(holdfast.NotFound, "nothing was ever recorded of %q", c.path(part))
		}
		return History{base, changes}, nil
	}
}

func restoreOf(noun, part string) func(*API, *call) (any, error) {
	return func(a *API, c *call) (any, error) {
		in, err := body[Restore](c)
		if err != nil {
			return nil, err
		}
		return nil, a.Roster.Restore(c.r.Context(), c.by(), holdfast.NewSubject(noun, c.path(part)), in.To, in.Revision)
	}
}

func (a *API) departments(*call) (any, error) { return a.View.Departments(), nil }

func (a *API) previewImport(c *call) (any, error) {
	in, err := body[RosterText](c)
	if err != nil {
		return nil, err
	}
	preview := a.Roster.PreviewPeople
	switch what := c.path("what"); what {
	case "people":
	case "parties":
		preview = a.Roster.PreviewParties
	default:
		return nil, holdfast.Errorf(holdfast.NotFound, "there is no preview of %q; write people or parties", what)
	}
	p, err := preview(in.Format, []byte(in.Text))
	if err != nil {
		return nil, err
	}
	words := locale.For(c.lang)
	out := ImportPreview{Fit: p.Fit(), Digest: p.Digest(), Rows: []ImportRow{}, Kept: p.Kept, Faults: importFaults(p.Faults, words)}
	for _, r := range p.Rows {
		out.Rows = append(out.Rows, ImportRow{r, importFaults(r.Faults, words)})
	}
	return out, nil
}

func importFaults(faults roster.Faults, words *locale.Printer) []ImportFault {
	list := []ImportFault{}
	for _, f := range faults {
		list = append(list, ImportFault{f.Line, f.Column, words.Error(f.Err)})
	}
	return list
}
