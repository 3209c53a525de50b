package cli

import (
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/view"
)

func (s *shell) reroute() *cobra.Command {
	return group("reroute", "Payments go to a second primary, each to one of the two",
		s.rerouteChoices(), s.reroutePropose(), s.rerouteShow(),
		s.api("POST /directives/{id}/approve", "approve DIRECTIVE", "Approve, as a second person; it is opened as soon as the gates' fence lets it", func(c *call) error {
			return c.act(nil, "directive %s is in force; how far it is: holdfast reroute show %s", c.args[0], c.args[0])
		}),
		s.rerouteWithout(), s.directiveLift(), s.directiveGrantLift(),
	)
}

func (s *shell) rerouteChoices() *cobra.Command {
	var incident string
	cmd := s.api("GET /reroute/choices", "choices", "Reroutes of the plan, and what each would do now", func(c *call) error {
		return show(c, url.Values{"incident": {incident}}, func(p *page, list []view.RerouteChoice) {
			p.row("TEMPORARY", "SCOPE", "NOW", "ROLE", "TITLE")
			for _, t := range list {
				p.row(t.Temporary, t.Scope, perMinuteOf(t.Effect), t.Role, p.in(t.Title))
			}
			for _, t := range list {
				for _, o := range t.Obstacles {
					p.line("%s would wait: %s %s", t.Temporary, obstacleTexts[o.Why], strings.Join(o.Gates, ", "))
				}
			}
		})
	})
	cmd.Flags().StringVar(&incident, "incident", "", "by the plan revision that this incident runs")
	return cmd
}

func (s *shell) reroutePropose() *cobra.Command {
	var in api.ProposeReroute
	cmd := s.api("POST /reroute", "propose", "Propose that payments go to the second primary; a second person approves", func(c *call) error {
		return c.create(in, "directive %[1]s is made; how far it is: holdfast reroute show %[1]s")
	})
	f := cmd.Flags()
	f.StringVar(&in.Temporary, "temporary", "", "which of the plan's: holdfast reroute choices")
	f.StringVar(&in.Incident, "incident", "", "the incident it belongs to")
	f.StringVar(&in.Reason, "reason", "", "why, told to everyone who asks")
	return required(cmd, "temporary", "reason")
}

func (s *shell) rerouteShow() *cobra.Command {
	return s.api("GET /directives/{id}", "show DIRECTIVE", "Show how far a reroute is, and what keeps it from being opened", func(c *call) error {
		return show(c, nil, func(p *page, d view.Directive) {
			writeDirective(p, d)
			if d.Reroute != nil {
				writeReroute(p, *d.Reroute)
			}
		})
	})
}

func writeReroute(p *page, v view.Rerouting) {
	p.line("reroute %s (%s)", v.Temporary, p.in(v.Title))
	if v.State == "open" {
		p.line("OPEN since %s, until it is lifted: payments go to the second primary, by the fence %s", clock(v.OpenedAt), v.Fence)
	} else {
		p.line("NOT OPEN: %s; payments go to the first primary", v.State)
	}
	if len(v.Under) > 0 {
		p.line("these are stronger until they are lifted: %s", strings.Join(v.Under, ", "))
	}
	if len(v.Young) > 0 {
		p.line("by a fence that is young, so that a payment from before it could be done by both: %s", strings.Join(v.Young, ", "))
	}
	if len(v.Holds) > 0 {
		p.line("these gates hold payments of its scope: %s", strings.Join(v.Holds, ", "))
	}
	for _, o := range v.Obstacles {
		p.line("  %s %s", obstacleTexts[o.Why], strings.Join(o.Gates, ", "))
	}
}

func (s *shell) rerouteWithout() *cobra.Command {
	var in api.Without
	cmd := s.api("POST /reroute/{id}/without", "without DIRECTIVE", "Have it opened without gates that keep it closed; they hold payments of its scope", func(c *call) error {
		return c.act(in, "directive %s is opened without %s", c.args[0], strings.Join(in.Gates, ", "))
	})
	cmd.Flags().StringSliceVar(&in.Gates, "gate", nil, "a gate to go without; may be given more than once")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	return required(cmd, "gate", "reason")
}
