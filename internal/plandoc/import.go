package plandoc

import (
	"cmp"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Imported is what a document gave.
type Imported struct {
	Plan *plan.Plan
	// People are those of tables of names and numbers, for the roster: a plan names
	// roles only. The tables stay in an annex as well.
	People []roster.Person
	// Kept are the headings whose text no chapter has a place for: it is an annex.
	Kept []string
	// Unread says what could not be read, and where it stands.
	Unread []error
}

// Import makes a plan of a document in one language, as far as it goes. Of a
// document that [Export] wrote it reads all. Of others, headings become chapters,
// tables of risks, levels, materials, roles and contacts become their rows, and
// every other text is kept as an annex under its heading; where no paragraph has a
// heading's style, short numbered ones count as headings. What the plan then lacks
// is for [plan.Check] and lint to say: nothing is made up but ids.
//
// base is the plan that the document revises, or nil. A part that is called as one
// of base keeps its id, and a text that says the same keeps its other languages.
// Without base, parts are called as in the built-in plan.
func Import(blocks []docx.Block, words *locale.Printer, base *plan.Plan) Imported {
	im := importer{tongue: tongue{words}, plan: &plan.Plan{Format: plan.Format, ID: "plan", Language: words.Lang()}}
	for _, b := range headed(blocks) {
		im.block(b)
	}
	im.flush()
	if im.procedureAt != nil {
		im.endProcedure()
	}
	im.resolve(base)
	im.out.Plan = im.plan
	return im.out
}

// Found is how many parts of one chapter a document gave.
type Found struct {
	// Chapter is the chapter's key, as in field.plan.KEY.
	Chapter string `json:"chapter"`
	Parts   int    `json:"parts"`
}

// Found lists the chapters that have something, in their official order.
func (im Imported) Found() (list []Found) {
	p := im.Plan
	count := map[string]int{
		"purpose": set(p.Purpose), "scope": set(p.Scope), "roles": len(p.Roles), "risks": len(p.Risks), "materials": len(p.Materials), "levels": len(p.Levels),
		"procedures": len(p.Procedures), "temporary": len(p.Temporary), "dependencies": len(p.Dependencies), "recovery": len(p.Recovery.Steps),
		"drills": len(p.Drills), "obligations": len(p.Obligations), "contacts": len(p.Contacts), "components": len(p.Components), "alerts": len(p.Alerts), "templates": len(p.Templates),
		"probes": len(p.Probes), "governance": len(p.Governance.Approval), "attachments": len(p.Attachments), "annexes": len(p.Annexes),
	}
	if p.Leak != nil {
		count["leak"] = 1
	}
	for _, key := range Chapters(p) {
		if count[key] > 0 {
			list = append(list, Found{key, count[key]})
		}
	}
	return list
}

func set(t holdfast.Text) int {
	if t.IsZero() {
		return 0
	}
	return 1
}

type importer struct {
	tongue
	plan *plan.Plan
	out  Imported

	// covered says that a cover was read: what follows it until the first heading is
	// the record of an approval.
	covered, begun bool
	// chapter is the key of the chapter that is being read, or empty; section is the
	// key of a list inside it.
	chapter, section string
	// title is the heading of what is being read, text what it said so far.
	title string
	text  []string
	// procedureAt is the procedure that is being read, with its stages.
	procedureAt *procedure.Procedure
}

func (im *importer) in(s string) holdfast.Text { return in(im.words.Lang(), s) }

func (im *importer) block(b docx.Block) {
	switch b.Kind {
	case docx.Title:
		if im.plan.Title.IsZero() {
			im.plan.Title = im.in(b.Text)
			return
		}
		im.text = append(im.text, b.Text)
	case docx.Cover:
		im.covered = true
	case docx.Heading:
		im.heading(b.Level, unnumbered(b.Text))
	case docx.Entry:
		im.entry(b.Text)
	case docx.TableBlock:
		im.tableBlock(b.Rows)
	default:
		if im.chapter == "risks" && b.Text == im.words.T("risk.matrix") {
			return // the title of a picture
		}
		im.text = append(im.text, b.Text)
	}
}

// numbering is what stands before a heading's title: 第一章, 1.2, 一、, （三）, IV.
var numbering = regexp.MustCompile(`^(([0-9]+(\.[0-9]+)*|第?[一二三四五六七八九十百0-9]+[章節节條条篇]?|[IVX]+|(?i:chapter|section) [0-9]+)[\s　.、．:：)）]+|[（(][一二三四五六七八九十0-9]+[）)][\s　]*)`)

func unnumbered(heading string) string {
	if title := numbering.ReplaceAllString(heading, ""); title != "" {
		return strings.TrimSpace(title)
	}
	return heading
}

// heading begins a chapter, or a part of the chapter that is being read.
func (im *importer) heading(level int, title string) {
	im.flush()
	im.begun = true
	im.title = title
	if im.procedureAt != nil && level == 3 {
		im.procedureAt.Stages = append(im.procedureAt.Stages, procedure.Stage{Title: im.in(title), Kind: im.stageKind(title)})
		return
	}
	if im.procedureAt != nil {
		im.endProcedure()
	}
	im.section = ""
	if level == 1 {
		im.chapter = im.chapterOf(title)
		return
	}
	if level != 2 {
		if im.chapter != "annexes" {
			im.chapter = ""
		}
		return
	}
	im.part(title)
}

// part begins a part of a chapter under a heading of the second level.
func (im *importer) part(title string) {
	p := im.plan
	switch {
	case title == im.label("plan", "measures"), title == im.label("plan", "parameters"), title == im.label("recovery", "close_out"):
		im.section = title
	case im.chapter == "levels" && levelIn(title) != holdfast.Unknown:
		p.Levels = append(p.Levels, plan.Level{Level: levelIn(title), Title: im.in(title)})
		im.section = "level"
	case im.chapter == "procedures" || im.chapter == "leak":
		im.procedureAt = &procedure.Procedure{Title: im.in(title), Level: levelIn(title)}
	case im.chapter == "temporary":
		p.Temporary = append(p.Temporary, plan.Temporary{Title: im.in(title)})
		im.section = "temporary"
	case im.chapter == "dependencies":
		p.Dependencies = append(p.Dependencies, plan.Dependency{Title: im.in(title)})
		im.section = "dependency"
	case im.chapter == "templates":
		p.Templates = append(p.Templates, plan.Template{Subject: im.in(title)})
		im.section = "template"
	case im.chapter != "annexes":
		im.chapter = ""
	}
}

// chapterOf finds the chapter with a title.
func (im *importer) chapterOf(title string) string {
	for _, key := range []string{
		"purpose", "scope", "roles", "risks", "materials", "levels", "procedures", "leak", "temporary", "dependencies", "recovery", "drills",
		"obligations", "contacts", "components", "alerts", "templates", "probes", "governance", "attachments", "annexes",
	} {
		if title == im.label("plan", key) {
			return key
		}
	}
	return ""
}

func (im *importer) stageKind(title string) procedure.StageKind {
	for _, kind := range procedure.Kinds {
		if title == im.words.T("choice.stage."+string(kind)) {
			return kind
		}
	}
	return ""
}

// endProcedure takes the procedure that was read: one with stages, else its text
// is all there was and stands in an annex.
func (im *importer) endProcedure() {
	pr := *im.procedureAt
	im.procedureAt = nil
	switch {
	case len(pr.Stages) == 0:
	case im.chapter == "leak":
		im.plan.Leak = &pr
	default:
		im.plan.Procedures = append(im.plan.Procedures, pr)
	}
}

func (im *importer) entry(text string) {
	if im.section != "" && im.section == im.label("recovery", "close_out") {
		im.plan.Recovery.CloseOut = append(im.plan.Recovery.CloseOut, im.in(text))
		return
	}
	im.text = append(im.text, "• "+text)
}

// flush puts the text that was read where it belongs.
func (im *importer) flush() {
	text := strings.TrimSpace(strings.Join(im.text, "\n"))
	im.text = nil
	if text == "" {
		return
	}
	p := im.plan
	last := func(list any) reflect.Value {
		v := reflect.ValueOf(list).Elem()
		return v.Index(v.Len() - 1)
	}
	var rest []string
	switch {
	case im.procedureAt != nil && len(im.procedureAt.Stages) > 0:
		rest = im.readLines(text, last(&im.procedureAt.Stages), "guide")
	case im.procedureAt != nil:
		rest = im.readLines(text, reflect.ValueOf(im.procedureAt).Elem(), "")
	case im.section == "level":
		rest = im.readLines(text, last(&p.Levels), "criteria")
	case im.section == "temporary":
		rest = im.readLines(text, last(&p.Temporary), "how")
	case im.section == "dependency":
		rest = im.readLines(text, last(&p.Dependencies), "")
	case im.section == "template":
		last(&p.Templates).FieldByName("Body").Set(reflect.ValueOf(im.in(text)))
	case im.chapter == "purpose" && p.Purpose.IsZero():
		p.Purpose = im.in(text)
	case im.chapter == "scope" && p.Scope.IsZero():
		p.Scope = im.in(text)
	case im.chapter == "roles":
		rest = im.organisation(text)
	case im.chapter == "recovery":
		rest = im.readLines(text, reflect.ValueOf(&p.Recovery).Elem(), "")
	case im.chapter == "obligations":
		rest = im.readLines(text, reflect.ValueOf(&p.Reporting).Elem(), "")
	case im.chapter == "components":
		rest = im.readLines(text, reflect.ValueOf(&p.Announcing).Elem(), "")
	case im.chapter == "governance":
		rest = im.readLines(text, reflect.ValueOf(&p.Governance).Elem(), "")
	case im.chapter == "annexes":
		im.annex(im.title, text)
	default:
		im.foreignText(im.title, text)
	}
	im.keep(rest)
}

// organisation reads the lines above the table of roles.
func (im *importer) organisation(text string) (rest []string) {
	for _, line := range strings.Split(text, "\n") {
		label, said, _ := cutLabel(line)
		switch label {
		case im.label("plan", "departments"):
			for _, name := range split(said, nil) {
				im.plan.Departments = append(im.plan.Departments, plan.Department{Name: im.in(name)})
			}
		case im.label("plan", "team"):
			im.plan.Team = []string{said}
		default:
			rest = append(rest, line)
		}
	}
	return rest
}

// keep puts what a chapter has no place for into an annex.
func (im *importer) keep(rest []string) {
	if len(rest) > 0 {
		im.annex(im.title, strings.Join(rest, "\n"))
	}
}

func (im *importer) annex(title, text string) {
	if title == "" {
		title = firstLine(text)
	}
	n := len(im.plan.Annexes)
	if n > 0 && im.plan.Annexes[n-1].Title == im.in(title) {
		last := im.plan.Annexes[n-1].Text.In(im.words.Lang())
		im.plan.Annexes[n-1].Text = im.in(last + "\n" + text)
		return
	}
	if im.chapter != "annexes" {
		im.out.Kept = append(im.out.Kept, title)
	}
	im.plan.Annexes = append(im.plan.Annexes, plan.Annex{Title: im.in(title), Text: im.in(text)})
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if runes := []rune(line); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return line
}

// tableBlock reads a table: one of ours by its head, then one as others have them,
// else as text.
func (im *importer) tableBlock(rows [][]string) {
	if im.covered && !im.begun {
		return
	}
	if len(rows) > 0 && len(rows[0]) > 0 && rows[0][0] == im.matrixCorner() {
		return
	}
	if rest, ok := im.ownTable(rows); ok {
		for _, said := range rest {
			im.out.Unread = append(im.out.Unread, holdfast.Errorf(holdfast.Invalid, "under %q, %q cannot be read: enter it again", cmp.Or(im.title, "–"), firstLine(said)))
		}
		return
	}
	if im.foreignTable(rows) {
		return
	}
	for _, row := range rows {
		im.text = append(im.text, strings.Join(row, " | "))
	}
}

func (im *importer) ownTable(rows [][]string) (rest []string, ok bool) {
	p := im.plan
	if pr := im.procedureAt; pr != nil && len(pr.Stages) > 0 {
		return readTable(im.tongue, rows, &pr.Stages[len(pr.Stages)-1].Tasks)
	}
	if im.section == "dependency" {
		return readTable(im.tongue, rows, &p.Dependencies[len(p.Dependencies)-1].Steps)
	}
	for _, read := range []func() ([]string, bool){
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Roles) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Risks) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Materials) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Measures) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Parameters) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Recovery.Steps) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Drills) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Obligations) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Contacts) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Components) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Alerts) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Probes) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Governance.Approval) },
		func() ([]string, bool) { return readTable(im.tongue, rows, &p.Attachments) },
	} {
		if rest, ok = read(); ok {
			return rest, true
		}
	}
	return nil, false
}

// levelWord is a level as documents write it.
var levelWord = regexp.MustCompile(`(?i)level\s*([123])\b|([一二三123]|\b(?:III|II|I)\b|Ⅰ|Ⅱ|Ⅲ)\s*[級级]`)

func levelIn(text string) holdfast.Level {
	m := levelWord.FindStringSubmatch(text)
	if m == nil {
		return holdfast.Unknown
	}
	switch m[1] + m[2] {
	case "1", "一", "I", "Ⅰ":
		return holdfast.Level1
	case "2", "二", "II", "Ⅱ":
		return holdfast.Level2
	default:
		return holdfast.Level3
	}
}

// newID gives an id that no other part of a list has: that of the name in the base,
// the name itself where it can be one, or the owner's with a number.
func newID(owner, name, known string, taken map[string]bool) string {
	for _, id := range []string{known, strings.ToLower(strings.Join(strings.Fields(name), "-"))} {
		if holdfast.ValidName(id) && !taken[id] {
			return id
		}
	}
	for n := len(taken) + 1; ; n++ {
		if id := owner + "-" + strconv.Itoa(n); !taken[id] {
			return id
		}
	}
}
