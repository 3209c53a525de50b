package console

import (
	"fmt"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// Each comment of a draft is shown once: at the innermost place that the reading
// view has, or, where there is none, among the rest.
func TestCommentsStandAtTheirPlaces(t *testing.T) {
	t.Parallel()
	p := chaptersSample()
	paths := []string{"risks", "risks[high]", "risks[high].title", "risks[none]", "", "procedures[level=1].stages[notify]", "leak.stages[handle].tasks[t].guide", "probes[gate-alive].url", "risks[low]"}
	var comments []*draft.Comment
	for i, path := range paths {
		comments = append(comments, &draft.Comment{ID: i + 1, Chapter: "risks", Path: path, Text: "text"})
	}
	comments[8].Resolved = &draft.Resolved{Saves: []int{1}}
	d := &draft.Draft{ID: "d1", State: draft.InReview}
	list := threads(d, p, comments, "/drafts/d1", "/drafts/d1/read", "read", true, true)
	for _, test := range []struct {
		id                             int
		gone, resolve, reopen, changes bool
		edit                           string
	}{
		{1, false, true, false, false, "/drafts/d1/chapters/risks?on=risks"},
		{2, false, true, false, false, "/drafts/d1/chapters/risks?on=risks%5Bhigh%5D"},
		{4, true, true, false, false, "/drafts/d1/chapters/risks"},
		{5, false, true, false, false, "/drafts/d1/chapters/risks"},
		{9, false, false, true, true, "/drafts/d1/chapters/risks?on=risks%5Blow%5D"},
	} {
		got := list[test.id-1]
		if got.Gone != test.gone || got.MayResolve != test.resolve || got.MayReopen != test.reopen || (got.Changes != "") != test.changes || got.Edit != test.edit || (got.Place == "") != test.gone {
			t.Errorf("comment %d: %+v", test.id, got)
		}
	}

	body := newPlanBody(locale.For(holdfast.En), p, "/drafts/d1")
	body.Remarks = newRemarks(p, holdfast.En, list, "/drafts/d1/read", "/drafts/d1/comments")
	body.Remarks.May = true
	body.Remarks.choose("risks[1]", "typed")
	for range 2 { // the same each time it is shown
		b := body.Begin()
		at := func(s *spot) (ids []int) {
			for _, one := range s.Threads {
				ids = append(ids, one.ID)
			}
			return ids
		}
		for place, want := range map[*spot]string{
			b.Place("risks"): "1", b.Entry("risks[high]"): "2 3", b.Place("procedures[level=1]"): "", b.Place("procedures[level=1].stages[notify]"): "6",
			b.Entry("leak.stages[handle].tasks[t]"): "7", b.Entry("risks[low]"): "9", b.Entry("purpose"): "",
		} {
			if got := strings.Trim(fmt.Sprint(at(place)), "[]"); got != want {
				t.Errorf("%s has the comments %q, want %q", place.Path, got, want)
			}
			if (place.Form != nil) != (place.Path == "risks[high]") {
				t.Errorf("%s: form %+v", place.Path, place.Form)
			}
		}
		if got := fmt.Sprint(at(&spot{Threads: b.Remarks.Rest()})); got != "[4 5 8]" {
			t.Errorf("the rest is %s", got)
		}
		if len(b.Remarks.Open()) != 8 || b.Remarks.Late() != nil {
			t.Errorf("open %d, late %+v", len(b.Remarks.Open()), b.Remarks.Late())
		}
	}
	if b := newPlanBody(locale.For(holdfast.En), p, "/plan/1"); b.Place("risks") != nil || b.Entry("risks[high]") != nil {
		t.Error("a revision can be commented on")
	}
	if s := body.Begin().Entry("risks[]"); s != nil {
		t.Errorf("a row without an id has the place %+v", s)
	}
}

// The editor counts the open comments inside each row.
func TestEditorCountsComments(t *testing.T) {
	t.Parallel()
	e := editor{Plan: &plan.Plan{}, Waiting: map[string]int{"risks[1]": 2, "risks[1].title": 1, "risks[10]": 4, "risks": 8}}
	for path, want := range map[string][2]int{"risks[1]": {3, 2}, "risks[1].title": {1, 1}, "risks[2]": {0, 0}, "risks": {15, 8}} {
		if e.Said(path) != want[0] || e.SaidHere(path) != want[1] {
			t.Errorf("%s: %d inside, %d here", path, e.Said(path), e.SaidHere(path))
		}
	}
}

// A comment on a step of a dependency stands at that step, and a new one can be made
// there.
func TestRemarksAtAStep(t *testing.T) {
	t.Parallel()
	p, _ := plan.Decode("", plan.Builtin())
	anchor, ok := p.Anchor("dependencies[0].steps[1]")
	if !ok {
		t.Fatal("the built-in plan has no such step")
	}
	list := []thread{{Comment: &draft.Comment{ID: 1, Chapter: "dependencies", Path: anchor}}}
	body := newPlanBody(locale.For(holdfast.En), p, "/drafts/d1")
	body.Remarks = newRemarks(p, holdfast.En, list, "/drafts/d1/read", "/drafts/d1/comments")
	body.Remarks.May = true
	body = body.Begin()
	if s := body.Place("dependencies[" + p.Dependencies[0].ID + "]"); len(s.Threads) != 0 {
		t.Error("it hangs on the dependency")
	}
	if s := body.StepSpot(0, 0); len(s.Threads) != 0 || s.Link == "" {
		t.Errorf("the step before has %+v", s)
	}
	if s := body.StepSpot(0, 1); len(s.Threads) != 1 || s.Path != anchor {
		t.Errorf("the step has %+v", s)
	}
}
