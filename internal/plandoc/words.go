package plandoc

import (
	"maps"
	"math"
	"reflect"
	"regexp"
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
	"authority.directives":  {"directive-kind", []string{procedure.DirectiveStop, procedure.DirectiveLimit, plan.StandIn, "lift"}},
	"breakglass.directives": {"directive-kind", []string{procedure.DirectiveStop, procedure.DirectiveLimit, plan.StandIn, "lift"}},
	"directive.kind":        {"directive-kind", []string{procedure.DirectiveStop, procedure.DirectiveLimit, procedure.DirectiveStandIn}},
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
	"stage.role": "roles", "task.role": "roles", "task.deputy": "roles", "task.probes": "probes", "ramp.tests": "probes", "branch.approval": "roles",
	"notice.template": "templates", "notice.to": "roles", "escalationstep.to": "roles",
	"temporary.role": "roles", "temporary.parameters": "parameters",
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

// span writes a span to the second.
func (t tongue) span(d time.Duration) string {
	var parts []string
	for _, u := range spans {
		if n := d / u.d; n > 0 {
			parts = append(parts, strconv.FormatInt(int64(n), 10)+" "+t.words.T("unit."+u.unit))
			d -= n * u.d
		}
	}
	return strings.Join(parts, " ")
}

var spanPart = regexp.MustCompile(`(\d+)\s*([\p{Han}A-Za-z]+)`)

// readSpan reads a span as people write it in any language: 1 小時 30 分, 2小时,
// 90 min, 1 d.
func readSpan(text string) (procedure.Duration, bool) {
	var d time.Duration
	parts := spanPart.FindAllStringSubmatch(text, -1)
	for _, part := range parts {
		n, err := strconv.Atoi(part[1])
		unit := unitOf(strings.ToLower(part[2]))
		if err != nil || unit == 0 || int64(n) > math.MaxInt64/int64(unit)/4 {
			return 0, false
		}
		d += time.Duration(n) * unit
	}
	whole := strings.TrimSpace(spanPart.ReplaceAllString(text, "")) == ""
	return procedure.Duration(d), whole && len(parts) > 0 && d >= 0 && procedure.Duration(d) <= procedure.MaxDuration
}

func unitOf(word string) time.Duration {
	switch {
	case strings.HasPrefix(word, "d") || strings.HasPrefix(word, "天") || strings.HasPrefix(word, "日"):
		return 24 * time.Hour
	case strings.HasPrefix(word, "h") || strings.HasPrefix(word, "小時") || strings.HasPrefix(word, "小时"):
		return time.Hour
	case strings.HasPrefix(word, "m") || strings.HasPrefix(word, "分"):
		return time.Minute
	case strings.HasPrefix(word, "s") || strings.HasPrefix(word, "秒"):
		return time.Second
	}
	return 0
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

func (t tongue) readBranches(text string) (list []procedure.Branch, ok bool) {
	before, after, _ := strings.Cut(t.words.T("document.bracket", "text", t.labelled(t.label("branch", "approval"), "\x00")), "\x00")
	for _, line := range strings.Split(text, "\n") {
		when, do, found := strings.Cut(line, " → ")
		if !found {
			return nil, false
		}
		b := procedure.Branch{When: strings.TrimSpace(when)}
		if at := strings.LastIndex(do, before); at >= 0 && strings.HasSuffix(do, after) {
			b.Approval = strings.TrimSpace(strings.TrimSuffix(do[at+len(before):], after))
			do = do[:at]
		}
		b.Do = in(t.words.Lang(), strings.TrimSpace(do))
		list = append(list, b)
	}
	return list, true
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

func (t tongue) readAuthority(text string) (list []plan.Authority, ok bool) {
	for _, line := range strings.Split(text, "\n") {
		a := plan.Authority{}
		line, a.Scope, _ = strings.Cut(strings.TrimSpace(line), " · "+t.words.T("plan.only-payments")+" ")
		line, a.Alone = strings.CutSuffix(strings.TrimSpace(line), " · "+t.words.T("plan.alone"))
		for l := holdfast.Level1; l <= holdfast.Level3; l++ {
			if kinds, found := strings.CutSuffix(line, t.words.T("document.bracket", "text", t.level(l))); found {
				line, a.Level = kinds, l
			}
		}
		if a.Level == holdfast.Unknown || !t.choose("authority.directives", line, reflect.ValueOf(&a.Directives).Elem()) {
			return nil, false
		}
		list = append(list, a)
	}
	return list, true
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

// read reads a field from what value wrote, and reports whether it could. A
// reference is kept as the name, for resolve to turn into an id.
func (t tongue) read(field, text string, into reflect.Value) bool {
	text = strings.TrimSpace(text)
	if text == "" {
		return true
	}
	if _, refers := references[field]; refers || field == taskReference {
		return keep(text, into)
	}
	if _, is := choices[field]; is {
		return t.choose(field, text, into)
	}
	switch x := into.Addr().Interface().(type) {
	case *holdfast.Text:
		*x = in(t.words.Lang(), text)
	case *procedure.Duration:
		return assign(x)(readSpan(text))
	case *holdfast.Level:
		return assign(x)(t.readLevel(text))
	case *[]holdfast.Level:
		for _, part := range t.parts(text) {
			l, ok := t.readLevel(part)
			if !ok {
				return false
			}
			*x = append(*x, l)
		}
	case *bool:
		*x = text == t.words.T("document.yes")
		return *x
	case *int:
		n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
		return assign(x)(n, err == nil)
	case *float64:
		f, err := strconv.ParseFloat(strings.ReplaceAll(text, ",", ""), 64)
		return assign(x)(f, err == nil)
	case **procedure.Ramp:
		return assign(x)(t.readRamp(text))
	case *[]holdfast.Text:
		for _, line := range strings.Split(text, "\n") {
			*x = append(*x, in(t.words.Lang(), strings.TrimSpace(line)))
		}
	case *[]procedure.Branch:
		return assign(x)(t.readBranches(text))
	case *[]procedure.EscalationStep:
		return assign(x)(t.readEscalation(text))
	case *[]plan.Authority:
		return assign(x)(t.readAuthority(text))
	case *[]plan.Band:
		return assign(x)(t.readBands(text))
	case **plan.Profile:
		return assign(x)(t.readProfile(text))
	case **plan.Terms:
		return assign(x)(t.readTerms(text))
	case *[]plan.Limit:
		return assign(x)(t.readLimits(text))
	case *plan.Forwarding:
		return assign(x)(t.readForwarding(text))
	case *plan.Date:
		return x.UnmarshalText([]byte(text)) == nil
	default:
		return keep(text, into)
	}
	return true
}

// assign sets what was read if it could be.
func assign[T any](into *T) func(T, bool) bool {
	return func(v T, ok bool) bool {
		if ok {
			*into = v
		}
		return ok
	}
}

// keep sets a string, or a list with it as the only entry.
func keep(text string, into reflect.Value) bool {
	switch {
	case into.Kind() == reflect.String:
		into.SetString(text)
	case into.Kind() == reflect.Slice && into.Type().Elem().Kind() == reflect.String:
		into.Set(reflect.Append(into, reflect.ValueOf(text).Convert(into.Type().Elem())))
	default:
		return false
	}
	return true
}

func (t tongue) parts(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("、,，;；\n", r) })
}

func (t tongue) readLevel(text string) (holdfast.Level, bool) {
	text = strings.TrimSpace(text)
	for l := holdfast.Unknown; l <= holdfast.Level3; l++ {
		if text == t.level(l) {
			return l, true
		}
	}
	l := levelIn(text)
	return l, l != holdfast.Unknown
}

// choose reads values that the program has words for.
func (t tongue) choose(field, text string, into reflect.Value) bool {
	c := choices[field]
	known := map[string]string{}
	for _, value := range c.values {
		known[t.words.T("choice."+c.kind+"."+value)] = value
	}
	for _, name := range split(text, slices.Collect(maps.Keys(known))) {
		value, ok := known[name]
		if !ok && (field != "notice.channels" || !holdfast.ValidName(name)) {
			return false
		} else if !ok {
			value = name
		}
		if !keep(value, into) {
			return false
		}
	}
	return true
}

// split cuts a list into its entries. Names that are known are found whole, even
// if they hold a mark that parts entries; the longest that fits counts.
func split(text string, known []string) (entries []string) {
	slices.SortFunc(known, func(x, y string) int { return len(y) - len(x) })
	isMark := func(r rune) bool { return strings.ContainsRune("、,，;； \n", r) }
	for text = strings.TrimLeftFunc(text, isMark); text != ""; text = strings.TrimLeftFunc(text, isMark) {
		i := slices.IndexFunc(known, func(name string) bool {
			rest, ok := strings.CutPrefix(text, name)
			return ok && name != "" && (rest == "" || strings.ContainsAny(string([]rune(rest)[:1]), "、,，;；\n"))
		})
		if i >= 0 {
			entries, text = append(entries, known[i]), text[len(known[i]):]
			continue
		}
		end := strings.IndexAny(text, "、,，;；\n")
		if end < 0 {
			end = len(text)
		}
		entries, text = append(entries, strings.TrimSpace(text[:end])), text[end:]
	}
	return entries
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
