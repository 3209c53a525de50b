package lint

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/procedure"
)

func TestTimeline(t *testing.T) {
	t.Parallel()
	p := procedure.Procedure{Stages: []procedure.Stage{
		{Kind: procedure.Detect, Limit: minutes(2), Tasks: []procedure.Task{{ID: "see", Takes: minutes(1)}}},
		{Kind: procedure.Notify, Limit: minutes(90), Alongside: true, Tasks: []procedure.Task{{ID: "tell"}}},
		{Kind: procedure.Handle, Limit: minutes(60), Tasks: []procedure.Task{
			{ID: "b", Takes: minutes(10), Limit: minutes(20), After: []string{"a"}},
			{ID: "a", Takes: minutes(5), Limit: minutes(10)},
			{ID: "c", Takes: minutes(20), Limit: minutes(25)},
		}},
		{Kind: procedure.Recover, Tasks: []procedure.Task{{ID: "ramp", Takes: minutes(1), Limit: minutes(40), Ramp: &procedure.Ramp{
			Steps: []procedure.Step{{Percent: 5, Hold: minutes(15)}, {Percent: 100}},
		}}}},
		{Kind: procedure.Review, Tasks: []procedure.Task{{ID: "learn"}}},
	}}
	tl := NewTimeline(p)
	want := map[string][2]Interval{ // best, worst, in minutes
		"see": {{0, 1}, {0, 2}}, "tell": {{1, 1}, {2, 92}},
		"a": {{1, 6}, {2, 12}}, "b": {{6, 16}, {12, 32}}, "c": {{1, 21}, {2, 27}},
		"ramp": {{21, 36}, {32, 72}}, "learn": {{36, 36}, {72, 72}},
	}
	for _, b := range tl.Tasks {
		got := [2]Interval{{b.Best.Start / time.Minute, b.Best.End / time.Minute}, {b.Worst.Start / time.Minute, b.Worst.End / time.Minute}}
		if got != want[b.ID] {
			t.Errorf("%s: got %v, want %v", b.ID, got, want[b.ID])
		}
	}
	if tl.Best != 36*time.Minute || tl.Worst != 92*time.Minute {
		t.Errorf("best %s, worst %s", tl.Best, tl.Worst)
	}
	if !slices.Equal(tl.Open, []string{"learn"}) {
		t.Errorf("without a limit: %v", tl.Open)
	}
	if got := critical(tl); !slices.Equal(got, []string{"see", "tell"}) {
		t.Errorf("critical: %v", got)
	}
	// Without the slow notice the way leads through the recovery.
	p.Stages[1].Limit = minutes(5)
	if got := critical(NewTimeline(p)); !slices.Equal(got, []string{"see", "b", "a", "ramp"}) {
		t.Errorf("critical: %v", got)
	}
	if response := ResponseTimeline(p); response.Worst != 70*time.Minute || response.Stages[0].ID != "notify" {
		t.Errorf("the response takes %s from %s", response.Worst, response.Stages[0].ID)
	}
}

func critical(tl Timeline) (ids []string) {
	for _, b := range tl.Tasks {
		if b.Critical {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// A task begins once what it waits for is done, nothing is faster than the best
// case or slower than the worst, and the critical path is as long as the whole.
func TestTimelineProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := drawProcedure(t)
		tl := NewTimeline(p)
		byID := map[string]Bar{}
		for _, b := range tl.Tasks {
			byID[b.ID] = b
		}
		var length time.Duration
		for _, s := range p.Stages {
			for _, task := range s.Tasks {
				b := byID[task.ID]
				for _, before := range task.After {
					if o := byID[before]; b.Best.Start < o.Best.End || b.Worst.Start < o.Worst.End {
						t.Fatalf("%s begins before %s ends: %+v %+v", task.ID, before, b, o)
					}
				}
				if b.Best.End > tl.Best || b.Worst.End > tl.Worst || b.Best.End > b.Worst.End {
					t.Fatalf("%s: %+v outside %s, %s", task.ID, b, tl.Best, tl.Worst)
				}
				if b.Critical {
					length += b.Worst.End - b.Worst.Start
				}
			}
		}
		if length != tl.Worst {
			t.Fatalf("the critical path takes %s of %s: %+v", length, tl.Worst, tl)
		}
	})
}

// drawProcedure draws stages whose tasks wait only for earlier ones.
func drawProcedure(t *rapid.T) (p procedure.Procedure) {
	n := 0
	for range rapid.IntRange(1, 5).Draw(t, "stages") {
		s := procedure.Stage{Kind: procedure.Handle, Alongside: rapid.Bool().Draw(t, "alongside")}
		var ids []string
		for range rapid.IntRange(1, 5).Draw(t, "tasks") {
			n++
			task := procedure.Task{ID: string(rune('a' + n)), Takes: minutes(rapid.IntRange(0, 9).Draw(t, "takes"))}
			task.Limit = task.Takes + minutes(rapid.IntRange(1, 9).Draw(t, "more"))
			for _, id := range ids {
				if rapid.Bool().Draw(t, "after") {
					task.After = append(task.After, id)
				}
			}
			ids = append(ids, task.ID)
			s.Tasks = append(s.Tasks, task)
		}
		p.Stages = append(p.Stages, s)
	}
	return p
}
