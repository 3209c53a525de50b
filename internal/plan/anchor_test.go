package plan_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

func TestAnchor(t *testing.T) {
	t.Parallel()
	p, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for place, want := range map[string]string{
		"purpose":                 "purpose",
		"risks":                   "risks",
		"risks[0]":                "risks[" + p.Risks[0].ID + "]",
		"risks[0].title":          "risks[" + p.Risks[0].ID + "].title",
		"procedures[0].stages[1]": "procedures[level=1].stages[" + string(p.Procedures[0].Stages[1].Kind) + "]",
		"procedures[level=1].stages[notify].tasks[0].limit": "procedures[level=1].stages[notify].tasks[" + p.Procedures[0].Stages[2].Tasks[0].ID + "].limit",
		"levels[2].criteria":          "levels[level=3].criteria",
		"contacts[0]":                 "contacts[" + p.Contacts[0].Party + "]",
		"dependencies[0].steps[0].do": "dependencies[" + p.Dependencies[0].ID + "].steps[after=" + p.Dependencies[0].Steps[0].After.D().String() + "].do",
		"team[0]":                     "team[0]",
	} {
		got, ok := p.Anchor(place)
		if !ok || got != want {
			t.Errorf("%s: anchor %q, %v; want %q", place, got, ok, want)
		}
		if again, ok := p.Anchor(got); !ok || again != got {
			t.Errorf("%s: the anchor of its anchor is %q", place, again)
		}
	}
	for _, none := range []string{"", "risk", "risks[", "risks[]", "risks[-1]", "risks[999]", "risks[0]x", "risks[nothing]", "purpose[0]", "risks.title", "procedures[level=9]", "risks[0].title.en.x", "."} {
		if got, ok := p.Anchor(none); ok {
			t.Errorf("%q has the anchor %q", none, got)
		}
	}
}

// An anchor leads to the same entry wherever it has moved, and to none once it is
// gone.
func TestFind(t *testing.T) {
	t.Parallel()
	p, _ := plan.Decode("", plan.Builtin())
	first := p.Risks[0]
	anchor, _ := p.Anchor("risks[0]")
	p.Risks = append(slices.Clone(p.Risks[1:]), first)
	path, ok := p.Find(anchor)
	if want := len(p.Risks) - 1; !ok || path != "risks["+strconv.Itoa(want)+"]" {
		t.Errorf("%s is at %s, %v", anchor, path, ok)
	}
	p.Risks = p.Risks[:len(p.Risks)-1]
	if path, ok := p.Find(anchor); ok {
		t.Errorf("%s is still at %s", anchor, path)
	}
	if path, ok := p.Find("risks[0]"); ok {
		t.Errorf("a position leads to %s, though risks have ids", path)
	}
	p.Leak = nil
	if path, ok := p.Find("leak"); ok {
		t.Errorf("a leak that is not there is at %s", path)
	}
	if path, ok := p.Find("leak.stages[stop]"); ok {
		t.Errorf("a stage of a leak that is not there is at %s", path)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{
		Purpose: holdfast.Text{ZhHant: "目的", En: "Why"}, Team: []string{"chief", "clerk"},
		Risks: []plan.Risk{{ID: "a", Title: holdfast.Text{En: "Power"}, Treatment: holdfast.Text{En: "A generator"}, Likelihood: 3}, {ID: "b", Title: holdfast.Text{En: "Water"}}},
	}
	for place, want := range map[string]string{
		"purpose": "Why", "risks": "Power · Water", "risks[a]": "Power · A generator", "risks[0].likelihood": "3", "team": "chief · clerk", "scope": "", "nothing": "",
	} {
		if got := p.Words(place, holdfast.En); got != want {
			t.Errorf("%s: %q, want %q", place, got, want)
		}
	}
	if got := p.Words("purpose", holdfast.ZhHant); got != "目的" {
		t.Errorf("in Chinese %q", got)
	}
}

// Whatever is asked for, an anchor that is found names one place.
func FuzzAnchor(f *testing.F) {
	for _, seed := range []string{"purpose", "risks[0]", "procedures[level=1].stages[stop].tasks[0]", "risks[[0]]", "team[0]", "..", "recovery.ramp.steps[0]", "leak.title"} {
		f.Add(seed)
	}
	p, _ := plan.Decode("", plan.Builtin())
	f.Fuzz(func(t *testing.T, place string) {
		anchor, ok := p.Anchor(place)
		if !ok {
			return
		}
		path, found := p.Find(anchor)
		if !found {
			t.Fatalf("%q has the anchor %q, which is nowhere", place, anchor)
		}
		if again, ok := p.Anchor(path); !ok || again != anchor {
			t.Fatalf("%q is %q at %s, which is %q", place, anchor, path, again)
		}
		p.Words(place, holdfast.En)
	})
}

// A step of a dependency keeps its comments when others are put before it; two that
// are due at once are told apart by their places only.
func TestAnchorOfADependencysStep(t *testing.T) {
	t.Parallel()
	step := func(after time.Duration, do string) plan.DependencyStep {
		return plan.DependencyStep{After: procedure.Duration(after), Do: holdfast.Text{En: do}}
	}
	p := &plan.Plan{Dependencies: []plan.Dependency{{ID: "cloud", Steps: []plan.DependencyStep{step(0, "wait"), step(30*time.Minute, "move")}}}}
	anchor, ok := p.Anchor("dependencies[0].steps[1]")
	if !ok || anchor != "dependencies[cloud].steps[after=30m0s]" || p.Words(anchor, holdfast.En) != "move" {
		t.Errorf("%q, %v", anchor, ok)
	}
	steps := &p.Dependencies[0].Steps
	*steps = append([]plan.DependencyStep{step(time.Minute, "call")}, *steps...)
	if path, ok := p.Find(anchor); !ok || path != "dependencies[0].steps[2]" {
		t.Errorf("now at %q, %v", path, ok)
	}
	if path, ok := p.Find("dependencies[cloud].steps[1]"); !ok || path != "dependencies[0].steps[1]" {
		t.Errorf("an anchor of old is at %q, %v", path, ok)
	}
	*steps = append(*steps, step(30*time.Minute, "tell"))
	if got, _ := p.Anchor("dependencies[0].steps[3]"); got != "dependencies[cloud].steps[3]" {
		t.Errorf("of two at once: %q", got)
	}
	if path, ok := p.Find(anchor); ok {
		t.Errorf("it is guessed to be at %q", path)
	}
}
