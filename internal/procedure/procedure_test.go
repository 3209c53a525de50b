package procedure_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/procedure"
)

const (
	waiting = procedure.Waiting
	open    = procedure.Open
	done    = procedure.Done
	skipped = procedure.Skipped
)

// stages makes a procedure of the given kinds; a '+' before a kind puts it
// alongside the next.
func stages(kinds ...string) procedure.Procedure {
	var p procedure.Procedure
	for _, k := range kinds {
		alongside := k[0] == '+'
		if alongside {
			k = k[1:]
		}
		p.Stages = append(p.Stages, procedure.Stage{Kind: procedure.StageKind(k), Alongside: alongside})
	}
	return p
}

func TestOpenable(t *testing.T) {
	level1 := stages("detect", "confirm", "+notify", "stop", "+convene", "handle", "recover", "review")
	tests := []struct {
		name   string
		p      procedure.Procedure
		status []procedure.Status
		want   []int
	}{
		{"nothing", stages(), nil, nil},
		{"the first alone", stages("detect", "confirm"), []procedure.Status{waiting, waiting}, []int{0}},
		{"an open stage holds up the next", stages("detect", "confirm"), []procedure.Status{open, waiting}, nil},
		{"a done stage lets the next open", stages("detect", "confirm"), []procedure.Status{done, waiting}, []int{1}},
		{"a skipped stage lets the next open", stages("detect", "confirm"), []procedure.Status{skipped, waiting}, []int{1}},
		{"alongside opens together with the next", level1,
			[]procedure.Status{done, done, waiting, waiting, waiting, waiting, waiting, waiting}, []int{2, 3}},
		{"alongside and open does not hold up", level1,
			[]procedure.Status{done, done, open, waiting, waiting, waiting, waiting, waiting}, []int{3}},
		{"the stop holds up, notify being done or not", level1,
			[]procedure.Status{done, done, open, open, waiting, waiting, waiting, waiting}, nil},
		{"two alongside stages left behind", level1,
			[]procedure.Status{done, done, open, done, open, done, waiting, waiting}, []int{6}},
		{"all done", stages("detect", "confirm"), []procedure.Status{done, done}, nil},
		{"a waiting stage behind a done one", stages("detect", "confirm", "notify"),
			[]procedure.Status{waiting, done, waiting}, []int{0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := test.p.Openable(test.status); !slices.Equal(got, test.want) {
				t.Errorf("Openable(%v) = %v, want %v", test.status, got, test.want)
			}
		})
	}
}

func anyProcedure(t *rapid.T) procedure.Procedure {
	var p procedure.Procedure
	for range rapid.IntRange(0, 9).Draw(t, "stages") {
		p.Stages = append(p.Stages, procedure.Stage{Kind: procedure.Handle, Alongside: rapid.Bool().Draw(t, "alongside")})
	}
	return p
}

// However an incident moves through a procedure, no stage opens while an
// earlier one that runs by itself is not closed, and an alongside stage never
// holds up a later one.
func TestOpenableKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProcedure(t)
		status := make([]procedure.Status, len(p.Stages))
		for i := range status {
			status[i] = rapid.SampledFrom([]procedure.Status{waiting, open, done, skipped}).Draw(t, "status")
		}
		opens := p.Openable(status)
		for i := range p.Stages {
			held := slices.ContainsFunc(indexes(i), func(j int) bool {
				return !status[j].Closed() && !p.Stages[j].Alongside
			})
			want := status[i] == waiting && !held
			if got := slices.Contains(opens, i); got != want {
				t.Fatalf("stage %d of %v (status %v): opens = %v, want %v", i, p.Stages, status, got, want)
			}
		}
		if !slices.IsSorted(opens) {
			t.Fatalf("Openable = %v, not in order", opens)
		}
	})
}

// Opening what may open and closing what is open always reaches the end: no
// procedure can get stuck.
func TestEveryProcedureEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyProcedure(t)
		status := make([]procedure.Status, len(p.Stages))
		for i := range status {
			status[i] = waiting
		}
		for range 2*len(p.Stages) + 1 {
			for _, i := range p.Openable(status) {
				status[i] = open
			}
			if i := slices.Index(status, open); i >= 0 {
				status[i] = rapid.SampledFrom([]procedure.Status{done, skipped}).Draw(t, "closing")
			}
		}
		for i, s := range status {
			if !s.Closed() {
				t.Fatalf("stage %d is still %s: %v", i, s, status)
			}
		}
	})
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestMandatory(t *testing.T) {
	kinds := procedure.Kinds[:]
	for _, level := range []holdfast.Level{holdfast.Level1, holdfast.Level2, holdfast.Level3} {
		last := -1
		for _, k := range procedure.Mandatory(level) {
			i := slices.Index(kinds, k)
			if i <= last {
				t.Errorf("level %s: %s is not in the order of R4", level, k)
			}
			last = i
		}
		if last < 0 {
			t.Errorf("level %s has no mandatory stages", level)
		}
	}
	if got := procedure.Mandatory(holdfast.Unknown); got != nil {
		t.Errorf("Mandatory(unknown) = %v; an unknown level has no procedure", got)
	}
	if slices.Contains(procedure.Mandatory(holdfast.Level2), procedure.Stop) {
		t.Error("level 2 must not be made to stop payments")
	}
}

func TestTask(t *testing.T) {
	p := stages("detect", "confirm")
	p.Stages[1].Tasks = []procedure.Task{{ID: "judge"}, {ID: "start"}}
	stage, task, ok := p.Task("start")
	if stage != 1 || task.ID != "start" || !ok {
		t.Errorf("Task(start) = %d, %v, %v", stage, task, ok)
	}
	if _, _, ok := p.Task("nothing"); ok {
		t.Error("Task found what is not there")
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "90s": 90 * time.Second, "5m": 5 * time.Minute, "1h30m": 90 * time.Minute, "8784h": 8784 * time.Hour,
	} {
		var d procedure.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.D() != want {
			t.Errorf("%q = %v, %v; want %v", text, d.D(), err, want)
		}
	}
	for _, text := range []string{"", "5", "-5m", "5 m", "5分", "8784h1s", "1e3s", "9999999999h"} {
		d := procedure.Duration(time.Hour)
		err := d.UnmarshalText([]byte(text))
		if holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%q: error %v, want code invalid", text, err)
		}
		if d.D() != time.Hour {
			t.Errorf("%q changed the value to %v", text, d.D())
		}
	}
}

func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		before := procedure.Duration(rapid.Int64Range(0, int64(procedure.MaxDuration)).Draw(t, "d"))
		b, err := json.Marshal(before)
		if err != nil {
			t.Fatal(err)
		}
		var after procedure.Duration
		if err := json.Unmarshal(b, &after); err != nil || after != before {
			t.Fatalf("%s → %s → %v, %v", before, b, after, err)
		}
	})
}
