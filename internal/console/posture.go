package console

import (
	"slices"

	"holdfast/internal/response"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// posturePage answers: are payments flowing, at which level are we, what is in
// force, what is late?
type posturePage struct {
	Posture view.Posture
	Chart   chart
	Preview response.Preview
	// BackupFailed is why the last backup failed, in the reader's language.
	BackupFailed string
	// Awaiting is what of the plan waits for the reader; Steps lead to a first plan.
	Awaiting []awaited
	Steps    []firstStep
	// StandIn is what of stand-in is not closed; nil if all is.
	StandIn *standInLeft
}

func (c *Console) posture(v *visit) error {
	points, err := c.View.Chart(0)
	if err != nil {
		return err
	}
	own := posturePage{Posture: c.View.Posture(), Chart: drawChart(v.words, v.zone, points), Preview: c.View.Preview("all"), Awaiting: slices.Concat(c.awaitingActs(v), c.awaiting(v), c.awaitingImprovements(v)), Steps: c.firstSteps()}
	if own.StandIn, err = c.standInLeft(); err != nil {
		return err
	}
	if err := own.Posture.Journal.Backups.Err; err != nil {
		own.BackupFailed = v.words.Error(err)
	}
	return c.show(v, "posture", v.words.T("posture.title"), true, own)
}

// live streams a "change" for each advance of the journal.
func (c *Console) live(v *visit) error { return web.Events(v.w, v.r, c.Desk.State) }

// settle says after a restore that every gate is accounted for.
func (c *Console) settle(v *visit) error {
	if err := c.Restored.Settle(v.r.Context(), v.by(), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/", "done")
}
