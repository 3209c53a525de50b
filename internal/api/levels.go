package api

import (
	"fmt"
	"strconv"

	"holdfast"
)

// StateMeasure is what a person states of one measure: a number, true or false, or a
// text.
type StateMeasure struct {
	Value any    `json:"value"`
	Note  string `json:"note,omitempty"`
}

// ChangeLevel brings an incident to a graver level at once, or asks for a lesser
// one.
type ChangeLevel struct {
	Level holdfast.Level `json:"level"`
	// Reason may be left out where the criteria say the graver level.
	Reason string `json:"reason,omitempty"`
}

func (a *API) judgement(c *call) (any, error) {
	in, err := a.View.Incident(c.path("id"))
	if err != nil {
		return nil, err
	}
	if in.Judgement == nil {
		return nil, holdfast.Errorf(holdfast.NotFound, "the plan in force has no criteria to work out for incident %s", in.ID)
	}
	return in.Judgement, nil
}

func (a *API) enterMeasure(c *call) (any, error) {
	in, err := body[StateMeasure](c)
	if err != nil {
		return nil, err
	}
	typed := fmt.Sprint(in.Value)
	if number, ok := in.Value.(float64); ok {
		typed = strconv.FormatFloat(number, 'f', -1, 64)
	}
	return nil, a.Response.EnterMeasure(c.r.Context(), c.by(), c.path("id"), c.path("measure"), typed, in.Note)
}

func (a *API) changeLevel(c *call) (any, error) {
	in, err := body[ChangeLevel](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.ChangeLevel(c.r.Context(), c.by(), c.path("id"), in.Level, in.Reason)
}

func (a *API) answerFall(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.AnswerFall(c.r.Context(), c.by(), c.path("id"), in.Granted, in.Reason)
}

func (a *API) keepLevel(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.KeepLevel(c.r.Context(), c.by(), c.path("id"), in.Reason)
}
