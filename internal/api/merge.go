package api

import (
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
)

// Reopen opens an incident again. From is the stage that is worked anew, with those
// after it; left out for one that was dismissed while suspected.
type Reopen struct {
	From   procedure.StageKind `json:"from,omitempty"`
	Reason string              `json:"reason"`
}

// MergeInto names the incident that goes on for both.
type MergeInto struct {
	Into   string `json:"into"`
	Reason string `json:"reason"`
}

func (a *API) falseAlarm(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.AskFalseAlarm(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) answerFalseAlarm(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.AnswerFalseAlarm(c.r.Context(), c.by(), c.path("id"), in.Granted, in.Reason)
}

func (a *API) reopenIncident(c *call) (any, error) {
	in, err := body[Reopen](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Reopen(c.r.Context(), c.by(), c.path("id"), in.From, in.Reason)
}

func (a *API) mergeIncident(c *call) (any, error) {
	in, err := body[MergeInto](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Merge(c.r.Context(), c.by(), c.path("id"), in.Into, in.Reason)
}

func (a *API) unmergeIncident(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Unmerge(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) linkIncident(c *call) (any, error) {
	in, err := body[incident.Linked](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Link(c.r.Context(), c.by(), c.path("id"), in.Other, in.Reason)
}
