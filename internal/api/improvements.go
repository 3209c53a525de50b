package api

import (
	"slices"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/attachment"
	"holdfast/internal/improvement"
	"holdfast/internal/plan"
	"holdfast/internal/trend"
	"holdfast/internal/view"
)

// Extension is a later due day, with the reason.
type Extension struct {
	Due    plan.Date `json:"due"`
	Reason string    `json:"reason"`
}

// NewOwner is a role of the plan or a person of the roster, with the reason.
type NewOwner struct {
	Role   string `json:"role,omitempty"`
	Person string `json:"person,omitempty"`
	Reason string `json:"reason"`
}

// Shown is what shows that something is done.
type Shown struct {
	Evidence string `json:"evidence"`
}

// improvementRoutes are those on what debriefs decided to change, and on what
// incidents have in common.
var improvementRoutes = []route{
	{Method: "GET", Path: "/improvements", Right: access.Read, Summary: "Improvements: those that are not over by due day, then the others; state is open, overdue, done, dropped or unsettled, owner a role or a person", Query: with("state", "incident", "owner", "q"), Out: view.Page[view.TrackedImprovement]{}, Do: (*API).improvements},
	{Method: "POST", Path: "/improvements", Right: access.RunIncident, Summary: "Record what an incident's debrief decided to change; the same text of an incident, told again, is the same improvement", In: improvement.Form{}, Out: Created{}, Created: true, Do: (*API).recordImprovement},
	{Method: "GET", Path: "/improvements/{id}", Right: access.Read, Summary: "One improvement with its history", Out: view.TrackedImprovement{}, Do: (*API).improvement},
	{Method: "POST", Path: "/improvements/{id}/extend", Right: access.Acknowledge, Summary: "Give it a later due day, as its owner or with the right run-incident", In: Extension{}, Do: (*API).extendImprovement},
	{Method: "POST", Path: "/improvements/{id}/assign", Right: access.Acknowledge, Summary: "Give it another owner, as its owner or with the right run-incident", In: NewOwner{}, Do: (*API).assignImprovement},
	{Method: "POST", Path: "/improvements/{id}/done", Right: access.Acknowledge, Summary: "Say that it is done and what shows it, as its owner or with the right run-incident", In: Shown{}, Do: (*API).endImprovement},
	{Method: "POST", Path: "/improvements/{id}/drop", Right: access.Acknowledge, Summary: "Ask for it to be dropped, as its owner or with the right run-incident", In: Reason{}, Do: (*API).dropImprovement},
	{Method: "POST", Path: "/improvements/{id}/drop/answer", Right: access.Approve, Summary: "Answer, as a second person, the wish to drop it; refusing needs a reason", In: Answer{}, Do: (*API).answerDrop},
	{Method: "POST", Path: "/improvements/{id}/reopen", Right: access.RunIncident, Summary: "Say that what was done or dropped is not over", In: Reason{}, Do: (*API).reopenImprovement},
	{Method: "POST", Path: "/improvements/{id}/trigger", Right: access.OpenTrigger, Summary: "Open the trigger of the chapter of the plan that it changes; asked again it is the same trigger", Out: Created{}, Created: true, Do: (*API).triggerImprovement},
	{Method: "POST", Path: "/improvements/{id}/files", Right: access.Acknowledge, Summary: "Keep a file (the body) as evidence, as its owner or with the right run-incident", Query: []string{"name"}, Out: attachment.File{}, Created: true, File: true, Do: (*API).keepImprovementFile},
	{Method: "GET", Path: "/improvements/{id}/files/{hash}", Right: access.Read, Summary: "A file of an improvement", Do: (*API).improvementFile},
	{Method: "GET", Path: "/trends", Right: access.Read, Summary: "What the incidents of a period have in common: counts by level, cause and month, medians and spread of times, limits; from and to are days of the operator's calendar, to is in it; without them the last twelve months", Query: []string{"from", "to"}, Out: trend.Trends{}, Do: (*API).trends},
}

// improvementStates are what a list of improvements can be of.
var improvementStates = []string{"", string(improvement.Open), string(improvement.Overdue), string(improvement.Done), string(improvement.Dropped), view.Unsettled}

func (a *API) improvements(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	q := view.ImprovementQuery{State: c.query("state"), Incident: c.query("incident"), Owner: c.query("owner"), Text: c.query("q")}
	if !slices.Contains(improvementStates, q.State) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%q is no state of an improvement: choose open, overdue, done, dropped or unsettled", q.State).At("state")
	}
	return a.View.AllImprovements(q, offset, limit), nil
}

func (a *API) improvement(c *call) (any, error) { return a.View.OneImprovement(c.path("id")) }

func (a *API) recordImprovement(c *call) (any, error) {
	in, err := body[improvement.Form](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Improvements.Record(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) extendImprovement(c *call) (any, error) {
	in, err := body[Extension](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Improvements.Extend(c.r.Context(), c.by(), c.path("id"), in.Due, in.Reason)
}

func (a *API) assignImprovement(c *call) (any, error) {
	in, err := body[NewOwner](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Improvements.Assign(c.r.Context(), c.by(), c.path("id"), in.Role, in.Person, in.Reason)
}

func (a *API) endImprovement(c *call) (any, error) {
	in, err := body[Shown](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Improvements.Done(c.r.Context(), c.by(), c.path("id"), in.Evidence)
}

func (a *API) dropImprovement(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Improvements.AskDrop(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) answerDrop(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Improvements.AnswerDrop(c.r.Context(), c.by(), c.path("id"), in.Granted, in.Reason)
}

func (a *API) reopenImprovement(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Improvements.Reopen(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) triggerImprovement(c *call) (any, error) {
	id, err := a.Triggers.FromImprovement(c.r.Context(), c.by(), c.path("id"))
	return Created{id}, err
}

func (a *API) keepImprovementFile(c *call) (any, error) {
	content, err := c.content()
	if err != nil {
		return nil, err
	}
	return a.Improvements.Keep(c.r.Context(), c.by(), c.path("id"), c.query("name"), content)
}

func (a *API) improvementFile(c *call) (any, error) {
	return a.giveOut(c, func(h holdfast.Hash) (attachment.File, error) { return a.Improvements.File(c.path("id"), h) })
}

func (a *API) trends(c *call) (any, error) {
	t, _, err := a.View.Trends(c.query("from"), c.query("to"))
	return t, err
}
