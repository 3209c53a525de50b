package console

import (
	"strconv"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/draft"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// awaited is something that waits for the reader: a draft to review, to approve,
// to publish or to mend, a revision to read. Key, after "awaited.", says which.
type awaited struct{ Key, Name, Path string }

// awaiting lists what of the plan waits for the reader.
func (c *Console) awaiting(v *visit) (list []awaited) {
	for _, d := range c.Drafts.Drafts() {
		if !d.State.Open() {
			continue
		}
		add := func(key, below string) {
			list = append(list, awaited{key, v.words.T("drafts.draft", "id", d.ID), "/drafts/" + d.ID + below})
		}
		if d.State == draft.InReview && d.Reviews(v.by()) && !d.HasFinished(v.by()) {
			add("review", "/read")
		}
		if d.State != draft.InApproval && d.OpenComments() > 0 && d.Author(v.by()) {
			add("answer", "#comments")
		}
		if n := c.news(v, d); n > 0 {
			list = append(list, awaited{"news", v.words.T("awaited.news-since", "id", d.ID, "n", v.words.Int(int64(n))), "/drafts/" + d.ID + "#comments"})
		}
		if d.State == draft.InApproval {
			_, complete, turn := c.Drafts.Place(d, v.by())
			switch {
			case complete && v.who().May(access.PublishPlan):
				add("publish", "#approval")
			case !complete && turn == nil && v.who().May(access.ApprovePlan):
				add("approve", "#approval")
			}
		}
		if n := len(d.Returned); d.State == draft.Drafting && n > 0 && d.Returned[n-1].From == draft.InApproval && d.Author(v.by()) {
			add("mend", "")
		}
	}
	for _, r := range c.View.PlanRevisions("", 0, view.MaxPage).Items {
		if !r.Current {
			continue
		}
		if owed, err := c.Drafts.Readings(r.ID, r.Revision); err == nil && owesReading(owed, c.readerID(v)) {
			list = append(list, awaited{"read", v.words.T("plan.revision", "n", r.Revision), "/plan/" + strconv.Itoa(r.Revision)})
		}
	}
	return list
}

// readerID returns the id of the reader's person in the roster, or nothing.
func (c *Console) readerID(v *visit) string { return c.Drafts.Reader(v.by(), v.who().Person) }

// firstStep is one of the steps from an empty installation to a plan in force.
type firstStep struct {
	Key, Path string
	Done      bool
}

// firstSteps lists the steps to a first plan; none once a plan is published.
func (c *Console) firstSteps() []firstStep {
	if c.View.PlanRevisions("", 0, 1).Total > 0 {
		return nil
	}
	people := 0
	for _, a := range c.Access.Accounts() {
		if a.Actions().Has(access.Read) {
			people++
		}
	}
	begun, organised, filled, judged, agreed, at := false, false, false, false, false, "/drafts"
	for _, d := range c.Drafts.Drafts() {
		if !d.State.Open() {
			continue
		}
		begun, at = true, "/drafts/"+d.ID
		p, faults := plan.Decode("", d.Text())
		organised = len(p.Roles) > 0 && len(p.Team) > 0
		filled = organised
		for _, r := range p.Roles {
			filled = filled && len(c.Roster.Holders(r.ID)) > 0
		}
		judged, agreed = len(faults) == 0, d.State == draft.InApproval
	}
	return []firstStep{
		{"accounts", "/accounts", people > 1},
		{"draft", at, begun && organised},
		{"people", "/people", filled},
		{"chapters", at, judged},
		{"review", at, agreed},
		{"publish", at, false},
		{"gates", "/gates", len(c.View.AllGates()) > 0},
	}
}

// startPage is what a reader sees where there is no plan yet.
type startPage struct{ Steps []firstStep }

// noPlan is the screen of the plan before there is one.
func (c *Console) noPlan(v *visit) error {
	return c.show(v, "noplan", v.words.T("plan.title"), true, startPage{c.firstSteps()})
}

// decider is who may decide for a role in one step of a draft's ladder.
type decider struct {
	Step      holdfast.Text
	Role      view.Named
	Name, Why string
}

// deciders names who is needed for a draft's approval.
func (c *Console) deciders(d *draft.Draft, p *plan.Plan) (list []decider) {
	for _, one := range c.Drafts.Deciders(d) {
		r, _ := p.Role(one.Role)
		list = append(list, decider{one.Step.Title, view.Named{ID: one.Role, Name: r.Name}, one.Name, one.Why})
	}
	return list
}

// mustHave are the stages that a procedure must have, titled in the plan's
// language: what somebody who adds a procedure begins with.
func mustHave(p *plan.Plan, kinds ...procedure.StageKind) (stages []procedure.Stage) {
	words := locale.For(p.Language)
	for _, kind := range kinds {
		stages = append(stages, procedure.Stage{Kind: kind, Title: plan.InOne(p.Language, words.T("choice.stage."+string(kind)))})
	}
	return stages
}
