package api

import (
	"strconv"

	"holdfast"
	"holdfast/internal/incident"
)

// CallAgain asks for a call of a task's endpoint. Reason is needed where an earlier call
// may have done it.
type CallAgain struct {
	Reason string `json:"reason,omitempty"`
}

// Tick ticks an item of a checklist, or takes the tick back with a note.
type Tick struct {
	Ticked bool   `json:"ticked"`
	Note   string `json:"note,omitempty"`
}

func (a *API) callWebhook(c *call) (any, error) {
	in, err := body[CallAgain](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.CallWebhook(c.r.Context(), c.by(), c.path("id"), c.path("task"), in.Reason)
}

func (a *API) tickItem(c *call) (any, error) {
	in, err := body[Tick](c)
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(c.path("item"))
	if err != nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "%q is no item of a checklist: they are numbered from 1", c.path("item"))
	}
	return nil, a.Response.TickItem(c.r.Context(), c.by(), c.path("id"), incident.ItemTicked{Task: c.path("task"), N: n, Ticked: in.Ticked, Note: in.Note})
}
