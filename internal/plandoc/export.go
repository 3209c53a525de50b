package plandoc

import (
	"fmt"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Export gives a plan as a document in the language of words. foot stands at the
// foot of each page: the revision and its hash.
func Export(p *plan.Plan, words *locale.Printer, foot string) docx.Document {
	e := exporter{plan: p, words: words}
	e.add(docx.Block{Kind: docx.Title, Text: e.x(p.Title)})
	for i, key := range Chapters(p) {
		e.add(docx.H(1, Number(words, i+1)+" "+e.label("plan."+key)))
		e.chapter(key)
	}
	return docx.Document{Title: e.x(p.Title), Lang: string(words.Lang()), Foot: foot, Blocks: e.blocks}
}

type exporter struct {
	plan   *plan.Plan
	words  *locale.Printer
	blocks []docx.Block
}

func (e *exporter) add(blocks ...docx.Block) { e.blocks = append(e.blocks, blocks...) }

func (e *exporter) x(t holdfast.Text) string { return strings.TrimSpace(t.In(e.words.Lang())) }

func (e *exporter) label(field string) string { return e.words.T("field." + field) }

// say adds a paragraph of a label and a text, or nothing without a text.
func (e *exporter) say(label, text string) {
	if text != "" {
		e.add(docx.P(e.words.T("plan.labelled", "label", label, "text", text)))
	}
}

func (e *exporter) role(id string) string {
	if r, ok := e.plan.Role(id); ok {
		return e.x(r.Name)
	}
	return id
}

func (e *exporter) roles(ids []string) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = e.role(id)
	}
	return strings.Join(names, e.words.T("plan.list-mark"))
}

func (e *exporter) span(d procedure.Duration) string {
	if d == 0 {
		return ""
	}
	return e.words.Span(d.D())
}

func (e *exporter) chapter(key string) {
	p := e.plan
	switch key {
	case "purpose":
		e.add(docx.P(e.x(p.Purpose)))
	case "scope":
		e.add(docx.P(e.x(p.Scope)))
	case "roles":
		e.organisation()
	case "risks":
		e.risks()
	case "materials":
		e.materials()
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
		e.dependencies()
	case "recovery":
		e.recovery()
	case "drills":
		e.drills()
	case "obligations":
		e.obligations()
	case "contacts":
		e.contacts()
	case "alerts":
		e.alerts()
	case "templates":
		for _, t := range p.Templates {
			e.add(docx.H(2, e.x(t.Subject)), docx.P(e.x(t.Body)))
		}
	case "governance":
		e.governance()
	case "annexes":
		for _, a := range e.plan.Annexes {
			e.add(docx.H(2, e.x(a.Title)), docx.P(e.x(a.Text)))
		}
	}
}

func (e *exporter) organisation() {
	t := docx.T([]string{e.label("role"), e.label("role.department"), e.label("role.duties"), e.label("role.authority")}).Wide(3, 2, 6, 4)
	departments := map[string]string{}
	for _, d := range e.plan.Departments {
		departments[d.ID] = e.x(d.Name)
	}
	for _, r := range e.plan.Roles {
		var may []string
		for _, a := range r.Authority {
			var kinds []string
			for _, kind := range a.Directives {
				kinds = append(kinds, e.words.T("choice.directive-kind."+kind))
			}
			line := strings.Join(kinds, e.words.T("plan.list-mark")) + " · " + e.words.T("plan.up-to-level", "n", a.Level)
			if a.Alone {
				line += " · " + e.words.T("plan.alone")
			}
			may = append(may, line)
		}
		t.Rows = append(t.Rows, []string{e.x(r.Name), departments[r.Department], e.x(r.Duties), strings.Join(may, "\n")})
	}
	e.add(t)
	e.say(e.label("plan.team"), e.roles(e.plan.Team))
}

func (e *exporter) risks() {
	t := docx.T([]string{e.label("plan.risks"), e.label("risk.likelihood"), e.label("risk.impact"), e.words.T("risk.score"), e.label("risk.treatment")}).Wide(5, 2, 2, 2, 6)
	for _, r := range Ranked(e.plan) {
		t.Rows = append(t.Rows, []string{e.x(r.Title), strconv.Itoa(r.Likelihood), strconv.Itoa(r.Impact), strconv.Itoa(r.Score()), e.x(r.Treatment)})
	}
	e.add(t)
}

func (e *exporter) materials() {
	t := docx.T([]string{e.label("title"), e.label("kind"), e.label("material.version"), e.label("material.date"), e.label("material.link")}).Wide(6, 2, 2, 3, 4)
	for _, m := range e.plan.Materials {
		t.Rows = append(t.Rows, []string{e.x(m.Title), e.words.T("choice.material-kind." + m.Kind), m.Version, string(m.Date), m.Link})
	}
	e.add(t)
}

func (e *exporter) levels() {
	for _, l := range e.plan.Levels {
		e.add(docx.H(2, e.x(l.Title)), docx.P(e.x(l.Criteria)))
		e.say(e.label("level.enter"), l.Enter)
		e.say(e.label("level.recover_within"), e.span(l.RecoverWithin))
	}
}

func (e *exporter) procedure(pr procedure.Procedure) {
	e.add(docx.H(2, e.x(pr.Title)))
	for i, s := range pr.Stages {
		e.add(docx.H(3, fmt.Sprintf("%d. %s", i+1, e.x(s.Title))))
		e.say(e.label("role"), e.role(s.Role))
		e.say(e.label("limit"), e.span(s.Limit))
		if guide := e.x(s.Guide); guide != "" {
			e.add(docx.P(guide))
		}
		if len(s.Tasks) == 0 {
			continue
		}
		t := docx.T([]string{e.label("stage.tasks"), e.label("role"), e.label("limit"), e.label("guide")}).Wide(4, 3, 2, 8)
		for _, task := range s.Tasks {
			role := task.Role
			if role == "" {
				role = s.Role
			}
			t.Rows = append(t.Rows, []string{e.x(task.Title), e.role(role), e.span(task.Limit), e.taskText(task)})
		}
		e.add(t)
	}
}

// taskText is all that a task says beside who and until when.
func (e *exporter) taskText(task procedure.Task) string {
	var lines []string
	add := func(label, text string) {
		if text != "" {
			lines = append(lines, e.words.T("plan.labelled", "label", label, "text", text))
		}
	}
	if guide := e.x(task.Guide); guide != "" {
		lines = append(lines, guide)
	}
	if task.Deputy != "" {
		add(e.label("deputy"), e.role(task.Deputy))
	}
	add(e.label("takes"), e.span(task.Takes))
	add(e.label("task.means"), e.x(task.Means))
	if task.Notice != nil {
		add(e.label("notice.to"), e.roles(task.Notice.To))
	}
	if d := task.Directive; d != nil {
		add(e.label("task.directive"), e.words.T("choice.directive-kind."+d.Kind)+" · "+d.Scope)
	}
	if task.Ramp != nil {
		add(e.label("ramp"), e.ramp(task.Ramp))
	}
	for _, b := range task.Branches {
		add(b.When, e.x(b.Do))
	}
	return strings.Join(lines, "\n")
}

func (e *exporter) ramp(r *procedure.Ramp) string {
	var steps []string
	for _, s := range r.Steps {
		step := e.words.Percent(s.Percent)
		if s.Hold != 0 {
			step += " (" + e.span(s.Hold) + ")"
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, " → ")
}

func (e *exporter) temporary() {
	for _, s := range e.plan.Temporary {
		e.add(docx.H(2, e.x(s.Title)))
		e.say(e.label("kind"), e.words.T("choice.temporary-kind."+s.Kind))
		e.say(e.label("role"), e.role(s.Role))
		e.say(e.label("temporary.when"), e.x(s.When))
		e.say(e.label("temporary.how"), e.x(s.How))
		e.say(e.label("scope"), s.Scope)
		e.say(e.label("temporary.longest"), e.span(s.Longest))
	}
	if len(e.plan.Parameters) == 0 {
		return
	}
	t := docx.T([]string{e.label("plan.parameters"), e.label("unit"), e.label("parameter.planned"), e.label("parameter.unplanned")})
	for _, m := range e.plan.Parameters {
		t.Rows = append(t.Rows, []string{e.x(m.Title), m.Unit, e.words.Decimal(m.Planned), e.words.Decimal(m.Unplanned)})
	}
	e.add(t)
}

func (e *exporter) dependencies() {
	for _, d := range e.plan.Dependencies {
		e.add(docx.H(2, e.x(d.Title)))
		e.say(e.label("role"), e.role(d.Role))
		for _, s := range d.Steps {
			text := e.x(s.Do)
			if s.After != 0 {
				text = e.words.T("plan.away-for", "span", e.span(s.After)) + " " + text
			}
			e.add(docx.L(text))
		}
	}
}

func (e *exporter) recovery() {
	r := e.plan.Recovery
	e.say(e.label("recovery.within"), e.span(r.Within))
	t := docx.T([]string{e.label("recovery.steps"), e.label("role"), e.label("takes"), e.label("limit"), e.label("recoverystep.resources")}).Wide(5, 3, 2, 2, 5)
	for _, s := range r.Steps {
		role := e.role(s.Role)
		if s.People > 1 {
			role += " × " + strconv.Itoa(s.People)
		}
		t.Rows = append(t.Rows, []string{e.x(s.Title), role, e.span(s.Takes), e.span(s.Limit), e.x(s.Resources)})
	}
	e.add(t)
	if r.Ramp != nil {
		e.say(e.label("ramp"), e.ramp(r.Ramp))
	}
	if len(r.CloseOut) > 0 {
		e.add(docx.H(2, e.label("recovery.close_out")))
		for _, c := range r.CloseOut {
			e.add(docx.L(e.x(c)))
		}
	}
}

func (e *exporter) drills() {
	t := docx.T([]string{e.label("title"), e.label("kind"), e.label("drillplan.goal"), e.label("drillplan.every_months"), e.label("drillplan.roles")}).Wide(4, 2, 6, 2, 4)
	for _, d := range e.plan.Drills {
		t.Rows = append(t.Rows, []string{e.x(d.Title), e.words.T("choice.drill-kind." + d.Kind), e.x(d.Goal), strconv.Itoa(d.EveryMonths), e.roles(d.Roles)})
	}
	e.add(t)
}

func (e *exporter) obligations() {
	t := docx.T([]string{e.label("title"), e.label("obligation.recipient"), e.label("obligation.from"), e.label("obligation.within"), e.label("role")}).Wide(5, 4, 3, 2, 3)
	for _, o := range e.plan.Obligations {
		t.Rows = append(t.Rows, []string{e.x(o.Title), e.x(o.Recipient), e.words.T("choice.moment." + o.From), e.span(o.Within), e.role(o.Role)})
	}
	e.add(t)
}

func (e *exporter) contacts() {
	t := docx.T([]string{e.label("party"), e.label("contact.purpose"), e.label("role")})
	for _, c := range e.plan.Contacts {
		t.Rows = append(t.Rows, []string{c.Party, e.x(c.Purpose), e.role(c.Role)})
	}
	e.add(t)
}

func (e *exporter) alerts() {
	t := docx.T([]string{e.label("alertrule.match"), e.label("level"), e.label("alertrule.why")}).Wide(6, 2, 6)
	for _, a := range e.plan.Alerts {
		level := e.words.T("level.triage")
		if a.Level != 0 {
			level = e.words.T("level.n", "n", a.Level)
		}
		t.Rows = append(t.Rows, []string{a.Match, level, e.x(a.Why)})
	}
	e.add(t)
}

func (e *exporter) governance() {
	g := e.plan.Governance
	for _, s := range g.Approval {
		e.add(docx.L(e.x(s.Title) + " · " + e.words.T("choice.approval-mode."+s.Mode) + " · " + e.roles(s.Roles)))
	}
	e.say(e.label("governance.distribution"), e.roles(g.Distribution))
	e.say(e.label("governance.review_by"), string(g.ReviewBy))
}
