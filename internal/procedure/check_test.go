package procedure_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/procedure"
)

// sound returns a procedure of level 1 without faults.
func sound() procedure.Procedure {
	p := stages("detect", "confirm", "+notify", "stop", "+convene", "handle", "recover", "review")
	p.Level = holdfast.Level1
	p.Stages[2].Tasks = []procedure.Task{{ID: "tell", Notice: &procedure.Notice{Template: "urgent", To: []string{"superior"}}}}
	p.Stages[3].Tasks = []procedure.Task{{ID: "stop", Directive: &procedure.Directive{Kind: "stop", Scope: "all"}}}
	p.Stages[6].Tasks = []procedure.Task{
		{ID: "test", Probes: []string{"health"}},
		{ID: "reopen", Ramp: &procedure.Ramp{Steps: []procedure.Step{{Percent: 1}, {Percent: 10}, {Percent: 100}}}},
	}
	return p
}

func TestCheck(t *testing.T) {
	stop := func(p *procedure.Procedure) *procedure.Directive { return p.Stages[3].Tasks[0].Directive }
	steps := func(p *procedure.Procedure) []procedure.Step { return p.Stages[6].Tasks[1].Ramp.Steps }
	tests := []struct {
		name string
		harm func(p *procedure.Procedure)
		want string // "path rule" of each fault, in order
	}{
		{"nothing", func(*procedure.Procedure) {}, ""},
		{"a mandatory stage left out", func(p *procedure.Procedure) { p.Stages = p.Stages[:7] }, "stages P021"},
		{"all left out", func(p *procedure.Procedure) { p.Stages = nil }, strings.TrimSpace(strings.Repeat("stages P021; ", 8))},
		{"stop before notify", func(p *procedure.Procedure) { p.Stages[2], p.Stages[3] = p.Stages[3], p.Stages[2] }, "stages[2].stage P022"},
		{"a stage twice", func(p *procedure.Procedure) { p.Stages = append(p.Stages, p.Stages[5]) }, "stages[8].stage P023"},
		{"a further stage is allowed", func(p *procedure.Procedure) { p.Stages = append(p.Stages, procedure.Stage{Kind: procedure.Analyse}) }, ""},
		{"a kind that is not known", func(p *procedure.Procedure) { p.Stages = append(p.Stages, procedure.Stage{Kind: "rest"}) }, "stages[8].stage P020"},
		{"kinds not given are not ours to report", func(p *procedure.Procedure) { p.Stages = append(p.Stages, make([]procedure.Stage, 2)...) }, ""},
		{"confirm alongside", func(p *procedure.Procedure) { p.Stages[1].Alongside = true }, "stages[1].alongside P024"},
		{"handle alongside", func(p *procedure.Procedure) { p.Stages[5].Alongside = true }, "stages[5].alongside P024"},
		{"a task id twice, in two stages", func(p *procedure.Procedure) { p.Stages[6].Tasks[0].ID = "stop" }, "stages[6].tasks[0].id P014"},
		{"two actions", func(p *procedure.Procedure) { p.Stages[3].Tasks[0].Probes = []string{"health"} }, "stages[3].tasks[0] P025"},
		{"a lift", func(p *procedure.Procedure) { stop(p).Kind = "lift" }, "stages[3].tasks[0].directive.kind P015"},
		{"a stop with a figure", func(p *procedure.Procedure) { stop(p).Percent = 10 }, "stages[3].tasks[0].directive P027"},
		{"a limit without one", func(p *procedure.Procedure) { stop(p).Kind = "limit" }, "stages[3].tasks[0].directive.percent P015"},
		{"a drain without end", func(p *procedure.Procedure) { stop(p).Drain = procedure.MaxDrain + 1 }, "stages[3].tasks[0].directive.drain P015"},
		{"a long reason", func(p *procedure.Procedure) { stop(p).Reason.ZhHans = strings.Repeat("长", 201) }, "stages[3].tasks[0].directive.reason P018"},
		{"a limit", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "limit", Percent: 20, RatePerSecond: 50}
		}, ""},
		{"a limit with a drain", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "limit", Percent: 20, Drain: 1}
		}, "stages[3].tasks[0].directive.drain P027"},
		{"a limit of more than all", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "limit", Percent: 101}
		}, "stages[3].tasks[0].directive.percent P015"},
		{"a stand-in", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "stand-in", Temporary: "small", Planned: true}
		}, ""},
		{"a stand-in with a scope of its own", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "stand-in", Temporary: "small", Scope: "all"}
		}, "stages[3].tasks[0].directive P027"},
		{"a reroute", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "reroute", Temporary: "second"}
		}, ""},
		{"a reroute with a percentage", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "reroute", Temporary: "second", Percent: 5}
		}, "stages[3].tasks[0].directive P027"},
		{"a reroute by planned terms", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "reroute", Temporary: "second", Planned: true}
		}, "stages[3].tasks[0].directive P027"},
		{"a stop by a temporary solution", func(p *procedure.Procedure) { stop(p).Temporary = "small" }, "stages[3].tasks[0].directive P027"},
		{"a stop by planned terms", func(p *procedure.Procedure) { stop(p).Planned = true }, "stages[3].tasks[0].directive P027"},
		{"a negative rate", func(p *procedure.Procedure) {
			*stop(p) = procedure.Directive{Kind: "limit", Percent: 100, RatePerSecond: -1}
		}, "stages[3].tasks[0].directive.rate_per_second P015"},
		{"no steps", func(p *procedure.Procedure) { p.Stages[6].Tasks[1].Ramp.Steps = nil }, "stages[6].tasks[1].ramp.steps P026"},
		{"too many steps", func(p *procedure.Procedure) { p.Stages[6].Tasks[1].Ramp.Steps = make([]procedure.Step, 101) }, "stages[6].tasks[1].ramp.steps P018"},
		{"a step of 0", func(p *procedure.Procedure) { steps(p)[0].Percent = 0 }, "stages[6].tasks[1].ramp.steps[0].percent P015"},
		{"a step that is no number", func(p *procedure.Procedure) { steps(p)[0].Percent = math.NaN() }, "stages[6].tasks[1].ramp.steps[0].percent P015"},
		{"a step over 100", func(p *procedure.Procedure) { steps(p)[2].Percent = 100.5 }, "stages[6].tasks[1].ramp.steps[2].percent P015"},
		{"steps that fall", func(p *procedure.Procedure) { steps(p)[1].Percent = 0.5 }, "stages[6].tasks[1].ramp.steps[1].percent P026"},
		{"steps that stay", func(p *procedure.Procedure) { steps(p)[1].Percent = 1 }, "stages[6].tasks[1].ramp.steps[1].percent P026"},
		{"an end below 100", func(p *procedure.Procedure) { steps(p)[2].Percent = 99 }, "stages[6].tasks[1].ramp.steps[2].percent P026"},
		{"a capped end", func(p *procedure.Procedure) { steps(p)[2].RatePerSecond = 50 }, "stages[6].tasks[1].ramp.steps[2].rate_per_second P026"},
		{"a step's share of all", func(p *procedure.Procedure) { steps(p)[1].Success = 100 }, "stages[6].tasks[1].ramp.steps[1].success P015"},
		{"a step's time without a share", func(p *procedure.Procedure) { steps(p)[1].Within = procedure.Duration(time.Second) }, "stages[6].tasks[1].ramp.steps[1].within P026"},
		{"a step's share in the ramp's time", func(p *procedure.Procedure) {
			p.Stages[6].Tasks[1].Ramp.Quick, p.Stages[6].Tasks[1].Ramp.Within = 90, procedure.Duration(time.Second)
			steps(p)[1].Quick = 99
		}, ""},
		{"a step's time that gates do not know", func(p *procedure.Procedure) {
			steps(p)[1].Quick, steps(p)[1].Within = 90, procedure.Duration(time.Minute)
		}, "stages[6].tasks[1].ramp.steps[1].within P015"},
		{"too many tests of a step", func(p *procedure.Procedure) { steps(p)[1].Probes = strings.Split("abcdefghijk", "") }, "stages[6].tasks[1].ramp.steps[1].tests P018"},
		{"only the step that goes on by itself asks", func(p *procedure.Procedure) { steps(p)[1].Auto, steps(p)[1].Success, steps(p)[1].Sample = true, 90, 10 }, ""},
		{"back to stand-in", func(p *procedure.Procedure) { steps(p)[1].Fall = procedure.FallStandIn }, ""},
		{"nowhere to fall to", func(p *procedure.Procedure) { steps(p)[1].Fall = "away" }, "stages[6].tasks[1].ramp.steps[1].fall P015"},
		{"an infinite rate", func(p *procedure.Procedure) { steps(p)[0].RatePerSecond = math.Inf(1) }, "stages[6].tasks[1].ramp.steps[0].rate_per_second P015"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := sound()
			test.harm(&p)
			var got []string
			for _, f := range procedure.Check(p) {
				got = append(got, f.Path+" "+f.Rule)
				if f.Code == "" || strings.Contains(f.Message(), "%!") {
					t.Errorf("%s: code %q, message %q", f.Path, f.Code, f.Message())
				}
			}
			if joined := strings.Join(got, "; "); joined != strings.TrimSuffix(test.want, ";") {
				t.Errorf("faults: %s\nwant:   %s", joined, test.want)
			}
		})
	}
}

// Whatever the stages are, a procedure passes the check of order exactly if its
// stages, those that are not mandatory left aside, are the mandatory ones.
func TestCheckOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		level := holdfast.Level(rapid.IntRange(1, 3).Draw(t, "level"))
		mandatory := procedure.Mandatory(level)
		kinds := rapid.Permutation(procedure.Kinds[:]).Draw(t, "kinds")
		if rapid.Bool().Draw(t, "in order") {
			kinds = slices.Clone(procedure.Kinds[:])
		}
		if rapid.Bool().Draw(t, "incomplete") {
			kinds = slices.DeleteFunc(kinds, func(procedure.StageKind) bool { return rapid.IntRange(0, 8).Draw(t, "drop") == 0 })
		}
		p := procedure.Procedure{Level: level}
		var kept []procedure.StageKind
		for _, k := range kinds {
			p.Stages = append(p.Stages, procedure.Stage{Kind: k})
			if slices.Contains(mandatory, k) {
				kept = append(kept, k)
			}
		}
		faults := procedure.Check(p)
		if sound := slices.Equal(kept, mandatory); sound != (len(faults) == 0) {
			t.Fatalf("level %s, stages %v: faults %v", level, p.Stages, faults)
		}
	})
}

func TestFaultString(t *testing.T) {
	p := sound()
	p.Stages[1].Alongside = true
	const want = `stages[1].alongside: P024: stage "confirm" cannot run alongside the next: only notify, stop, convene and analyse can; remove the key`
	if got := procedure.Check(p)[0].String(); got != want {
		t.Errorf("String() = %s\nwant       %s", got, want)
	}
}
