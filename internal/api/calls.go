package api

import "holdfast/internal/incident"

func (a *API) calls(c *call) (any, error) { return a.View.Calls(c.path("id")) }

func (a *API) recordCall(c *call) (any, error) {
	in, err := body[NewCall](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Caller.Record(c.r.Context(), c.by(), c.path("id"), incident.Called{
		Task: in.Task, Person: in.Person, Number: in.Number, Result: in.Result, At: in.At, Note: in.Note,
	})
}
