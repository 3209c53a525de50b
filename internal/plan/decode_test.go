package plan_test

import (
	_ "embed"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"holdfast"
	"holdfast/internal/locale/localetest"
	"holdfast/internal/plan"
)

//go:embed testdata/small.yaml
var small string

// broken plans: in the small plan, old becomes new. Each ¶ in new stands where a
// fault must be found (and is taken out before), in the order of the rules.
var broken = []struct {
	name, old, new, rules string
}{
	// Reading.
	{"control character", "A small plan", "A ¶\x00 plan", "P001"},
	{"not UTF-8", "A small plan", "An ¶\xff plan", "P001"},
	{"not YAML: indentation", "\nlanguage: en\n", "\n language¶: en\n", "P002"},
	{"not YAML: a colon in a text", "Everything. }", "Every¶: thing: x }", "P002"},
	{"alias", "name: { en: Officer }\n    department: operations", "name: &n { en: Officer }\n    department: ¶*n", "P003"},
	{"merge key", "id: small\n", "id: small\n¶<<: { id: other }\n", "P003"},
	{"tag", "id: small\n", "id: ¶!name small\n", "P003"},
	{"second document", "expect: status == 201\n", "expect: status == 201\n¶---\nid: x\n", "P003"},
	{"unknown key", "id: small\n", "id: small\n¶owner: me\n", "P004"},
	{"unknown key, deep", "limit: 1h\n", "limit: 1h\n            ¶limits: 2h\n", "P004"},
	{"key in a language not spoken", "{ en: Officer }", "{ en: Officer, ¶fr: Officier }", "P004"},
	{"key twice", "id: small\n", "id: small\n¶id: smaller\n", "P005"},
	{"text where a list is due", "team: [officer, engineer]", "team: ¶officer", "P006"},
	{"list where a text is due", "id: small\n", "id: ¶[small]\n", "P006"},
	{"text where a mapping is due", "title: { en: A small plan }", "title: ¶A small plan", "P006"},
	{"number where a text is due", "{ en: Officer }", "{ en: ¶404 }", "P006"},
	{"yes is not true", "pre_authorised: true", "pre_authorised: ¶yes", "P006"},
	{"number in quotes", "acknowledge: 1", "acknowledge: ¶\"1\"", "P006"},
	{"fraction where a whole number is due", "acknowledge: 1", "acknowledge: ¶1.5", "P006"},
	{"level that no byte holds", "level: 1\n    title", "level: ¶-1\n    title", "P006"},
	{"word where a number is due", "percent: 12.5", "percent: ¶some", "P006"},
	{"number that is none", "percent: 12.5", "percent: ¶.nan", "P006"},
	{"empty entry", "channels: [sms]", "channels: [sms, ¶~]", "P006"},
	{"duration without unit", "limit: 1h\n", "limit: ¶60\n", "P007"},
	{"duration in words", "drain: 30s", "drain: ¶half a minute", "P007"},
	{"negative duration", "hold: 2m", "hold: ¶-2m", "P007"},

	// Head and organisation.
	{"other format", "holdfast-plan/1", "¶holdfast-plan/2", "P015"},
	{"no id", "id: small\n", "¶id:\n", "P010"},
	{"bad id", "id: small\n", "id: ¶Small Plan\n", "P013"},
	{"unknown language", "language: en", "language: ¶fr", "P015"},
	{"text not in the language of record", "{ en: To test with. }", "{ zh-Hant: 試驗 }", "P011 5:1"},
	{"blank text", "{ en: To test with. }", "{ en: ¶' ' }", "P011"},
	{"department twice", "id: technology\n", "id: ¶operations\n", "P014 P012 21:17"},
	{"no departments", "departments:\n  - id: operations\n    name: { en: Operations }\n  - id: technology\n    name: { en: Technology }\n", "¶departments: []\n", "P010"},
	{"role without duties", "    duties: { en: Repairs. }\n", "", "P011 19:5"},
	{"unknown department", "department: technology", "department: ¶tech", "P012"},
	{"unknown directive", "[stop, lift]", "[stop, ¶divert]", "P015"},
	{"authority over nothing", "[stop, lift]", "[]", "P010 17:9"},
	{"authority at level 0", "        level: 1\n  - id: engineer", "        level: ¶0\n  - id: engineer", "P010"},
	{"team member that is no role", "team: [officer, engineer]", "team: [officer, ¶driver]", "P012"},
	{"team member twice", "team: [officer, engineer]", "team: [officer, engineer, ¶officer]", "P014"},
	{"no team", "team: [officer, engineer]\n", "", "P010 1:1"},

	// Levels and alerts.
	{"level left out", "  - { level: 3, title: { en: Three }, criteria: { en: Abnormal. } }\n", "", "P019 24:1"},
	{"level twice", "  - { level: 3, title", "  - { level: ¶2, title: { en: Two }, criteria: { en: Two. } }\n  - { level: 3, title", "P019"},
	{"level 4", "  - { level: 3, title", "  - { level: ¶4, title", "P015"},
	{"alert level 4", "    level: 1\n    why", "    level: ¶4\n    why", "P015"},
	{"alert rule that does not compile", `== "critical"`, `= "critical"`, "P016 30:12"},
	{"alert rule on an unknown field", `labels["severity"]`, `label["severity"]`, "P016 30:12"},
	{"alert rule without match", "    match: labels[\"severity\"] == \"critical\"\n", "", "P010 29:5"},

	// Procedures.
	{"stage left out", "      - { stage: convene, title: { en: Convene }, role: officer }\n", "", "P021 36:5"},
	{"stage twice", "      - { stage: review, ", "      - { stage: ¶stop, title: { en: Again }, role: officer }\n      - { stage: review, ", "P023"},
	{"stage that is not known", "stage: convene", "stage: ¶conven", "P020"},
	{"stage without a kind", "{ stage: convene, ", "{ ", "P010 63:9"},
	{"order of stages", "{ stage: analyse, title: { en: Analyse }, role: officer }\n      - { stage: handle, title: { en: Handle }, role: officer }\n      - { stage: recover, title: { en: Recover }, role: officer }\n  - level: 3",
		"{ stage: ¶handle, title: { en: Handle }, role: officer }\n      - { stage: analyse, title: { en: Analyse }, role: officer }\n      - { stage: recover, title: { en: Recover }, role: officer }\n  - level: 3", "P022"},
	{"confirm alongside", "role: officer, limit: 5m", "role: officer, alongside: ¶true", "P024"},
	{"stage with an unknown role", "{ en: Convene }, role: officer", "{ en: Convene }, role: ¶chief", "P012"},
	{"guide not in the language of record", "guide: { en: Mend it. }", "guide: { zh-Hans: 修复 }", "P011 66:9"},
	{"task twice", "id: reopen", "id: ¶stop", "P014"},
	{"task with a bad id", "id: repair", "id: ¶Repair!", "P013"},
	{"task with an unknown role", "            role: engineer\n            limit", "            role: ¶plumber\n            limit", "P012"},
	{"two actions", "            evidence: true\n", "            probes: [health]\n            ramp: { steps: [{ percent: 100 }] }\n", "P025 69:13"},
	{"unknown template", "template: urgent", "template: ¶urgnt", "P012"},
	{"notice to nobody", "to: [officer, engineer]\n", "¶to: []\n", "P010"},
	{"notice to an unknown role", "to: [officer, engineer]", "to: [officer, ¶crowd]", "P012"},
	{"channel with a bad name", "channels: [sms]", "channels: [¶SMS]", "P013"},
	{"negative acknowledgements", "acknowledge: 1", "acknowledge: ¶-1", "P015"},
	{"directive to lift", "kind: stop", "kind: ¶lift", "P015"},
	{"stop with a share", "drain: 30s", "percent: 10", "P027 57:13"},
	{"limit without a share", "kind: stop\n              scope: all\n              pre_authorised: true\n              drain: 30s\n", "kind: limit\n              scope: all\n", "P015 57:13"},
	{"drain of an hour", "drain: 30s", "drain: ¶1h", "P015"},
	{"scope that does not compile", "scope: all", "scope: ¶channel ==", "P016"},
	{"scope on an unknown field", "scope: all", "scope: ¶region == \"east\"", "P016"},
	{"directive without a reason", "              reason: { en: As planned. }\n", "", "P011 57:13"},
	{"unknown probe", "probes: [health, pay]", "probes: [health, ¶pray]", "P012"},
	{"no probes", "probes: [health, pay]", "¶probes: []", "P010"},
	{"ramp that falls", "percent: 12.5", "percent: ¶0.5", "P026"},
	{"ramp that ends early", "percent: 100 }", "percent: ¶90 }", "P026"},
	{"step over 100", "percent: 12.5", "percent: ¶112.5", "P015"},

	// Templates and probes.
	{"unknown placeholder", `"{level}: {title}"`, `¶"{level}: {titel}"`, "P017"},
	{"template twice", "probes:\n  - id: health", "  - id: ¶urgent\n    subject: { en: S }\n    body: { en: B }\nprobes:\n  - id: health", "P014"},
	{"probe of an unknown kind", "kind: http", "kind: ¶ping", "P015"},
	{"probe without address", "    url: \"{primary}/healthz\"\n", "", "P010 115:5"},
	{"address without scheme", "https://gate.example", "¶gate.example", "P015"},
	{"http probe with a body", "kind: payment", "kind: http", "P028 126:11"},
	{"payment probe without JSON", "'{\"amount\":1}'", "¶'{amount:1}'", "P028"},
	{"expectation on an unknown field", "status == 201", "¶code == 201", "P016"},
	{"probe too often", "times: 3", "times: ¶101", "P015"},
	{"probe too long", "timeout: 2s", "timeout: ¶61s", "P015"},

	// Several at once: none hides another.
	{"one of each kind", "language: en\ntitle: { en: A small plan }\npurpose: { en: To test with. }\n",
		"language: ¶3\ntitle: ¶[]\n¶color: red\npurpose: { en: To test with. }\n¶purpose: x\n", "P006 P006 P004 P005"},
}

func TestDecodeBroken(t *testing.T) {
	for _, test := range broken {
		t.Run(test.name, func(t *testing.T) {
			if strings.Count(small, test.old) != 1 {
				t.Fatalf("%q stands %d times in the small plan", test.old, strings.Count(small, test.old))
			}
			src, places := unmark(strings.Replace(small, test.old, test.new, 1))
			want := expected(test.rules, places)
			p, faults := plan.Decode("small.yaml", []byte(src))
			var got []string
			for _, f := range faults {
				got = append(got, fmt.Sprintf("%s %d:%d", f.Rule, f.Line, f.Column))
				if f.File != "small.yaml" || strings.Contains(f.Message(), "%!") {
					t.Errorf("bad fault %+v", f)
				}
			}
			if p == nil || strings.Join(got, ", ") != strings.Join(want, ", ") {
				t.Errorf("faults %v, want %v\n%v", got, want, faults.Error())
			}
		})
	}
}

// unmark takes each ¶ out and returns its line and column.
func unmark(src string) (clean string, places []string) {
	line, column := 1, 1
	var b strings.Builder
	for i := 0; i < len(src); {
		c, size := utf8.DecodeRuneInString(src[i:])
		i += size
		if c == '¶' {
			places = append(places, fmt.Sprintf("%d:%d", line, column))
			continue
		}
		b.WriteString(src[i-size : i])
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return b.String(), places
}

// expected joins "P012 P003" with the marked places, in order; a rule followed
// by a place of its own, "P010 3:1", keeps that.
func expected(rules string, places []string) (want []string) {
	words := strings.Fields(rules)
	for i := 0; i < len(words); i++ {
		switch {
		case i+1 < len(words) && strings.Contains(words[i+1], ":"):
			want = append(want, words[i]+" "+words[i+1])
			i++
		default:
			want = append(want, words[i]+" "+places[0])
			places = places[1:]
		}
	}
	return want
}

func TestDecodeSmall(t *testing.T) {
	p, faults := plan.Decode("", []byte(small))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	one, ok := p.Procedure(holdfast.Level1)
	if !ok || len(one.Stages) != 8 || !one.Stages[2].Alongside || one.Stages[1].Limit.String() != "5m0s" {
		t.Errorf("level 1 reads as %+v", one)
	}
	_, stop, ok := one.Task("stop")
	if !ok || stop.Directive == nil || !stop.Directive.PreAuthorised || stop.Directive.Scope != "all" {
		t.Errorf("task stop reads as %+v", stop)
	}
	if _, reopen, _ := one.Task("reopen"); reopen.Ramp == nil || reopen.Ramp.Steps[1].Percent != 12.5 {
		t.Errorf("task reopen reads as %+v", reopen)
	}
	if role, ok := p.Role("officer"); !ok || role.Authority[0].Level != holdfast.Level1 {
		t.Errorf("role officer reads as %+v", role)
	}
	if probe, ok := p.Probe("health"); !ok || probe.Times != 3 {
		t.Errorf("probe health reads as %+v", probe)
	}
	if _, ok := p.Template("nothing"); ok {
		t.Error("a template that is not there was found")
	}
}

func TestDecodeLimits(t *testing.T) {
	tasks := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "          - { id: t%d, title: { en: T } }\n", i)
		}
		return b.String()
	}
	many := func(n int) string {
		return strings.Replace(small, "          - id: repair\n", tasks(n-5)+"          - id: repair\n", 1)
	}
	tests := []struct {
		name, src, want string
	}{
		{"empty", "", "P002 1:1"},
		{"only a comment", "# nothing\n", "P002 1:1"},
		{"no mapping", "hello\n", "P006 1:1"},
		{"null", "~\n", "P006 1:1"},
		{"too large", small + strings.Repeat("#\n", plan.MaxSize/2), "P001 1:1"},
		{"nested too deep", "id: " + strings.Repeat("[", 41) + strings.Repeat("]", 41) + "\n", "P002 1:45"},
		{"as many tasks as may be", many(plan.MaxTasks), ""},
		{"a task too many", many(plan.MaxTasks + 1), "P018 33:1"},
		{"an entry too many", strings.Replace(small, "[officer, engineer]\nlevels", "["+strings.Repeat("officer, ", plan.MaxEntries+1)+"]\nlevels", 1), "P018 23:1"},
		{"a byte order mark", "\ufeff" + small, ""},
		{"lines ended as on Windows", strings.ReplaceAll(small, "\n", "\r\n"), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, faults := plan.Decode("", []byte(test.src))
			got := ""
			if len(faults) > 0 {
				got = fmt.Sprintf("%s %d:%d", faults[0].Rule, faults[0].Line, faults[0].Column)
			}
			if got != test.want {
				t.Errorf("first fault %q, want %q: %v", got, test.want, faults)
			}
		})
	}
}

func TestDecodeManyFaults(t *testing.T) {
	src := "roles:\n" + strings.Repeat("- x\n", 3*plan.MaxFaults)
	_, faults := plan.Decode("", []byte(src))
	if len(faults) != plan.MaxFaults {
		t.Fatalf("%d faults, want %d", len(faults), plan.MaxFaults)
	}
	if last := faults[len(faults)-1]; last.Rule != "P018" {
		t.Errorf("the last fault does not say that there are more: %v", last)
	}
}

func TestBuiltin(t *testing.T) {
	p, faults := plan.Decode("builtin.yaml", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	texts := 0
	eachText(reflect.ValueOf(*p), "", func(path string, text holdfast.Text) {
		if text.IsZero() {
			return
		}
		texts++
		for _, lang := range holdfast.Langs {
			written := map[holdfast.Lang]string{holdfast.ZhHant: text.ZhHant, holdfast.ZhHans: text.ZhHans, holdfast.En: text.En}[lang]
			if strings.TrimSpace(written) == "" {
				t.Errorf("%s has no text in %s", path, lang)
			}
			if c, found := localetest.Foreign(lang, written); found {
				t.Errorf("%s: %c does not belong to %s: %s", path, c, lang, written)
			}
		}
	})
	if texts < 100 {
		t.Errorf("only %d texts were looked at", texts)
	}
	one, _ := p.Procedure(holdfast.Level1)
	if _, stop, ok := one.Task("stop-payments"); !ok || !stop.Directive.PreAuthorised {
		t.Error("the built-in plan does not pre-authorise the stop at level 1")
	}
}

// eachText visits every text of a value.
func eachText(v reflect.Value, path string, visit func(path string, text holdfast.Text)) {
	if text, ok := v.Interface().(holdfast.Text); ok {
		visit(path, text)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), path, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			eachText(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	}
}

func TestBuiltinCannotBeChanged(t *testing.T) {
	plan.Builtin()[0] = '!'
	if plan.Builtin()[0] == '!' {
		t.Error("a caller changed the built-in plan")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(small))
	f.Add(plan.Builtin())
	for _, test := range broken {
		src, _ := unmark(strings.Replace(small, test.old, test.new, 1))
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		p, faults := plan.Decode("fuzz.yaml", src)
		if p == nil {
			t.Fatal("no plan")
		}
		lines := strings.Count(string(src), "\n") + strings.Count(string(src), "\r") + 2
		for i, fault := range faults {
			if fault.Line < 1 || fault.Column < 1 || fault.Line > lines {
				t.Errorf("fault at %d:%d of %d lines: %v", fault.Line, fault.Column, lines, fault)
			}
			if i > 0 && (fault.Line < faults[i-1].Line) {
				t.Errorf("faults are not in order: %v", faults)
			}
			if fault.Rule == "" || fault.Message() == "" {
				t.Errorf("empty fault %+v", fault)
			}
		}
		if len(faults) == 0 {
			if refused := plan.Check(p); len(refused) > 0 {
				t.Errorf("Decode takes what Check refuses: %v", refused)
			}
		}
	})
}
