package console

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/lint"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/view"
)

// A finding speaks of the plan in the words of its forms, names the place, and
// leads to the chapter in which it is mended.
func TestFindingsSpeakAsFormsDo(t *testing.T) {
	t.Parallel()
	text := `format: holdfast-plan/1
id: small
language: zh-Hant
title: {zh-Hant: 預案}
levels:
- {level: 1, title: {zh-Hant: 一}, criteria: {zh-Hant: 甲}}
- {level: 2}
- {level: 3, title: {zh-Hant: 三}, criteria: {zh-Hant: 丙}}
procedures:
- {level: 1, title: {zh-Hant: 流程}, stages: [{stage: stop, title: {zh-Hant: 停}, role: nobody}]}
`
	p, faults := plan.Decode("", []byte(text))
	v := &visit{words: locale.For(holdfast.ZhHant), zone: time.UTC}
	told := map[string]string{} // what, by the place
	for _, f := range faults {
		told[placeIn(v, p, chapterOf(p, f.Path, f.Error), f.Path)+"|"+f.Path] = chapterOf(p, f.Path, f.Error) + "|" + inWords(v, p, f.Path, f.Error)
	}
	for where, want := range map[string][]string{
		"總則 › 目的|purpose.zh-Hant":                {"general", "目的", "繁體中文"},
		"響應級別 › 二級 › 標題|levels[1].title.zh-Hant": {"levels", "標題", "繁體中文"},
	} {
		got, found := told[where]
		for _, part := range want {
			if !found || !strings.Contains(got, part) {
				t.Errorf("%s: %q lacks %q; all: %v", where, got, part, told)
			}
		}
	}
	if what := told["一級響應流程 › 流程 › 環節|procedures[0].stages"]; !strings.Contains(what, "總結") {
		t.Errorf("a stage is not named: %s", what)
	}
	for place, what := range told {
		if strings.HasSuffix(place, "|procedures") && !strings.HasPrefix(what, "procedure-2|") && !strings.HasPrefix(what, "procedure-3|") {
			t.Errorf("%s leads to %s", place, what)
		}
	}
}

// Things of the plan are named by their titles, codes by their words; ids stay where
// they are what is typed, where nothing names them, and where they tell two apart.
func TestFindingsNameThings(t *testing.T) {
	t.Parallel()
	p, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	v := &visit{words: locale.For(holdfast.ZhHant), zone: time.UTC}
	superior, commander := p.Roles[0], p.Roles[1]
	same := *p
	same.Roles = append([]plan.Role{{ID: "twin", Name: superior.Name}}, p.Roles...)
	for name, c := range map[string]struct {
		plan     *plan.Plan
		path     string
		err      *holdfast.Error
		has, not []string
	}{
		"a role":           {p, "roles[0]", holdfast.Errorf(holdfast.Invalid, "nobody holds the role %q: name someone in the roster", superior.ID), []string{superior.Name.ZhHant}, []string{superior.ID}},
		"a list":           {p, "governance.distribution", holdfast.Errorf(holdfast.Invalid, "these roles have a part in the plan and are not told of its revisions: %s", superior.ID+", "+commander.ID), []string{superior.Name.ZhHant, commander.Name.ZhHant}, []string{superior.ID, commander.ID}},
		"what is unknown":  {p, "roles[0]", holdfast.Errorf(holdfast.Invalid, "nobody holds the role %q: name someone in the roster", "no-such"), []string{"no-such"}, nil},
		"a code":           {p, "procedures[0].stages[3].tasks[0].directive", holdfast.Errorf(holdfast.Invalid, "no role has the authority for a %s in procedure %s: give it to one", "stop", lint.Flow("leak")), []string{"停止支付", "數據泄露"}, []string{"stop", "leak"}},
		"an expression":    {p, "levels[0].enter", holdfast.Errorf(holdfast.Invalid, "nobody holds the role %q: name someone in the roster", superior.ID), []string{superior.ID}, nil},
		"two of one title": {&same, "roles[0]", holdfast.Errorf(holdfast.Invalid, "%s holds both %q and %q, and could agree to their own act: keep the two apart", "Mei", superior.ID, "twin"), []string{superior.ID, "twin"}, []string{superior.Name.ZhHant}},
	} {
		said := inWords(v, c.plan, c.path, c.err)
		for _, want := range c.has {
			if !strings.Contains(said, want) {
				t.Errorf("%s: %q does not say %q", name, said, want)
			}
		}
		for _, id := range c.not {
			if strings.Contains(said, id) {
				t.Errorf("%s: %q says %q", name, said, id)
			}
		}
	}
}

// What is refused in an incident speaks of its tasks, roles and states as the page does.
func TestRefusalsNameThings(t *testing.T) {
	t.Parallel()
	p, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	v := &visit{words: locale.For(holdfast.ZhHant), zone: time.UTC}
	running := []view.Stage{{Tasks: []view.Task{{ID: "repair", Title: holdfast.Text{ZhHant: "修復"}}}}}
	for want, err := range map[string]*holdfast.Error{
		"停止支付":           holdfast.Errorf(holdfast.Conflict, "incident %s cannot be closed: stage %s is %s", "2026-1", procedure.Stop, procedure.Open),
		"任務 修復 的狀態為 進行中": holdfast.Errorf(holdfast.Conflict, "incident %s cannot be closed: task %s is %s", "2026-1", "repair", procedure.Open),
		"已結案":            holdfast.Errorf(holdfast.Conflict, "incident %s is %s, not %s", "2026-1", incident.Closed, incident.Active),
		"總結, 根本原因":       holdfast.Errorf(holdfast.Conflict, "the debrief of incident %s is not whole: it needs a summary, a root cause and an improvement; missing is: %s", "2026-1", "summary, cause"),
		"停止支付（":          holdfast.Errorf(holdfast.Forbidden, "your roles have no authority for this %s (scope %s, level %s); these people have it: %s", "stop", "all", holdfast.Level1, "Mei"),
		"2026-1":         holdfast.Errorf(holdfast.Conflict, "nobody has asked for a lesser level of incident %s", "2026-1"),
	} {
		said := refusal(v, p, running, err)
		if !strings.Contains(said, want) {
			t.Errorf("%q does not say %q", said, want)
		}
		for _, code := range []string{"repair", "stop", "closed", "active", "summary"} {
			if strings.Contains(said, code) {
				t.Errorf("%q says %q", said, code)
			}
		}
	}
}
