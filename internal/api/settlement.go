package api

import (
	"holdfast/internal/access"
	"holdfast/internal/locale"
	"holdfast/internal/settlement"
	"holdfast/internal/view"
)

// SettlementDetail is a settlement file with the rows that matter.
type SettlementDetail struct {
	view.Settlement
	// Refusals are the first rows that were not read.
	Refusals []view.SettlementRefusal `json:"refusals"`
	// Found are the payments on which the file and the gates do not agree, the first 500 of
	// each gate.
	Found []view.SettlementFound `json:"found"`
}

// settlementRoutes are those on the primary's settlement files.
var settlementRoutes = []route{
	{Method: "GET", Path: "/settlements", Right: access.Read, Summary: "Settlement files of the primary, newest first", Query: with(), Out: view.Page[view.Settlement]{}, Do: (*API).settlements},
	{Method: "POST", Path: "/settlements", Right: access.RunIncident, Summary: "Offer a settlement file (the body: CSV, UTF-8) of a day, 2026-11-26, by a mapping that was saved. The gates compare it with what they know; nothing is changed", Query: []string{"mapping", "day", "name"}, Out: Created{}, Created: true, File: true, Do: (*API).offerSettlement},
	{Method: "GET", Path: "/settlements/{id}", Right: access.Read, Summary: "A settlement file: what it would change, or has changed, and the rows that were refused", Out: SettlementDetail{}, Do: (*API).settlement},
	{Method: "POST", Path: "/settlements/{id}/confirm", Right: access.RunIncident, Summary: "Have what a settlement file says recorded; where an amount asks for two people, it waits for the second", In: Note{}, Do: (*API).confirmSettlement},
	{Method: "POST", Path: "/settlements/{id}/answer", Right: access.Approve, Summary: "Agree, as a second person, to what a settlement file changes, or refuse with a reason", In: Answer{}, Do: (*API).answerSettlement},
	{Method: "POST", Path: "/settlements/{id}/withdraw", Right: access.RunIncident, Summary: "Take back a settlement file that is not confirmed", In: Reason{}, Do: (*API).withdrawSettlement},
	{Method: "GET", Path: "/settlement-mappings", Right: access.Read, Summary: "What the columns of settlement files mean, by name", Out: []settlement.Mapping{}, Do: (*API).settlementMappings},
	{Method: "POST", Path: "/settlement-mappings", Right: access.RunIncident, Summary: "Save, under its name, what the columns of settlement files mean", In: settlement.Mapping{}, Do: (*API).saveSettlementMapping},
}

func (a *API) settlements(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.Settlements(offset, limit), nil
}

func (a *API) offerSettlement(c *call) (any, error) {
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	id, err := a.Settlement.Offer(c.r.Context(), c.by(), c.query("mapping"), c.query("day"), c.query("name"), content)
	return Created{id}, err
}

func (a *API) settlement(c *call) (any, error) {
	v, err := a.View.SettlementOf(c.path("id"))
	if err != nil {
		return nil, err
	}
	refusals, err := a.View.SettlementRefusals(c.r.Context(), v.ID)
	if err != nil {
		return nil, err
	}
	out := SettlementDetail{Settlement: v, Refusals: []view.SettlementRefusal{}, Found: v.Found()}
	words := locale.For(c.lang)
	for _, r := range refusals {
		out.Refusals = append(out.Refusals, view.SettlementRefusal{Line: r.Line, Message: words.Error(r.Err)})
	}
	return out, nil
}

func (a *API) confirmSettlement(c *call) (any, error) {
	in, err := body[Note](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Settlement.Confirm(c.r.Context(), c.by(), c.path("id"), in.Text)
}

func (a *API) answerSettlement(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Settlement.Answer(c.r.Context(), c.by(), c.path("id"), in.Granted, in.Reason)
}

func (a *API) withdrawSettlement(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Settlement.Withdraw(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) settlementMappings(*call) (any, error) { return a.View.SettlementMappings(), nil }

func (a *API) saveSettlementMapping(c *call) (any, error) {
	in, err := body[settlement.Mapping](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Settlement.SaveMapping(c.r.Context(), c.by(), in)
}
