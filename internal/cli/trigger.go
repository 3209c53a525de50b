package cli

import (
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/filing"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
)

func (s *shell) trigger() *cobra.Command {
	return group("trigger", "Changes that demand an update of the plan", s.triggerOpen(), s.triggerList(), s.triggerDispose(), s.triggerCurrent())
}

// instant reads the time that a flag gives; without one it is fallback.
func instant(flag, text string, fallback time.Time) (time.Time, error) {
	if text == "" {
		return fallback, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, holdfast.Errorf(holdfast.Invalid, "--%s is a time such as 2026-11-24T09:30:00+08:00", flag)
	}
	return at, nil
}

func (s *shell) triggerOpen() *cobra.Command {
	var in trigger.Report
	var kind, due string
	cmd := s.api("POST /triggers", "open TITLE", "Tell of a change that demands an update of the plan", func(c *call) (err error) {
		in.Title, in.Kind = c.args[0], trigger.Kind(kind)
		if in.Due, err = instant("due", due, time.Time{}); err != nil {
			return err
		}
		return c.create(in, "trigger %s is open")
	})
	cmd.Flags().StringVar(&kind, "kind", "", "what has changed: system, law, risk or other")
	cmd.Flags().StringVar(&in.Source, "source", "", "where the change comes from, such as the deployment tool")
	cmd.Flags().StringVar(&in.Reference, "reference", "", "its number there; told again with the same, it is the same trigger")
	cmd.Flags().StringVar(&in.Text, "text", "", "what has changed, in full")
	cmd.Flags().StringVar(&in.Role, "role", "", "role of the plan that owns it")
	cmd.Flags().StringVar(&in.Person, "person", "", "person of the roster who owns it, instead of a role")
	cmd.Flags().StringVar(&due, "due", "", "until when it must be disposed of (RFC 3339)")
	return required(cmd, "kind", "source", "due")
}

var triggerHead = []any{"TRIGGER", "STATE", "KIND", "DUE", "OWNER", "TITLE"}

func triggerRow(p *page, t view.Trigger) {
	owner := t.Person
	if t.Role != "" {
		owner = t.Role
	}
	p.row(t.ID, string(t.State)+unless(!t.Late, ", LATE"), string(t.Kind), t.Due, owner, t.Title)
}

func (s *shell) triggerList() *cobra.Command {
	cmd := s.api("GET /triggers", "list", "List triggers, newest first", func(c *call) error {
		return show(c.paging().pass("unsettled"), nil, func(p *page, v view.Page[view.Trigger]) {
			p.row(triggerHead...)
			for _, t := range v.Items {
				triggerRow(p, t)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("unsettled", false, "only those that keep the plan from being current")
	return paged(cmd)
}

func (s *shell) triggerDispose() *cobra.Command {
	var in trigger.Disposal
	cmd := s.api("POST /triggers/{id}/dispose", "dispose TRIGGER", "Say which draft revises the plan, or why no change is needed", func(c *call) error {
		return c.act(in, "trigger %s is disposed of", c.args[0])
	})
	cmd.Flags().StringVar(&in.Draft, "draft", "", "the draft that revises the plan")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why no change is needed")
	return cmd
}

func (s *shell) triggerCurrent() *cobra.Command {
	return s.api("GET /plan/current", "current", "Show whether the plan is current, and what keeps it from being so", func(c *call) error {
		return show(c, nil, func(p *page, v view.Current) {
			switch {
			case v.Plan == "":
				p.line("no plan is in force")
			case v.Current:
				p.line("plan %s, revision %d, is current", v.Plan, v.Revision)
			default:
				p.line("plan %s, revision %d, is not current: %d triggers wait", v.Plan, v.Revision, len(v.Triggers))
				section(p, "Triggers", v.Triggers, triggerHead, triggerRow)
			}
		})
	})
}

func (s *shell) filing() *cobra.Command {
	return group("filing", "What was filed with regulators", s.filingRecord(), s.filingReceipt(), s.filingList(), s.filingScan(), s.filingFile())
}

func (s *shell) filingRecord() *cobra.Command {
	var in filing.Form
	var kind, filed, again string
	cmd := s.api("POST /filings", "record TITLE", "Record what was filed with a regulator", func(c *call) (err error) {
		in.Title, in.Kind = c.args[0], filing.Kind(kind)
		if in.Filed, err = instant("filed", filed, s.Now()); err != nil {
			return err
		}
		if in.Again, err = instant("again", again, time.Time{}); err != nil {
			return err
		}
		return c.create(in, "filing %s is recorded")
	})
	cmd.Flags().StringVar(&kind, "kind", string(filing.Plan), "what was filed: plan or drill-report")
	cmd.Flags().StringVar(&in.Plan, "plan", "", "the plan's id; without it, the plan that incidents run")
	cmd.Flags().IntVar(&in.Revision, "revision", 0, "the revision that was filed, or that was drilled")
	cmd.Flags().StringVar(&in.Recipient, "to", "", "the regulator")
	cmd.Flags().StringVar(&filed, "filed", "", "when (RFC 3339); without it, now")
	cmd.Flags().StringVar(&again, "again", "", "when it is due again (RFC 3339)")
	return required(cmd, "revision", "to")
}

func (s *shell) filingReceipt() *cobra.Command {
	var in filing.Receipt
	var at string
	cmd := s.api("POST /filings/{id}/receipt", "receipt FILING NUMBER", "Record the receipt of a filing", func(c *call) (err error) {
		in.Number = c.args[1]
		if in.At, err = instant("at", at, s.Now()); err != nil {
			return err
		}
		return c.act(in, "filing %s has its receipt", c.args[0])
	})
	cmd.Flags().StringVar(&at, "at", "", "when it came (RFC 3339); without it, now")
	return cmd
}

func (s *shell) filingList() *cobra.Command {
	cmd := s.api("GET /filings", "list", "List filings, newest first", func(c *call) error {
		return show(c.paging().pass("overdue"), nil, func(p *page, v view.Page[view.Filing]) {
			p.row("FILING", "KIND", "REVISION", "FILED", "RECEIPT", "DUE AGAIN", "TITLE", "TO")
			for _, f := range v.Items {
				receipt := ""
				if f.Receipt != nil {
					receipt = f.Receipt.Number
				}
				p.row(f.ID, string(f.Kind), f.Revision, f.Filed, receipt, cell(f.Again)+unless(!f.Overdue, ", OVERDUE"), f.Title, f.Recipient)
			}
			for _, f := range v.Items {
				for _, scan := range f.Scans {
					p.line("filing %s, scan of the %s: %s  %s", f.ID, scan.Of, scan.File.Hash, scan.File.Name)
				}
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("overdue", false, "only those that are due again")
	return paged(cmd)
}
