package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// The commands for one person, party or schedule: edit, history, restore; and the
// preview of a file.

// saved makes a command that states one entry of a file over the revision that was
// seen.
func (s *shell) saved(route, what string, body func(content []byte, base holdfast.Revision) (id string, in any, err error)) *cobra.Command {
	var base uint64
	cmd := s.api(route, "save FILE", "Record the one "+what+" in FILE over the revision that you saw; - is standard input", func(c *call) error {
		content, err := c.read(c.args[0], 4<<20)
		if err != nil {
			return err
		}
		id, in, err := body(content, holdfast.Revision(base))
		if err != nil {
			return err
		}
		c.args = []string{id}
		return c.act(in, "%s is recorded", id)
	})
	cmd.Flags().Uint64Var(&base, "revision", 0, "the revision that show or history printed; 0 for something new")
	return cmd
}

// only returns the one entry of a file.
func only[T any](list []T, err error) (one T, _ error) {
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("the file holds %d entries; save takes one, import takes many", len(list))
	}
	if err != nil {
		return one, err
	}
	return list[0], nil
}

func (s *shell) personSave() *cobra.Command {
	return s.saved("PUT /people/{id}", "person", func(content []byte, base holdfast.Revision) (string, any, error) {
		p, err := only(roster.DecodePeople("", content))
		return p.ID, api.EditPerson{Person: p, Revision: base}, err
	})
}

func (s *shell) partySave() *cobra.Command {
	return s.saved("PUT /parties/{id}", "party", func(content []byte, base holdfast.Revision) (string, any, error) {
		p, err := only(roster.DecodeParties("", content))
		return p.ID, api.EditParty{Party: p, Revision: base}, err
	})
}

func (s *shell) dutySave() *cobra.Command {
	return s.saved("PUT /duty/{role}", "schedule", func(content []byte, base holdfast.Revision) (string, any, error) {
		d, err := only(roster.DecodeDuty("", content))
		return d.Role, api.EditDuty{Schedule: d, Revision: base}, err
	})
}

func (s *shell) rosterHistory(route, what string) *cobra.Command {
	return s.api(route, "history "+what, "List every change, newest first, with the revision that an edit is based on", func(c *call) error {
		return show(c, nil, func(p *page, v api.History) {
			p.line("revision %d", v.Revision)
			p.row("REVISION", "AT", "BY", "WHAT", "WORDS", "CHANGED")
			for _, h := range v.Changes {
				var fields []string
				for _, d := range h.Differences {
					fields = append(fields, d.Field)
				}
				p.row(h.Revision, h.At, h.By.ID, h.Kind, h.Text, strings.Join(fields, " "))
			}
		})
	})
}

func (s *shell) rosterRestore(route, what string) *cobra.Command {
	var in api.Restore
	cmd := s.api(route, "restore "+what, "Record a former state anew", func(c *call) error {
		return c.act(in, "%s is as it was", c.args[0])
	})
	cmd.Flags().Uint64Var((*uint64)(&in.To), "to", 0, "the revision of the state")
	cmd.Flags().Uint64Var((*uint64)(&in.Revision), "revision", 0, "the revision that history printed first")
	return required(cmd, "to", "revision")
}

func (s *shell) peopleLeave() *cobra.Command {
	var in api.Leave
	var from string
	cmd := s.api("POST /people/{id}/leave", "leave PERSON", "Say that a person has left, or will from a time on", func(c *call) (err error) {
		if in.From, err = instant("from", from, time.Time{}); err != nil {
			return err
		}
		return c.act(in, "it is recorded that %s leaves", c.args[0])
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	cmd.Flags().StringVar(&from, "from", "", "from when on, as 2026-12-01T00:00:00+08:00; otherwise now")
	return required(cmd, "reason")
}

func (s *shell) peopleStay() *cobra.Command {
	return s.api("POST /people/{id}/stay", "stay PERSON", "Take back that a person will leave", func(c *call) error {
		return c.act(nil, "%s stays", c.args[0])
	})
}

func (s *shell) peopleDeparture() *cobra.Command {
	cmd := s.api("GET /people/{id}/departure", "departure PERSON", "List what turns red without a person", func(c *call) error {
		return show(c.pass("from"), nil, func(p *page, v api.Departure) {
			for _, r := range v.Short {
				p.line("role %s is left to %d", r.ID, r.Others)
			}
			for _, d := range v.DeputyOf {
				p.line("%s loses a deputy", d.Person)
			}
			for _, d := range v.Vacant {
				p.line("nobody is on duty for %s from %s to %s", d.Role, clock(d.From), clock(d.Until))
			}
			for _, a := range v.Approvals {
				p.line("the plan's approval asks in step %s", a.ID)
			}
			for _, d := range v.Drafts {
				p.line("draft %s waits for approval", d)
			}
			for _, t := range v.Tasks {
				p.line("incident %s task %s%s", t.Incident, t.Task, unless(!t.Taken, ", taken"))
			}
			for _, f := range v.Findings {
				p.line("%s %s", f.Rule, f.Message)
			}
		})
	})
	cmd.Flags().String("from", "", "from when on, as 2026-12-01T00:00:00Z; otherwise now")
	return cmd
}

func (s *shell) departments() *cobra.Command {
	return s.api("GET /departments", "departments", "List departments and who works there", func(c *call) error {
		return show(c, nil, func(p *page, v []view.Department) {
			p.row("DEPARTMENT", "IN THE PLAN", "PEOPLE")
			for _, d := range v {
				var people []string
				for _, one := range d.People {
					people = append(people, one.ID)
				}
				p.row(d.ID, d.Planned, strings.Join(people, " "))
			}
		})
	})
}

// preview says what importing a file would do.
func (s *shell) preview(what string) *cobra.Command {
	var format string
	cmd := s.api("POST /roster/{what}/preview", "preview FILE", "Say what importing FILE would do, row by row; - is standard input", func(c *call) error {
		content, err := c.read(c.args[0], 4<<20)
		if err != nil {
			return err
		}
		in := api.RosterText{Text: string(content), Format: formatOf(format, c.args[0])}
		c.args = []string{what}
		return show(c, in, func(p *page, v api.ImportPreview) {
			for _, f := range v.Faults {
				p.line("%d: %s", f.Line, f.Message)
			}
			p.row("LINE", "WHAT", "ID", "DETAILS")
			for _, r := range v.Rows {
				var details []string
				for _, d := range r.Differences {
					details = append(details, d.Field)
				}
				for _, f := range r.Faults {
					details = append(details, f.Message)
				}
				p.row(r.Line, string(r.Act), r.ID, strings.Join(details, "; "))
			}
			if len(v.Kept) > 0 {
				p.line("no column, so what is recorded stays: %s", strings.Join(v.Kept, ", "))
			}
			if !v.Fit {
				p.line("the file cannot be imported")
			}
		})
	})
	cmd.Flags().StringVar(&format, "format", "", "yaml or csv; otherwise by the file's name")
	return cmd
}
