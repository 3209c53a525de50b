package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/debrief"
	"holdfast/internal/view"
)

func (s *shell) debrief() *cobra.Command {
	return group("debrief", "The summary after an incident: causes, improvements, who signs",
		s.debriefShow(), s.debriefWrite(), s.debriefCause(), s.debriefSetCause(), s.debriefDrop("cause"), s.debriefImprove(), s.debriefSetImprovement(), s.debriefDrop("improvement"),
		s.debriefPresent(), s.debriefSign(), s.debriefReturn(), s.debriefReport())
}

func (s *shell) debriefShow() *cobra.Command {
	return s.api("GET /incidents/{id}/debrief", "show INCIDENT", "Show the debrief with the figures, frozen once it is presented", func(c *call) error {
		return show(c, nil, func(p *page, v view.Debrief) {
			p.line("%s  %s", v.Incident, v.Title)
			p.line("%s%s", v.State, debriefDue(v))
			stillUnknown(p, v.Unresolved)
			if len(v.Wanting) > 0 {
				p.line("still missing: %s", strings.Join(v.Wanting, ", "))
			}
			for _, name := range debrief.Sections {
				if t := v.Texts[name]; t.Text != "" {
					p.line("%s: %s", name, t.Text)
				}
			}
			section(p, "Causes", v.Causes, []any{"CAUSE", "KIND", "CLASS", "EVIDENCE", "WHY"}, func(p *page, b debrief.Branch) {
				p.row(strings.Repeat("  ", b.Depth)+b.ID, b.Kind, b.Class, len(b.Evidence), b.Why)
			})
			section(p, "Improvements", v.Improvements, []any{"IMPROVEMENT", "DUE", "CHAPTER", "RISK", "OWNER", "WHAT"}, func(p *page, m view.Improvement) {
				p.row(m.ID, m.Due, m.Chapter, m.Risk, m.OwnerName, m.What)
			})
			section(p, "Times", v.Figures.Record.Times, []any{"TO", "TOOK", "FROM", "UNTIL"}, spanRow)
			outcomes(p, v.Figures.Counts.Outcomes)
			section(p, "Signatures", v.Sign, []any{"ROLE", "SIGNED", "BY"}, func(p *page, g view.Signer) {
				if g.Signature == nil {
					p.row(g.Role.ID, "no", strings.Join(g.Holders, ", "))
					return
				}
				p.row(g.Role.ID, g.Signature.At, g.Signature.By.String())
			})
			section(p, "Rounds", v.Rounds, []any{"ROUND", "PRESENTED", "BECAME", "HASH"}, func(p *page, r debrief.Round) {
				p.row(r.N, r.At, became(r), r.Hash)
			})
		})
	})
}

// outcomes says what became of the payments that the incident left unknown.
func outcomes(p *page, o *debrief.Outcomes) {
	if o == nil || o.Open+o.Primary+o.File+o.Person == 0 {
		return
	}
	p.line("\nleft unknown: %d open, told by the primary %d, by its settlement file %d, by a person %d", o.Open, o.Primary, o.File, o.Person)
	section(p, "Said by people", o.Resolutions, []any{"PAYMENT", "OUTCOME", "STATE", "SAID", "BY", "SECOND", "REASON"}, func(p *page, r debrief.Resolved) {
		p.row(r.Identity, r.Outcome, r.State, r.At, r.By, r.Second, r.Reason)
	})
}

func debriefDue(v view.Debrief) string {
	switch {
	case v.Due.IsZero() || v.State == debrief.Accepted:
		return ""
	case v.Late:
		return fmt.Sprintf(", LATE since %s", v.Due.Format("2006-01-02 15:04 MST"))
	default:
		return fmt.Sprintf(", due %s", v.Due.Format("2006-01-02 15:04 MST"))
	}
}

func spanRow(p *page, s debrief.Span) {
	took := "not known: " + s.Missing
	if d, known := s.Took(); known {
		took = d.String()
	}
	p.row(s.Name, took, endOf(s.From), endOf(s.To))
}

func endOf(i *debrief.Instant) string {
	if i == nil {
		return "–"
	}
	return strings.TrimSpace(i.At.Format("15:04:05") + " " + i.Source + " " + i.Ref)
}

func became(r debrief.Round) string {
	switch {
	case r.Returned != nil:
		return "returned: " + r.Returned.Reason
	case r.Voided != nil:
		return "void by " + r.Voided.Change
	case !r.Accepted.IsZero():
		return "accepted"
	}
	return "waits for " + strings.Join(r.Missing(), ", ")
}

func (s *shell) debriefWrite() *cobra.Command {
	var summary, well, badly, lucky string
	cmd := s.api("PUT /incidents/{id}/debrief", "write INCIDENT", "Write the texts of the debrief; what is left out stays as it is", func(c *call) error {
		var in debrief.Sheet
		for flag, to := range map[string]struct {
			text *string
			into **string
		}{"summary": {&summary, &in.Summary}, "well": {&well, &in.Well}, "badly": {&badly, &in.Badly}, "lucky": {&lucky, &in.Lucky}} {
			if c.cmd.Flags().Changed(flag) {
				*to.into = to.text
			}
		}
		return c.act(in, "incident %s: the debrief is kept", c.args[0])
	})
	f := cmd.Flags()
	f.StringVar(&summary, "summary", "", "what happened and what was done")
	f.StringVar(&well, "well", "", "what went well")
	f.StringVar(&badly, "badly", "", "what went badly")
	f.StringVar(&lucky, "lucky", "", "where it would have been worse but for chance")
	return cmd
}

func (s *shell) debriefCause() *cobra.Command {
	return s.causeFlags(s.api("POST /incidents/{id}/debrief/causes", "cause INCIDENT WHY", "Write a cause: why it happened, or with --parent why that was", nil), func(c *call, in debrief.CauseForm) error {
		in.Why = c.args[1]
		return c.create(in, "cause %s is kept")
	})
}

func (s *shell) debriefSetCause() *cobra.Command {
	return s.causeFlags(s.api("PUT /incidents/{id}/debrief/causes/{cause}", "correct-cause INCIDENT CAUSE WHY", "Correct a cause, with all that it rests on", nil), func(c *call, in debrief.CauseForm) error {
		in.Why = c.args[2]
		return c.act(in, "cause %s is corrected", c.args[1])
	})
}

// causeFlags adds what a cause says beside why.
func (s *shell) causeFlags(cmd *cobra.Command, do func(*call, debrief.CauseForm) error) *cobra.Command {
	var in debrief.CauseForm
	var texts, links, files []string
	route := cmd.Annotations[routesOf]
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		method, path, _ := strings.Cut(route, " ")
		c := &call{shell: s, cmd: cmd, args: args, method: method, route: path}
		for _, t := range texts {
			in.Evidence = append(in.Evidence, debrief.Evidence{Text: t})
		}
		for _, l := range links {
			in.Evidence = append(in.Evidence, debrief.Evidence{Link: l})
		}
		kept, err := c.keepAll(files)
		if err != nil {
			return err
		}
		for _, f := range kept {
			in.Evidence = append(in.Evidence, debrief.Evidence{File: &f})
		}
		return do(c, in)
	}
	f := cmd.Flags()
	f.StringVar(&in.Parent, "parent", "", "the cause that this one answers")
	f.StringVar(&in.Kind, "kind", debrief.Contributing, "root or contributing")
	f.StringVar(&in.Class, "class", "", "one of "+strings.Join(debrief.Classes[:], ", "))
	f.StringArrayVar(&texts, "evidence", nil, "what it rests on; may be repeated")
	f.StringArrayVar(&links, "link", nil, "a link to what it rests on; may be repeated")
	f.StringSliceVar(&files, "file", nil, "a file that it rests on; may be repeated")
	return cmd
}

// debriefDrop withdraws a cause or an improvement.
func (s *shell) debriefDrop(what string) *cobra.Command {
	var in api.Reason
	cmd := s.api("POST /incidents/{id}/debrief/"+what+"s/{"+what+"}/withdraw", "withdraw-"+what+" INCIDENT "+strings.ToUpper(what), "Take a "+what+" back; it stays on record", func(c *call) error {
		return c.act(in, "%s %s is withdrawn", what, c.args[1])
	})
	if what == "improvement" {
		cmd.Short = "Take an improvement back; it stays on record"
	}
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return cmd
}

func (s *shell) debriefImprove() *cobra.Command {
	var in debrief.ImprovementForm
	cmd := s.api("POST /incidents/{id}/debrief/improvements", "improve INCIDENT WHAT", "Write an improvement: what is changed, by whom, by when", func(c *call) error {
		in.What = c.args[1]
		return c.create(in, "improvement %s is kept")
	})
	return improvementFlags(cmd, &in)
}

func (s *shell) debriefSetImprovement() *cobra.Command {
	var in debrief.ImprovementForm
	cmd := s.api("PUT /incidents/{id}/debrief/improvements/{improvement}", "correct-improvement INCIDENT IMPROVEMENT WHAT", "Correct an improvement", func(c *call) error {
		in.What = c.args[2]
		return c.act(in, "improvement %s is corrected", c.args[1])
	})
	return improvementFlags(cmd, &in)
}

func improvementFlags(cmd *cobra.Command, in *debrief.ImprovementForm) *cobra.Command {
	f := cmd.Flags()
	f.StringVar(&in.Owner, "owner", "", "the person of the roster who sees to it")
	f.StringVar(&in.Who, "who", "", "who sees to it, if nobody of the roster")
	f.StringVar(&in.Due, "due", "", "until when, as 2026-12-31")
	f.StringVar(&in.Chapter, "chapter", "", "the chapter of the plan that it changes")
	f.StringVar(&in.Risk, "risk", "", "the risk that it treats")
	return cmd
}

func (s *shell) debriefPresent() *cobra.Command {
	return s.api("POST /incidents/{id}/debrief/present", "present INCIDENT", "Freeze the figures and ask those whom the plan names to sign", func(c *call) error {
		return c.act(nil, "incident %s: the debrief is presented", c.args[0])
	})
}

func (s *shell) debriefSign() *cobra.Command {
	var in api.Signing
	cmd := s.api("POST /incidents/{id}/debrief/sign", "sign INCIDENT", "Sign a round, as a holder of a role that the plan names", func(c *call) error {
		return c.act(in, "incident %s: round %d is signed", c.args[0], in.Round)
	})
	cmd.Flags().IntVar(&in.Round, "round", 1, "the round that you have read")
	cmd.Flags().StringVar(&in.Role, "role", "", "the role, if you hold several")
	return cmd
}

func (s *shell) debriefReturn() *cobra.Command {
	var in api.Returning
	cmd := s.api("POST /incidents/{id}/debrief/return", "return INCIDENT", "Send a round back with a reason", func(c *call) error {
		return c.act(in, "incident %s: round %d is returned", c.args[0], in.Round)
	})
	cmd.Flags().IntVar(&in.Round, "round", 1, "the round that you have read")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return cmd
}

func (s *shell) debriefReport() *cobra.Command {
	return s.fetch("GET /incidents/{id}/debrief/report", "report INCIDENT", "Write the report as a Word document (.docx), in the language of --lang", "lang")
}
