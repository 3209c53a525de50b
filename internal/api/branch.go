package api

func (a *API) failed(c *call) (any, error) {
	in, err := body[StageNote](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Response.Fail(c.r.Context(), c.by(), c.path("id"), c.path("task"), in.Note)
}

func (a *API) agreeBranch(c *call) (any, error) {
	return nil, a.Response.AgreeBranch(c.r.Context(), c.by(), c.path("id"), c.path("task"))
}
