package app

import (
	"context"
	"fmt"

	"holdfast"
	"holdfast/internal/callout"
	"holdfast/internal/draft"
)

// SetPlaces says where probes find the gate and the primary, as base URLs. Call
// it before Run.
func (c *Control) SetPlaces(gate, primary string) {
	for name, place := range map[string]string{"gate": gate, "primary": primary} {
		if place != "" {
			c.runner.Places[name] = place
		}
	}
}

// link is the address of an incident's page, as notices give it.
func (c *Control) link(id string) string { return c.URL() + "/incidents/" + id }

// decidePage is the address of a directive's page or, of none, of that on authority.
func (c *Control) decidePage(directive string) string {
	if directive == "" {
		return c.URL() + "/authority"
	}
	return c.URL() + "/directives/" + directive
}

// confirmPage is the address of the page that confirms a contact.
func (c *Control) confirmPage(ask string) string { return c.URL() + "/confirm/" + ask }

// reviewPage is the address of the page of a draft's outside reviewer.
func (c *Control) reviewPage(draft, reviewer string) string {
	return c.URL() + "/review/" + draft + "/" + reviewer
}

// ackPage is the address of the page that acknowledges a notice.
func (c *Control) ackPage(notice string) string { return c.URL() + "/acknowledge/" + notice }

// planPage is the address of a revision's page.
func (c *Control) planPage(revision int) string { return fmt.Sprintf("%s/plan/%d", c.URL(), revision) }

// readPage is the address of the page of a reader without an account.
func (c *Control) readPage(plan string, revision int, person string) string {
	return fmt.Sprintf("%s/read/%s/%d/%s", c.URL(), plan, revision, person)
}

// letters are what drafts need of the inviter.
type letters struct{ *callout.Inviter }

func (l letters) Send(ctx context.Context, by holdfast.Actor, link string, plan holdfast.Text, to draft.Outside) error {
	return l.Invite(ctx, by, link, callout.Invitation{Plan: plan, Name: to.Name, Address: to.Address, Lang: to.Lang, Expires: to.Expires})
}
