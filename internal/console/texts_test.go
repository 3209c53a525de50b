package console

import (
	"bytes"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/console/form"
	"holdfast/internal/debrief"
	"holdfast/internal/directive"
	"holdfast/internal/draft"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/lint"
	"holdfast/internal/obligation"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
	"holdfast/internal/standin"
	"holdfast/internal/trend"
)

// used is what the program's source says of texts: whole keys, and beginnings of
// keys that a value completes, each with a place where it stands.
type used struct{ keys, prefixes map[string]string }

var (
	whole  = regexp.MustCompile(`\b[tT] "([^"]+)"`)
	begun  = regexp.MustCompile(`\bt \(print "([^"]+)" `)
	asked  = regexp.MustCompile(`[({ ]t [^"(]\S*`)
	quoted = regexp.MustCompile(`^[a-z]+(\.[a-z0-9-]+)+$`)
)

// spoken are areas whose keys stand in the console's code outside a call of T.
var spoken = []string{"trends", "nav", "outcome", "verdict", "fact", "unknown", "flash"}

func readUses(t *testing.T) used {
	u := used{map[string]string{}, map[string]string{}}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		switch filepath.Ext(path) {
		case ".html", ".tmpl":
			u.template(t, path)
		case ".go":
			u.code(t, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(u.keys) < 200 || len(u.prefixes) < 15 {
		t.Fatalf("only %d keys and %d prefixes were found", len(u.keys), len(u.prefixes))
	}
	return u
}

func (u used) template(t *testing.T, path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range whole.FindAllSubmatch(b, -1) {
		u.keys[string(m[1])] = path
	}
	for _, m := range begun.FindAllSubmatch(b, -1) {
		u.prefixes[string(m[1])] = path
	}
	for _, m := range asked.FindAll(b, -1) {
		// The names of the navigation and of the chart's legend stand in the code.
		if got := strings.TrimRight(string(m[1:]), "}"); got != "t .Name" && filepath.Dir(path) == "templates" {
			t.Errorf("%s: %s: the test cannot tell which texts this shows", path, got)
		}
	}
}

func (u used) code(t *testing.T, path string) {
	file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ours := filepath.Dir(path) == "." || strings.HasPrefix(path, "../console/")
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "T" && len(n.Args) > 0 {
				u.argument(n.Args[0], path)
			}
		case *ast.BasicLit:
			if s := unquote(n); ours && quoted.MatchString(s) && slices.Contains(spoken, s[:strings.IndexByte(s, '.')]) {
				u.keys[s] = path
			}
		}
		return true
	})
}

func (u used) argument(e ast.Expr, path string) {
	if sum, ok := e.(*ast.BinaryExpr); ok {
		if s := unquote(sum.X); s != "" {
			u.prefixes[s] = path
		}
	} else if s := unquote(e); s != "" {
		u.keys[s] = path
	}
}

// unquote returns the string of a literal, or nothing.
func unquote(e ast.Expr) string {
	if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == gotoken.STRING {
		s, _ := strconv.Unquote(lit.Value)
		return s
	}
	return ""
}

// literals returns the strings in the code of a package that match a pattern.
func literals(t *testing.T, dir, pattern string) []string {
	t.Helper()
	match, found := regexp.MustCompile(pattern), map[string]bool{}
	names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if e, ok := n.(*ast.BasicLit); ok {
				if s := unquote(e); s != "" && match.MatchString(s) {
					found[s] = true
				}
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("package %s has no string %s", dir, pattern)
	}
	return slices.Sorted(maps.Keys(found))
}

// constants returns the values of the string constants of a type.
func constants(t *testing.T, dir, typ string) []string {
	t.Helper()
	var values []string
	names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(gotoken.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := spec.Type.(*ast.Ident); ok && id.Name == typ && len(spec.Values) == 1 && !strings.HasSuffix(name, "_test.go") {
				if s := unquote(spec.Values[0]); s != "" {
					values = append(values, s)
				}
			}
			return true
		})
	}
	if len(values) < 2 {
		t.Fatalf("package %s has %d constants of type %s", dir, len(values), typ)
	}
	return values
}

// bands are the states of [view.Band]; who is not signed in sees no band.
var bands = []string{"stopped", "stand-in-stopping", "stand-in-held", "stand-in-open", "stand-in-each", "rerouted", "recovering", "limited", "level-1", "level-2", "level-3", "suspected", "normal"}

var standInStates = []string{"proposed", "refused", "stopping", "waiting", "open", "stopped", "ended", "lifted"}

var gateStates = []string{"live", "silent", "gone"}

// facts are the kinds that an incident's timeline puts in words.
func facts(t *testing.T) []string {
	list := []string{"incident.probe-passed", "incident.probe-failed", "incident.ramped-stop", "incident.ramped-stop-by-itself", "incident.ramped-by-itself", "incident.ramped-stand-in", "incident.reopened-suspected", "incident.item-unticked", "incident.condition-lost", "incident.level-risen-automatically", "incident.level-fallen", "reconciliation.asked-close", "reconciliation.agreed-close", "reconciliation.asked-lost", "reconciliation.agreed-lost", "reconciliation.carried-failed"}
	list = append(list, partly...)
	for dir, noun := range map[string]string{"incident": "incident", "alert": "alert", "directive": "directive", "notify": "notice", "obligation": "obligation", "authority": "glass", "debrief": "debrief", "reconciliation": "reconciliation", "enrolment": "resolution"} {
		list = append(list, literals(t, dir, `^`+noun+`\.[a-z-]+$`)...)
	}
	return slices.DeleteFunc(list, func(kind string) bool {
		// What is left out of a group is about no alert, and so of no incident.
		return kind == "incident.probe-ran" || kind == "alert.members-cut" || slices.Contains(quiet, kind)
	})
}

func words[S ~[]E, E ~string](list S) (texts []string) {
	for _, e := range list {
		texts = append(texts, string(e))
	}
	return texts
}

// built is every value that completes a key, by the beginning.
func built(t *testing.T) map[string][]string {
	return map[string][]string{
		"account.role.":      words(access.Roles()),
		"account.role-hint.": words(access.Roles()),
		"right.name.":        words(access.AllActions()),
		"band.":              bands,
		"channel.":           constants(t, "roster", "Channel"),
		"audit.kind.":        constants(t, "callout", "FindingKind"),
		"calls.why.":         constants(t, "callout", "ByHand"),
		"calls.result.":      incident.CallResults,
		"escalation.next.":   constants(t, "callout", "DueKind"),
		"escalation.why.":    {"lapsed", "unreachable", "clock"},
		"effect.":            append(constants(t, "posture", "Kind"), "lift"),
		"directive.act.":     constants(t, "posture", "Kind"),
		"directive.kind.":    append(constants(t, "posture", "Kind"), "lift"), // a role may decide to lift
		"directive.state.":   constants(t, "directive", "State"),
		"durability.":        constants(t, "journal", "Fault"),
		"error.title.":       constants(t, "..", "Code"),
		"fact.":              facts(t),
		"alert.audit.":       literals(t, "callout", `^(HoldfastMissing|HoldfastLate)$`),
		"detect.title.":      append(constants(t, "detect", "Kind"), "value-up"),
		"detect.where.":      {"route", "channel", "method", "bank", "merchant", "code"},
		"figures.":           literals(t, "console", `^(detected|confirmed|notified|stopped|stop-confirmed|convened|handled|recovered)$`),
		"flash.":             flashes(t),
		"gate.state.":        gateStates,
		"incident.state.":    constants(t, "incident", "State"),
		"lint.group.":        lint.Groups[:],
		"kind.":              {"other", "payment", "refund", "inquiry"},
		"mode.":              constants(t, "gate", "Mode"),
		"judgement.holds.":   {"yes", "no", "unknown"},
		"measure.why.":       {incident.NotEntered, incident.NotHeard, incident.TooFew, incident.InDrill},
		"notice.state.":      constants(t, "notify", "State"),
		"owed.news.":         constants(t, "obligation", "TidingKind"),
		"owed.tell.":         constants(t, "obligation", "TidingKind"),
		"post.":              constants(t, "incident", "Post"),
		"outcome.":           {"in-flight", "done", "not-done", "unknown"},
		"ramp.verdict.":      words(incident.RampVerdicts),
		"ramp.check.":        {"success", "unknown", "quick"},
		"ramp.state.":        {"good", "bad", "open"},
		"ramp.why.":          {"hold", "few", "unheard", "silent", "nogate", "open", "bad", "recent", "probe", "untested", "differ", "unbalanced", "unaccounted", "overridden", "nostandin", "deadline"},
		"choice.ramp-fall.":  procedure.Falls,
		"choice.limit-over.": plan.Overs[:],
		"standing.":          constants(t, "directive", "Standing"),
		"status.":            constants(t, "procedure", "Status"),
		"trigger.kind.":      constants(t, "trigger", "Kind"),
		"trigger.state.":     constants(t, "trigger", "State"),
		"filing.kind.":       constants(t, "filing", "Kind"),
		"public.stage.":      constants(t, "status", "Stage"),
		"public.state.":      constants(t, "status", "State"),
		"public.mark.":       constants(t, "status", "State"),
		"public.overall.":    constants(t, "status", "State"),
		"public.form.":       {"subscribe", "subscribe.text", "asked", "asked.text", "confirm", "confirm.text", "confirmed", "confirmed.text", "leave", "leave.text", "left", "left.text", "gone", "gone.text", "problem", "problem.text"},
		"bulletin.kind.":     constants(t, "status", "Kind"),
		"bulletin.new.":      constants(t, "status", "Kind"),
		"bulletin.title.":    {"stopped", "limited", "interrupted", "unaffected", "unknown"},
		"bulletin.text.":     constants(t, "status", "Stage"),
		"bulletins.doubt.":   constants(t, "status", "Doubt"),
		"owed.state.":        constants(t, "obligation", "State"),
		"owed.field.":        obligation.ReportFields[:],
		"mark.":              constants(t, "obligation", "Mark"),
		"applies.":           {"yes", "no", "unknown"},
		"assess.yes.":        obligation.Questions[:],
		"assess.number.":     obligation.Numbers[:],
		"lang.":              words(holdfast.Langs[:]),
		"webhook.state.":     webhookStates,
		"waiver.state.":      constants(t, "waiver", "State"),
		"actor.":             {"public", "mail"},
		"intake.field.":      {"firing", "resolved", "key", "alertname", "severity", "summary", "description", "link", "labels"},
		"ground.":            {alert.First, alert.SameCause, alert.WholeSystem, alert.LevelOne},
		"ground.near.":       {alert.Minutes, alert.Firing, alert.Handled},
		"start.":             firstStepKeys,
		"start.hint.":        firstStepKeys,
		"awaited.":           {"review", "answer", "news", "approve", "publish", "mend", "read", "improve", "drop", "directive", "lift", "exception", "close-out", "lost", "settlement", "resolution", "expired"},
		"unknowns.stage.":    []string{"asked", "file", "person", "unheard"},
		"resolution.state.":  constants(t, "enrolment", "ResolutionState"),
		"deciders.why.":      {draft.Vacant, draft.NoAccount, draft.NoRight, draft.Wrote},
		"unit.":              {"d", "h", "min", "s"},
		"staff.fact.":        append(literals(t, "roster", `^(person|party|contact|duty)\.[a-z]+$`), "person.left"),
		"staff.field.":       {"name", "names", "department", "roles", "lang", "account", "quiet", "deputies", "contacts", "kind", "contract", "zone", "start", "calendar", "rotations"},
		"staff.party.":       words(roster.PartyKinds[:]),
		"staff.row.":         constants(t, "roster", "RowAct"),
		"staff.unit.":        {"h", "d", "w"},
		"staff.weekday.":     {"1", "2", "3", "4", "5", "6", "7"},

		"standing-in.alarm.":    standin.AlarmCodes,
		"standing-in.cause.":    standin.AlarmCauses,
		"standing-in.state.":    standInStates,
		"standing-in.says.":     standInStates,
		"standing-in.each.":     {"proposed", "refused", "waiting", "open", "stopped", "ended", "lifted"},
		"standing-in.obstacle.": {directive.Unconfirmed, directive.Unlisted, directive.NoSource, directive.OtherSource, directive.TooMany, directive.NoFence, directive.OtherFence, directive.YoungFence, directive.NoSecond},
		"rerouting.says.":       rerouteStates,

		"reconcile.reason.":  {"not-open", "not-alone", "unreadable", "no-limit", "unknown-payer", "stale", "blocked", "ineligible", "over-payment", "over-payer", "over-payee", "over-channel", "over-all", "in-flight", "elsewhere", "reversed-first", "not-of-original", "nothing-to-reverse", "already-reversed", "over-original", "withdrawn", "primary-declined", "expired", "original-waits"},
		"reconcile.over.":    {"all", "payer", "queue", "queue-payer"},
		"reconcile.cut-off.": constants(t, "reconciliation", "CutOffState"),
		"reconcile.kind.":    {"payment", "refund", "reversal"},
		"exceptions.why.":    {"primary-refused", "exhausted", "expired", "unresolved", "done-though-declined", "done-though-reversed", "not-sendable", "file-not-done", "file-amount", "file-absent"},
		"exceptions.said.":   {"done", "not-done", "absent", "unclear", "silent", "unreached"},
		"exceptions.cause.":  {"directed", "connection-refused", "nothing-written", "circuit-open", "behind"},
		"queue.care.":        {standin.ToldCustomer.String(), standin.AskedAgain.String(), standin.NothingToDo.String()},
		"exceptions.how.":    {"retry", "confirm", "reverse", "accept", "write-off"},
		"exceptions.state.":  constants(t, "reconciliation", "State"),
		"shadow.by.":         {"currency", "band"},

		"settlement.state.":   constants(t, "settlement", "State"),
		"settlement.finding.": words(standin.FileFindings[:]),
		"settlement.effect.":  words(standin.FileFindings[:]),
		"settlement.was.":     {"declined", "pending", "delivered", "exception", "reversed", "expired", "unknown"},

		"improvement.state.":          append(constants(t, "improvement", "State"), "all", "unsettled"),
		"improvement.change.":         suffixes(literals(t, "improvement", `^improvement\.[a-z-]+$`)),
		"notice.improvement.":         constants(t, "improvement", "Tells"),
		"notice.improvement.subject-": constants(t, "improvement", "Tells"),
		"trends.level-":               {"0", "1", "2", "3"},
		"trends.span.":                trend.Spans[:],
		"trends.root.":                debrief.Classes[:],

		"suggestion.":            {expression.OfField, expression.OfFunction, expression.OfOperator, expression.OfValue},
		"reads.":                 readable(),
		"hint.":                  formWords("hint."),
		"field.plan.":            formWords("field.plan."),
		"field.":                 append(formWords("field."), "attachment.type", "attachment.size", "attachment.hash"), // documents
		"choice.chapter.":        formWords("choice.chapter."),
		"draft.state.":           append(constants(t, "draft", "State"), "approved"),
		"change.entry.":          {"department", "role", "approval", "risk", "material", "measure", "level", "alert", "procedure", "stage", "task", "temporary", "dependency", "parameter", "step", "drill", "obligation", "contact", "template", "probe", "attachment", "annex", "leak", "limit"},
		"plans.state.":           constants(t, "view", "RevisionState"),
		"change.kind.":           constants(t, "plan", "ChangeKind"),
		"approval.state.":        {"done", "open", "waiting"},
		"choice.directive-kind.": formWords("choice.directive-kind."),
		"choice.language.":       formWords("choice.language."),
		"choice.approval-mode.":  formWords("choice.approval-mode."),
		"choice.drill-kind.":     formWords("choice.drill-kind."),
		"choice.material-kind.":  formWords("choice.material-kind."),
		"choice.level.":          formWords("choice.level."),
		"choice.day.":            formWords("choice.day."),
		"choice.measure-from.":   formWords("choice.measure-from."),
		"choice.measure-figure.": formWords("choice.measure-figure."),
		"choice.moment.":         formWords("choice.moment."),
		"choice.pack.":           formWords("choice.pack."),
		"choice.probe-kind.":     formWords("choice.probe-kind."),
		"choice.stage.":          formWords("choice.stage."),
		"choice.temporary-kind.": formWords("choice.temporary-kind."),

		"debrief.":              reportWords(t),
		"debrief.section.":      words(debrief.Sections[:]),
		"debrief.section-hint.": words(debrief.Sections[:]),
		"debrief.kind.":         debrief.Kinds[:],
		"debrief.class.":        debrief.Classes[:],
		"debrief.state.":        constants(t, "debrief", "State"),
		"debrief.wanting.":      {"summary", "cause", "improvement"},
	}
}

// suffixes are the kinds of facts after the first, without their noun.
func suffixes(kinds []string) (list []string) {
	for _, kind := range kinds {
		if _, end, _ := strings.Cut(kind, "."); end != "recorded" {
			list = append(list, end)
		}
	}
	return list
}

var firstStepKeys = []string{"accounts", "draft", "people", "chapters", "review", "publish", "gates"}

// readable are the names that expressions of every plan may use.
func readable() (names []string) {
	for _, fields := range []map[string]expression.Type{expression.ScopeFields(), standin.EligibilityFields(), plan.AlertFields(), plan.ProbeFields(), (&plan.Plan{}).BranchFields()} {
		names = slices.AppendSeq(names, maps.Keys(fields))
	}
	return names
}

// formWords are the ends of the keys that forms of plans use.
func formWords(prefix string) (ends []string) {
	for _, key := range form.Words() {
		if end, ok := strings.CutPrefix(key, prefix); ok {
			ends = append(ends, end)
		}
	}
	return ends
}

// flashes are what acts say when they are done.
func flashes(t *testing.T) []string {
	said := regexp.MustCompile(`seeOther\(.*, "([a-z]+)"\)|toDebrief\(.*, "([a-z]+)", |draftDone\(v, "([a-z]+)"|"ok": \{"([a-z]+)"\}`)
	found := map[string]bool{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllSubmatch(b, -1) {
			if !strings.HasSuffix(name, "_test.go") {
				found[string(bytes.Join(m[1:], nil))] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// catalogue reads all texts but those of errors.
func catalogue(t *testing.T) map[string]holdfast.Text {
	t.Helper()
	all := map[string]holdfast.Text{}
	names, err := filepath.Glob("../locale/catalogue/*.yaml")
	if err != nil || len(names) < 3 {
		t.Fatalf("catalogues %v: %v", names, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]holdfast.Text
		if err := yaml.Unmarshal(b, &texts); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.HasPrefix(filepath.Base(name), "errors") {
			maps.Copy(all, texts)
		}
	}
	return all
}

// Every text that a screen, a notice or an error page asks for exists in three
// languages, and the catalogue holds no other.
func TestTextsAreThoseUsed(t *testing.T) {
	t.Parallel()
	u, texts, values := readUses(t), catalogue(t), built(t)
	for prefix, place := range u.prefixes {
		if prefix != "flash." && len(values[prefix]) == 0 {
			t.Errorf("%s builds keys %s…; this test does not know with which values", place, prefix)
		}
	}
	for prefix, list := range values {
		for _, value := range list {
			u.keys[prefix+value] = "a key built of " + prefix
		}
	}
	for _, key := range form.Words() {
		u.keys[key] = "a form of a plan"
	}
	for _, key := range lint.Words() {
		u.keys[key] = "a rule of lint"
	}
	for key, place := range u.keys {
		if text := texts[key]; text.ZhHant == "" || text.ZhHans == "" || text.En == "" {
			t.Errorf("%s: %s lacks a text: %+v", place, key, text)
		}
	}
	for key := range texts {
		if u.keys[key] == "" {
			t.Errorf("nothing uses the text %s", key)
		}
	}
}

// The sentences of gates that screens translate are those that gates write.
func TestSentencesAreTheGates(t *testing.T) {
	t.Parallel()
	written := append(literals(t, "gate", ` `), slices.Concat(literals(t, "gate/httpgate", ` `), literals(t, "enrolment", ` `))...)
	for _, s := range sentences {
		if !slices.ContainsFunc(written, func(text string) bool { return strings.HasPrefix(text, s.begins) }) {
			t.Errorf("no gate writes %q", s.begins)
		}
	}
}
