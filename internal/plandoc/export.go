package plandoc

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Record is what is known of a text beside what it says: the cover and the page of
// approval show it. What is not known yet is left to be filled in by hand.
type Record struct {
	// Revision is its number once it is published.
	Revision int
	// Document is the operator's number for it, 文號.
	Document string
	InForce  time.Time
	Zone     *time.Location
	Hash     holdfast.Hash
	Signed   []Signature
}

// Signature is one decision of the approval.
type Signature struct {
	// Step is the step's id, Role the role that the decision stands for.
	Step, Role string
	Name       string
	At         time.Time
}

// Export gives a plan as a document in the language of words.
func Export(p *plan.Plan, words *locale.Printer, record Record) docx.Document {
	e := newExporter(p, words)
	e.cover(record)
	e.add(docx.Block{Kind: docx.PageBreak}, docx.Block{Kind: docx.Contents, Text: words.T("plan.contents")}, docx.Block{Kind: docx.PageBreak})
	for _, key := range Chapters(p) {
		e.heading(1, e.label("plan", key))
		e.chapter(key)
	}
	head := e.x(p.Title)
	if record.Revision > 0 {
		head += "  " + words.T("plan.revision", "n", record.Revision)
	}
	if record.Document != "" {
		head += "  " + record.Document
	}
	return docx.Document{Title: e.x(p.Title), Lang: string(words.Lang()), Head: head, Foot: record.Hash.String(), Cover: true, Blocks: e.blocks}
}

type exporter struct {
	tongue
	plan   *plan.Plan
	names  map[string]map[string]string
	blocks []docx.Block
	// at counts the headings at each depth.
	at []int
}

func newExporter(p *plan.Plan, words *locale.Printer) *exporter {
	return &exporter{tongue: tongue{words}, plan: p, names: namesIn(p, words.Lang())}
}

// namesIn lists what the parts of a plan are called, by the key of their list and
// by id.
func namesIn(p *plan.Plan, lang holdfast.Lang) map[string]map[string]string {
	all := map[string]map[string]string{}
	add := func(list, id string, name holdfast.Text) {
		if all[list] == nil {
			all[list] = map[string]string{}
		}
		all[list][id] = strings.TrimSpace(name.In(lang))
	}
	for _, d := range p.Departments {
		add("departments", d.ID, d.Name)
	}
	for _, r := range p.Roles {
		add("roles", r.ID, r.Name)
	}
	for _, m := range p.Materials {
		add("materials", m.ID, m.Title)
	}
	for _, s := range p.Temporary {
		add("temporary", s.ID, s.Title)
	}
	for _, m := range p.Parameters {
		add("parameters", m.ID, m.Title)
	}
	for _, t := range p.Templates {
		add("templates", t.ID, t.Subject)
	}
	for _, pr := range p.Probes {
		add("probes", pr.ID, pr.Title)
	}
	for _, a := range p.Attachments {
		add("attachments", a.ID, a.Title)
	}
	return all
}

// name is what a part is called; one that the plan does not have keeps its id.
func (e *exporter) name(list, id string) string {
	if name := e.names[list][id]; name != "" {
		return name
	}
	return id
}

func (e *exporter) add(blocks ...docx.Block) { e.blocks = append(e.blocks, blocks...) }

// heading adds a heading with its number.
func (e *exporter) heading(level int, text string) {
	for len(e.at) < level {
		e.at = append(e.at, 0)
	}
	e.at = e.at[:level]
	e.at[level-1]++
	e.add(docx.H(level, numbered(e.words, e.at)+text))
}

func (e *exporter) x(t holdfast.Text) string { return strings.TrimSpace(t.In(e.words.Lang())) }

// text adds a text, a paragraph for each of its own.
func (e *exporter) text(t holdfast.Text) {
	if text := e.x(t); text != "" {
		e.add(docx.P(text))
	}
}

// facts adds the labelled lines of a part, but for the fields named.
func (e *exporter) facts(part any, keep bool, but ...string) {
	if lines := e.lines(e.name, reflect.ValueOf(part), but...); len(lines) > 0 {
		e.add(docx.Block{Text: strings.Join(lines, "\n"), Keep: keep})
	}
}

// unless names a field whose line is left out where its part's title says the same.
func unless(key string, said bool) string {
	if said {
		return key
	}
	return ""
}

func (e *exporter) role(id string) string { return e.name("roles", id) }

func (e *exporter) roles(ids []string) string {
	return e.value(e.name, "plan.team", reflect.ValueOf(ids))
}

// cover is the title with what is known of the revision, and the record of its
// approval: who has agreed, or room to sign.
func (e *exporter) cover(r Record) {
	line := func(label, text string) {
		e.add(docx.Block{Kind: docx.Cover, Text: e.labelled(label, text)})
	}
	e.add(docx.Block{Kind: docx.Title, Text: e.x(e.plan.Title)})
	blank := "＿＿＿＿＿＿"
	if e.words.Lang() == holdfast.En {
		blank = "____________"
	}
	line(e.words.T("document.number"), cmp.Or(r.Document, blank))
	if r.Revision > 0 {
		line(e.words.T("document.revision"), e.words.T("plan.revision", "n", r.Revision))
	}
	day := blank
	if !r.InForce.IsZero() {
		day = r.InForce.In(zoneOf(r.Zone)).Format(time.DateOnly)
	}
	line(e.words.T("document.in-force"), day)
	line(e.words.T("field.plan.language"), e.words.T("choice.language."+string(e.plan.Language)))
	if len(e.plan.Governance.Approval) == 0 {
		return
	}
	e.add(docx.Block{Kind: docx.PageBreak}, docx.Block{Kind: docx.Cover, Text: e.words.T("document.approval"), Strong: true})
	t := docx.T([]string{e.words.T("document.step"), e.label("approvalstep", "roles"), e.words.T("people.name"), e.words.T("document.day"), e.words.T("document.signature")}).Wide(3, 4, 3, 3, 4)
	for _, s := range e.plan.Governance.Approval {
		t.Rows = append(t.Rows, e.signatures(s, r)...)
	}
	e.add(t)
}

// room is the height that a signature takes.
const room = "\u00a0\n\u00a0"

// signatures are the rows of one step: its decisions, then the roles that have
// still to sign.
func (e *exporter) signatures(s plan.ApprovalStep, r Record) (rows [][]string) {
	waiting := slices.Clone(s.Roles)
	for _, signed := range r.Signed {
		if signed.Step != s.ID {
			continue
		}
		rows = append(rows, []string{e.x(s.Title), e.role(signed.Role), signed.Name, signed.At.In(zoneOf(r.Zone)).Format(time.DateOnly), room})
		waiting = slices.DeleteFunc(waiting, func(role string) bool { return role == signed.Role || s.Mode == plan.ApproveOne })
	}
	if s.Mode == plan.ApproveOne && len(waiting) > 0 {
		return append(rows, []string{e.x(s.Title), e.roles(waiting), "", "", room})
	}
	for _, role := range waiting {
		rows = append(rows, []string{e.x(s.Title), e.role(role), "", "", room})
	}
	return rows
}

func zoneOf(zone *time.Location) *time.Location {
	if zone == nil {
		return time.UTC
	}
	return zone
}

func (e *exporter) chapter(key string) {
	p := e.plan
	switch key {
	case "purpose":
		e.text(p.Purpose)
	case "scope":
		e.text(p.Scope)
	case "roles":
		e.organisation()
	case "risks":
		if len(p.Risks) > 0 {
			e.add(docx.Block{Text: e.words.T("risk.matrix"), Strong: true, Keep: true}, e.matrix())
		}
		e.add(table(e.tongue, e.name, Ranked(p)))
	case "materials":
		e.add(table(e.tongue, e.name, p.Materials))
	case "levels":
		e.levels()
	case "procedures":
		for _, pr := range p.Procedures {
			e.procedure(pr)
		}
	case "leak":
		e.procedure(*p.Leak)
	case "temporary":
		e.temporary()
	case "dependencies":
		for _, d := range p.Dependencies {
			e.heading(2, e.x(d.Title))
			e.facts(d, true, "title")
			e.add(table(e.tongue, e.name, d.Steps))
		}
	case "recovery":
		e.recovery()
	case "drills":
		e.add(table(e.tongue, e.name, p.Drills))
	case "obligations":
		e.add(table(e.tongue, e.name, p.Obligations))
		e.facts(p.Reporting, true)
	case "contacts":
		e.add(table(e.tongue, e.name, p.Contacts))
	case "components":
		e.add(table(e.tongue, e.name, p.Components))
		e.facts(p.Announcing, true)
	case "alerts":
		e.add(table(e.tongue, e.name, p.Alerts))
	case "templates":
		for _, t := range p.Templates {
			e.heading(2, e.x(t.Subject))
			e.text(t.Body)
		}
	case "probes":
		e.add(table(e.tongue, e.name, p.Probes))
	case "governance":
		e.add(table(e.tongue, e.name, p.Governance.Approval))
		e.facts(p.Governance, false)
	case "attachments":
		e.add(table(e.tongue, e.name, p.Attachments))
	case "annexes":
		for _, a := range p.Annexes {
			e.heading(2, e.x(a.Title))
			e.text(a.Text)
		}
	}
}

func (e *exporter) organisation() {
	var departments []string
	for _, d := range e.plan.Departments {
		departments = append(departments, e.x(d.Name))
	}
	e.add(docx.P(e.labelled(e.label("plan", "departments"), e.list(departments))+"\n"+e.labelled(e.label("plan", "team"), e.roles(e.plan.Team))),
		table(e.tongue, e.name, e.plan.Roles))
}

func (e *exporter) levels() {
	for _, l := range e.plan.Levels {
		e.heading(2, e.x(l.Title))
		e.text(l.Criteria)
		e.facts(l, false, "title", "criteria", unless("level", levelIn(e.x(l.Title)) == l.Level))
	}
	if len(e.plan.Measures) > 0 {
		e.heading(2, e.label("plan", "measures"))
		e.add(table(e.tongue, e.name, e.plan.Measures))
	}
}

// procedure adds a procedure. In the table of a stage's tasks a task without a
// role shows the stage's.
func (e *exporter) procedure(pr procedure.Procedure) {
	e.heading(2, e.x(pr.Title))
	tasks := map[string]string{}
	for _, s := range pr.Stages {
		for _, t := range s.Tasks {
			tasks[t.ID] = e.x(t.Title)
		}
	}
	e.names["tasks"] = tasks
	e.facts(pr, true, "title", unless("level", levelIn(e.x(pr.Title)) == pr.Level))
	for _, s := range pr.Stages {
		e.heading(3, e.x(s.Title))
		e.text(s.Guide)
		e.facts(s, len(s.Tasks) > 0, "title", "guide", unless("stage", e.x(s.Title) == e.words.T("choice.stage."+string(s.Kind))))
		if len(s.Tasks) == 0 {
			continue
		}
		list := slices.Clone(s.Tasks)
		for i := range list {
			if list[i].Role == "" {
				list[i].Role = s.Role
			}
		}
		e.add(table(e.tongue, e.name, list))
	}
}

func (e *exporter) temporary() {
	for _, s := range e.plan.Temporary {
		e.heading(2, e.x(s.Title))
		e.facts(s, false, "title")
	}
	if len(e.plan.Parameters) > 0 {
		e.heading(2, e.label("plan", "parameters"))
		e.add(table(e.tongue, e.name, e.plan.Parameters))
	}
}

func (e *exporter) recovery() {
	r := e.plan.Recovery
	e.facts(r, true, "steps", "close_out")
	e.add(table(e.tongue, e.name, r.Steps))
	if len(r.CloseOut) > 0 {
		e.heading(2, e.label("recovery", "close_out"))
		for _, c := range r.CloseOut {
			e.add(docx.L(e.x(c)))
		}
	}
}
