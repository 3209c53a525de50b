package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/trial"
	"holdfast/internal/view"
)

// shadow is the command on what gates found in shadow mode.
func (s *shell) shadow() *cobra.Command {
	return s.api("GET /stand-in/shadow", "shadow", "How stand-in would have decided on payments that the primary answered", func(c *call) error {
		return show(c, nil, func(p *page, v view.Shadow) {
			if len(v.Trials) == 0 {
				p.line("the plan in force tries no profile: write shadow_percent into one")
			}
			for _, t := range v.Trials {
				writeTrial(p, t)
			}
			for _, u := range v.Untried {
				p.line("not tried: %s (%s)", u.Temporary, p.in(u.Title))
			}
		})
	})
}

func writeTrial(p *page, t view.ShadowTrial) {
	state := "in force"
	if !t.Current {
		state = "an earlier version"
	}
	p.line("profile %s (%s), %s terms, %s: %d payments of %.4g %% of payers were tried since %s, %d could be compared, %d were left out", t.Profile, p.in(t.Title), termsName(t.Planned), state,
		t.Payments, 100*t.Share, clock(t.Since), t.Compared, t.Dropped)
	p.row("BY", "BOTH APPROVE", "FALSE APPROVALS", "RATE (95 %)", "FALSE DECLINES", "RATE (95 %)", "BOTH DECLINE", "UNKNOWN")
	for _, list := range [][]trial.Part{t.Currencies, t.Bands, t.Rules} {
		for _, part := range list {
			p.row(partName(part), tally(part.Approved, part.Currency), tally(part.FalseApprovals, part.Currency), rateText(part.FalseApproval), tally(part.FalseDeclines, part.Currency),
				rateText(part.FalseDecline), tally(part.Declined, part.Currency), part.Unknown.Count)
		}
	}
}

func partName(part trial.Part) string {
	currency := part.Currency
	if currency == "" {
		currency = "other currencies"
	}
	switch money := locale.For(holdfast.En).Money; {
	case part.Rule != "":
		return part.Rule + ", " + currency
	case part.To > 0:
		return "up to " + money(holdfast.Money{Minor: part.To, Currency: part.Currency})
	}
	return currency
}

func rateText(r trial.Rate) string {
	if r.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f %% (%.2f - %.2f)", 100*r.Share(), 100*r.Low, 100*r.High)
}
