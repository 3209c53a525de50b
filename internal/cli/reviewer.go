package cli

import (
	"fmt"

	udiff "github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/view"
)

// reviewers are the commands on who comments on a draft.
func (s *shell) reviewers() []*cobra.Command {
	return []*cobra.Command{
		s.draftInvite(),
		s.api("POST /drafts/{id}/reviewers/{account}/dismiss", "dismiss DRAFT ACCOUNT", "Take an invitation back", func(c *call) error {
			return c.act(nil, "%s reviews draft %s no more", c.args[1], c.args[0])
		}),
		s.draftReviewers(), s.inviteOutside(), s.newLink(),
		s.api("POST /drafts/{id}/outside/{reviewer}/dismiss", "dismiss-outside DRAFT REVIEWER", "End the link of an outside reviewer", func(c *call) error {
			return c.act(nil, "the link of %s to draft %s works no more", c.args[1], c.args[0])
		}),
		s.api("POST /drafts/{id}/finished", "finish DRAFT", "Say, as an invited reviewer, that your review is finished", func(c *call) error {
			return c.act(nil, "your review of draft %s is finished", c.args[0])
		}),
	}
}

func (s *shell) draftInvite() *cobra.Command {
	return s.api("POST /drafts/{id}/reviewers", "invite DRAFT ACCOUNT", "Invite an account to comment on a draft", func(c *call) error {
		return c.act(api.AccountRef{Account: c.args[1]}, "%s may comment on draft %s", c.args[1], c.args[0])
	})
}

func (s *shell) draftReviewers() *cobra.Command {
	return s.api("GET /drafts/{id}/reviewers", "reviewers DRAFT", "List who was invited to comment, and who has finished", func(c *call) error {
		return show(c, nil, func(p *page, v []view.Reviewer) {
			p.row("REVIEWER", "LINK UNTIL", "MAILED", "COMMENTS", "OPEN", "FINISHED", "NAME")
			for _, r := range v {
				if o := r.Outside; o != nil {
					p.row(o.ID, o.Expires, o.Mailed, r.Comments, r.Open, r.Finished, o.Name)
				} else {
					p.row(r.Account, "", "", r.Comments, r.Open, r.Finished, "")
				}
			}
		})
	})
}

func showLink(p *page, v view.OutsideLink) {
	p.line("%s, %s, until %s:", v.ID, v.Name, clock(v.Expires))
	p.line("%s", v.Link)
	if v.Mailed == "" {
		p.line("hand the link over now: it is not shown again")
	} else {
		p.line("it is mailed to %s, and not shown again", v.Address)
	}
}

func (s *shell) inviteOutside() *cobra.Command {
	var in api.InviteOutside
	cmd := s.api("POST /drafts/{id}/outside", "invite-outside DRAFT NAME", "Invite an outside person, who needs no account, and print the link", func(c *call) error {
		in.Name = c.args[1]
		return show(c, in, showLink)
	})
	cmd.Flags().StringVar(&in.Address, "address", "", "mail the link to this e-mail address, too")
	cmd.Flags().StringVar((*string)(&in.Lang), "lang", "", "the person's language: zh-Hant, zh-Hans, en (default: yours)")
	cmd.Flags().IntVar(&in.Days, "days", 0, "how long the link works (default: 14)")
	return cmd
}

func (s *shell) newLink() *cobra.Command {
	var in api.NewLink
	cmd := s.api("POST /drafts/{id}/outside/{reviewer}/link", "link DRAFT REVIEWER", "Make a new link for an outside reviewer; the former works no more", func(c *call) error {
		return show(c, in, showLink)
	})
	cmd.Flags().IntVar(&in.Days, "days", 0, "how long it works (default: 14)")
	return cmd
}

func (s *shell) commentChanges() *cobra.Command {
	return s.api("GET /drafts/{id}/comments/{n}/changes", "changes DRAFT COMMENT", "Show the change of its chapter that answered a comment", func(c *call) error {
		return show(c, nil, func(p *page, v view.ChapterChange) {
			p.line("%s, from save %d to save %d", v.Chapter, v.From, v.To)
			p.text.WriteString(udiff.Unified(fmt.Sprintf("save %d", v.From), fmt.Sprintf("save %d", v.To), v.Before, v.After))
		})
	})
}
