package console

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
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
