package console

func (c *Console) failed(v *visit) error {
	return v.act(c.Response.Fail(v.r.Context(), v.by(), v.path("id"), v.path("task"), v.form("note")))
}

func (c *Console) agreeBranch(v *visit) error {
	return v.act(c.Response.AgreeBranch(v.r.Context(), v.by(), v.path("id"), v.path("task")))
}
