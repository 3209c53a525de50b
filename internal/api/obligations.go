package api

import (
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/obligation"
	"holdfast/internal/view"
)

// Moment corrects a starting moment; without a time, the incident's own counts
// again.
type Moment struct {
	Moment string    `json:"moment"`
	At     time.Time `json:"at,omitzero"`
	Reason string    `json:"reason"`
}

// Report is the text of a report; without a language it is in the recipient's.
type Report struct {
	Lang holdfast.Lang `json:"lang,omitempty"`
	Text string        `json:"text"`
}

// ReportDecision is a second person's on the text of a number.
type ReportDecision struct {
	Draft  int    `json:"draft"`
	Reason string `json:"reason,omitempty"`
}

// Handed says when and how an approved report went out.
type Handed struct {
	At  time.Time `json:"at"`
	How string    `json:"how"`
}

// ReportReceipt is what the recipient answered.
type ReportReceipt struct {
	Number string    `json:"number"`
	At     time.Time `json:"at"`
}

// obligationRoutes are those on what incidents owe to regulators.
var obligationRoutes = []route{
	{Method: "GET", Path: "/obligations", Right: access.Read, Summary: "Reports that incidents owe to regulators, by due time; with open, without those that went out", Query: with("open"), Out: view.Page[view.Obligation]{}, Do: (*API).obligations},
	{Method: "GET", Path: "/obligation-packs", Right: access.Read, Summary: "Regulators' rules with their clocks, those that bind first", Out: []view.Pack{}, Do: (*API).packs},
	{Method: "POST", Path: "/obligation-packs/clocks/{clock}/verify", Right: access.PublishPlan, Summary: "Say that a person compared a clock with the text in force, and what that says where the pack says another thing", In: obligation.Verification{}, Do: (*API).verifyClock},
	{Method: "GET", Path: "/obligation-counters", Right: access.Read, Summary: "Rolling counters over incidents, with the thresholds of the rules that bind", Out: []obligation.Count{}, Do: (*API).counters},
	{Method: "GET", Path: "/incidents/{id}/obligations", Right: access.Read, Summary: "What an incident owes: moments, assessments, classes, reports by due time", Out: view.Obligations{}, Do: (*API).incidentObligations},
	{Method: "POST", Path: "/incidents/{id}/moments", Right: access.RunIncident, Summary: "Correct a starting moment; due times are worked out again", In: Moment{}, Do: (*API).setMoment},
	{Method: "POST", Path: "/incidents/{id}/assessments", Right: access.RunIncident, Summary: "Say what people found out of an incident, in place of what was said before", In: obligation.Assessment{}, Do: (*API).assess},
	{Method: "GET", Path: "/incidents/{id}/obligations/{clock}", Right: access.Read, Summary: "One report: its clock, texts, approval, submissions, receipts", Out: view.Obligation{}, Do: (*API).obligation},
	{Method: "GET", Path: "/incidents/{id}/obligations/{clock}/text", Right: access.Read, Summary: "The report as the incident's figures fill it, in the recipient's language or in lang", Query: []string{"lang"}, Out: Report{}, Do: (*API).reportText},
	{Method: "POST", Path: "/incidents/{id}/obligations/{clock}/drafts", Right: access.RunIncident, Summary: "Save the report's text", In: Report{}, Do: (*API).saveReport},
	{Method: "POST", Path: "/incidents/{id}/obligations/{clock}/approve", Right: access.Approve, Summary: "Approve, as a second person, the text of a number", In: ReportDecision{}, Do: (*API).approveReport},
	{Method: "POST", Path: "/incidents/{id}/obligations/{clock}/refuse", Right: access.Approve, Summary: "Refuse the text of a number, with the reason", In: ReportDecision{}, Do: (*API).refuseReport},
	{Method: "POST", Path: "/incidents/{id}/obligations/{clock}/explain", Right: access.RunIncident, Summary: "Say why the report is, or will be, late", In: Reason{}, Do: (*API).explainReport},
	{Method: "POST", Path: "/incidents/{id}/obligations/{clock}/submissions", Right: access.RunIncident, Summary: "Record that the approved text went out", In: Handed{}, Do: (*API).submitReport},
	{Method: "POST", Path: "/incidents/{id}/obligations/{clock}/receipts", Right: access.RunIncident, Summary: "Record the recipient's receipt", In: ReportReceipt{}, Do: (*API).receiveReport},
	{Method: "POST", Path: "/incidents/{id}/obligations/{clock}/files", Right: access.RunIncident, Summary: "Keep a file (the body) beside a report that went out: its receipt, a copy", Query: []string{"name"}, Out: attachment.File{}, Created: true, File: true, Do: (*API).scanReport},
	{Method: "GET", Path: "/incidents/{id}/obligations/{clock}/files/{hash}", Right: access.Read, Summary: "A file of a report", Do: (*API).reportFile},
}

func (a *API) obligations(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.AllObligations(c.flag("open"), offset, limit), nil
}

func (a *API) packs(*call) (any, error) { return a.View.Packs(), nil }

func (a *API) counters(*call) (any, error) { return a.View.Counters(), nil }

func (a *API) incidentObligations(c *call) (any, error) {
	return a.View.IncidentObligations(c.path("id"))
}

func (a *API) obligation(c *call) (any, error) {
	return a.View.Obligation(c.path("id"), c.path("clock"))
}

func (a *API) verifyClock(c *call) (any, error) {
	in, err := body[obligation.Verification](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Verify(c.r.Context(), c.by(), c.path("clock"), in)
}

func (a *API) setMoment(c *call) (any, error) {
	in, err := body[Moment](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.SetMoment(c.r.Context(), c.by(), c.path("id"), in.Moment, in.At, in.Reason)
}

func (a *API) assess(c *call) (any, error) {
	in, err := body[obligation.Assessment](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Assess(c.r.Context(), c.by(), c.path("id"), in)
}

func (a *API) reportText(c *call) (any, error) {
	o, err := a.View.Obligation(c.path("id"), c.path("clock"))
	if err != nil {
		return nil, err
	}
	v := Report{Lang: o.Lang}
	if asked := holdfast.Lang(c.query("lang")); asked != "" {
		v.Lang = asked
	}
	v.Text, err = a.View.ReportText(c.path("id"), c.path("clock"), v.Lang)
	return v, err
}

func (a *API) saveReport(c *call) (any, error) {
	in, err := body[Report](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Save(c.r.Context(), c.by(), c.path("id"), c.path("clock"), in.Lang, in.Text)
}

func (a *API) approveReport(c *call) (any, error) {
	in, err := body[ReportDecision](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Approve(c.r.Context(), c.by(), c.path("id"), c.path("clock"), in.Draft)
}

func (a *API) refuseReport(c *call) (any, error) {
	in, err := body[ReportDecision](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Refuse(c.r.Context(), c.by(), c.path("id"), c.path("clock"), in.Draft, in.Reason)
}

func (a *API) explainReport(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Explain(c.r.Context(), c.by(), c.path("id"), c.path("clock"), in.Reason)
}

func (a *API) submitReport(c *call) (any, error) {
	in, err := body[Handed](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Submit(c.r.Context(), c.by(), c.path("id"), c.path("clock"), in.At, in.How)
}

func (a *API) receiveReport(c *call) (any, error) {
	in, err := body[ReportReceipt](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Obligations.Receive(c.r.Context(), c.by(), c.path("id"), c.path("clock"), in.Number, in.At)
}

func (a *API) scanReport(c *call) (any, error) {
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	return a.Obligations.Scan(c.r.Context(), c.by(), c.path("id"), c.path("clock"), c.query("name"), content)
}

func (a *API) reportFile(c *call) (any, error) {
	return a.giveOut(c, func(h holdfast.Hash) (attachment.File, error) {
		return a.Obligations.File(c.path("id"), c.path("clock"), h)
	})
}
