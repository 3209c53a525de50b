// Package plandoc turns a plan into an official document and an official
// document into a plan: a cover with the record of its approval, a table of
// contents, chapters in the order that authorities expect, numbered 一、（一）1. in
// Chinese, tables for what is a table. [Export] gives the blocks of a
// word-processing document, [Import] reads one that an operator already has.
//
// # What a document holds
//
// All that the plan says in one language, but for ids: parts are named by their
// titles. A field without a column of its own is a line of its part, its label
// before it:
//
//	負責角色：值班負責人
//	時限：5 分
//
// So what Export wrote Import reads whole; what it cannot place is kept as an
// annex, and what it cannot read is told.
package plandoc

import (
	"cmp"
	"slices"
	"strconv"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// Chapters lists the chapters of a plan in their official order, by the key of
// the plan that each is about. A chapter that the plan leaves out is left out.
func Chapters(p *plan.Plan) []string {
	var keys []string
	for _, chapter := range []struct {
		key   string
		there bool
	}{
		{"purpose", true}, {"scope", !p.Scope.IsZero()}, {"roles", true}, {"risks", len(p.Risks) > 0}, {"materials", len(p.Materials) > 0},
		{"levels", true}, {"procedures", true}, {"leak", p.Leak != nil}, {"temporary", len(p.Temporary) > 0},
		{"dependencies", len(p.Dependencies) > 0}, {"recovery", len(p.Recovery.Steps) > 0}, {"drills", len(p.Drills) > 0},
		{"obligations", len(p.Obligations) > 0 || len(p.Reporting.Packs) > 0}, {"contacts", len(p.Contacts) > 0}, {"components", len(p.Components) > 0}, {"alerts", true}, {"templates", true}, {"probes", len(p.Probes) > 0},
		{"governance", len(p.Governance.Approval) > 0}, {"attachments", len(p.Attachments) > 0}, {"annexes", len(p.Annexes) > 0},
	} {
		if chapter.there {
			keys = append(keys, chapter.key)
		}
	}
	return keys
}

// Number returns what stands before a chapter's title; the first has number 1.
func Number(words *locale.Printer, n int) string { return numbered(words, []int{n}) }

// numeral writes a number as official documents do: 十二 in Chinese.
func numeral(lang holdfast.Lang, n int) string {
	digits := []string{"", "一", "二", "三", "四", "五", "六", "七", "八", "九"}
	switch {
	case lang == holdfast.En || n > 99:
		return strconv.Itoa(n)
	case n < 10:
		return digits[n]
	case n < 20:
		return "十" + digits[n-10]
	default:
		return digits[n/10] + "十" + digits[n%10]
	}
}

// Ranked lists the risks of a plan, the gravest first.
func Ranked(p *plan.Plan) []plan.Risk {
	ranked := slices.Clone(p.Risks)
	slices.SortStableFunc(ranked, func(x, y plan.Risk) int { return cmp.Compare(y.Score(), x.Score()) })
	return ranked
}
