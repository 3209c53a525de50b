package api

import (
	"time"

	"holdfast"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// RosterText is a file of people, parties, duty schedules or a calendar. Format
// is yaml, or csv for people and parties; left out it is yaml. Digest is that of a
// preview: an import that would do anything else is refused.
type RosterText struct {
	Text   string `json:"text"`
	Format string `json:"format,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// ContactRef names an address of a person or a party, with a note on how someone
// was reached.
type ContactRef struct {
	Channel roster.Channel `json:"channel"`
	Address string         `json:"address"`
	Note    string         `json:"note,omitempty"`
}

// NewCover puts a person on duty in place of another.
type NewCover struct {
	Person string    `json:"person"`
	For    string    `json:"for,omitempty"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
}

// OnDuty is who is on duty for a role at an instant.
type OnDuty struct {
	Role   string    `json:"role"`
	At     time.Time `json:"at"`
	People []string  `json:"people"`
}

func (a *API) person(c *call) (any, error) { return a.View.Person(c.path("id")) }

// held lists what rests on a person, with the duty of the coming weeks.
func (a *API) held(c *call) (any, error) {
	now := a.Desk.Now()
	return a.Roster.Held(c.path("id"), now, now.AddDate(0, 0, view.DutyDays))
}

func (a *API) roles(*call) (any, error) { return a.View.Roles(), nil }

func (a *API) record(c *call) (any, error) {
	in, err := body[RosterText](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.ImportPeople(c.r.Context(), c.by(), in.Format, []byte(in.Text), in.Digest)
}

func noFormat(format string) error {
	return holdfast.Errorf(holdfast.Invalid, "there is no format %q here; write yaml, or csv for people and parties", format).At("format")
}

// inText makes the faults of a text one error.
func inText(err error) error { return holdfast.Errorf(holdfast.Invalid, "%v", err).At("text") }

// rosterText writes people, parties or duty schedules as a file.
func (a *API) rosterText(c *call) (any, error) {
	what, format := c.path("what"), c.query("format")
	if format != "" && format != "yaml" && (format != "csv" || what == "duty") {
		return nil, noFormat(format)
	}
	out := RosterText{Format: format}
	a.Desk.State.View(func() {
		b := a.View.Roster
		switch {
		case what == "people" && format == "csv":
			out.Text = string(roster.EncodePeopleCSV(b.People()))
		case what == "people":
			out.Text = string(roster.EncodePeople(b.People()))
		case what == "parties" && format == "csv":
			out.Text = string(roster.EncodePartiesCSV(b.Parties()))
		case what == "parties":
			out.Text = string(roster.EncodeParties(b.Parties()))
		case what == "duty":
			out.Text = string(roster.EncodeDuty(b.Schedules()))
		}
	})
	if out.Text == "" {
		return nil, holdfast.Errorf(holdfast.Invalid, "there are no %q here; write people, parties or duty", what).At("what")
	}
	return out, nil
}

// verifyContact sends a link to an address of a person or a party.
func verifyContact(noun string) func(*API, *call) (any, error) {
	return func(a *API, c *call) (any, error) {
		in, err := body[ContactRef](c)
		if err != nil {
			return nil, err
		}
		return nil, a.Verifier.Ask(c.r.Context(), c.by(), holdfast.NewSubject(noun, c.path("id")), in.Channel, in.Address)
	}
}

// NoticeTest asks for one message that is marked as a test.
type NoticeTest struct {
	Channel roster.Channel `json:"channel"`
	Address string         `json:"address"`
	Lang    holdfast.Lang  `json:"lang,omitempty"`
}

// testNotice sends a test and answers with what became of it.
func (a *API) testNotice(c *call) (any, error) {
	in, err := body[NoticeTest](c)
	if err != nil {
		return nil, err
	}
	lang := in.Lang
	if lang == "" {
		lang = c.lang
	}
	d, err := a.Tester.Send(c.r.Context(), c.by(), in.Channel, in.Address, lang)
	if err != nil {
		return nil, err
	}
	return view.NewTested(&d), nil
}

// reachedContact records that someone was reached at an address.
func reachedContact(noun string) func(*API, *call) (any, error) {
	return func(a *API, c *call) (any, error) {
		in, err := body[ContactRef](c)
		if err != nil {
			return nil, err
		}
		return nil, a.Roster.Reached(c.r.Context(), c.by(), holdfast.NewSubject(noun, c.path("id")), in.Channel, in.Address, in.Note)
	}
}

func (a *API) parties(*call) (any, error) { return a.View.Parties(), nil }

func (a *API) party(c *call) (any, error) { return a.View.Party(c.path("id")) }

func (a *API) recordParties(c *call) (any, error) {
	in, err := body[RosterText](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.ImportParties(c.r.Context(), c.by(), in.Format, []byte(in.Text), in.Digest)
}

func (a *API) removeParty(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.RemoveParty(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

// instant reads a query parameter that is a time, now if it is missing.
func (a *API) instant(c *call, name string) (time.Time, error) {
	text := c.query(name)
	if text == "" {
		return a.Desk.Now(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, holdfast.Errorf(holdfast.Invalid, "%s is a time as 2026-11-24T03:00:00Z, not %q", name, text).At(name)
	}
	return t, nil
}

// maxDutyDays is how many days one answer of duty times may cover.
const maxDutyDays = 366

func (a *API) duties(*call) (any, error) { return a.View.DutyWeeks(), nil }

func (a *API) duty(c *call) (any, error) {
	from, err := a.instant(c, "from")
	if err != nil {
		return nil, err
	}
	days, err := c.number("days")
	if err != nil {
		return nil, err
	}
	if days == 0 {
		days = view.DutyDays
	}
	if days > maxDutyDays {
		return nil, holdfast.Errorf(holdfast.Invalid, "days is at most %d", maxDutyDays).At("days")
	}
	return a.View.DutyWeek(c.path("role"), from, days)
}

func (a *API) onDuty(c *call) (any, error) {
	at, err := a.instant(c, "at")
	if err != nil {
		return nil, err
	}
	out := OnDuty{Role: c.path("role"), At: at.UTC(), People: []string{}}
	for _, p := range a.Roster.OnDuty(out.Role, at) {
		out.People = append(out.People, p.ID)
	}
	return out, nil
}

func (a *API) schedule(c *call) (any, error) {
	in, err := body[RosterText](c)
	if err != nil {
		return nil, err
	}
	list, err := roster.DecodeDuty("", []byte(in.Text))
	if err != nil {
		return nil, inText(err)
	}
	return nil, a.Roster.Schedule(c.r.Context(), c.by(), list...)
}

func (a *API) endDuty(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.EndDuty(c.r.Context(), c.by(), c.path("role"), in.Reason)
}

func (a *API) cover(c *call) (any, error) {
	in, err := body[NewCover](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Roster.Cover(c.r.Context(), c.by(), c.path("role"), roster.Cover{
		Person: in.Person, For: in.For, From: in.From, Until: in.Until, Reason: in.Reason,
	})
	return Created{id}, err
}

func (a *API) uncover(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Roster.Uncover(c.r.Context(), c.by(), c.path("role"), c.path("id"), in.Reason)
}

func (a *API) calendars(*call) (any, error) { return a.View.Calendars(), nil }

func (a *API) recordCalendar(c *call) (any, error) {
	in, err := body[RosterText](c)
	if err != nil {
		return nil, err
	}
	calendar, err := roster.DecodeCalendar("", []byte(in.Text))
	if err != nil {
		return nil, inText(err)
	}
	return nil, a.Roster.RecordCalendar(c.r.Context(), c.by(), calendar)
}
