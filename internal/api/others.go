package api

import (
	"math"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/lint"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

func (a *API) status(c *call) (any, error) {
	s := Status{
		Version: a.View.Version, Head: a.Desk.State.Head(), Time: a.Desk.Now().UTC(),
		Account: c.who.Account, Rights: []string{}, Operator: a.View.Operator,
	}
	for _, r := range access.AllActions() {
		if c.who.May(r) {
			s.Rights = append(s.Rights, string(r))
		}
	}
	return s, nil
}

func (a *API) posture(*call) (any, error) { return a.View.Posture(), nil }

func (a *API) traffic(c *call) (any, error) {
	minutes, err := c.number("minutes")
	if err != nil {
		return nil, err
	}
	return a.View.Chart(time.Duration(minutes) * time.Minute)
}

func (a *API) events(c *call) (any, error) {
	return written, web.Events(c.w, c.r, a.Desk.State)
}

func (a *API) facts(c *call) (any, error) {
	after, err := c.number("after")
	if err != nil {
		return nil, err
	}
	_, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = view.PageSize
	}
	facts, err := a.Store.Read(c.r.Context(), holdfast.Position(after), limit)
	if err != nil {
		return nil, err
	}
	head := a.Desk.State.Head().Position
	p := view.Page[holdfast.Fact]{Items: facts, Total: int(head)}
	if p.Items == nil {
		p.Items = []holdfast.Fact{}
	}
	if n := len(facts); n > 0 && facts[n-1].Position < head {
		p.Next = int(facts[n-1].Position)
	}
	return p, nil
}

func (a *API) alerts(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	f := view.AlertFilter{Waiting: c.flag("waiting"), Query: c.query("q"), Incident: c.query("incident"), Source: c.query("source")}
	if len(f.Query) > 200 {
		return nil, holdfast.Errorf(holdfast.TooLarge, "a search has at most %d bytes", 200).At("q")
	}
	return a.View.AllAlerts(f, offset, limit), nil
}

func (a *API) alert(c *call) (any, error) { return a.View.Alert(c.path("id")) }

func (a *API) dismissAlert(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Alerts.Dismiss(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) report(c *call) (any, error) {
	in, err := body[alert.Report](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Alerts.Report(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) directives(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.AllDirectives(offset, limit), nil
}

func (a *API) propose(c *call) (any, error) {
	in, err := body[Propose](c)
	if err != nil {
		return nil, err
	}
	if !(in.DrainSeconds >= 0 && in.DrainSeconds <= math.MaxInt32) {
		return nil, holdfast.Errorf(holdfast.Invalid, "drain_seconds is not a time").At("drain_seconds")
	}
	p := directive.Proposal{
		Kind: posture.Kind(in.Kind), Scope: in.Scope, Reason: in.Reason, Incident: in.Incident,
		Share: in.Share, Rate: in.Rate, Drain: time.Duration(in.DrainSeconds * float64(time.Second)),
	}
	id, err := a.Response.Propose(c.r.Context(), c.who.Actor, c.who.Account, p)
	return Created{id}, err
}

// directive answers at once, or, with wait, when there is nothing more to wait
// for.
func (a *API) directive(c *call) (any, error) {
	wait, err := c.wait()
	if err != nil {
		return nil, err
	}
	watch, end := a.Desk.State.Watch()
	defer end()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		d, err := a.View.Directive(c.path("id"))
		if err != nil || wait == 0 || !d.Confirmed.IsZero() || d.State == string(directive.Lifted) || d.State == string(directive.Refused) {
			return d, err
		}
		select {
		case <-watch:
		case <-timer.C:
			return d, nil
		case <-c.r.Context().Done():
			return d, nil
		}
	}
}

func (a *API) approve(c *call) (any, error) {
	return nil, a.Response.ApproveDirective(c.r.Context(), c.by(), c.who.Account, c.path("id"))
}

func (a *API) refuse(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Directives.Refuse(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) lift(c *call) (any, error) {
	in, err := body[Lift](c)
	if err != nil {
		return nil, err
	}
	lifted, err := a.Response.Lift(c.r.Context(), c.by(), c.who.Account, c.path("id"), in.Revision, in.Reason)
	return Lifted{lifted}, err
}

func (a *API) gates(*call) (any, error) { return a.View.AllGates(), nil }

func (a *API) gate(c *call) (any, error) { return a.View.Gate(c.path("name")) }

func (a *API) retire(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Gates.Retire(c.r.Context(), c.by(), c.path("name"), in.Reason)
}

func (a *API) unknowns(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	q := view.UnknownQuery{
		Settled: c.flag("settled"), Text: c.query("q"), Route: c.query("route"), Gate: c.query("gate"), Stage: c.query("stage"), Directive: c.query("directive"),
	}
	return a.View.Unknowns(q, offset, limit), nil
}

func (a *API) resolutions(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.Resolutions(offset, limit), nil
}

func (a *API) resolveUnknown(c *call) (any, error) {
	in, err := body[enrolment.ResolutionForm](c)
	if err != nil {
		return nil, err
	}
	id, err := a.Gates.Resolve(c.r.Context(), c.by(), in)
	return Created{id}, err
}

func (a *API) answerResolution(c *call) (any, error) {
	in, err := body[Answer](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Gates.AnswerResolution(c.r.Context(), c.by(), c.path("id"), in.Granted, in.Reason)
}

func (a *API) withdrawResolution(c *call) (any, error) {
	in, err := body[Reason](c)
	if err != nil {
		return nil, err
	}
	return nil, a.Gates.WithdrawResolution(c.r.Context(), c.by(), c.path("id"), in.Reason)
}

func (a *API) plan(*call) (any, error) { return a.View.Plan(0) }

func (a *API) revisions(c *call) (any, error) {
	offset, limit, err := c.page()
	if err != nil {
		return nil, err
	}
	return a.View.PlanRevisions(c.query("q"), offset, limit), nil
}

func (a *API) changes(c *call) (any, error) {
	n, err := strconv.Atoi(c.path("n"))
	if err != nil || n < 1 {
		return nil, holdfast.Errorf(holdfast.NotFound, "the plan has no revision %q", c.path("n"))
	}
	against, err := c.number("against")
	if err != nil {
		return nil, err
	}
	return a.View.PlanChanges(n, against)
}

func (a *API) revision(c *call) (any, error) {
	n, err := strconv.Atoi(c.path("n"))
	if err != nil || n < 1 {
		return nil, holdfast.Errorf(holdfast.NotFound, "the plan has no revision %q", c.path("n"))
	}
	return a.View.Plan(n)
}

func (a *API) publish(c *call) (any, error) {
	in, err := body[Publish](c)
	if err != nil {
		return nil, err
	}
	n, err := a.Plans.Publish(c.r.Context(), c.by(), []byte(in.Text), in.Note)
	return Published{n}, err
}

func (a *API) lint(c *call) (any, error) {
	in, err := body[Lint](c)
	if err != nil {
		return nil, err
	}
	p, places, faults := plan.Read("", []byte(in.Text))
	list, words := []Fault{}, locale.For(c.lang)
	for _, f := range faults {
		list = append(list, Fault{
			Line: f.Line, Column: f.Column, Path: f.Path, Rule: f.Rule, Severity: lint.Error, Blocks: true, Message: words.Error(f.Error),
		})
	}
	if len(faults) == 0 { // a text that cannot be read says nothing to judge
		list = append(list, findings(a.View.LintText(p, places), words)...)
	}
	return list, nil
}

func findings(found []lint.Finding, words *locale.Printer) []Fault {
	list := []Fault{}
	for _, f := range found {
		list = append(list, Fault{
			Line: f.Line, Column: f.Column, Path: f.Path, Anchor: f.Anchor, Rule: f.Rule, Severity: f.Severity,
			Blocks: f.Blocks, Waived: f.Waived, Message: words.Error(f.Error),
		})
	}
	return list
}

func (a *API) lintCurrent(c *call) (any, error) {
	v, err := a.View.Lint()
	if err != nil {
		return nil, err
	}
	return Judged{Lint: v, Findings: findings(v.Findings, locale.For(c.lang))}, nil
}

func (a *API) rules(c *call) (any, error) {
	list := []lint.Explanation{}
	for _, r := range lint.Rules() {
		list = append(list, lint.Explain(r, locale.For(c.lang)))
	}
	return list, nil
}

func (a *API) people(*call) (any, error) { return a.View.People(), nil }
