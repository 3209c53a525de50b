package api

import (
	"cmp"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/view"
)

// AccountRef names an account.
type AccountRef struct {
	Account string `json:"account"`
}

// InviteOutside invites an outside person. The link works for Days, 14 if
// missing, and is mailed if there is an address.
type InviteOutside struct {
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	// Lang is the person's language; missing is the caller's.
	Lang holdfast.Lang `json:"lang,omitempty"`
	Days int           `json:"days,omitempty"`
}

// NewLink says for how many days a new link works; missing is 14.
type NewLink struct {
	Days int `json:"days,omitempty"`
}

func (a *API) reviewers(c *call) (any, error) {
	d, err := a.Drafts.Draft(c.path("id"))
	if err != nil {
		return nil, err
	}
	return a.View.Reviewers(d), nil
}

func (a *API) invite(c *call) (any, error) {
	in, err := body[AccountRef](c)
	if err != nil {
		return nil, err
	}
	if _, err := a.Drafts.Draft(c.path("id")); err != nil {
		return nil, err
	}
	if _, err := a.Access.Account(in.Account); err != nil {
		return nil, err
	}
	return nil, a.Drafts.Invite(c.r.Context(), c.by(), c.path("id"), in.Account)
}

func (a *API) dismissReviewer(c *call) (any, error) {
	return nil, a.Drafts.Dismiss(c.r.Context(), c.by(), c.path("id"), c.path("account"))
}

func (a *API) inviteOutside(c *call) (any, error) {
	in, err := body[InviteOutside](c)
	if err != nil {
		return nil, err
	}
	guest := draft.Guest{Name: in.Name, Address: in.Address, Lang: cmp.Or(in.Lang, c.lang), Days: in.Days}
	o, link, err := a.Drafts.InviteOutside(c.r.Context(), c.by(), c.path("id"), guest)
	return view.OutsideLink{OutsideReviewer: a.View.Outside(c.path("id"), o), Link: link}, err
}

func (a *API) newLink(c *call) (any, error) {
	in, err := body[NewLink](c)
	if err != nil {
		return nil, err
	}
	o, link, err := a.Drafts.NewLink(c.r.Context(), c.by(), c.path("id"), c.path("reviewer"), in.Days)
	return view.OutsideLink{OutsideReviewer: a.View.Outside(c.path("id"), o), Link: link}, err
}

func (a *API) dismissOutside(c *call) (any, error) {
	return nil, a.Drafts.DismissOutside(c.r.Context(), c.by(), c.path("id"), c.path("reviewer"))
}

func (a *API) finishReview(c *call) (any, error) {
	return nil, a.Drafts.Finish(c.r.Context(), c.by(), c.path("id"))
}

// answer shows the change that answered a comment.
func (a *API) answer(c *call) (any, error) {
	d, err := a.Drafts.Draft(c.path("id"))
	if err != nil {
		return nil, err
	}
	n := c.comment()
	if n < 1 || n > len(d.Comments) {
		return nil, holdfast.Errorf(holdfast.NotFound, "the draft has no comment %d", n)
	}
	v, changed := view.ChapterChangeOf(d, d.Comments[n-1])
	if !changed {
		return nil, holdfast.Errorf(holdfast.NotFound, "no change answers comment %d", n)
	}
	return v, nil
}
