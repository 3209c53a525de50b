package console

import (
	"fmt"
	"net/http"

	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// changesPage is what one revision changes in another.
type changesPage struct {
	view.PlanChanges
	Lines []diffLine
	Pick  pick
}

// pick chooses two revisions to compare.
type pick struct {
	Revisions []view.Plan
	Old, New  int
}

// planChanges compares a revision with the one before, or with another.
func (c *Console) planChanges(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	before := 0
	if against := v.query("against"); against != "" {
		if before, err = number(against); err != nil {
			return err
		}
	}
	found, err := c.View.PlanChanges(n, before)
	if err != nil {
		return err
	}
	own := changesPage{PlanChanges: found, Lines: unifiedLines(found.Text), Pick: c.pick(found.Against, found.Revision)}
	return c.show(v, "planchanges", v.words.T("changes.title"), false, own)
}

// pick lists every revision, the chosen ones marked.
func (c *Console) pick(before, after int) pick {
	return pick{c.View.PlanRevisions("", 0, view.MaxPage).Items, before, after}
}

// compareRevisions goes to the changes between the two revisions that were picked.
func (c *Console) compareRevisions(v *visit) error {
	after, err := number(v.query("new"))
	if err != nil {
		return err
	}
	before, err := number(v.query("old"))
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.r, fmt.Sprintf("/plan/%d/changes?against=%d", after, before), http.StatusSeeOther)
	return nil
}

// changed names what a change is about: a key by its label, an entry by its kind.
func changed(words *locale.Printer, c plan.Change) string { return keyName(words, c.Of, c.What) }

// keyName returns the label of a key of a part of the plan, or the name of a kind
// of entry.
func keyName(words *locale.Printer, of, key string) string {
	for _, name := range []string{"field." + of + "." + key, "field." + key, "change.entry." + key} {
		if words.Has(name) {
			return words.T(name)
		}
	}
	return key
}
