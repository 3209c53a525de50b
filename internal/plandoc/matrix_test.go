package plandoc

import (
	"slices"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
)

// The matrix stands in the export, with each risk in its cell once, coloured by how
// grave it is, and is no part of the plan when the document is imported.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, lang := range holdfast.Langs {
		p, words := builtin(), locale.For(lang)
		document := Export(p, words, Record{})
		corner := tongue{words}.matrixCorner()
		i := slices.IndexFunc(document.Blocks, func(b docx.Block) bool { return b.Kind == docx.TableBlock && b.Rows[0][0] == corner })
		if i < 0 {
			t.Fatal(lang, " there is no matrix")
		}
		m, found := document.Blocks[i], 0
		for _, r := range p.Risks {
			cell := m.Rows[1+riskScale-r.Likelihood][r.Impact]
			if slices.Contains(strings.Split(cell, "\n"), r.Title.In(lang)) {
				found++
			}
		}
		if found != len(p.Risks) || len(m.Rows) != 6 || m.Fills[1][5] != "F2B8B5" || m.Fills[5][1] != "C8E6D0" {
			t.Errorf("%s: %d of %d risks in %v", lang, found, len(p.Risks), m)
		}
		got := Import(document.Blocks, words, nil)
		if len(got.Plan.Risks) != len(p.Risks) || slices.ContainsFunc(got.Kept, func(k string) bool { return strings.Contains(k, words.T("risk.matrix")) }) {
			t.Errorf("%s: imported %d risks, kept %q", lang, len(got.Plan.Risks), got.Kept)
		}
	}
}
