package console

import "holdfast/internal/view"

// dutyPage is who fills each role, who is on duty, and which third parties there
// are.
type dutyPage struct {
	Roles   []view.RoleCover
	Weeks   []view.DutyWeek
	Parties []view.Party
}

func (c *Console) duty(v *visit) error {
	own := dutyPage{c.View.Roles(), c.View.DutyWeeks(), c.View.Parties()}
	return c.show(v, "duty", v.words.T("duty.title"), true, own)
}
