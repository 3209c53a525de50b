package view

import (
	"time"

	"holdfast"
	"holdfast/internal/debrief"
	"holdfast/internal/incident"
	"holdfast/internal/trend"
)

// Trends assembles what the incidents of a period have in common, with the cases it
// is worked out from, the newest first. From and to are days of the operator's
// calendar, both in it; where they are empty the last twelve months.
func (s *Source) Trends(from, to string) (t trend.Trends, cases []trend.Case, err error) {
	zone := s.Improvements.Zone
	begin, end := trend.Year(s.Now(), zone)
	if from != "" {
		if begin, err = dayOf("from", from, zone); err != nil {
			return t, nil, err
		}
	}
	if to != "" {
		if end, err = dayOf("to", to, zone); err != nil {
			return t, nil, err
		}
		end = end.AddDate(0, 0, 1)
	}
	if !begin.Before(end) || end.Sub(begin) > longestPeriod {
		return t, nil, holdfast.Errorf(holdfast.Invalid, "a period begins before it ends, and has at most ten years").At("from")
	}
	s.State.View(func() {
		for _, in := range s.Incidents.All() {
			if in.State != incident.Merged && !in.Opened.Before(begin) && in.Opened.Before(end) {
				cases = append(cases, s.trendCase(in))
			}
		}
	})
	return trend.Of(cases, begin, end, zone), cases, nil
}

// longestPeriod bounds the months that trends have.
const longestPeriod = 3653 * 24 * time.Hour

// dayOf is when a day begins in a zone.
func dayOf(field, text string, zone *time.Location) (time.Time, error) {
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil {
		return day, holdfast.Errorf(holdfast.Invalid, "%q is not a day: write year, month and day as 2026-11-25", text).At(field)
	}
	return day, nil
}

func (s *Source) trendCase(in *incident.Incident) trend.Case {
	c := trend.Case{
		ID: in.ID, Title: in.Title, Drill: in.Drill, Level: in.Level, Opened: in.Opened, FalseAlarm: in.State == incident.Dismissed,
		Cause: in.Cause, Took: map[string]time.Duration{},
	}
	if r := s.Obligations.Book.Record(in.ID); r != nil && len(r.Assessments) > 0 {
		if said := r.Assessments[len(r.Assessments)-1].Cause; said != "" {
			c.Cause = said
		}
	}
	if c.FalseAlarm {
		return c
	}
	d := s.Debriefs.Book.Debrief(in.ID)
	for _, root := range d.Roots() {
		if root.Class != "" {
			c.Roots = append(c.Roots, root.Class)
		}
	}
	if r, _ := d.Round(); d.State() == debrief.Accepted {
		c.Debriefed = true
		recordTook(&c, r.Figures.Record)
	} else {
		s.momentsTook(&c, in)
	}
	return c
}

// recordTook takes the times of a case from the record that people signed.
func recordTook(c *trend.Case, r debrief.Record) {
	c.Met, c.Missed = r.LimitsMet, r.LimitsMissed
	for _, span := range r.Times {
		if took, known := span.Took(); known {
			c.Took[span.Name] = took
		}
	}
}

// momentsTook takes the times of a case whose debrief nobody has accepted from what is
// known of the incident now. They are between the same ends as those of a debrief.
func (s *Source) momentsTook(c *trend.Case, in *incident.Incident) {
	f := in.Closed
	if f == nil {
		now := s.Response.Figures(in)
		f = &now
	}
	c.Met, c.Missed = f.LimitsMet, f.LimitsMissed
	at := map[string]time.Time{}
	for _, m := range s.Obligations.Moments(in) {
		at[m.Name] = m.At
	}
	began := at["detected"]
	took := func(name string, from, to time.Time) {
		if !from.IsZero() && !to.IsZero() {
			c.Took[name] = to.Sub(from)
		}
	}
	if at["occurred"].Before(in.Opened) { // else nothing says that it began earlier
		began = at["occurred"]
		took(debrief.ToDetect, began, at["detected"])
	}
	took(debrief.ToConfirm, at["detected"], at["confirmed"])
	took(debrief.ToNotify, at["confirmed"], f.Notified)
	took(debrief.ToStop, at["confirmed"], f.Stopped)
	took(debrief.ToStopConfirmed, f.Stopped, f.StopConfirmed)
	took(debrief.ToConvene, at["confirmed"], f.Convened)
	took(debrief.ToRecover, began, at["recovered"])
}
