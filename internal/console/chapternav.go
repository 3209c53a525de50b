package console

import (
	"cmp"
	"slices"
	"time"

	"holdfast/internal/console/form"
	"holdfast/internal/draft"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
)

// chapterLine is one chapter in a list of a draft's chapters: who saved it last,
// and what it still lacks.
type chapterLine struct {
	Key     string
	SavedBy string
	At      time.Time
	// Wrong and Warnings count what lint finds in it, Comments those that nobody
	// has answered.
	Wrong, Warnings, Comments int
	// Bare says that nothing is written in it yet.
	Bare bool
	// Here marks the chapter whose page it is.
	Here bool
	// Findings are those that keep the draft from approval.
	Findings []finding
}

// chapterLines lists the chapters of a draft in the order of the file.
func chapterLines(d *draft.Draft, p *plan.Plan, findings []finding) (lines []chapterLine) {
	for _, chapter := range plan.Chapters {
		line := chapterLine{Key: chapter.Key, Bare: form.Bare(p, chapter)}
		if saves := d.SavesOf(chapter.Key); len(saves) > 0 {
			line.SavedBy, line.At = saves[0].By.Name, saves[0].At
		}
		for _, f := range findings {
			switch {
			case f.Chapter != chapter.Key:
			case f.Severity == string(lint.Error):
				line.Wrong++
				line.Findings = append(line.Findings, f)
			case f.Severity == string(lint.Warning):
				line.Warnings++
			}
		}
		for _, comment := range d.Comments {
			if comment.Chapter == chapter.Key && comment.Resolved == nil {
				line.Comments++
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// nav fills in where else the reader may go from a chapter.
func (own *chapterPage) nav(lines []chapterLine, key string) {
	own.Nav = lines
	for i := range lines {
		if lines[i].Key != key {
			continue
		}
		lines[i].Here = true
		if i > 0 {
			own.Prev = lines[i-1].Key
		}
		if i+1 < len(lines) {
			own.Next = lines[i+1].Key
		}
	}
}

// checklistPage says what is still missing before a draft can be submitted.
type checklistPage struct {
	Draft    *draft.Draft
	Chapters []chapterLine
	// Whole are findings that belong to no chapter.
	Whole []finding
	// Comments counts those that nobody has answered.
	Comments int
	// Missing counts all of it.
	Missing int
	// MayWrite says whether the reader may mend it.
	MayWrite bool
}

func (c *Console) checklist(v *visit) error {
	d, p, faults, err := c.theDraft(v)
	if err != nil {
		return err
	}
	findings := c.findings(v, d, p, faults)
	own := checklistPage{Draft: d, Chapters: chapterLines(d, p, findings), Comments: d.OpenComments(), MayWrite: mayWrite(v, d)}
	own.Missing = own.Comments
	for _, f := range findings {
		if f.Severity != string(lint.Error) {
			continue
		}
		own.Missing++
		if f.Chapter == "" {
			own.Whole = append(own.Whole, f)
		}
	}
	slices.SortStableFunc(own.Chapters, func(a, b chapterLine) int { return cmp.Compare(min(b.Wrong, 1), min(a.Wrong, 1)) })
	return c.show(v, "checklist", v.words.T("editor.checklist"), false, own)
}
