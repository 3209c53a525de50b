package api

import (
	"holdfast/internal/access"
	"holdfast/internal/authority"
)

// Lifted says whether a directive is lifted, or waits for a second person.
type Lifted struct {
	Lifted bool `json:"lifted"`
}

// BreakGlass is the wish to act beyond one's authority.
type BreakGlass struct {
	Reason   string `json:"reason"`
	Incident string `json:"incident,omitempty"`
}

// Judge is a superior's judgement.
type Judge struct {
	Right  bool   `json:"right"`
	Reason string `json:"reason"`
}

func (a *API) grantLift(c *call) (any, error) {
	return nil, a.Response.AnswerLift(c.r.Context(), c.by(), c.who.Account, c.path("id"), true, "")
}

func (a *API) refuseLift(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.AnswerLift(c.r.Context(), c.by(), c.who.Account, c.path("id"), false, in.Reason)
}

func (a *API) authority(c *call) (any, error) { return a.View.AllAuthority(c.query("incident")), nil }

func (a *API) delegations(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.Delegations(c.flag("active"), offset, limit), nil
}

func (a *API) delegate(c *call) (any, error) {
	in, err := body[authority.Given](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Authority.Delegate(c.r.Context(), c.by(), in, c.who.May(access.ManageRoster))
	return Created{id}, err
}

func (a *API) endDelegation(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Authority.EndDelegation(c.r.Context(), c.by(), c.path("id"), in.Reason, c.who.May(access.ManageRoster))
}

func (a *API) glasses(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.Glasses(c.flag("open"), offset, limit), nil
}

func (a *API) breakGlass(c *call) (any, error) {
	in, err := body[BreakGlass](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Authority.BreakGlass(c.r.Context(), c.by(), in.Reason, in.Incident)
	return Created{id}, err
}

func (a *API) endGlass(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Authority.EndGlass(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) judgeGlass(c *call) (any, error) {
	in, err := body[Judge](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Authority.Judge(c.r.Context(), c.by(), c.path("id"), in.Right, in.Reason)
}
