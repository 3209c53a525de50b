package console

import (
	"holdfast/internal/lint"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// timelinePage is how long each procedure takes, at best and at worst.
type timelinePage struct {
	Plan       view.Plan
	Procedures []timelineOf
}

type timelineOf struct {
	Procedure procedure.Procedure
	lint.Timeline
	// Goal is the level's recovery objective; Late says that the worst case of
	// what it counts passes it.
	Goal procedure.Duration
	Late bool
	Bars []timeBar
	// Height is that of the picture.
	Height int
	// GoalX is where the objective stands; 0 if it is out of the picture.
	GoalX int
}

// timeBar is one task in the picture.
type timeBar struct {
	lint.Bar
	Y, TextY, X, BestWide, WorstWide int
}

// The picture's sizes: names to the left, one row a task.
const (
	timeLeft = 8
	timeWide = 640
	timeRow  = 32
)

func (c *Console) planTimeline(v *visit) error {
	n, err := v.revision()
	if err != nil {
		return err
	}
	p, err := c.View.Plan(n)
	if err != nil {
		return err
	}
	own := timelinePage{Plan: p}
	for _, pr := range p.Content.Procedures {
		t := timelineOf{Procedure: pr, Timeline: lint.ResponseTimeline(pr)}
		for _, l := range p.Content.Levels {
			if l.Level == pr.Level {
				t.Goal = l.RecoverWithin
			}
		}
		t.draw()
		own.Procedures = append(own.Procedures, t)
	}
	return c.show(v, "plantimeline", v.words.T("span.title"), false, own)
}

func (t *timelineOf) draw() {
	whole := max(t.Worst, t.Goal.D(), 1)
	x := func(d int64) int { return timeLeft + int(int64(timeWide)*d/int64(whole)) }
	for i, bar := range t.Tasks {
		t.Bars = append(t.Bars, timeBar{
			Bar: bar, Y: i*timeRow + 16, TextY: i*timeRow + 12, X: x(int64(bar.Worst.Start)),
			BestWide:  max(x(int64(bar.Best.End-bar.Best.Start))-timeLeft, 2),
			WorstWide: max(x(int64(bar.Worst.End-bar.Worst.Start))-timeLeft, 2),
		})
	}
	t.Height = len(t.Tasks)*timeRow + 24
	if t.Goal > 0 {
		t.GoalX, t.Late = x(int64(t.Goal)), t.Worst > t.Goal.D()
	}
}
