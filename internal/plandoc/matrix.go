package plandoc

import (
	"strconv"
	"strings"

	"holdfast/internal/docx"
	"holdfast/internal/plan"
)

// riskScale is the highest likelihood and impact.
const riskScale = 5

// matrixCorner is the first cell of the risk matrix, by which import knows it: it
// says nothing that the table of risks does not.
func (t tongue) matrixCorner() string {
	return t.label("risk", "likelihood") + " ＼ " + t.label("risk", "impact")
}

// matrix is the picture of the risks: likelihood upwards, impact to the right, and in
// each cell, coloured by their product, the risks that stand there.
func (e *exporter) matrix() docx.Block {
	head, fills := []string{e.matrixCorner()}, [][]string{nil}
	for i := 1; i <= riskScale; i++ {
		head = append(head, strconv.Itoa(i))
	}
	b := docx.T(head).Wide(2, 3, 3, 3, 3, 3)
	for l := riskScale; l >= 1; l-- {
		row, fill := []string{strconv.Itoa(l)}, []string{"EDEDED"}
		for i := 1; i <= riskScale; i++ {
			var here []string
			for _, r := range Ranked(e.plan) {
				if r.Likelihood == l && r.Impact == i {
					here = append(here, e.x(r.Title))
				}
			}
			row, fill = append(row, strings.Join(here, "\n")), append(fill, gradeFill(l*i))
		}
		b.Rows, fills = append(b.Rows, row), append(fills, fill)
	}
	b.Fills = fills
	return b
}

func gradeFill(score int) string {
	switch {
	case score >= plan.HighRisk:
		return "F2B8B5"
	case score >= plan.MediumRisk:
		return "FFE0A3"
	}
	return "C8E6D0"
}
