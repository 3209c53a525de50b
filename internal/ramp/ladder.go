package ramp

import (
	"fmt"
	"slices"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// tidy gives a ramp to the recovery of an incident that holds a restriction and has none,
// as one that fell from level 1 with its stop in force, and ends such a ramp when nothing
// is held any more.
func (c *Controller) tidy(time.Time) ([]journal.Draft, error) {
	for _, in := range c.Incidents.Open() {
		if in.State != incident.Active {
			continue
		}
		holds := len(c.Directives.Restricting(in.ID)) > 0
		if holds && !in.HasRamp() {
			if drafts := incident.AddRamp(in, c.ladder(in)); len(drafts) > 0 {
				return drafts, nil
			}
		}
		if holds {
			continue
		}
		for _, id := range in.AddedRamps() {
			if drafts := incident.Succeed(in, id, "nothing is held any more"); len(drafts) > 0 {
				return drafts, nil
			}
		}
	}
	return nil, nil
}

// ladder is the task that brings an incident's payments back: the ramp it was on, else
// the one of the plan's gravest procedure that has one, else that of the recovery plan.
// It waits for no other task.
func (c *Controller) ladder(in *incident.Incident) procedure.Task {
	t, ok := in.PastRamp()
	if rev, known := c.Plans.Revision(in.Plan.ID, in.Plan.Revision); known && !ok {
		t, ok = ladderOf(rev.Plan())
	}
	t.After, t.Branches = nil, nil
	base := t.ID
	for n := 2; ok; n++ {
		if _, taken := in.Tasks[t.ID]; !taken {
			break
		}
		t.ID = fmt.Sprintf("%s-%d", base, n)
	}
	return t
}

func ladderOf(p *plan.Plan) (t procedure.Task, ok bool) {
	procedures := slices.SortedFunc(slices.Values(p.Procedures), func(a, b procedure.Procedure) int { return int(a.Level) - int(b.Level) })
	for _, pr := range procedures {
		for _, s := range pr.Stages {
			for _, t := range s.Tasks {
				if t.Ramp != nil {
					return t, true
				}
			}
		}
	}
	if p.Recovery.Ramp == nil {
		return t, false
	}
	title := locale.Everywhere(func(w *locale.Printer) string { return w.T("ramp.task") })
	return procedure.Task{ID: "bring-back", Title: title, Ramp: p.Recovery.Ramp}, true
}
