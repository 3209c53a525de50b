package cli

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/obligation"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

func (s *shell) obligation() *cobra.Command {
	return group("obligation", "Reports that incidents owe to regulators",
		s.obligationList(), s.obligationOf(), s.obligationShow(), s.obligationMoment(), s.obligationAssess(), s.obligationFill(), s.obligationDraft(),
		s.obligationDecide("approve", "Approve, as a second person, the text of a number"),
		s.obligationDecide("refuse", "Refuse the text of a number"),
		s.obligationExplain(), s.obligationSubmit(), s.obligationReceipt(), s.obligationScan(), s.obligationFile(), s.obligationPacks(), s.obligationVerify(), s.obligationCounters())
}

var obligationHead = []any{"REPORT", "STATE", "DUE", "CLOCK", "TO", "TITLE"}

func obligationRow(p *page, o view.Obligation) {
	state := string(o.State)
	switch {
	case o.Late:
		state += ", LATE"
	case o.AtRisk:
		state += ", DUE SOON"
	}
	if o.Applies != "yes" {
		state += ", applies: " + o.Applies
	}
	p.row(o.Incident+" "+o.Clock, state, o.Due, sure(o.Sure()), p.in(o.Recipient), p.in(o.Stage))
}

func sure(verified bool) string {
	if verified {
		return "verified"
	}
	return "UNVERIFIED"
}

func (s *shell) obligationList() *cobra.Command {
	cmd := s.api("GET /obligations", "list", "List reports over all incidents, by due time", func(c *call) error {
		return show(c.paging().pass("open"), nil, func(p *page, v view.Page[view.Obligation]) {
			p.row(obligationHead...)
			for _, o := range v.Items {
				obligationRow(p, o)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("open", false, "without those that went out")
	return paged(cmd)
}

func (s *shell) obligationOf() *cobra.Command {
	return s.api("GET /incidents/{id}/obligations", "of INCIDENT", "Show what an incident owes, and what that is worked out from", func(c *call) error {
		return show(c, nil, func(p *page, v view.Obligations) {
			for _, pack := range v.UnknownPacks {
				p.line("the plan names rules %s that this version does not have", pack)
			}
			section(p, "Moments", v.Moments, []any{"MOMENT", "AT", "BY ITSELF", "CORRECTED"}, func(p *page, m obligation.Moment) {
				why := ""
				if m.Corrected() {
					last := m.History[len(m.History)-1]
					why = last.By.String() + ": " + last.Reason
				}
				p.row(m.Name, m.At, m.Measured, why)
			})
			section(p, "Reports", v.Reports, slices.Concat(obligationHead, []any{"WHY"}), func(p *page, o view.Obligation) {
				if o.Owed() {
					p.row(o.Clock, string(o.State)+unless(!o.Late, ", LATE")+unless(o.Applies == "yes", ", applies: "+o.Applies), o.Due, sure(o.Sure()), p.in(o.Recipient), p.in(o.Stage), o.Why)
				}
			})
		})
	})
}

func (s *shell) obligationShow() *cobra.Command {
	return s.api("GET /incidents/{id}/obligations/{clock}", "show INCIDENT REPORT", "Show one report", func(c *call) error {
		return show(c, nil, func(p *page, o view.Obligation) {
			p.row(obligationHead...)
			obligationRow(p, o)
			p.line("%s, version %s of %s; the figure is %s", o.Source, o.Version, o.Pack, o.Mark)
			if d, some := o.Last(); some {
				p.line("text %d by %s%s:\n%s", d.Number, d.By, unless(d.Approved == nil, ", approved"), d.Text)
			}
			for _, out := range o.Submissions {
				p.line("text %d went out %s by %s%s", out.Draft, clock(out.At), out.How, unless(!out.Late(), ", LATE"))
			}
			for _, r := range o.Receipts {
				p.line("receipt %s of %s", r.Number, clock(r.At))
			}
			for _, f := range o.Scans {
				p.line("file %s  %s", f.File.Hash, f.File.Name)
			}
			for _, e := range o.Explained {
				p.line("late because: %s (%s)", e.Reason, e.By)
			}
		})
	})
}

func (s *shell) obligationMoment() *cobra.Command {
	var in api.Moment
	var at string
	cmd := s.api("POST /incidents/{id}/moments", "moment INCIDENT MOMENT", "Correct a starting moment: occurred, detected, aware, confirmed, classified or recovered", func(c *call) (err error) {
		in.Moment = c.args[1]
		if in.At, err = instant("at", at, time.Time{}); err != nil {
			return err
		}
		return c.act(in, "the moment %s of incident %s is corrected", in.Moment, c.args[0])
	})
	cmd.Flags().StringVar(&at, "at", "", "when (RFC 3339); without it, as the incident has it")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}

func (s *shell) obligationAssess() *cobra.Command {
	var in obligation.Assessment
	var yes, no []string
	cmd := s.api("POST /incidents/{id}/assessments", "assess INCIDENT", "Say what people found out of an incident, in place of what was said before", func(c *call) error {
		in.Yes = map[string]bool{}
		for _, q := range yes {
			in.Yes[q] = true
		}
		for _, q := range no {
			in.Yes[q] = false
		}
		return c.act(in, "incident %s is assessed", c.args[0])
	})
	f := cmd.Flags()
	f.StringSliceVar(&yes, "yes", nil, "questions answered by yes: "+strings.Join(obligation.Questions[:], ", "))
	f.StringSliceVar(&no, "no", nil, "questions answered by no")
	f.StringToInt64Var(&in.Numbers, "number", nil, "figures, as clients=5000: "+strings.Join(obligation.Numbers[:], ", "))
	f.StringVar(&in.Currency, "currency", "", "currency of the loss, as EUR")
	f.StringToStringVar(&in.Classes, "class", nil, "class by rules, as eu-dora=major; none says that no class fits")
	f.StringVar(&in.Cause, "cause", "", "a word for the cause, the same for incidents of one cause")
	f.StringVar(&in.Note, "note", "", "what it rests on")
	return required(cmd, "note")
}

func (s *shell) obligationFill() *cobra.Command {
	cmd := s.api("GET /incidents/{id}/obligations/{clock}/text", "fill INCIDENT REPORT", "Print the report as the incident's figures fill it", func(c *call) error {
		if in, err := c.cmd.Flags().GetString("in"); err == nil && in != "" {
			c.query.Set("lang", in)
		}
		return show(c, nil, func(p *page, v api.Report) { p.line("%s", v.Text) })
	})
	cmd.Flags().String("in", "", "its language: zh-Hant, zh-Hans or en (default: the recipient's)")
	return cmd
}

func (s *shell) obligationDraft() *cobra.Command {
	var in api.Report
	var lang string
	cmd := s.api("POST /incidents/{id}/obligations/{clock}/drafts", "draft INCIDENT REPORT FILE", "Save the text of a report", func(c *call) error {
		src, err := os.ReadFile(c.args[2])
		if err != nil {
			return holdfast.Errorf(holdfast.Invalid, "the file cannot be read: %v", err)
		}
		in.Lang, in.Text = holdfast.Lang(lang), string(src)
		return c.act(in, "the text of report %s is saved", c.args[1])
	})
	cmd.Flags().StringVar(&lang, "in", "", "its language (default: the recipient's)")
	return cmd
}

func (s *shell) obligationDecide(verb, short string) *cobra.Command {
	var in api.ReportDecision
	cmd := s.api("POST /incidents/{id}/obligations/{clock}/"+verb, verb+" INCIDENT REPORT NUMBER", short, func(c *call) (err error) {
		if in.Draft, err = strconv.Atoi(c.args[2]); err != nil {
			return holdfast.Errorf(holdfast.Invalid, "%q is no whole number: write digits only", c.args[2])
		}
		return c.act(in, "text %d of report %s: %s", in.Draft, c.args[1], verb)
	})
	if verb == "refuse" {
		cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
		return required(cmd, "reason")
	}
	return cmd
}

func (s *shell) obligationExplain() *cobra.Command {
	return s.api("POST /incidents/{id}/obligations/{clock}/explain", "explain INCIDENT REPORT REASON", "Say why a report is, or will be, late", func(c *call) error {
		return c.act(api.Reason{Reason: c.args[2]}, "the lateness of report %s is explained", c.args[1])
	})
}

func (s *shell) obligationSubmit() *cobra.Command {
	var in api.Handed
	var at string
	cmd := s.api("POST /incidents/{id}/obligations/{clock}/submissions", "submit INCIDENT REPORT", "Record that the approved text went out", func(c *call) (err error) {
		if in.At, err = instant("at", at, s.Now()); err != nil {
			return err
		}
		return c.act(in, "report %s went out", c.args[1])
	})
	cmd.Flags().StringVar(&at, "at", "", "when (RFC 3339); without it, now")
	cmd.Flags().StringVar(&in.How, "how", "", "how: portal, mail, by hand")
	return required(cmd, "how")
}

func (s *shell) obligationReceipt() *cobra.Command {
	var in api.ReportReceipt
	var at string
	cmd := s.api("POST /incidents/{id}/obligations/{clock}/receipts", "receipt INCIDENT REPORT NUMBER", "Record the recipient's receipt", func(c *call) (err error) {
		in.Number = c.args[2]
		if in.At, err = instant("at", at, s.Now()); err != nil {
			return err
		}
		return c.act(in, "report %s has its receipt", c.args[1])
	})
	cmd.Flags().StringVar(&at, "at", "", "when it came (RFC 3339); without it, now")
	return cmd
}

func (s *shell) obligationScan() *cobra.Command {
	return s.api("POST /incidents/{id}/obligations/{clock}/files", "scan INCIDENT REPORT FILE", "Keep a file beside a report that went out: its receipt, a copy", func(c *call) error {
		return c.keepFile(c.args[2])
	})
}

func (s *shell) obligationFile() *cobra.Command {
	return s.fetch("GET /incidents/{id}/obligations/{clock}/files/{hash}", "file INCIDENT REPORT HASH", "Write a file of a report to standard output")
}

func (s *shell) obligationPacks() *cobra.Command {
	return s.api("GET /obligation-packs", "packs", "List regulators' rules with their clocks, those that bind first", func(c *call) error {
		return show(c, nil, func(p *page, packs []view.Pack) {
			p.row("CLOCK", "FROM", "LIMIT", "VERIFIED", "FIGURE", "BINDS", "SOURCE")
			for _, pack := range packs {
				for _, r := range pack.Rules {
					for _, stage := range r.Stages {
						id := pack.ID + "." + r.ID + "." + stage.ID
						held, verified := pack.Verified[id]
						limit, by := stage.Limit, "UNVERIFIED"
						if verified {
							by = held.Name + " " + held.On
							if held.Limit != nil {
								limit = *held.Limit
							}
						} else if stage.Mark == obligation.Planned {
							by = "by the plan"
						}
						text := clockLimit(limit)
						if pack.Uncharted && limit.BusinessDays > 0 {
							text += " (no calendar: every day counts)"
						}
						p.row(id, stage.From, text, by, string(stage.Mark), unless(!pack.Binds, "yes"), stage.Source)
					}
				}
			}
		})
	})
}

// clockLimit writes a limit as flags of verify take it.
func clockLimit(l obligation.Limit) string {
	var parts []string
	if l.Within != 0 {
		parts = append(parts, l.Within.String())
	}
	for _, of := range []struct {
		n    int
		unit string
	}{{l.Days, "days"}, {l.BusinessDays, "working days"}, {l.Months, "months"}} {
		if of.n != 0 {
			parts = append(parts, fmt.Sprint(of.n, " ", of.unit))
		}
	}
	if l.At != "" {
		parts = append(parts, "at "+l.At)
	}
	if len(parts) == 0 {
		return "no figure"
	}
	return strings.Join(parts, " ")
}

func (s *shell) obligationVerify() *cobra.Command {
	var in obligation.Verification
	var limit obligation.Limit
	var within time.Duration
	cmd := s.api("POST /obligation-packs/clocks/{clock}/verify", "verify CLOCK", "Say that a person compared a clock with the text in force; with a figure, what that says", func(c *call) error {
		limit.Within = procedure.Duration(within)
		if !limit.IsZero() {
			in.Limit = &limit
		}
		return c.act(in, "clock %s is verified", c.args[0])
	})
	f := cmd.Flags()
	f.StringVar(&in.Name, "name", "", "who compared it")
	f.StringVar(&in.On, "on", "", "on which day, as 2026-11-26")
	f.StringVar(&in.Source, "source", "", "the text that was read")
	f.DurationVar(&within, "within", 0, "limit as a span, as 4h")
	f.IntVar(&limit.Days, "days", 0, "limit in calendar days")
	f.IntVar(&limit.BusinessDays, "business-days", 0, "limit in working days")
	f.IntVar(&limit.Months, "months", 0, "limit in months")
	f.StringVar(&limit.At, "time", "", "time of day at which days end, as 17:00")
	return required(cmd, "name", "on", "source")
}

func (s *shell) obligationCounters() *cobra.Command {
	return s.api("GET /obligation-counters", "counters", "Show rolling counters over incidents with their thresholds", func(c *call) error {
		return show(c, nil, func(p *page, list []obligation.Count) {
			p.row("COUNTER", "VALUE", "THRESHOLD", "SINCE", "CAUSE", "TITLE")
			for _, v := range list {
				p.row(v.Pack+"."+v.Counter.ID, strconv.FormatInt(v.Value, 10)+unless(!v.Over, ", OVER"), v.Counter.Limit, v.Since, v.Cause, p.in(v.Counter.Title))
			}
		})
	})
}
