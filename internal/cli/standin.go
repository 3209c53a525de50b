package cli

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/api"
	"holdfast/internal/directive"
	"holdfast/internal/locale"
	"holdfast/internal/response"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

func (s *shell) standIn() *cobra.Command {
	c := group("stand-in", "Gates answer for the primary, within limits of the plan",
		s.standInChoices(), s.standInPropose(), s.standInShow(),
		s.api("POST /directives/{id}/approve", "approve DIRECTIVE", "Approve, as a second person; forwarding stops, unless it is one by one, and then it is opened", func(c *call) error {
			return c.act(nil, "directive %s is in force; how far it is: holdfast stand-in show %s", c.args[0], c.args[0])
		}),
		s.standInWithout(), s.directiveLift(), s.directiveGrantLift(),
	)
	c.AddCommand(s.reconciliation()...)
	c.AddCommand(s.settlement()...)
	return c
}

func (s *shell) standInChoices() *cobra.Command {
	var incident string
	cmd := s.api("GET /stand-in/choices", "choices", "Stand-ins of the plan, with their limits and what each would do now", func(c *call) error {
		return show(c, url.Values{"incident": {incident}}, func(p *page, list []view.StandInChoice) {
			p.row("TEMPORARY", "TERMS", "SCOPE", "NOW", "LONGEST", "LIMITS", "TITLE")
			for _, t := range list {
				for _, by := range t.By {
					p.row(t.Temporary, termsName(by.Planned), t.Scope, perMinute(t), lasting(by.Longest), limitsOf(by.Terms.Limits), p.in(t.Title))
				}
			}
		})
	})
	cmd.Flags().StringVar(&incident, "incident", "", "by the plan revision that this incident runs")
	return cmd
}

func perMinute(t view.StandInChoice) string { return perMinuteOf(t.Effect) }

func perMinuteOf(e response.Preview) string {
	if !e.Known {
		return "not known"
	}
	return fmt.Sprintf("%d/min", e.PerMinute())
}

func termsName(planned bool) string {
	if planned {
		return "planned"
	}
	return "unplanned"
}

func lasting(d time.Duration) string {
	if d == 0 {
		return "until lifted"
	}
	return d.String()
}

func limitsOf(list []standin.Limit) string {
	var texts []string
	for _, l := range list {
		text := string(l.Over)
		if l.Amount > 0 {
			text += " " + locale.For(holdfast.En).Money(holdfast.Money{Minor: l.Amount, Currency: l.Currency})
		}
		if l.Count > 0 {
			text += fmt.Sprintf(" %d payments", l.Count)
		}
		if l.Window > 0 {
			text += " in " + l.Window.String()
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", ")
}

func (s *shell) standInPropose() *cobra.Command {
	var in api.ProposeStandIn
	cmd := s.api("POST /stand-in", "propose", "Propose that gates stand in; a second person approves", func(c *call) error {
		return c.create(in, "directive %[1]s is made; how far it is: holdfast stand-in show %[1]s")
	})
	f := cmd.Flags()
	f.StringVar(&in.Temporary, "temporary", "", "which of the plan's: holdfast stand-in choices")
	f.BoolVar(&in.Planned, "planned", false, "by the terms for an outage that was announced")
	f.BoolVar(&in.OneByOne, "one-by-one", false, "go on forwarding, and stand in only for payments for which the primary fails before the first byte")
	f.StringVar(&in.Incident, "incident", "", "the incident it belongs to")
	f.StringVar(&in.Reason, "reason", "", "why, told to everyone who asks")
	return required(cmd, "temporary", "reason")
}

func (s *shell) standInShow() *cobra.Command {
	return s.api("GET /directives/{id}", "show DIRECTIVE", "Show how far a stand-in is, and what keeps it from being opened", func(c *call) error {
		return show(c, nil, func(p *page, d view.Directive) {
			writeDirective(p, d)
			if d.StandIn != nil {
				writeStandIn(p, *d.StandIn)
			}
		})
	})
}

var obstacleTexts = map[string]string{
	directive.Unconfirmed: "it is not confirmed that forwarding is stopped",
	directive.Unlisted:    "it is not known what these gates had in flight",
	directive.NoSource:    "these gates name no advice source",
	directive.OtherSource: "these gates keep decisions in different advice sources",
	directive.TooMany:     "more payments are in flight or unknown than gates can exclude",
	directive.NoFence:     "these gates name no fence",
	directive.OtherFence:  "these gates have different fences",
	directive.YoungFence:  "clients may still repeat payments that are older than the fence of these gates",
	directive.NoSecond:    "these gates have no second primary for a route of the scope",
}

func writeStandIn(p *page, v view.StandingIn) {
	p.line("stand-in %s (%s), by %s terms: %s", v.Temporary, p.in(v.Title), termsName(v.Planned), limitsOf(v.Terms.Limits))
	if v.OneByOne {
		p.line("one by one: payments are forwarded, and stood in for only where the primary fails before the first byte")
	}
	switch {
	case v.State == "open" && v.EndsAt.IsZero():
		p.line("OPEN since %s, until it is lifted; %d payments are excluded", clock(v.OpenedAt), v.Excluded)
	case v.State == "open":
		p.line("OPEN since %s, until %s; %d payments are excluded", clock(v.OpenedAt), clock(v.EndsAt), v.Excluded)
	case v.State == "ended" && v.OneByOne:
		p.line("ENDED %s; payments go to the primary alone", clock(v.EndedAt))
	case v.State == "ended":
		p.line("ENDED %s; its payments are held until it is lifted", clock(v.EndedAt))
	default:
		p.line("NOT OPEN: %s", v.State)
	}
	if len(v.Under) > 0 {
		p.line("gates decline all the same until the stop is lifted: %s", strings.Join(v.Under, ", "))
	}
	if len(v.Without) > 0 {
		p.line("without %s, where payments are held", strings.Join(v.Without, ", "))
	}
	for _, o := range v.Obstacles {
		p.line("  %s %s", obstacleTexts[o.Why], strings.Join(o.Gates, ", "))
	}
}

func (s *shell) standInWithout() *cobra.Command {
	var in api.Without
	cmd := s.api("POST /stand-in/{id}/without", "without DIRECTIVE", "Have it opened without gates that keep it closed", func(c *call) error {
		return c.act(in, "directive %s is opened without %s", c.args[0], strings.Join(in.Gates, ", "))
	})
	cmd.Flags().StringSliceVar(&in.Gates, "gate", nil, "a gate to go without; may be given more than once")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why, for the record")
	return required(cmd, "gate", "reason")
}
