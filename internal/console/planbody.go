package console

import (
	"fmt"
	"slices"
	"strconv"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
	"holdfast/internal/procedure"
)

// planBody is a plan as a document to read: its chapters numbered in the
// official order, those left out of the text left out of the count. What is shown
// carries the path of the part it shows, so that an editor finds it.
type planBody struct {
	*plan.Plan
	Chapters []chapterHead
	// Remarks are the comments on a draft; nil for a revision.
	Remarks *remarks
	words   *locale.Printer
	// at is the address of what it is the text of; its files are under it. Without an
	// address none are offered.
	at string
	excerpt
}

// File returns how an attachment is saved; nil if the text names no file there.
func (b planBody) File(id string) *fileLine {
	a, _ := b.Attachment(id)
	f, ok := a.File()
	if !ok || b.at == "" { // who reads by a link alone gets no files
		return nil
	}
	line := lineOf(b.at, f)
	return &line
}

// chapterHead is the heading of one chapter, with the comments on the whole of it
// and the keys of the chapters around it. On a phone chapters are folded, and a link
// to one unfolds it; those of an excerpt are open.
type chapterHead struct {
	Key, Number   string
	Before, After string
	Open          bool
	Spot          *spot
}

// Place returns the comments on a place whose parts have places of their own, and
// Entry those on one and what is in it; nil where there is nothing to comment on.
func (b planBody) Place(path string) *spot { return b.Remarks.place(path, false) }

func (b planBody) Entry(path string) *spot { return b.Remarks.place(path, true) }

// StepSpot is the place of a step of a dependency.
func (b planBody) StepSpot(dependency, step int) *spot {
	if b.Remarks == nil {
		return nil
	}
	anchor, _ := b.Plan.Anchor(fmt.Sprintf("dependencies[%d].steps[%d]", dependency, step))
	return b.Remarks.place(anchor, true)
}

func newPlanBody(words *locale.Printer, p *plan.Plan, at string) planBody {
	b := planBody{Plan: p, words: words, at: at}
	keys := plandoc.Chapters(p)
	for i, key := range keys {
		head := chapterHead{Key: key, Number: plandoc.Number(words, i+1)}
		if i > 0 {
			head.Before = keys[i-1]
		}
		if i+1 < len(keys) {
			head.After = keys[i+1]
		}
		b.Chapters = append(b.Chapters, head)
	}
	return b
}

// Has reports whether a chapter is shown.
func (b planBody) Has(key string) bool {
	return slices.ContainsFunc(b.Chapters, func(h chapterHead) bool { return h.Key == key }) && b.shows(key)
}

// RiskAt returns the path of a risk; they are shown by rank.
func (b planBody) RiskAt(id string) string {
	return b.EntryAt("risks", slices.IndexFunc(b.Risks, func(r plan.Risk) bool { return r.ID == id }))
}

// Head returns the heading of a chapter.
func (b planBody) Head(key string) chapterHead {
	i := slices.IndexFunc(b.Chapters, func(h chapterHead) bool { return h.Key == key })
	h := b.Chapters[i]
	h.Spot, h.Open = b.Place(key), b.sections != nil
	return h
}

// Department names a department.
func (b planBody) Department(id string) string {
	for _, d := range b.Departments {
		if d.ID == id {
			return d.Name.In(b.words.Lang())
		}
	}
	return id
}

// Ranked lists the risks, the gravest first.
func (b planBody) Ranked() []plan.Risk { return plandoc.Ranked(b.Plan) }

// procedureOf is a procedure with the plan whose roles it names, its place, and
// the path under which it stands now.
type procedureOf struct {
	planBody
	At, Path  string
	Procedure procedure.Procedure
}

func onProcedure(b planBody, at, path string, pr any) procedureOf {
	if pr, ok := pr.(*procedure.Procedure); ok {
		return procedureOf{b, at, path, *pr}
	}
	return procedureOf{b, at, path, pr.(procedure.Procedure)}
}

// StageAt and TaskAt return the paths of the parts of a procedure.
func (p procedureOf) StageAt(i int) string { return p.EntryAt(p.Path+".stages", i) }

func (p procedureOf) TaskAt(stage, i int) string { return p.EntryAt(p.StageAt(stage)+".tasks", i) }

// riskMatrix is the picture of the risks: likelihood upwards, impact to the
// right, each risk by its rank's number.
type riskMatrix struct {
	Width, Height int
	Cells         []riskCell
	Labels        []riskLabel
	Numbered      []numberedRisk
}

type riskCell struct {
	Grade                    string
	X, Y, W, H, TextX, TextY int
	Numbers                  []int
}

type riskLabel struct {
	X, Y int
	Text string
}

type numberedRisk struct {
	Number int
	Name   holdfast.Text
}

// The matrix is drawn on a grid of 5 by 5 cells below a line of text.
const (
	riskScale = 5
	cellWide  = 88
	cellHigh  = 40
	riskLeft  = 24
	riskTop   = 24
)

// Matrix draws the risks.
func (b planBody) Matrix() riskMatrix {
	m := riskMatrix{Width: riskLeft + riskScale*cellWide + 4, Height: riskTop + riskScale*cellHigh + 24}
	at := map[[2]int][]int{}
	for i, r := range b.Ranked() {
		at[[2]int{r.Likelihood, r.Impact}] = append(at[[2]int{r.Likelihood, r.Impact}], i+1)
		m.Numbered = append(m.Numbered, numberedRisk{i + 1, r.Title})
	}
	for l := 1; l <= riskScale; l++ {
		y := riskTop + (riskScale-l)*cellHigh
		m.Labels = append(m.Labels, riskLabel{8, y + cellHigh/2 + 4, strconv.Itoa(l)}, riskLabel{riskLeft + (l-1)*cellWide + cellWide/2, m.Height - 8, strconv.Itoa(l)})
		for i := 1; i <= riskScale; i++ {
			x := riskLeft + (i-1)*cellWide
			m.Cells = append(m.Cells, riskCell{Grade: riskGrade(l * i), X: x + 1, Y: y + 1, W: cellWide - 2, H: cellHigh - 2, TextX: x + 8, TextY: y + cellHigh/2 + 4, Numbers: at[[2]int{l, i}]})
		}
	}
	return m
}

func riskGrade(score int) string {
	switch {
	case score >= plan.HighRisk:
		return "high"
	case score >= plan.MediumRisk:
		return "medium"
	default:
		return "low"
	}
}
