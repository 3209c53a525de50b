package api

import "holdfast/internal/waiver"

func (a *API) waivers(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.AllWaivers(c.flag("active"), offset, limit), nil
}

func (a *API) grantWaiver(c *call) (any, error) {
	in, err := body[waiver.Form](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Waivers.Grant(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) revokeWaiver(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Waivers.Revoke(c.r.Context(), c.by(), c.path("id"), in.Reason)
}
