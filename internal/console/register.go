package console

import (
	"strconv"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/plan"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
)

// registerPage is the risks or the materials of the plan in force, or of an open
// draft.
type registerPage struct {
	view.Register
	Body planBody
	// Roles may own a change.
	Roles []view.Named
	// MayTell says that the reader may tell of changes: of the plan in force alone.
	MayTell bool
}

type (
	// registerOf chooses whose register to see, on the page At.
	registerOf struct {
		Page registerPage
		At   string
	}
	// tellingOf is the part of a form in which somebody tells of a change.
	tellingOf struct {
		ID, Owner, Reason string
		Roles             []view.Named
	}
)

func (c *Console) registerPage(v *visit) (own registerPage, err error) {
	if own.Register, err = c.View.Register(v.query("draft")); err != nil {
		return own, err
	}
	own.Body, own.MayTell = newPlanBody(v.words, own.Plan, ""), own.Draft == "" && v.who().May(access.OpenTrigger)
	for _, r := range own.Plan.Roles {
		own.Roles = append(own.Roles, view.Named{ID: r.ID, Name: r.Name})
	}
	return own, nil
}

func (c *Console) risks(v *visit) error {
	own, err := c.registerPage(v)
	if err != nil {
		return err
	}
	return c.show(v, "risks", v.words.T("risks.title"), false, own)
}

func (c *Console) materials(v *visit) error {
	own, err := c.registerPage(v)
	if err != nil {
		return err
	}
	return c.show(v, "materials", v.words.T("materials.title"), false, own)
}

// telling reads who owns a change, until when, and why it is told.
func (v *visit) telling() (t trigger.Telling, err error) {
	t = trigger.Telling{Reason: v.form("reason"), Role: v.form("owner")}
	t.Due, err = v.day("due")
	return t, err
}

func (v *visit) figure(field string) (int, error) {
	n, err := strconv.Atoi(v.form(field))
	if err != nil {
		return 0, holdfast.Errorf(holdfast.Invalid, "%q is no whole number: write digits only", v.form(field)).At(field)
	}
	return n, nil
}

func (c *Console) assessRisk(v *visit) (err error) {
	var in trigger.RiskChange
	if in.Telling, err = v.telling(); err != nil {
		return err
	}
	if in.Likelihood, err = v.figure("likelihood"); err != nil {
		return err
	}
	if in.Impact, err = v.figure("impact"); err != nil {
		return err
	}
	if _, err := c.Triggers.AssessRisk(v.r.Context(), v.by(), v.path("id"), in); err != nil {
		return err
	}
	return v.seeOther("/risks", "opened")
}

func (c *Console) renewMaterial(v *visit) (err error) {
	in := trigger.MaterialChange{Version: v.form("version"), Date: plan.Date(v.form("date")), Link: v.form("link")}
	if in.Telling, err = v.telling(); err != nil {
		return err
	}
	if _, err := c.Triggers.RenewMaterial(v.r.Context(), v.by(), v.path("id"), in); err != nil {
		return err
	}
	return v.seeOther("/materials", "opened")
}
