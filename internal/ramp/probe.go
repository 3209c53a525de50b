package ramp

import (
	"context"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// eager is how often a probe that passes runs until it has passed often enough.
const eager = time.Second

// due is a probe that is to run now.
type due struct {
	climbing
	probe plan.Probe
	last  time.Time
}

// probe runs what is due and records it. Where another node has recorded a run
// meanwhile, this one's is not.
func (c *Controller) probe(ctx context.Context) error {
	var list []due
	c.Desk.State.View(func() { list = c.probesDue(c.Desk.Now()) })
	for _, d := range list {
		ran := c.Prober.Probe(ctx, d.probe, d.in.ID)
		if ctx.Err() != nil {
			return nil // it was cut off: that says nothing of the primary
		}
		_, err := c.Desk.Do(ctx, Self, func(time.Time) ([]journal.Draft, error) {
			in := c.Incidents.Incident(d.in.ID)
			if in == nil || in.Probe(d.task.ID, d.probe.ID).At.After(d.last) {
				return nil, nil
			}
			if _, err := in.OpenTask(d.task.ID); err != nil {
				return nil, nil // it has ended meanwhile
			}
			return incident.RampProbed(in, d.task.ID, ran)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Controller) probesDue(now time.Time) (list []due) {
	for _, r := range c.climbing() {
		rev, ok := c.Plans.Revision(r.in.Plan.ID, r.in.Plan.Revision)
		if !ok || len(c.Directives.Restricting(r.in.ID)) == 0 {
			continue
		}
		for _, id := range r.task.Ramp.ProbesAt(r.in.RampOf(r.task.ID).Step) {
			p, known := rev.Plan().Probe(id)
			state := r.in.Probe(r.task.ID, id)
			wait := r.task.Ramp.Interval()
			if state.InARow < max(1, p.Times) && (state.InARow > 0 || state.At.IsZero()) {
				wait = min(wait, eager)
			}
			if known && !now.Before(state.At.Add(wait)) {
				list = append(list, due{r, p, state.At})
			}
		}
	}
	return list
}
