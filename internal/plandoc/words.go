package plandoc

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// A value of the plan is written in a document as people write it, and read back
// from what was written: a role by its name, a kind by its word, a span as 1 小時
// 30 分.

// choices names the fields whose values the program has words for: those with the
// key choice.KIND.VALUE.
var choices = map[string]struct {
	kind   string
	values []string
}{
	"approvalstep.mode":     {"approval-mode", []string{plan.ApproveOne, plan.ApproveAll, plan.ApproveInOrder}},
	"authority.directives":  {"directive-kind", []string{procedure.DirectiveStop, procedure.DirectiveLimit, plan.StandIn, plan.Reroute, "lift"}},
	"breakglass.directives": {"directive-kind", []string{procedure.DirectiveStop, procedure.DirectiveLimit, plan.StandIn, plan.Reroute, "lift"}},
	"directive.kind":        {"directive-kind", []string{procedure.DirectiveStop, procedure.DirectiveLimit, procedure.DirectiveStandIn, procedure.DirectiveReroute}},
	"material.kind":         {"material-kind", []string{plan.Regulation, plan.Policy, plan.Technical, plan.Manual}},
	"material.cited":        {"chapter", chapterKeys()},
	"measure.type":          {"measure-type", []string{plan.MeasureNumber, plan.MeasureText, plan.MeasureYesNo}},
	"measure.from":          {"measure-from", plan.Sources()},
	"measure.figure":        {"measure-figure", plan.Figures()},
	"band.days":             {"day", plan.Days[:]},
	"stage.stage":           {"stage", stageKinds()},
	"notice.channels":       {"channel", []string{"smtp", "sms", "voice", "dingtalk", "wecom", "feishu", "slack", "push", "webhook"}},
	"limit.over":            {"limit-over", plan.Overs[:]},
	"temporary.kind":        {"temporary-kind", []string{plan.StandIn, plan.Queue, plan.Reroute, plan.ByHand}},
	"drillplan.kind":        {"drill-kind", []string{plan.Tabletop, plan.Simulated, plan.Live}},
	"obligation.from":       {"moment", plan.Moments[:]},
	"reporting.packs":       {"pack", plan.Packs[:]},
	"step.fall":             {"ramp-fall", procedure.Falls},
	"probe.kind":            {"probe-kind", []string{plan.ProbeHTTP, plan.ProbePayment}},
}

// references names the fields that name another part of the plan, by the key of
// the list that it stands in.
var references = map[string]string{
	"plan.team":               "roles",
	"governance.distribution": "roles", "governance.owner": "roles", "approvalstep.roles": "roles", "breakglass.superior": "roles", "debrief.sign": "roles",
	"role.department": "departments",
	"risk.owner":      "roles", "risk.materials": "materials", "material.file": "attachments",
	"stage.role": "roles", "task.role": "roles", "task.deputy": "roles", "task.probes": "probes", "ramp.tests": "probes", "step.tests": "probes", "branch.approval": "roles",
	"notice.template": "templates", "notice.to": "roles", "escalationstep.to": "roles",
	"temporary.role": "roles", "deferral.responsible": "roles", "temporary.parameters": "parameters",
	"dependency.role": "roles", "dependencystep.temporary": "temporary", "dependencystep.approval": "roles",
	"recoverystep.role": "roles", "recoverystep.probes": "probes", "drillplan.roles": "roles",
	"obligation.material": "materials", "obligation.role": "roles", "reporting.role": "roles", "contact.role": "roles",
}

// taskReference is the one reference that stays inside its procedure.
const taskReference = "task.after"

// plain names the keys that have the same label in every part.
var plain = []string{
	"id", "title", "name", "role", "deputy", "limit", "takes", "leak", "kind", "unit", "materials", "probes", "scope", "level", "levels", "owner",
	"party", "guide", "ramp",
}

func chapterKeys() (keys []string) {
	for _, c := range plan.Chapters {
		keys = append(keys, c.Key)
	}
	return keys
}

func stageKinds() (kinds []string) {
	for _, k := range procedure.Kinds {
		kinds = append(kinds, string(k))
	}
	return kinds
}

// ownerOf names a part in the keys of labels: procedure.Task is task.
func ownerOf(t reflect.Type) string { return strings.ToLower(t.Name()) }

func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return key
}

// fieldOf returns the field of a part with a key.
func fieldOf(part reflect.Value, key string) reflect.Value {
	for i := range part.NumField() {
		if keyOf(part.Type().Field(i)) == key {
			return part.Field(i)
		}
	}
	panic("plandoc: " + part.Type().String() + " has no key " + key)
}

// tongue writes and reads values in one language.
type tongue struct{ words *locale.Printer }

// label is what a field is called. The head of a directive or a notice stands for
// its kind or its template.
func (t tongue) label(owner, key string) string {
	switch {
	case owner == "directive" && key == "kind":
		return t.words.T("field.task.directive")
	case slices.Contains(plain, key) && owner != "plan":
		return t.words.T("field." + key)
	}
	return t.words.T("field." + owner + "." + key)
}

func (t tongue) labelled(label, text string) string {
	return t.words.T("plan.labelled", "label", label, "text", text)
}

func (t tongue) list(entries []string) string {
	return strings.Join(entries, t.words.T("plan.list-mark"))
}

// names gives the name of an entry of a list of the plan, by its id.
type names func(list, id string) string

// value writes a field, or nothing if it is empty.
func (t tongue) value(name names, field string, v reflect.Value) string {
	if v.IsZero() && v.Type() != levelType {
		return ""
	}
	if field == taskReference {
		return t.each(v, func(id string) string { return name("tasks", id) })
	}
	if list, refers := references[field]; refers {
		return t.each(v, func(id string) string { return name(list, id) })
	}
	if c, is := choices[field]; is {
		return t.each(v, func(value string) string {
			if key := "choice." + c.kind + "." + value; t.words.Has(key) {
				return t.words.T(key)
			}
			return value
		})
	}
	switch x := v.Interface().(type) {
	case holdfast.Text:
		return strings.TrimSpace(x.In(t.words.Lang()))
	case procedure.Duration:
		return t.span(x.D())
	case holdfast.Level:
		return t.level(x)
	case []holdfast.Level:
		var all []string
		for _, l := range x {
			all = append(all, t.level(l))
		}
		return t.list(all)
	case bool:
		return t.words.T("document.yes")
	case int:
		return strconv.Itoa(x)
	case float64:
		return decimal(x)
	case *procedure.Ramp:
		return t.ramp(name, x)
	case []holdfast.Text:
		return t.items(x)
	case []procedure.Branch:
		return t.branches(name, x)
	case []procedure.EscalationStep:
		return t.escalation(name, x)
	case []plan.Authority:
		return t.authority(x)
	case []plan.Band:
		return t.bands(x)
	case *plan.Profile:
		return t.profile(name, x)
	case *plan.Terms:
		return t.terms(name, x)
	case *plan.Deferral:
		return t.deferral(name, x)
	case []plan.Limit:
		return t.limits(name, x)
	case plan.Forwarding:
		return t.forwarding(name, x)
	default:
		return t.each(v, func(s string) string { return s })
	}
}

var (
	levelType = reflect.TypeFor[holdfast.Level]()
	textType  = reflect.TypeFor[holdfast.Text]()
)

// each writes a string or a list of them.
func (t tongue) each(v reflect.Value, write func(string) string) string {
	if v.Kind() == reflect.String {
		return write(v.String())
	}
	all := make([]string, v.Len())
	for i := range all {
		all[i] = write(v.Index(i).String())
	}
	return t.list(all)
}

func (t tongue) level(l holdfast.Level) string {
	if l == holdfast.Unknown {
		return t.words.T("level.triage")
	}
	return t.words.T("choice.level." + strconv.Itoa(int(l)))
}

// decimal writes a figure exactly, with its thousands set apart.
func decimal(f float64) string {
	whole, fraction, found := strings.Cut(strconv.FormatFloat(f, 'f', -1, 64), ".")
	for at := len(whole) - 3; at > 0 && whole[at-1] != '-'; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if found {
		whole += "." + fraction
	}
	return whole
}

// spans are the units of a span, the longest first.
var spans = []struct {
	d    time.Duration
	unit string
}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}

// span writes a span to the second, and a shorter one to the millisecond.
func (t tongue) span(d time.Duration) string {
	var parts []string
	for _, u := range spans {
		if n := d / u.d; n > 0 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+t.words.T("unit."+u.unit))
			d -= n * u.d
		}
	}
	if len(parts) == 0 && d > 0 {
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strings.Join(parts, " ")
}

// items writes one item a line.
func (t tongue) items(list []holdfast.Text) string {
	lines := make([]string, len(list))
	for i, item := range list {
		lines[i] = strings.Join(strings.Fields(item.In(t.words.Lang())), " ")
	}
	return strings.Join(lines, "\n")
}

// branches writes one branch a line: condition → what to do （須同意的角色：…）.
func (t tongue) branches(name names, list []procedure.Branch) string {
	var lines []string
	for _, b := range list {
		line := b.When + " → " + strings.TrimSpace(b.Do.In(t.words.Lang()))
		if b.Approval != "" {
			line += t.words.T("document.bracket", "text", t.labelled(t.label("branch", "approval"), name("roles", b.Approval)))
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// authority writes one authority a line: 停止支付、限流（三級） · 可單獨決定.
func (t tongue) authority(list []plan.Authority) string {
	var lines []string
	for _, a := range list {
		kinds := t.value(nil, "authority.directives", reflect.ValueOf(a.Directives))
		line := kinds + t.words.T("document.bracket", "text", t.level(a.Level))
		if a.Alone {
			line += " · " + t.words.T("plan.alone")
		}
		if a.Scope != "" {
			line += " · " + t.words.T("plan.only-payments") + " " + a.Scope
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func in(lang holdfast.Lang, s string) holdfast.Text {
	switch lang {
	case holdfast.ZhHant:
		return holdfast.Text{ZhHant: s}
	case holdfast.ZhHans:
		return holdfast.Text{ZhHans: s}
	default:
		return holdfast.Text{En: s}
	}
}

// numbered is the number of a heading at each depth as official documents write
// it: 一、 （一） 1. in Chinese, 1. 1.1 1.1.1 in English.
func numbered(words *locale.Printer, at []int) string {
	n := at[len(at)-1]
	switch {
	case len(at) == 1:
		return words.T("document.number-1", "n", numeral(words.Lang(), n))
	case words.Lang() == holdfast.En:
		texts := make([]string, len(at))
		for i, n := range at {
			texts[i] = strconv.Itoa(n)
		}
		return strings.Join(texts, ".") + " "
	case len(at) == 2:
		return words.T("document.number-2", "n", numeral(words.Lang(), n))
	default:
		return strconv.Itoa(n) + ". "
	}
}
