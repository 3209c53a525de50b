package api

import "holdfast/internal/response"

// ProposeStandIn is a stand-in to propose. Temporary is one of those that the plan
// has; Planned chooses the terms for an outage that was announced.
type ProposeStandIn struct {
	Temporary string `json:"temporary"`
	Planned   bool   `json:"planned,omitempty"`
	Incident  string `json:"incident,omitempty"`
	Reason    string `json:"reason"`
}

func (a *API) standInChoices(c *call) (any, error) {
	return a.View.StandInChoices(c.query("incident")), nil
}

func (a *API) proposeStandIn(c *call) (any, error) {
	in, err := body[ProposeStandIn](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Response.StandIn(c.r.Context(), c.by(), c.who.Account, response.StandInWish(in))
	return Created{id}, err
}
