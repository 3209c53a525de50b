package console

import (
	"holdfast/internal/draft"
	"holdfast/internal/view"
)

// plansPage is every revision of the plan, and what is being written.
type plansPage struct {
	view.Page[view.Plan]
	Pages  pages
	Query  string
	Drafts []*draft.Draft
	Pick   pick
}

func (c *Console) plans(v *visit) error {
	own := plansPage{Query: v.query("q")}
	own.Page = c.View.PlanRevisions(own.Query, v.offset(), view.PageSize)
	own.Pages = pagesOf(v, own.Page)
	for _, d := range c.Drafts.Drafts() {
		if d.State.Open() {
			own.Drafts = append(own.Drafts, d)
		}
	}
	own.Pick = c.pick(0, 0)
	if all := own.Pick.Revisions; len(all) > 1 {
		own.Pick.New, own.Pick.Old = all[0].Revision, all[1].Revision
	}
	return c.show(v, "plans", v.words.T("plans.title"), false, own)
}
