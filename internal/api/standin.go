package api

import (
	"holdfast/internal/directive"
	"holdfast/internal/response"
)

// ProposeStandIn is a stand-in to propose. Temporary is one of those that the plan
// has; Planned chooses the terms for an outage that was announced.
type ProposeStandIn struct {
	Temporary string `json:"temporary"`
	Planned   bool   `json:"planned,omitempty"`
	Incident  string `json:"incident,omitempty"`
	// OneByOne leaves payments to the primary, and has gates answer those for which it
	// fails before the first byte.
	OneByOne bool   `json:"one_by_one,omitempty"`
	Reason   string `json:"reason"`
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

// Without names gates that a stand-in is opened without.
type Without struct {
	Gates  []string `json:"gates"`
	Reason string   `json:"reason"`
}

func (a *API) goWithout(c *call) (any, error) {
	in, err := body[Without](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.GoWithout(c.r.Context(), c.by(), c.who.Account, c.path("id"), directive.Without(in))
}
