package api

import (
	"holdfast/internal/access"
	"holdfast/internal/reconciliation"
	"holdfast/internal/view"
)

// CloseOut is the wish to close a directive of stand-in.
type CloseOut struct {
	Directive string `json:"directive"`
	Note      string `json:"note"`
}

// CreatedAll is the answer to what made several things.
type CreatedAll struct {
	IDs []string `json:"ids"`
}

// reconciliationRoutes are those on what became of payments that gates approved.
var reconciliationRoutes = []route{
	{Method: "GET", Path: "/reconciliation", Right: access.Read, Summary: "What became of everything that gates approved in stand-in: approved, delivered, pending, exception, reversed and the difference, by directive, kind and currency; use of limits, backlog, declines, alarms; directive picks one", Query: []string{"directive"}, Out: view.Reconciliation{}, Do: (*API).reconcile},
	{Method: "GET", Path: "/reconciliation/exceptions", Right: access.Read, Summary: "Exceptions of stand-in that are open, the oldest first, or with decided=1 those that people have decided on", Query: with("decided", "directive", "q"), Out: view.Page[view.Exception]{}, Do: (*API).exceptions},
	{Method: "GET", Path: "/stand-in/shadow", Right: access.Read, Summary: "What gates found in shadow mode: how stand-in would have decided on a share of the payments that the primary answered; false approvals and false declines by currency, rule and band of amounts, with 95 % confidence intervals", Out: view.Shadow{}, Do: (*API).shadow},
	{Method: "GET", Path: "/reconciliation/queue", Right: access.Read, Summary: "Payments that stand-in queued for the primary: where they stand by directive and currency, which wait (in the order in which they expire) and which have expired and nobody has looked after, with the role that is to; directive picks one, q searches", Query: []string{"directive", "q"}, Out: view.Queue{}, Do: (*API).queue},
	{Method: "GET", Path: "/reconciliation/queue/looked-after", Right: access.Read, Summary: "Payments that expired in the queue and that people have looked after, with who, when and what was done, those first that were last; directive picks one, q searches", Query: with("directive", "q"), Out: view.Page[view.Queued]{}, Do: (*API).lookedAfter},
	{Method: "POST", Path: "/reconciliation/queue/looked-after", Right: access.RunIncident, Summary: "Say what was done about payments that expired in the queue: told (the customer), asked-again or nothing. It takes one person, who fills the role that the queue names, and is done once; all of the payments, or none", In: reconciliation.CareForm{}, Out: CreatedAll{}, Created: true, Do: (*API).lookAfter},
	{Method: "POST", Path: "/reconciliation/exceptions", Right: access.RunIncident, Summary: "Say how an exception ends: retry, confirm, reverse, accept or write-off. Where the profile or writing off asks for two people, it waits for the second", In: reconciliation.Form{}, Out: Created{}, Created: true, Do: (*API).resolveException},
	{Method: "POST", Path: "/reconciliation/close-outs", Right: access.RunRamp, Summary: "Ask for a directive of stand-in to be closed: refused while anything is pending, unresolved, or not told", In: CloseOut{}, Out: Created{}, Created: true, Do: (*API).closeStandIn},
	{Method: "POST", Path: "/reconciliation/losses", Right: access.RunRamp, Summary: "Ask for a directive of stand-in to be closed out though its advice source is gone for good: with what happened and where the evidence is kept; what is not known to be delivered is lost track of. Refused while a gate in service names the source. It takes a second person; a gate that tells of the source later contradicts it", In: reconciliation.LostForm{}, Out: Created{}, Created: true, Do: (*API).giveUpSource},
	{Method: "POST", Path: "/reconciliation/decisions/{id}/answer", Right: access.Approve, Summary: "Answer, as a second person, how an exception ends, that a directive is closed, or that its source is gone for good; refusing needs a reason", In: Answer{}, Do: (*API).answerReconciliation},
}

func (a *API) reconcile(c *call) (any, error) { return a.View.Reconcile(c.query("directive")) }

func (a *API) shadow(*call) (any, error) { return a.View.Shadow(), nil }

func (a *API) queue(c *call) (any, error) {
	return a.View.Queue(view.QueueQuery{Directive: c.query("directive"), Text: c.query("q")}), nil
}

func (a *API) lookedAfter(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.LookedAfter(view.QueueQuery{Directive: c.query("directive"), Text: c.query("q")}, offset, limit), nil
}

func (a *API) lookAfter(c *call) (any, error) {
	in, err := body[reconciliation.CareForm](c)
	if err != nil {
		return nil, err
	}
	ids, err := a.Reconciliation.LookAfter(c.r.Context(), c.by(), in)
	return CreatedAll{ids}, err
}

func (a *API) exceptions(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.Exceptions(view.ExceptionQuery{Decided: c.flag("decided"), Directive: c.query("directive"), Text: c.query("q")}, offset, limit), nil
}

func (a *API) resolveException(c *call) (any, error) {
	in, err := body[reconciliation.Form](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Reconciliation.Resolve(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) closeStandIn(c *call) (any, error) {
	in, err := body[CloseOut](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Reconciliation.Close(c.r.Context(), c.by(), in.Directive, in.Note)
	return Created{id}, err
}

func (a *API) giveUpSource(c *call) (any, error) {
	in, err := body[reconciliation.LostForm](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Reconciliation.GiveUp(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) answerReconciliation(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Reconciliation.Answer(c.r.Context(), c.by(), c.path("id"), in.Granted, in.Reason)
}
