package cli

import (
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/authority"
	"holdfast/internal/view"
)

func (s *shell) authority() *cobra.Command {
	return group("authority", "Who may decide on directives: by role, by delegation, by breaking the glass",
		s.authorityShow(), s.delegate(), s.delegations(), s.endDelegation(),
		s.breakGlass(), s.glasses(), s.endGlass(), s.judgeGlass(),
	)
}

func (s *shell) authorityShow() *cobra.Command {
	cmd := s.api("GET /authority", "show", "Show who may decide on what now", func(c *call) error {
		return show(c.pass("incident"), nil, func(p *page, v view.Authority) {
			p.row("ROLE", "DIRECTIVES", "LEVEL", "ALONE", "SCOPE", "PEOPLE")
			for _, r := range v.Rows {
				var people []string
				for _, h := range r.People {
					name := h.Name
					if h.For != "" {
						name += " (for " + h.For + ")"
					}
					people = append(people, name)
				}
				p.row(p.in(r.Role.Name), strings.Join(r.Directives, " "), int(r.Level), r.Alone, r.Scope, strings.Join(people, ", "))
			}
		})
	})
	cmd.Flags().String("incident", "", "by the revision that this incident runs (default: the one in force)")
	return cmd
}

func (s *shell) delegate() *cobra.Command {
	var in authority.Given
	var since, until string
	cmd := s.api("POST /delegations", "delegate PERSON", "Let another person act in your roles for a time", func(c *call) (err error) {
		in.To = c.args[0]
		if in.Since, err = instant("since", since, time.Time{}); err != nil {
			return err
		}
		if in.Until, err = instant("until", until, time.Time{}); err != nil {
			return err
		}
		return c.create(in, "delegation %s is given")
	})
	cmd.Flags().StringVar(&in.From, "from", "", "whose roles (default: yours; another's takes manage-roster)")
	cmd.Flags().StringSliceVar(&in.Roles, "role", nil, "roles of the plan (default: all)")
	cmd.Flags().StringVar(&since, "since", "", "when it begins (RFC 3339; default: now)")
	cmd.Flags().StringVar(&until, "until", "", "when it ends (RFC 3339), within 90 days")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "until", "reason")
}

func (s *shell) delegations() *cobra.Command {
	cmd := s.api("GET /delegations", "delegations", "List delegations, newest first", func(c *call) error {
		return show(c.paging().pass("active"), nil, func(p *page, v view.Page[view.Delegation]) {
			p.row("DELEGATION", "ACTIVE", "FROM", "TO", "ROLES", "SINCE", "UNTIL", "REASON")
			for _, d := range v.Items {
				p.row(d.ID, d.Active, d.FromName, d.ToName, strings.Join(d.Roles, " "), d.Since, d.Until, d.Reason)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("active", false, "only those in force")
	return paged(cmd)
}

func (s *shell) endDelegation() *cobra.Command {
	return s.because("POST /delegations/{id}/end", "end-delegation DELEGATION", "End a delegation before its time", "delegation %s is ended")
}

func (s *shell) breakGlass() *cobra.Command {
	var in api.BreakGlass
	cmd := s.api("POST /break-glass", "break-glass", "Act alone beyond your authority for a time; superiors are told at once", func(c *call) error {
		return c.create(in, "%s: you may act beyond your authority now, and answer for it afterwards")
	})
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	cmd.Flags().StringVar(&in.Incident, "incident", "", "the incident it is for")
	return required(cmd, "reason")
}

func (s *shell) glasses() *cobra.Command {
	cmd := s.api("GET /break-glass", "broken", "List when somebody acted beyond his authority, newest first", func(c *call) error {
		return show(c.paging().pass("open"), nil, func(p *page, v view.Page[view.Glass]) {
			p.row("ID", "ACTIVE", "WHO", "SINCE", "UNTIL", "ISSUED", "JUDGED", "BY", "REASON")
			for _, g := range v.Items {
				judged := "NOT YET"
				if g.Judged != nil {
					judged = map[bool]string{true: "right", false: "wrong"}[g.Judged.Right]
				}
				p.row(g.ID, g.Active, g.Name, g.At, g.Until, strings.Join(g.Issued, " "), judged, g.AnswerBy, g.Reason)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("open", false, "only those that last or wait to be judged")
	return paged(cmd)
}

func (s *shell) endGlass() *cobra.Command {
	return s.because("POST /break-glass/{id}/end", "end ID", "End acting beyond one's authority before its time", "%s is ended")
}

func (s *shell) judgeGlass() *cobra.Command {
	var in api.Judge
	cmd := s.api("POST /break-glass/{id}/judge", "judge ID", "Judge it, as a holder of the role that the plan names", func(c *call) error {
		return c.act(in, "%s is judged", c.args[0])
	})
	cmd.Flags().BoolVar(&in.Right, "right", false, "it was right; without it, wrong")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why")
	return required(cmd, "reason")
}

func (s *shell) directiveGrantLift() *cobra.Command {
	return s.api("POST /directives/{id}/lift/approve", "lift-approve DIRECTIVE", "Lift a directive, as the second person", func(c *call) error {
		return c.act(nil, "directive %s is lifted", c.args[0])
	})
}

func (s *shell) directiveRefuseLift() *cobra.Command {
	return s.because("POST /directives/{id}/lift/refuse", "lift-refuse DIRECTIVE", "Refuse, or take back, the wish to lift a directive", "directive %s stays in force")
}
