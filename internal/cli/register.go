package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/plan"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
)

func (s *shell) risk() *cobra.Command {
	return group("risk", "Risks of the plan", s.riskList(), s.riskAssess())
}

func (s *shell) material() *cobra.Command {
	return group("material", "What the plan rests on", s.materialList(), s.materialRenew())
}

func (a registerCells) age() string {
	if a.Days == nil {
		return "-"
	}
	return fmt.Sprintf("%dd", *a.Days)
}

// registerCells are the columns that risks and materials share.
type registerCells struct{ view.Aged }

func (a registerCells) changes() string {
	var ids []string
	for _, t := range a.Changes {
		ids = append(ids, t.ID)
	}
	return strings.Join(ids, ", ")
}

func ofDraft(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().String("draft", "", "those of this open draft, not of the plan in force")
	return cmd
}

func (s *shell) riskList() *cobra.Command {
	return ofDraft(s.api("GET /plan/register", "list", "List risks, the gravest first", func(c *call) error {
		return show(c.pass("draft"), nil, func(p *page, v view.Register) {
			p.row("RISK", "SCORE", "LIKELIHOOD", "IMPACT", "OWNER", "ASSESSED", "AGE", "TRIGGERS", "TITLE")
			for _, r := range v.Risks {
				p.row(r.ID, r.Score, r.Likelihood, r.Impact, r.Owner, string(r.Assessed), registerCells{r.Aged}.age(), registerCells{r.Aged}.changes(), p.in(r.Title))
			}
		})
	}))
}

func (s *shell) materialList() *cobra.Command {
	return ofDraft(s.api("GET /plan/register", "list", "List materials, with where they are cited", func(c *call) error {
		return show(c.pass("draft"), nil, func(p *page, v view.Register) {
			p.row("MATERIAL", "VERSION", "DATE", "AGE", "CITED BY", "TRIGGERS", "TITLE")
			for _, m := range v.Materials {
				var by []string
				for _, cited := range m.By {
					by = append(by, strings.TrimSuffix(cited.Chapter+"/"+cited.Entry, "/"))
				}
				p.row(m.ID, m.Version, string(m.Date), registerCells{m.Aged}.age(), strings.Join(by, ", "), registerCells{m.Aged}.changes(), p.in(m.Title))
			}
		})
	}))
}

// telling adds the flags of who tells of a change and who owns it.
func telling(cmd *cobra.Command, t *trigger.Telling, due *string) {
	cmd.Flags().StringVar(&t.Reason, "reason", "", "what has changed, and why")
	cmd.Flags().StringVar(&t.Source, "source", "", "where it comes from (default: you)")
	cmd.Flags().StringVar(&t.Reference, "reference", "", "its number there")
	cmd.Flags().StringVar(&t.Role, "role", "", "role of the plan that owns it (default: the risk's owner, or the plan's)")
	cmd.Flags().StringVar(&t.Person, "person", "", "person of the roster who owns it, instead of a role")
	cmd.Flags().StringVar(due, "due", "", "until when it must be disposed of (RFC 3339; default: in 30 days)")
}

func (s *shell) riskAssess() *cobra.Command {
	var in trigger.RiskChange
	var due string
	cmd := s.api("POST /plan/risks/{id}/changes", "assess RISK", "Tell that a risk was assessed anew; it opens a trigger", func(c *call) (err error) {
		if in.Due, err = instant("due", due, time.Time{}); err != nil {
			return err
		}
		return c.create(in, "trigger %s is open")
	})
	cmd.Flags().IntVar(&in.Likelihood, "likelihood", 0, "1, the least, to 5")
	cmd.Flags().IntVar(&in.Impact, "impact", 0, "1, the least, to 5")
	telling(cmd, &in.Telling, &due)
	return required(cmd, "likelihood", "impact", "reason")
}

func (s *shell) materialRenew() *cobra.Command {
	var in trigger.MaterialChange
	var date, due string
	cmd := s.api("POST /plan/materials/{id}/changes", "renew MATERIAL", "Tell that a material has a new version; it opens a trigger", func(c *call) (err error) {
		in.Date = plan.Date(date)
		if in.Due, err = instant("due", due, time.Time{}); err != nil {
			return err
		}
		return c.create(in, "trigger %s is open")
	})
	cmd.Flags().StringVar(&in.Version, "version", "", "its version now")
	cmd.Flags().StringVar(&date, "date", "", "its day, as 2026-11-25")
	cmd.Flags().StringVar(&in.Link, "link", "", "where it can be read now")
	telling(cmd, &in.Telling, &due)
	return required(cmd, "reason")
}
