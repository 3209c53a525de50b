package view

import (
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/traffic"
)

// Chart is payments and refunds over time by what became of them.
type Chart struct {
	From time.Time `json:"from"`
	// StepSeconds is the width of a point.
	StepSeconds int64   `json:"step_seconds"`
	Points      []Point `json:"points"`
	Marks       []Mark  `json:"marks"`
}

// Point counts what happened in one step.
type Point struct {
	// Gap means that no gate has said anything: not zero, not known.
	Gap      bool  `json:"gap,omitempty"`
	Done     int64 `json:"done"`
	NotDone  int64 `json:"not_done"`
	Unknown  int64 `json:"unknown"`
	Declined int64 `json:"declined"`
	// StoodIn were approved by gates in the primary's place, StandInDeclined were not.
	StoodIn         int64 `json:"stood_in,omitempty"`
	StandInDeclined int64 `json:"stand_in_declined,omitempty"`
}

// Mark is a directive that came or went.
type Mark struct {
	At        time.Time `json:"at"`
	Directive string    `json:"directive"`
	Kind      string    `json:"kind"`
	Share     float64   `json:"share,omitempty"`
	Lifted    bool      `json:"lifted,omitempty"`
}

const (
	defaultChart = 10 * time.Minute
	longestChart = 48 * time.Hour
	chartPoints  = 120
)

// Chart assembles the last span of time; 0 means ten minutes.
func (s *Source) Chart(span time.Duration) (Chart, error) {
	if span == 0 {
		span = defaultChart
	}
	now := s.Now()
	return s.ChartOf(now.Add(-min(span, longestChart)), now)
}

// ChartOf assembles a span of time in about 120 points.
func (s *Source) ChartOf(from, to time.Time) (Chart, error) {
	step := max(1, int64(to.Sub(from).Seconds())/chartPoints)
	if now := s.Now(); from.Before(now.Add(-55 * time.Minute)) { // older counts are by the minute
		step = max(60, (step+59)/60*60)
	}
	c := Chart{StepSeconds: step, Points: []Point{}, Marks: []Mark{}}
	series := []struct {
		where func(traffic.Key) bool
		put   func(*Point, int64)
	}{
		{outcomeIs("done"), func(p *Point, n int64) { p.Done = n }},
		{outcomeIs("not-done"), func(p *Point, n int64) { p.NotDone = n }},
		{outcomeIs("unknown"), func(p *Point, n int64) { p.Unknown = n }},
		{Declined, func(p *Point, n int64) { p.Declined = n }},
		{stoodIn(true), func(p *Point, n int64) { p.StoodIn = n }},
		{stoodIn(false), func(p *Point, n int64) { p.StandInDeclined = n }},
	}
	for _, line := range series {
		points, err := s.Series.Points(traffic.Query{From: from.Unix(), To: to.Unix(), Where: line.where}, step)
		if err != nil {
			return Chart{}, err
		}
		for i, p := range points {
			if i == len(c.Points) {
				c.Points = append(c.Points, Point{Gap: p.Gap()})
			}
			line.put(&c.Points[i], p.Count)
		}
		if len(points) > 0 {
			c.From = time.Unix(points[0].At, 0).UTC()
		}
	}
	s.State.View(func() { c.Marks = s.marks(from, to) })
	return c, nil
}

func (s *Source) marks(from, to time.Time) []Mark {
	marks := []Mark{}
	in := func(t time.Time) bool { return !t.IsZero() && t.After(from) && t.Before(to) }
	for _, d := range s.Directives.All() {
		m := Mark{Directive: d.ID, Kind: string(d.Kind), Share: d.Share}
		if m.At = d.IssuedAt; in(m.At) {
			marks = append(marks, m)
		}
		if m.At = d.LiftedAt; d.State == directive.Lifted && in(m.At) {
			m.Lifted = true
			marks = append(marks, m)
		}
	}
	return marks
}

// IncidentChart assembles the time of an incident: from five minutes before it
// opened until now, or five minutes after its end.
func (s *Source) IncidentChart(v Incident) (Chart, error) {
	const around = 5 * time.Minute
	end := s.Now()
	if !v.Ended.IsZero() && v.Ended.Add(around).Before(end) {
		end = v.Ended.Add(around)
	}
	if end.Sub(v.Opened) > longestChart || s.Now().Sub(v.Opened) > longestChart {
		return Chart{}, holdfast.Errorf(holdfast.NotFound, "counts are kept for %v", longestChart)
	}
	return s.ChartOf(v.Opened.Add(-around), end)
}
