package form

import (
	"reflect"
	"strconv"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// sources say where the choices of a field come from.
var sources = map[string]func(*plan.Plan) []Option{
	"plan.language": words("language", "zh-Hant", "zh-Hans", "en"),
	"plan.team":     roles,

	"governance.distribution": roles,
	"governance.owner":        roles,
	"approvalstep.mode":       words("approval-mode", plan.ApproveOne, plan.ApproveAll, plan.ApproveInOrder),
	"approvalstep.roles":      roles,

	"role.department":       departments,
	"authority.directives":  words("directive-kind", "stop", "limit", plan.StandIn, plan.Reroute, "lift"),
	"breakglass.directives": words("directive-kind", "stop", "limit", plan.StandIn, plan.Reroute, "lift"),
	"breakglass.superior":   roles,

	"risk.owner":     roles,
	"risk.levels":    levelSource,
	"risk.materials": materials,
	"material.kind":  words("material-kind", plan.Regulation, plan.Policy, plan.Technical, plan.Manual),
	"material.cited": chapters,
	"material.file":  attachments,
	"measure.type":   words("measure-type", plan.MeasureNumber, plan.MeasureText, plan.MeasureYesNo),
	"measure.from":   words("measure-from", plan.Sources()...),
	"measure.figure": words("measure-figure", plan.Figures()...),
	"band.days":      words("day", plan.Days[:]...),

	"alertrule.tell": roles,

	"debrief.sign":         roles,
	"stage.stage":          stages,
	"stage.role":           roles,
	"task.role":            roles,
	"task.deputy":          roles,
	"task.probes":          probes,
	"branch.approval":      roles,
	"notice.template":      templates,
	"notice.to":            roles,
	"notice.channels":      words("channel", "smtp", "sms", "voice", "dingtalk", "wecom", "feishu", "slack", "push", "webhook"),
	"escalationstep.to":    roles,
	"directive.kind":       words("directive-kind", procedure.DirectiveStop, procedure.DirectiveLimit, procedure.DirectiveStandIn, procedure.DirectiveReroute),
	"temporary.kind":       words("temporary-kind", plan.StandIn, plan.Queue, plan.Reroute, plan.ByHand),
	"temporary.role":       roles,
	"deferral.responsible": roles,
	"temporary.parameters": func(p *plan.Plan) []Option {
		return options(p.Parameters, func(e plan.Parameter) (string, holdfast.Text) { return e.ID, e.Title })
	},
	"limit.over":               words("limit-over", plan.Overs[:]...),
	"dependency.role":          roles,
	"dependencystep.temporary": temporary,
	"directive.temporary":      temporary,
	"dependencystep.approval":  roles,
	"recoverystep.role":        roles,
	"recoverystep.probes":      probes,
	"drillplan.kind":           words("drill-kind", plan.Tabletop, plan.Simulated, plan.Live),
	"drillplan.roles":          roles,
	"obligation.material":      materials,
	"obligation.from":          words("moment", plan.Moments[:]...),
	"obligation.role":          roles,
	"obligation.levels":        levelSource,
	"reporting.packs":          words("pack", plan.Packs[:]...),
	"reporting.role":           roles,
	"contact.role":             roles,
	"ramp.tests":               probes,
	"step.tests":               probes,
	"step.fall":                words("ramp-fall", procedure.Falls...),
	"probe.kind":               words("probe-kind", plan.ProbeHTTP, plan.ProbePayment),
}

// Choices are what a key of a kind of entry may hold, none where it is free.
func Choices(p *plan.Plan, owner, key string) []Option {
	if source, refers := sources[owner+"."+key]; refers {
		return source(p)
	}
	return nil
}

// ordered names lists of references whose order counts: they are rows, not a
// set of marks.
var ordered = map[string]bool{"approvalstep.roles": true}

// expressions names the fields that hold an expression.
var expressions = map[string]bool{
	"level.enter": true, "band.enter": true, "alertrule.match": true, "branch.when": true, "wait.until": true, "directive.scope": true, "temporary.scope": true, "terms.eligible": true, "deferral.deferrable": true, "component.scope": true, "probe.expect": true,
}

// longTexts names the keys whose text takes several lines.
var longTexts = map[string]bool{
	"purpose": true, "scope": true, "duties": true, "criteria": true, "guide": true, "body": true, "treatment": true, "how": true,
	"when": true, "goal": true, "means": true, "resources": true, "do": true, "reason": true, "text": true,
}

// plain names the keys that mean the same in every type.
var plain = map[string]bool{
	"id": true, "title": true, "name": true, "role": true, "deputy": true, "limit": true, "takes": true, "leak": true, "kind": true, "unit": true,
	"materials": true, "probes": true, "scope": true, "level": true, "levels": true, "owner": true, "party": true, "guide": true, "ramp": true,
}

// hidden names fields that no form shows: what the file needs and people do not
// choose.
var hidden = map[string]bool{
	"plan.format": true, "procedure.level": true,
	"attachment.name": true, "attachment.type": true, "attachment.size": true, "attachment.hash": true, // the file that is uploaded says these
}

// inline reports whether the entries of a list are small enough to be shown in
// full where the list stands.
func inline(t reflect.Type) bool {
	switch t {
	case textType, reflect.TypeFor[procedure.Step](), reflect.TypeFor[plan.Limit](), reflect.TypeFor[procedure.Branch](), reflect.TypeFor[plan.Authority](),
		reflect.TypeFor[procedure.EscalationStep](), reflect.TypeFor[plan.DependencyStep](), reflect.TypeFor[plan.Band](), reflect.TypeFor[plan.ApprovalStep](), reflect.TypeFor[plan.Department]():
		return true
	}
	return t.Kind() != reflect.Struct
}

func options[T any](list []T, of func(T) (string, holdfast.Text)) []Option {
	all := make([]Option, len(list))
	for i, entry := range list {
		all[i].Value, all[i].Name = of(entry)
	}
	return all
}

// words gives choices that the program knows: the word of a value has the key
// choice.KIND.VALUE.
func words(kind string, values ...string) func(*plan.Plan) []Option {
	var all []Option
	for _, value := range values {
		all = append(all, Option{Value: value, Word: "choice." + kind + "." + value})
	}
	return func(*plan.Plan) []Option { return all }
}

var levels = []Option{{Value: "1", Word: "choice.level.1"}, {Value: "2", Word: "choice.level.2"}, {Value: "3", Word: "choice.level.3"}}

func levelSource(*plan.Plan) []Option { return levels }

func roles(p *plan.Plan) []Option {
	return options(p.Roles, func(r plan.Role) (string, holdfast.Text) { return r.ID, r.Name })
}

func departments(p *plan.Plan) []Option {
	return options(p.Departments, func(d plan.Department) (string, holdfast.Text) { return d.ID, d.Name })
}

func materials(p *plan.Plan) []Option {
	return options(p.Materials, func(m plan.Material) (string, holdfast.Text) { return m.ID, m.Title })
}

func attachments(p *plan.Plan) []Option {
	return options(p.Attachments, func(a plan.Attachment) (string, holdfast.Text) { return a.ID, a.Title })
}

func probes(p *plan.Plan) []Option {
	return options(p.Probes, func(pr plan.Probe) (string, holdfast.Text) { return pr.ID, pr.Title })
}

func templates(p *plan.Plan) []Option {
	return options(p.Templates, func(t plan.Template) (string, holdfast.Text) { return t.ID, t.Subject })
}

func temporary(p *plan.Plan) []Option {
	return options(p.Temporary, func(t plan.Temporary) (string, holdfast.Text) { return t.ID, t.Title })
}

func stages(*plan.Plan) []Option {
	var all []Option
	for _, kind := range procedure.Kinds {
		all = append(all, Option{Value: string(kind), Word: "choice.stage." + string(kind)})
	}
	return all
}

// chapters are those that a material may be cited in.
func chapters(*plan.Plan) []Option {
	var all []Option
	for _, chapter := range plan.Chapters {
		all = append(all, Option{Value: chapter.Key, Word: "choice.chapter." + chapter.Key})
	}
	return all
}

// newID returns an id for a new entry of a list that no other entry has:
// role-3, or the first free number after.
func newID(owner string, list reflect.Value) string {
	taken := map[string]bool{}
	for i := range list.Len() {
		if id := fieldBy(list.Index(i), "id"); id.IsValid() {
			taken[id.String()] = true
		}
	}
	for n := list.Len() + 1; ; n++ {
		if id := owner + "-" + strconv.Itoa(n); !taken[id] {
			return id
		}
	}
}
