package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/view"
)

func (s *shell) status() *cobra.Command {
	return s.api("GET /status", "status", "The node's version and journal head, and who you are to it", func(c *call) error {
		return show(c, nil, func(p *page, v api.Status) {
			p.row("version", v.Version)
			p.row("head", v.Head)
			p.row("time", v.Time)
			p.row("account", v.Account)
			p.row("rights", strings.Join(v.Rights, " "))
		})
	})
}

func (s *shell) posture() *cobra.Command {
	return s.api("GET /posture", "posture", "Are payments flowing, at which level are we, what is in force, what is late", func(c *call) error {
		return show(c, nil, writePosture)
	})
}

func writePosture(p *page, v view.Posture) {
	p.line("%s", bandText(v.Band))
	if text := journalText(v.Journal); text != "" {
		p.line("%s", text)
	}
	if fault := v.Journal.Fault; fault != "" {
		p.line("STOPS CANNOT BE CONFIRMED: the journal's database is %s", fault)
	}
	if v.Traffic.Known {
		p.line("payments per second: %.1f done, %.1f not done, %.1f unknown, %.1f declined by the gates%s",
			v.Traffic.Done, v.Traffic.NotDone, v.Traffic.Unknown, v.Traffic.Declined, unless(v.Traffic.Complete, "; some gate is missing from these numbers"))
		if t := v.Traffic; t.StoodIn > 0 || t.StandInDeclined > 0 {
			p.line("in the primary's place: %.1f approved, %.1f declined", t.StoodIn, t.StandInDeclined)
		}
	} else {
		p.line("payments per second: not known, no gate reports")
	}
	p.line("unknown outcomes: %d; alerts waiting: %d%s", v.Unresolved, v.AlertsWaiting, unless(v.MembersCut == 0, fmt.Sprintf("; %d more that senders left out", v.MembersCut)))
	writeAudit(p, v.Audit)
	section(p, "Gates", v.Gates, gateHead, gateRow)
	section(p, "Directives", v.Directives, directiveHead, directiveRow)
	section(p, "Incidents", v.Incidents, incidentHead, incidentRow)
	if len(v.Late) > 0 {
		p.line("\nLate")
		for _, l := range v.Late {
			p.row(l.Incident, l.Due, l.Task, p.in(l.Title))
		}
	}
}

func unless(ok bool, text string) string {
	if ok {
		return ""
	}
	return text
}

func bandText(b view.Band) string {
	text := strings.ToUpper(b.State)
	switch {
	case b.State == "stopped" && b.Confirmed:
		text += ", confirmed"
	case b.State == "stopped":
		text = "STOP ISSUED, NOT CONFIRMED: payments may still pass"
	case b.Percent > 0:
		text += fmt.Sprintf(" %g %%", b.Percent)
	}
	if b.Drill {
		text = "DRILL " + text
	}
	return text + unless(b.Incident == "", ", incident "+b.Incident) + unless(!b.Alarm, ", ALARM: see holdfast gate list, holdfast stand-in reconcile")
}

// section writes a titled table, nothing if it has no rows.
func section[T any](p *page, title string, rows []T, head []any, row func(*page, T)) {
	if len(rows) == 0 {
		return
	}
	p.line("\n%s", title)
	p.row(head...)
	for _, r := range rows {
		row(p, r)
	}
}

func (s *shell) traffic() *cobra.Command {
	cmd := s.api("GET /traffic", "traffic", "Payments over time by outcome", func(c *call) error {
		return show(c.pass("minutes"), nil, func(p *page, v view.Chart) {
			p.row("FROM", "DONE", "NOT DONE", "UNKNOWN", "DECLINED")
			for i, at := range v.Points {
				from := clock(v.From.Add(secondsOf(int64(i) * v.StepSeconds)))
				if at.Gap {
					p.row(from, "not known")
					continue
				}
				p.row(from, at.Done, at.NotDone, at.Unknown, at.Declined)
			}
		})
	})
	cmd.Flags().Int("minutes", 0, "how far back (default 10)")
	return cmd
}

func (s *shell) events() *cobra.Command {
	cmd := s.api("GET /events", "events", "Follow the journal: server-sent events, one for each advance, until you end it", func(c *call) error {
		node, err := c.node()
		if err != nil {
			return err
		}
		return node.Copy(c.cmd.Context(), c.path(), s.Stdout)
	})
	return cmd
}

// stillUnknown says how many outcomes are not known, if any.
func stillUnknown(p *page, n int) {
	if n > 0 {
		p.line("outcomes not known yet, at all gates: %d; holdfast unknowns lists them", n)
	}
}

func (s *shell) openAPI() *cobra.Command {
	return s.api("GET /openapi.json", "openapi", "Print the API as an OpenAPI document", func(c *call) error {
		answer, err := c.do(nil)
		if err == nil {
			_, err = fmt.Fprintf(s.Stdout, "%s\n", answer)
		}
		return err
	})
}
