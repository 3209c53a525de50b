package app

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/callout"
	"holdfast/internal/debrief"
	"holdfast/internal/improvement"
)

// makeImprovements makes what chases improvements until they are done: what records
// those that debriefs decided, what opens triggers for those that change the plan,
// and what tells their owners.
func (c *Control) makeImprovements() {
	b, conf := c.books, c.opt.Config
	c.improved = &improvement.Service{
		Desk: c.desk, Files: c.store, Log: c.opt.Log,
		Nouns: improvement.Nouns{
			Book: b.improved, Incidents: b.incidents, Plans: b.plans, Roster: b.roster, Zone: conf.TimeZone.Location(),
			Runs: func(by holdfast.Actor) bool { return b.access.May(by, access.RunIncident) },
		},
		Decided: func(now time.Time) []improvement.Decided { return decided(b.debriefs, now) },
	}
	told := &callout.Improvements{
		State: c.state, Nouns: c.improved.Nouns, Book: b.notices, Notices: c.notices, Log: c.opt.Log, Now: c.opt.Now,
		Page: func(id string) string { return c.URL() + "/improvements/" + id },
	}
	c.loops = append(c.loops, loop{"improvements", c.improved.Run}, loop{"owners of improvements", told.Run},
		loop{"triggers", func(ctx context.Context) error { return c.triggers.Run(ctx, c.opt.Log) }})
}

// decided lists what debriefs decided that were accepted lately.
func decided(b *debrief.Book, now time.Time) (list []improvement.Decided) {
	for _, d := range b.All() {
		r, some := d.Round()
		if !some || d.State() != debrief.Accepted || now.Sub(r.Accepted) > improvement.Recent {
			continue
		}
		for _, i := range d.Agreed() {
			list = append(list, improvement.Decided{
				Incident: d.Incident, ID: i.ID, Text: i.What, Owner: i.Owner, Who: i.Who, Due: i.Due, Chapter: i.Chapter, Risk: i.Risk,
			})
		}
	}
	return list
}
