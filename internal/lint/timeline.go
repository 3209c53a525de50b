package lint

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/procedure"
)

// Timeline is when each task of a procedure begins and ends, counted from the
// start of its first stage, if everything goes as fast as expected (best) and if
// everything takes as long as it may (worst).
//
// Stages open in order; one that runs alongside does not hold up the next. A
// task begins when its stage is open and the tasks it comes after are done. In
// the best case it takes what it is expected to take, or no time if that is not
// said; in the worst its limit, or else its stage's. A stage whose limit is
// shorter than its tasks is worked out by its tasks: a limit says when someone
// is late, it does not make anybody faster.
type Timeline struct {
	Best  time.Duration `json:"best"`
	Worst time.Duration `json:"worst"`
	// Open lists the tasks and stages that have no limit at all, so that the worst
	// case is only a lower bound.
	Open   []string `json:"open,omitempty"`
	Stages []Bar    `json:"stages"`
	Tasks  []Bar    `json:"tasks"`
}

// Bar is the time of one stage or task.
type Bar struct {
	// ID is a task's id or a stage's kind, Stage the position of the stage.
	ID    string        `json:"id"`
	Stage int           `json:"stage"`
	Title holdfast.Text `json:"title"`
	Best  Interval      `json:"best"`
	Worst Interval      `json:"worst"`
	// Critical says that the worst case of the whole depends on it.
	Critical bool `json:"critical,omitempty"`
}

// Interval is a stretch of time.
type Interval struct {
	Start time.Duration `json:"start"`
	End   time.Duration `json:"end"`
}

// NewTimeline works out the timeline of a procedure.
func NewTimeline(p procedure.Procedure) Timeline { return timeline(p, 0, len(p.Stages)) }

// ResponseTimeline is that of the part that a recovery objective counts: from
// the first stage after the confirmation to the end of the recovery. Detecting
// and confirming come before, the review after.
func ResponseTimeline(p procedure.Procedure) Timeline {
	from, to := 0, len(p.Stages)
	for i, s := range p.Stages {
		switch s.Kind {
		case procedure.Detect, procedure.Confirm:
			from = i + 1
		case procedure.Review:
			to = i
		}
	}
	return timeline(p, min(from, to), to)
}

func timeline(p procedure.Procedure, from, to int) Timeline {
	t := Timeline{Stages: []Bar{}, Tasks: []Bar{}}
	var opens, ends Interval // of best (Start) and worst (End): when the next stage opens, when all is done
	firsts := make([]int, 0, to-from)
	for i := from; i < to; i++ {
		s := p.Stages[i]
		firsts = append(firsts, len(t.Tasks))
		tasks := bars(s, i, opens)
		bar := Bar{ID: string(s.Kind), Stage: i, Title: s.Title, Best: Interval{opens.Start, opens.Start}, Worst: Interval{opens.End, opens.End}}
		if len(tasks) == 0 {
			bar.Worst.End += s.Limit.D()
			if s.Limit == 0 {
				t.Open = append(t.Open, string(s.Kind))
			}
		}
		for n, task := range tasks {
			bar.Best.End, bar.Worst.End = max(bar.Best.End, task.Best.End), max(bar.Worst.End, task.Worst.End)
			if s.Tasks[n].Limit == 0 && s.Limit == 0 {
				t.Open = append(t.Open, task.ID)
			}
		}
		t.Stages, t.Tasks = append(t.Stages, bar), append(t.Tasks, tasks...)
		ends = Interval{max(ends.Start, bar.Best.End), max(ends.End, bar.Worst.End)}
		if !s.Alongside {
			opens = Interval{bar.Best.End, bar.Worst.End}
		}
	}
	t.Best, t.Worst = ends.Start, ends.End
	t.mark(p, firsts)
	return t
}

// bars works out the tasks of one stage. A task that comes after itself, by
// whatever way, is taken to begin with the stage.
func bars(s procedure.Stage, stage int, opens Interval) []Bar {
	list := make([]Bar, len(s.Tasks))
	place := make(map[string]int, len(s.Tasks))
	for i, t := range s.Tasks {
		place[t.ID] = i
	}
	state := make([]byte, len(s.Tasks)) // 1 under way, 2 done
	var visit func(int)
	visit = func(i int) {
		state[i] = 1
		t := s.Tasks[i]
		best, worst := opens.Start, opens.End
		for _, id := range t.After {
			before, known := place[id]
			if !known || state[before] == 1 {
				continue
			}
			if state[before] == 0 {
				visit(before)
			}
			best, worst = max(best, list[before].Best.End), max(worst, list[before].Worst.End)
		}
		longest := t.Limit
		if longest == 0 {
			longest = s.Limit
		}
		list[i] = Bar{
			ID: t.ID, Stage: stage, Title: t.Title,
			Best: Interval{best, best + fastest(t)}, Worst: Interval{worst, worst + max(longest.D(), fastest(t))},
		}
		state[i] = 2
	}
	for i := range s.Tasks {
		if state[i] == 0 {
			visit(i)
		}
	}
	return list
}

// fastest is the least time a task takes: a ramp cannot be climbed faster than
// its steps hold.
func fastest(t procedure.Task) time.Duration {
	least := t.Takes.D()
	if t.Ramp != nil {
		least = max(least, holds(*t.Ramp))
	}
	return least
}

func holds(r procedure.Ramp) (sum time.Duration) {
	sum = r.Soak.D()
	for _, s := range r.Steps {
		sum += s.Hold.D()
	}
	return sum
}

// mark follows the worst case from its end back to its beginning.
func (t *Timeline) mark(p procedure.Procedure, firsts []int) {
	end := t.Worst
	for n := len(t.Stages) - 1; n >= 0 && end > 0; n-- {
		bar := &t.Stages[n]
		if bar.Worst.End != end || bar.Worst.Start == end {
			continue
		}
		bar.Critical = true
		last := len(t.Tasks)
		if n+1 < len(firsts) {
			last = firsts[n+1]
		}
		chain(t.Tasks[firsts[n]:last], p.Stages[bar.Stage].Tasks, end)
		end = bar.Worst.Start
	}
}

// chain marks the tasks of a stage on which its end depends: one that ends then,
// the one it waited for, and so on.
func chain(bars []Bar, tasks []procedure.Task, end time.Duration) {
	next := -1
	for {
		i := -1
		for n := range bars {
			waitedFor := next < 0 || slices.Contains(tasks[next].After, bars[n].ID)
			if waitedFor && bars[n].Worst.End == end && bars[n].Worst.Start < end && !bars[n].Critical {
				i = n
				break
			}
		}
		if i < 0 {
			return
		}
		bars[i].Critical = true
		next, end = i, bars[i].Worst.Start
	}
}
