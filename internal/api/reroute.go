package api

import "holdfast/internal/response"

// ProposeReroute is a reroute to propose. Temporary is one of those that the plan has.
type ProposeReroute struct {
	Temporary string `json:"temporary"`
	Incident  string `json:"incident,omitempty"`
	Reason    string `json:"reason"`
}

func (a *API) rerouteChoices(c *call) (any, error) {
	return a.View.RerouteChoices(c.query("incident")), nil
}

func (a *API) proposeReroute(c *call) (any, error) {
	in, err := body[ProposeReroute](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Response.Reroute(c.r.Context(), c.by(), c.who.Account, response.RerouteWish(in))
	return Created{id}, err
}
