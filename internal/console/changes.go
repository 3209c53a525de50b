package console

import (
	"net/http"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// changesPage is what one revision changes in the one before.
type changesPage struct {
	Plan    view.Plan
	Before  int
	Changes []plan.Change
	Lines   []diffLine
}

// planChanges compares a revision with the one before, or with another.
func (c *Console) planChanges(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	own := changesPage{Plan: p, Before: p.Revision - 1}
	if against := v.query("against"); against != "" {
		if own.Before, err = number(against); err != nil {
			return err
		}
	}
	if own.Before < 1 {
		return holdfast.Errorf(holdfast.NotFound, "revision %d is the first: there is none before it", p.Revision)
	}
	before, err := c.View.Plan(own.Before)
	if err != nil {
		return err
	}
	own.Changes = plan.Compare(before.Content, p.Content)
	own.Lines = diffLines(canonical(before.Text), canonical(p.Text))
	page := c.page(v, v.words.T("changes.title"), own)
	return c.write(v, "planchanges", http.StatusOK, page)
}

// changed names what a change is about: the label of a field if it has one.
func changed(words *locale.Printer, c plan.Change) string {
	if words.Has("field." + c.What) {
		return words.T("field." + c.What)
	}
	return c.What
}
