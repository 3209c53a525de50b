package cli

import (
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/view"
	"holdfast/internal/waiver"
)

func (s *shell) waiver() *cobra.Command {
	return group("waiver", "Findings of lint that somebody answers for", s.waiverGrant(), s.waiverList(), s.waiverRevoke())
}

func (s *shell) waiverGrant() *cobra.Command {
	var in waiver.Form
	var until string
	cmd := s.api("POST /waivers", "grant RULE", "Accept what a rule finds, until a day", func(c *call) (err error) {
		in.Rule = c.args[0]
		if in.Expires, err = instant("until", until, time.Time{}); err != nil {
			return err
		}
		return c.create(in, "waiver %s is granted")
	})
	cmd.Flags().StringVar(&in.Path, "at", "", "the place, as lint names it with ids; without it, everywhere")
	cmd.Flags().StringVar(&in.Owner, "owner", "", "the person of the roster who answers for it")
	cmd.Flags().StringVar(&in.Reason, "reason", "", "why it is accepted")
	cmd.Flags().StringVar(&until, "until", "", "when it ends (RFC 3339), within 366 days")
	cmd.Flags().StringVar(&in.Plan, "plan", "", "the plan's id; without it, the plan that incidents run")
	return required(cmd, "owner", "reason", "until")
}

func (s *shell) waiverList() *cobra.Command {
	cmd := s.api("GET /waivers", "list", "List waivers, newest first", func(c *call) error {
		return show(c.paging().pass("active"), nil, func(p *page, v view.Page[view.Waiver]) {
			p.row("WAIVER", "STATE", "RULE", "AT", "UNTIL", "OWNER", "REASON")
			for _, w := range v.Items {
				p.row(w.ID, string(w.State), w.Rule, w.Path, w.Expires, w.Owner, w.Reason)
			}
			more(p, len(v.Items), v.Total, v.Next)
		})
	})
	cmd.Flags().Bool("active", false, "only those that accept something now")
	return paged(cmd)
}

func (s *shell) waiverRevoke() *cobra.Command {
	var reason string
	cmd := s.api("POST /waivers/{id}/revoke", "revoke WAIVER", "Take a waiver back", func(c *call) error {
		return c.act(map[string]string{"reason": reason}, "waiver %s is revoked", c.args[0])
	})
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return required(cmd, "reason")
}
