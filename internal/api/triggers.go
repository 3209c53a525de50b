package api

import (
	"holdfast/internal/filing"
	"holdfast/internal/trigger"
)

func (a *API) current(*call) (any, error) { return a.View.PlanCurrent(), nil }

func (a *API) triggers(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.AllTriggers(c.flag("unsettled"), offset, limit), nil
}

func (a *API) openTrigger(c *call) (any, error) {
	in, err := body[trigger.Report](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Triggers.Open(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) disposeTrigger(c *call) (any, error) {
	in, err := body[trigger.Disposal](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Triggers.Dispose(c.r.Context(), c.by(), c.path("id"), in)
}

func (a *API) register(c *call) (any, error) { return a.View.Register(c.query("draft")) }

func (a *API) assessRisk(c *call) (any, error) {
	in, err := body[trigger.RiskChange](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Triggers.AssessRisk(c.r.Context(), c.by(), c.path("id"), in)
	return Created{id}, err
}

func (a *API) renewMaterial(c *call) (any, error) {
	in, err := body[trigger.MaterialChange](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Triggers.RenewMaterial(c.r.Context(), c.by(), c.path("id"), in)
	return Created{id}, err
}

func (a *API) filings(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.AllFilings(c.flag("overdue"), offset, limit), nil
}

func (a *API) recordFiling(c *call) (any, error) {
	in, err := body[filing.Form](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Filings.Record(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) receiveFiling(c *call) (any, error) {
	in, err := body[filing.Receipt](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Filings.Receive(c.r.Context(), c.by(), c.path("id"), in)
}
