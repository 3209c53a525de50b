package lint

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

func TestCatalogue(t *testing.T) {
	t.Parallel()
	if n := len(rules); n < 40 {
		t.Errorf("there are %d rules", n)
	}
	last := ""
	for _, r := range Rules() {
		if r.ID <= last {
			t.Errorf("%s stands after %s", r.ID, last)
		}
		last = r.ID
		if !slices.Contains(Severities[:], r.Severity) || !slices.Contains(Groups[:], r.Group()) {
			t.Errorf("%s: severity %q, group %q", r.ID, r.Severity, r.Group())
		}
		if r.Age && r.Severity == Error {
			t.Errorf("%s: what only the calendar brought about is never an error", r.ID)
		}
	}
	if _, found := Lookup("L000"); found {
		t.Error("there is a rule L000")
	}
}

// The plan that comes with Holdfast can be approved whichever of its languages is
// that of record.
func TestBuiltinPlanHasNoErrors(t *testing.T) {
	t.Parallel()
	for _, lang := range holdfast.Langs {
		src := strings.Replace(string(plan.Builtin()), "language: zh-Hant", "language: "+string(lang), 1)
		p, places, faults := plan.Read("", []byte(src))
		if len(faults) > 0 || p.Language != lang {
			t.Fatalf("%s: %v", lang, faults)
		}
		in := Input{Plan: p, Places: places, Now: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}
		if found := Check(in); len(found) > 0 {
			t.Errorf("%s: %v", lang, found)
		}
	}
}

// Age warns and blocks, and never breaks a plan: what a plan has as errors does
// not depend on the day.
func TestTimeAddsNoErrors(t *testing.T) {
	t.Parallel()
	_, in := laid(t, "{}")
	in.Governance.Checked = in.Now
	for years := range 12 {
		later := in
		later.Now = in.Now.AddDate(years, 0, 0)
		found := Check(later)
		if c := Counts(found); c.Errors > 0 || years > 1 && (c.Blocking == 0 || len(Blocking(found)) != c.Blocking) {
			t.Errorf("after %d years: %+v", years, c)
		}
	}
}

func TestWaivers(t *testing.T) {
	t.Parallel()
	_, in := laid(t, "roles:\n  - {id: guest, name: {en: Guest}, department: operations, duties: {en: TBD}}\n")
	at := func(w Waiver) (waived, blocking int) {
		in.Waivers = []Waiver{w}
		found := Check(in)
		return Counts(found).Waived, len(Blocking(found))
	}
	w := Waiver{Rule: "L603", Owner: "c1", Reason: "The guest comes next year.", Expires: in.Now.AddDate(0, 1, 0)}
	tests := map[string]struct {
		change           func(*Waiver)
		waived, blocking int
	}{
		"everywhere":           {func(*Waiver) {}, 1, 0},
		"by path":              {func(w *Waiver) { w.Path = "roles[4].duties.en" }, 1, 0},
		"by a part around":     {func(w *Waiver) { w.Path = "roles[4]" }, 1, 0},
		"by anchor":            {func(w *Waiver) { w.Path = "roles/guest" }, 1, 0},
		"elsewhere":            {func(w *Waiver) { w.Path = "roles/gues" }, 0, 1},
		"of another rule":      {func(w *Waiver) { w.Rule = "L604" }, 0, 1},
		"ended":                {func(w *Waiver) { w.Expires = in.Now }, 0, 1},
		"without end":          {func(w *Waiver) { w.Expires = time.Time{} }, 0, 1},
		"without owner":        {func(w *Waiver) { w.Owner = " " }, 0, 1},
		"without reason":       {func(w *Waiver) { w.Reason = "" }, 0, 1},
		"of the waivers' rule": {func(w *Waiver) { w.Rule = "L520"; w.Expires = in.Now }, 0, 1},
	}
	for name, test := range tests {
		v := w
		test.change(&v)
		if waived, blocking := at(v); waived != test.waived || blocking != test.blocking {
			t.Errorf("%s: %d waived, %d blocking", name, waived, blocking)
		}
	}
}

func TestAnchor(t *testing.T) {
	t.Parallel()
	_, in := laid(t, "{}")
	for path, want := range map[string]string{
		"": "", "team": "team", "team[2]": "team/analyst", "roles[1].duties.en": "roles/commander/duties/en",
		"procedures[0].stages[5].tasks[1].limit":         "procedures/1/stages/handle/tasks/verify/limit",
		"procedures[0].stages[6].tasks[1].ramp.steps[1]": "procedures/1/stages/recover/tasks/reopen/ramp/steps/50",
		"leak.stages[0]": "leak/stages/detect", "roles[99].x": "roles/99/x", "no.such[3].way": "no/such/3/way",
	} {
		if got := anchor(in.Plan, path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

// Whatever can be read can be judged, and every finding has a place in the text.
func FuzzCheck(f *testing.F) {
	f.Add(plan.Builtin())
	b, err := files.ReadFile("examples/base.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("leak: {stages: [{tasks: [{id: a, after: [b]}, {id: b, after: [a]}]}]}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		p, places, _ := plan.Read("", src)
		lines := strings.Count(string(src), "\n") + 1
		for _, found := range Check(Input{Plan: p, Places: places, Now: time.Unix(1.8e9, 0), People: &People{}, Gates: &Gates{}}) {
			if found.Line < 1 || found.Column < 1 || found.Line > lines+1 {
				t.Errorf("%v", found)
			}
		}
		for _, pr := range p.Procedures {
			if tl := NewTimeline(pr); tl.Best > tl.Worst && len(tl.Open) == 0 && tl.Worst < 0 {
				t.Errorf("%+v", tl)
			}
		}
	})
}

// big makes a plan of many tasks.
func big(tb testing.TB, tasks int) Input {
	b, err := files.ReadFile("examples/base.yaml")
	if err != nil {
		tb.Fatal(err)
	}
	p, places, faults := plan.Read("", b)
	if len(faults) > 0 {
		tb.Fatal(faults)
	}
	stage := &p.Procedures[0].Stages[5]
	for i := range tasks {
		task := stage.Tasks[0]
		task.ID = fmt.Sprintf("task-%d", i)
		task.Title = holdfast.Text{En: "Repair part " + task.ID, ZhHant: "修復部分 " + task.ID}
		task.Guide = holdfast.Text{En: strings.Repeat("Look at the log of the part, then restart it. ", 4)}
		if i > 0 {
			task.After = []string{fmt.Sprintf("task-%d", i-1)}
		}
		stage.Tasks = append(stage.Tasks, task)
	}
	return Input{Plan: p, Places: places, Now: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC), People: &People{}, Gates: &Gates{}}
}

func BenchmarkCheck2000Tasks(b *testing.B) {
	in := big(b, 2000)
	for b.Loop() {
		Check(in)
	}
}

func BenchmarkTimeline2000Tasks(b *testing.B) {
	in := big(b, 2000)
	for b.Loop() {
		NewTimeline(in.Plan.Procedures[0])
	}
}

func minutes(n int) procedure.Duration { return procedure.Duration(time.Duration(n) * time.Minute) }

// A measure that only a part of the day reads is read.
func TestBandReadsMeasure(t *testing.T) {
	t.Parallel()
	src := strings.Replace(string(plan.Builtin()), "enter: functions_limited > 0 or channels_affected > 0 or success_percent < 90\n", "enter: channels_affected > 0 or success_percent < 90\n", 1)
	p, places, faults := plan.Read("", []byte(src))
	if len(faults) > 0 || src == string(plan.Builtin()) {
		t.Fatal(faults)
	}
	if found := Check(Input{Plan: p, Places: places, Now: time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)}); len(found) > 0 {
		t.Error(found)
	}
}
