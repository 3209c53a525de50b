package console

import (
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/filing"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
)

// triggersPage is what demands an update of the plan, and what regulators were
// given.
type triggersPage struct {
	view.Page[view.Trigger]
	Pages pages
	Kinds []trigger.Kind
	// Roles may own one.
	Roles []view.Named
	// Draft is the open draft, by which one may be disposed of.
	Draft string
}

func (c *Console) triggers(v *visit) error {
	own := triggersPage{Page: c.View.AllTriggers(v.query("open") != "", v.offset(), view.PageSize), Kinds: trigger.Kinds()}
	own.Pages = pagesOf(v, own.Page)
	if p, err := c.View.Plan(0); err == nil {
		for _, r := range p.Content.Roles {
			own.Roles = append(own.Roles, view.Named{ID: r.ID, Name: r.Name})
		}
	}
	for _, d := range c.Drafts.Drafts() {
		if d.State.Open() {
			own.Draft = d.ID
		}
	}
	return c.show(v, "triggers", v.words.T("triggers.title"), false, own)
}

// day reads a day of a form in the reader's zone; an empty one is the zero time.
func (v *visit) day(field string) (time.Time, error) {
	if v.form(field) == "" {
		return time.Time{}, nil
	}
	day, err := time.ParseInLocation(time.DateOnly, v.form(field), v.zone)
	if err != nil {
		return time.Time{}, holdfast.Errorf(holdfast.Invalid, "%q is not a day: write year, month and day as 2026-11-25", v.form(field)).At(field)
	}
	return day, nil
}

// pastDay reads a day on which something happened: its last moment, or now where
// that is still to come, so that what happened earlier on the day came before.
func (c *Console) pastDay(v *visit, field string) (time.Time, error) {
	day, err := v.day(field)
	if err != nil || day.IsZero() {
		return day, err
	}
	if end := day.AddDate(0, 0, 1).Add(-time.Microsecond); end.Before(c.Desk.Now()) {
		return end, nil
	}
	if now := c.Desk.Now(); !day.After(now) {
		return now, nil
	}
	return day, nil // still to come, which the act refuses
}

func (c *Console) openTrigger(v *visit) error {
	due, err := v.day("due")
	if err != nil {
		return err
	}
	r := trigger.Report{Kind: trigger.Kind(v.form("kind")), Title: v.form("title"), Source: v.form("source"), Reference: v.form("reference"), Text: v.form("text"), Role: v.form("owner"), Due: due}
	if _, err := c.Triggers.Open(v.r.Context(), v.by(), r); err != nil {
		return err
	}
	return v.seeOther("/triggers", "opened")
}

func (c *Console) disposeTrigger(v *visit) error {
	if err := c.Triggers.Dispose(v.r.Context(), v.by(), v.path("id"), trigger.Disposal{Draft: v.form("draft"), Reason: v.form("reason")}); err != nil {
		return err
	}
	return v.seeOther("/triggers", "disposed")
}

type filingsPage struct {
	view.Page[view.Filing]
	Pages pages
	// Revision is the one in force, which is filed unless another is named.
	Revision int
	// Receiving is the filing whose receipt was refused; its form keeps what was
	// written.
	Receiving string
	// Offset is that of the page, for its forms to lead back to it.
	Offset int
}

func (c *Console) filings(v *visit) error {
	own := filingsPage{Page: c.View.AllFilings(false, v.offset(), view.PageSize), Receiving: v.path("id"), Offset: v.offset()}
	own.Pages = pagesOf(v, own.Page)
	if p, err := c.View.Plan(0); err == nil {
		own.Revision = p.Revision
	}
	return c.show(v, "filings", v.words.T("filings.title"), false, own)
}

func (c *Console) recordFiling(v *visit) error {
	f := filing.Form{Kind: filing.Kind(v.form("kind")), Title: v.form("title"), Recipient: v.form("recipient")}
	var err error
	if f.Revision, err = strconv.Atoi(v.form("revision")); err != nil {
		return holdfast.Errorf(holdfast.Invalid, "%q is no whole number: write digits only", v.form("revision")).At("revision")
	}
	if f.Filed, err = c.pastDay(v, "filed"); err != nil {
		return err
	}
	if f.Again, err = v.day("again"); err != nil {
		return err
	}
	if _, err := c.Filings.Record(v.r.Context(), v.by(), f); err != nil {
		return err
	}
	return v.seeOther("/filings", "filed")
}

func (c *Console) receiveFiling(v *visit) error {
	at, err := c.pastDay(v, "at")
	if err != nil {
		return err
	}
	if err := c.Filings.Receive(v.r.Context(), v.by(), v.path("id"), filing.Receipt{Number: v.form("number"), At: at}); err != nil {
		return err
	}
	return v.seeOther("/filings", "received")
}
