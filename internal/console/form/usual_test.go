package form

import (
	"testing"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Whoever writes a plan from nothing finds usual entries for each chapter, and a
// plan of nothing but these is sound.
func TestUsual(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Format: plan.Format, ID: "payment-system", Language: holdfast.En}
	for l := holdfast.Level1; l <= holdfast.Level3; l++ {
		p.Levels = append(p.Levels, plan.Level{Level: l})
	}
	written := func(p *plan.Plan) map[string]string {
		texts := map[string]string{}
		for _, c := range plan.Chapters {
			texts[c.Key] = string(plan.EncodeChapter(p, c))
		}
		return texts
	}
	before := written(p)
	for _, chapter := range plan.Chapters {
		if !Bare(p, chapter) {
			t.Errorf("%s is not bare", chapter.Key)
		}
		next := Usual(p, chapter)
		if got := Bare(next, chapter); got != (chapter.Key == "attachments") {
			t.Errorf("%s with its usual entries is bare: %v", chapter.Key, got)
		}
		after := written(next)
		for _, other := range plan.Chapters {
			if other.Key != chapter.Key && before[other.Key] != after[other.Key] {
				t.Errorf("the usual entries of %s change %s", chapter.Key, other.Key)
			}
		}
		p, before = next, after
	}
	if _, faults := plan.Decode("", plan.Encode(p)); len(faults) > 0 {
		t.Errorf("a plan of usual entries: %v", faults)
	}
	if p.Roles[0].Name.ZhHant != "" || p.Roles[0].Name.En == "" {
		t.Errorf("the entries are in %+v", p.Roles[0].Name)
	}
}

// What somebody wrote stays.
func TestUsualKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	p := &plan.Plan{Language: holdfast.En, Purpose: holdfast.Text{En: "Mine"}}
	general, _ := plan.ChapterOf("general")
	if next := Usual(p, general); next.Purpose.En != "Mine" || next.Title.IsZero() || p.Title.En != "" {
		t.Errorf("purpose %q, title %q", next.Purpose.En, next.Title.En)
	}
	p.Procedures = []procedure.Procedure{{Level: 1, Title: holdfast.Text{En: "Mine"}}}
	one, _ := plan.ChapterOf("procedure-1")
	if next := Usual(p, one); len(next.Procedures) != 1 || next.Procedures[0].Title.En != "Mine" {
		t.Errorf("procedures %+v", next.Procedures)
	}
}
