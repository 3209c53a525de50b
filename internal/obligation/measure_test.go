package obligation

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
)

// What the level's measures say counts for what is owed, until a person says another
// thing; a lower bound is not taken for the number.
func TestMeasuresAreFigures(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "eu-gdpr, eu-dora")
	defer stop()
	id := graded(t, w)
	says := func(what string, clients int64, known bool, leak expression.Truth) {
		t.Helper()
		s := w.sheet(id)
		got, has := s.Figures.Numbers["clients"]
		if got != clients || has != known {
			t.Errorf("%s: clients are %d, known %t", what, got, has)
		}
		if d, _ := s.Duty("eu-gdpr.authority.report"); d.Applies != leak {
			t.Errorf("%s: it is a leak: %s", what, d.Applies)
		}
	}
	if err := w.Assess(t.Context(), mei, id, Assessment{Note: "nothing is known"}); err != nil {
		t.Fatal(err)
	}
	says("nothing measured", 0, false, expression.Unknown)
	w.readings = map[string]incident.Reading{"payers": {Value: 250.0, AtLeast: true}, "leaked": {Value: true}}
	says("at least", 0, false, expression.Yes)
	w.readings = map[string]incident.Reading{"payers": {Value: 250.0}, "leaked": {Value: false}}
	says("measured", 250, true, expression.No)
	if err := w.Assess(t.Context(), mei, id, Assessment{Numbers: map[string]int64{"clients": 300}, Yes: map[string]bool{"leak": true}, Note: "the data team counted"}); err != nil {
		t.Fatal(err)
	}
	says("a person says another", 300, true, expression.Yes)
}

// The first text lists what the measures say of the effect, as far as it lasts.
func TestFillImpact(t *testing.T) {
	t.Parallel()
	w, stop := newWorld(t, "cn-pboc, eu-dora")
	defer stop()
	id := graded(t, w)
	w.readings = map[string]incident.Reading{
		"payers": {Value: 250.0}, "leaked": {Value: false}, "failed": {Value: 1234.0, AtLeast: true}, "money": {Value: 5_000_050.0}, "open": {Value: 7.0},
	}
	texts := map[holdfast.Lang]string{}
	w.Desk.State.View(func() {
		s := w.Nouns.Sheet(w.Nouns.Incidents.Incident(id), w.clock())
		d, _ := s.Duty("cn-pboc.incident.occurrence")
		for _, lang := range holdfast.Langs {
			texts[lang] = w.Nouns.Fill(s, d, lang, "", w.clock())
		}
	})
	for lang, want := range map[holdfast.Lang][]string{
		holdfast.ZhHant: {"付款人：250", "泄露：否", "未成：至少 1,234", "TWD"},
		holdfast.ZhHans: {"付款人：250", "未成：至少 1,234"},
		holdfast.En:     {"Payers: 250", "Leaked: no", "Failed: at least 1,234", "50,000.50"},
	} {
		for _, part := range want {
			if !strings.Contains(texts[lang], part) {
				t.Errorf("%s lacks %q:\n%s", lang, part, texts[lang])
			}
		}
		if strings.Contains(texts[lang], "Minutes") {
			t.Errorf("%s tells how it stands at an instant:\n%s", lang, texts[lang])
		}
	}
}

// The figures that a plan can name are those that conditions read.
func TestPlansNameFiguresThatThereAre(t *testing.T) {
	t.Parallel()
	for _, name := range plan.Figures() {
		if !slices.Contains(Questions[:], name) && !slices.Contains(Numbers[:], name) {
			t.Errorf("conditions do not read %s: %v", name, slices.Sorted(maps.Keys(fields)))
		}
	}
}
