package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

func (s *shell) people() *cobra.Command {
	return group("people", "The roster", s.peopleList(), s.peopleShow(), s.peopleImport(), s.rosterExport("people", true), s.peopleRoles(), s.peopleHeld(),
		s.contactVerify("POST /people/{id}/verify", "PERSON"), s.contactReached("POST /people/{id}/reached", "PERSON"),
		s.peopleLeave(), s.peopleStay(), s.peopleDeparture(), s.personSave(), s.rosterHistory("GET /people/{id}/history", "PERSON"),
		s.rosterRestore("POST /people/{id}/restore", "PERSON"), s.departments(), s.preview("people"))
}

func (s *shell) peopleList() *cobra.Command {
	return s.api("GET /people", "list", "List people, their roles and contact points", func(c *call) error {
		return show(c, nil, func(p *page, v []view.Person) {
			p.row("PERSON", "ACCOUNT", "ROLES", "CONTACTS", "NAME")
			for _, person := range v {
				p.row(person.ID, person.Account, strings.Join(person.Roles, " "), addresses(person.Contacts), person.Name)
			}
		})
	})
}

func addresses(contacts []roster.Contact) string {
	var list []string
	for _, c := range contacts {
		list = append(list, string(c.Channel)+":"+c.Address)
	}
	return strings.Join(list, " ")
}

func (s *shell) peopleShow() *cobra.Command {
	return s.api("GET /people/{id}", "show PERSON", "Show a person: deputies, duty now, how far each contact is verified", func(c *call) error {
		return show(c, nil, func(p *page, v view.Person) {
			p.line("%s %s, revision %d%s", v.ID, v.Name, v.Revision, unless(!v.Left, ", has left"))
			if v.Leaving != nil {
				p.line("leaves from %s: %s", clock(v.Leaving.From), v.Leaving.Reason)
			}
			p.line("department %s, roles %s, account %s", cell(v.Department), cell(strings.Join(v.Roles, " ")), cell(v.Account))
			for _, d := range v.StandIns {
				p.line("deputy %s %s%s", d.ID, d.Name, unless(d.Role == "", " as "+d.Role))
			}
			for _, d := range v.StandsInFor {
				p.line("stands in for %s %s%s", d.ID, d.Name, unless(d.Role == "", " as "+d.Role))
			}
			for _, r := range v.OnDuty {
				p.line("on duty now as %s", r.ID)
			}
			writePoints(p, v.Points)
		})
	})
}

func writePoints(p *page, points []view.ContactPoint) {
	p.row("CHANNEL", "ADDRESS", "VERIFIED", "STATE", "LAST LINK", "LABEL")
	for _, c := range points {
		p.row(c.Channel, c.Address, c.Verified, c.State, c.Asked, c.Label)
	}
}

func (s *shell) peopleImport() *cobra.Command {
	var format string
	cmd := s.api("POST /people", "import FILE", "Record people from a holdfast-people/1 file or CSV, - for standard input", func(c *call) error {
		return c.importText(formatOf(format, c.args[0]), "the people of %s are recorded")
	})
	cmd.Flags().StringVar(&format, "format", "", "yaml or csv; otherwise by the file's name")
	return cmd
}

// formatOf tells by a file's name whether it is in CSV, unless it is said.
func formatOf(format, name string) string {
	if format == "" && strings.EqualFold(filepath.Ext(name), ".csv") {
		return "csv"
	}
	return format
}

// importText sends the file that the command names.
func (c *call) importText(format, done string) error {
	content, err := c.read(c.args[0], 4<<20)
	if err != nil {
		return err
	}
	return c.act(api.RosterText{Text: string(content), Format: format}, done, c.args[0])
}

// rosterExport prints a file to be imported again.
func (s *shell) rosterExport(what string, csv bool) *cobra.Command {
	cmd := s.api("GET /roster/{what}", "export", "Print the "+what+" as a file that can be imported again", func(c *call) error {
		c.args = []string{what}
		if csv {
			c.pass("format")
		}
		answer, err := c.do(nil)
		if err != nil {
			return err
		}
		if s.json {
			s.print(answer)
			return nil
		}
		var v api.RosterText
		if err := json.Unmarshal(answer, &v); err != nil {
			return fmt.Errorf("the answer cannot be read: %w", err)
		}
		_, err = fmt.Fprint(s.Stdout, v.Text)
		return err
	})
	if csv {
		cmd.Flags().String("format", "yaml", "yaml or csv")
	}
	return cmd
}

func (s *shell) peopleRoles() *cobra.Command {
	return s.api("GET /roles", "roles", "List who fills each role, and whether two people do", func(c *call) error {
		return show(c, nil, func(p *page, v []view.RoleCover) {
			p.row("ROLE", "IN THE PLAN", "TWO HOLDERS", "HOLDERS", "DEPUTIES", "ON DUTY")
			for _, r := range v {
				var duty []string
				for _, d := range r.OnDuty {
					duty = append(duty, d.ID)
				}
				p.row(r.Role, r.Planned, r.Covered, strings.Join(r.Holders, " "), strings.Join(r.Deputies, " "), strings.Join(duty, " "))
			}
		})
	})
}

func (s *shell) peopleHeld() *cobra.Command {
	return s.api("GET /people/{id}/held", "held PERSON", "List what rests on a person, here or left", func(c *call) error {
		return show(c, nil, func(p *page, v roster.Held) {
			p.line("%s%s, account %s", v.Person, unless(!v.Left, " (has left)"), cell(v.Account))
			for _, r := range v.Roles {
				p.line("role %s, %d others%s", r.Role, r.Others, unless(!r.Last, ": without this person nobody holds it"))
			}
			for _, d := range v.DeputyOf {
				p.line("deputy of %s%s", d.Person, unless(d.Role == "", " as "+d.Role))
			}
			for _, r := range v.Rotations {
				p.line("in the rotation of %s", r)
			}
			for _, d := range v.Duty {
				p.row("duty", d.Role, d.From, d.Until)
			}
		})
	})
}

// contactVerify sends a link to one address.
func (s *shell) contactVerify(route, whom string) *cobra.Command {
	var in api.ContactRef
	cmd := s.api(route, "verify "+whom, "Send a link to an address, by which it is confirmed to work", func(c *call) error {
		return c.act(in, "a link is on its way to %s; it works once and for 24 hours", in.Address)
	})
	contactFlags(cmd, &in, "smtp")
	return cmd
}

// contactReached records a call.
func (s *shell) contactReached(route, whom string) *cobra.Command {
	var in api.ContactRef
	cmd := s.api(route, "reached "+whom, "Record that you reached someone at an address", func(c *call) error {
		return c.act(in, "%s is verified", in.Address)
	})
	contactFlags(cmd, &in, "phone")
	cmd.Flags().StringVar(&in.Note, "note", "", "whom you spoke to")
	return cmd
}

func contactFlags(cmd *cobra.Command, in *api.ContactRef, channel string) {
	cmd.Flags().StringVar((*string)(&in.Channel), "channel", channel, "smtp, sms, voice, dingtalk, wecom, feishu, slack, push, webhook or phone")
	cmd.Flags().StringVar(&in.Address, "address", "", "the address, as the roster has it")
	required(cmd, "address")
}

func (s *shell) party() *cobra.Command {
	return group("party", "Third parties: acquirers, clearing houses, clouds", s.partyList(), s.partyShow(), s.partyImport(), s.rosterExport("parties", true),
		s.partySave(), s.rosterHistory("GET /parties/{id}/history", "PARTY"), s.rosterRestore("POST /parties/{id}/restore", "PARTY"), s.preview("parties"),
		s.contactVerify("POST /parties/{id}/verify", "PARTY"), s.contactReached("POST /parties/{id}/reached", "PARTY"),
		s.because("POST /parties/{id}/remove", "remove PARTY", "Say that a party is none any more", "%s is removed"))
}

func (s *shell) partyList() *cobra.Command {
	return s.api("GET /parties", "list", "List third parties and their contacts", func(c *call) error {
		return show(c, nil, func(p *page, v []view.Party) {
			p.row("PARTY", "KIND", "CONTACTS", "NAME")
			for _, party := range v {
				p.row(party.ID, party.Kind, addresses(party.Contacts), party.Name)
			}
		})
	})
}

func (s *shell) partyShow() *cobra.Command {
	return s.api("GET /parties/{id}", "show PARTY", "Show a third party and how far each contact is verified", func(c *call) error {
		return show(c, nil, func(p *page, v view.Party) {
			p.line("%s (%s) %s, revision %d", v.ID, v.Kind, v.Name, v.Revision)
			writePoints(p, v.Points)
		})
	})
}

func (s *shell) partyImport() *cobra.Command {
	var format string
	cmd := s.api("POST /parties", "import FILE", "Record parties from a holdfast-parties/1 file or CSV, - for standard input", func(c *call) error {
		return c.importText(formatOf(format, c.args[0]), "the parties of %s are recorded")
	})
	cmd.Flags().StringVar(&format, "format", "", "yaml or csv; otherwise by the file's name")
	return cmd
}

func (s *shell) duty() *cobra.Command {
	return group("duty", "Duty times", s.dutyList(), s.dutyShow(), s.dutyNow(), s.dutyImport(), s.rosterExport("duty", false), s.dutyCover(),
		s.dutySave(), s.rosterHistory("GET /duty/{role}/history", "ROLE"), s.rosterRestore("POST /duty/{role}/restore", "ROLE"),
		s.because("POST /duty/{role}/covers/{id}/withdraw", "uncover ROLE COVER", "Withdraw a cover", "the cover of %s is withdrawn"),
		s.because("POST /duty/{role}/end", "end ROLE", "Say that a role has no duty times any more", "%s has no duty times any more"))
}

func (s *shell) dutyList() *cobra.Command {
	return s.api("GET /duty", "list", "List the duty times of all roles in the coming 14 days", func(c *call) error {
		return show(c, nil, func(p *page, v []view.DutyWeek) {
			for _, w := range v {
				writeDuty(p, w)
			}
		})
	})
}

func (s *shell) dutyShow() *cobra.Command {
	cmd := s.api("GET /duty/{role}", "show ROLE", "Show the duty times of a role", func(c *call) error {
		return show(c.pass("from", "days"), nil, writeDuty)
	})
	cmd.Flags().String("from", "", "from when on, as 2026-11-24T03:00:00Z; otherwise now")
	cmd.Flags().Int("days", view.DutyDays, "how many days")
	return cmd
}

func writeDuty(p *page, w view.DutyWeek) {
	p.line("%s %s, %s, revision %d", w.Role.ID, p.in(w.Role.Name), w.Schedule.Zone, w.Revision)
	zone, err := time.LoadLocation(w.Schedule.Zone)
	if err != nil {
		zone = time.UTC
	}
	const layout = "Mon 2006-01-02 15:04 -07:00"
	p.row("FROM", "UNTIL", "PERSON", "DAY", "COVERS FOR", "NAME")
	for _, d := range w.Slots {
		person := d.Person
		if d.Vacant {
			person = strings.TrimSpace(person + " (vacant)")
		}
		p.row(d.From.In(zone).Format(layout), d.Until.In(zone).Format(layout), person, dayName(w.Schedule, d), d.For, d.Name)
	}
	for _, c := range w.Covers {
		p.line("cover %s: %s for %s, %s to %s", c.ID, c.Person, cell(c.For), clock(c.From), clock(c.Until))
	}
}

func dayName(s roster.Schedule, d view.DutySlot) string {
	switch {
	case s.Calendar == "" || d.Person == "":
		return ""
	case d.Presumed && d.Holiday:
		return "weekend, no calendar"
	case d.Presumed:
		return "weekday, no calendar"
	case d.Holiday:
		return "holiday"
	default:
		return "working day"
	}
}

func (s *shell) dutyNow() *cobra.Command {
	cmd := s.api("GET /duty/{role}/now", "now ROLE", "Say who is on duty for a role, now or at another time", func(c *call) error {
		return show(c.pass("at"), nil, func(p *page, v api.OnDuty) {
			if len(v.People) == 0 {
				p.line("nobody is on duty for %s; turn to all who hold the role", v.Role)
				return
			}
			p.line("%s", strings.Join(v.People, " "))
		})
	})
	cmd.Flags().String("at", "", "when, as 2026-11-24T03:00:00Z; otherwise now")
	return cmd
}

func (s *shell) dutyImport() *cobra.Command {
	return s.api("POST /duty", "import FILE", "Record duty schedules from a holdfast-duty/1 file, - for standard input", func(c *call) error {
		return c.importText("", "the schedules of %s are recorded")
	})
}

func (s *shell) dutyCover() *cobra.Command {
	var in api.NewCover
	var from, until string
	cmd := s.api("POST /duty/{role}/covers", "cover ROLE PERSON", "Put a person on duty in place of another for some time", func(c *call) (err error) {
		in.Person = c.args[1]
		c.args = c.args[:1]
		if in.From, err = instant("from", from, time.Time{}); err != nil {
			return err
		}
		if in.Until, err = instant("until", until, time.Time{}); err != nil {
			return err
		}
		return c.create(in, "cover %s is recorded")
	})
	cmd.Flags().StringVar(&in.For, "for", "", "in whose place; otherwise whoever is on duty")
	cmd.Flags().StringVar(&from, "from", "", "from when on, as 2026-11-24T09:00:00+08:00")
	cmd.Flags().StringVar(&until, "until", "", "until when")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	required(cmd, "from")
	return required(cmd, "until")
}

func (s *shell) calendar() *cobra.Command {
	return group("calendar", "Working days and holidays", s.calendarList(), s.calendarImport())
}

func (s *shell) calendarList() *cobra.Command {
	return s.api("GET /calendars", "list", "List calendars and the years they have data for", func(c *call) error {
		return show(c, nil, func(p *page, v []roster.Calendar) {
			p.row("CALENDAR", "YEAR", "HOLIDAYS", "SOURCE")
			for _, cal := range v {
				for _, y := range cal.Years {
					p.row(cal.Name, y.Year, len(y.Holidays), y.Source)
				}
			}
		})
	})
}

func (s *shell) calendarImport() *cobra.Command {
	return s.api("POST /calendars", "import FILE", "Record years of a calendar from a holdfast-calendar/1 file, - for standard input", func(c *call) error {
		return c.importText("", "the years of %s are recorded")
	})
}
