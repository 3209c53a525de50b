package callout

import (
	"context"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/roster"
)

// InvitationSubject stands where other notices name their incident, and the link
// where they name a task, in the notices that invite outside reviewers.
const InvitationSubject = "review"

// Inviter makes the links by which outside people review a draft, and mails them.
// As with a [Verifier], the secret is an HMAC of the link's name: the journal
// holds its hash, and a place in the notice that is filled as it leaves.
type Inviter struct {
	Notices *notify.Service
	// Key is what [LinkKey] returns.
	Key []byte
	// Page makes the address of the page of a draft's reviewer.
	Page func(draft, reviewer string) string
	// Operator is the installation's name; Zone its time zone.
	Operator string
	Zone     *time.Location
}

// Invitation is what a letter says.
type Invitation struct {
	// Plan is the title of the plan.
	Plan          holdfast.Text
	Name, Address string
	Lang          holdfast.Lang
	Expires       time.Time
}

// Secret returns the secret of a link, the same each time.
func (i *Inviter) Secret(link string) string { return secret(i.Key, toReview, link) }

// Address is where a link leads, with its secret.
func (i *Inviter) Address(link string, lang holdfast.Lang) string {
	draft, rest, _ := strings.Cut(link, "/")
	reviewer, _, _ := strings.Cut(rest, "/")
	return address(i.Page(draft, reviewer), i.Secret(link), lang)
}

// Invite asks for a link to be mailed.
func (i *Inviter) Invite(ctx context.Context, by holdfast.Actor, link string, to Invitation) error {
	words := locale.For(to.Lang)
	operator := i.Operator
	if operator == "" {
		operator = "Holdfast"
	}
	return i.Notices.Ask(ctx, by, notify.Notice{
		ID:       notify.ID(InvitationSubject, link, to.Name, string(roster.SMTP), to.Address, 0),
		Incident: InvitationSubject, Task: link, Person: link, PersonName: to.Name,
		Channel: string(roster.SMTP), Address: to.Address, Lang: to.Lang,
		Subject: words.T("invitation.subject", "operator", operator, "plan", to.Plan.In(to.Lang)),
		Body: words.T("invitation.body", "name", to.Name, "operator", operator, "plan", to.Plan.In(to.Lang), "author", by.String(),
			"time", words.Time(to.Expires, i.Zone), "link", linkPlace),
	})
}

// Fill puts the link into an invitation that is about to leave.
func (i *Inviter) Fill(m notify.Message) notify.Message {
	if m.Incident == InvitationSubject {
		m.Body = strings.ReplaceAll(m.Body, linkPlace, i.Address(m.Task, m.Lang))
	}
	return m
}
