package console

import (
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
)

// What an expression may use depends on the field that it stands in.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	p := chaptersSample()
	p.Procedures[0].Stages[3].Tasks[0].Directive.Scope = `channel == "app"`
	p.Alerts[0].Match = `labels["team"] == "core"`
	words := locale.For(holdfast.ZhHant)
	for _, c := range []struct{ field, before, offered, not string }{
		{"level.enter", "", "minutes", "channel"},
		{"level.enter", "", "minutes", "result"},
		{"branch.when", "", "result", "channel"},
		{"branch.when", "result == ", `"failed"`, `"app"`},
		{"branch.when", "level == ", "1", `"1"`},
		{"alertrule.match", "", "labels", "minutes"},
		{"alertrule.match", "labels[", `"team"]`, `"app"]`},
		{"alertrule.match", `labels["team"] == `, `"core"`, `"app"`},
		{"alertrule.match", "source == ", `"report"`, `"app"`},
		{"probe.expect", "", "millis", "minutes"},
		{"directive.scope", "", "all", "minutes"},
		{"directive.scope", "channel == ", `"app"`, `"core"`},
		{"temporary.scope", "kind == ", `"refund"`, `"app"`},
		{"temporary.scope", "currency == ", `"TWD"`, `"app"`},
	} {
		_, list := vocabularyOf(words, p, c.field).Complete(c.before, "")
		has := func(text string) bool {
			return slices.ContainsFunc(list, func(s expression.Suggestion) bool { return s.Text == text })
		}
		if !has(c.offered) || has(c.not) {
			t.Errorf("%s, %s|: offered %v; want %s and not %s", c.field, c.before, list, c.offered, c.not)
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	p, words := chaptersSample(), locale.For(holdfast.ZhHant)
	for _, c := range []struct{ field, src, says, wrong string }{
		{"level.enter", "", "", ""},
		{"level.enter", "minutes > 10", "測試文字大於 10", ""},
		{"level.enter", "minuts > 10", "", "沒有名稱 minuts；可用的有：failures, minutes"},
		{"branch.when", `result == "failed"`, "任務結果是 「failed」", ""},
		{"branch.when", `channel == "app"`, "", "沒有名稱 channel；可用的有：failures, level, minutes, result"},
		{"directive.scope", "all", "所有支付", ""},
		{"directive.scope", `kind == "pay"`, "", "沒有這種支付：請寫 payment、refund、inquiry 或 other"},
		{"probe.expect", "status == 200", "HTTP 狀態碼是 200", ""},
		{"probe.expect", strings.Repeat(" ", expression.MaxSource) + "x", "", "表達式有 4097 位元組；上限為 4096"},
	} {
		got := ask(words, p, c.field, c.src)
		problem := ""
		if got.Wrong != nil {
			problem = got.Wrong.Problem
		}
		if c.says != "測試文字大於 10" && got.Words != c.says || problem != c.wrong {
			t.Errorf("%s: %s: says %q, wrong %q; want %q, %q", c.field, c.src, got.Words, problem, c.says, c.wrong)
		}
	}
}

// set returns the templates of a screen.
func set(t *testing.T, name string, lang holdfast.Lang) *template.Template {
	t.Helper()
	var s screens
	if err := s.parse(); err != nil {
		t.Fatal(err)
	}
	made, err := s.in(&visit{words: locale.For(lang), zone: time.UTC}, name)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func fragment(t *testing.T, made *template.Template, name string, own any) string {
	t.Helper()
	var b strings.Builder
	if err := made.ExecuteTemplate(&b, name, own); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The answer marks the very character, and offers what may stand at the cursor.
func TestExpressionAnswer(t *testing.T) {
	t.Parallel()
	p := chaptersSample()
	for _, lang := range holdfast.Langs {
		words := locale.For(lang)
		own := answerPage{exprView: ask(words, p, "level.enter", `minutes > 10 或 minutes`)}
		own.Typed, own.List = vocabularyOf(words, p, "level.enter").Complete("min", "")
		html := fragment(t, set(t, "chapter", lang), "expression-answer", own)
		for _, want := range []string{
			"<span>minutes &gt; 10 </span><mark>或</mark><span> minutes</span>", `data-typed="min"`, `data-text="minutes"`,
			words.T("editor.at-column", "line", 1, "column", 14),
		} {
			if !strings.Contains(html, want) {
				t.Errorf("%s: the answer lacks %s:\n%s", lang, want, html)
			}
		}
	}
}

// large is a plan with as many tasks and entries as there may be.
func large() *plan.Plan {
	p := chaptersSample()
	task := p.Procedures[0].Stages[3].Tasks[0]
	for i := range plan.MaxTasks {
		task.ID = fmt.Sprint("task-", i)
		p.Procedures[0].Stages[3].Tasks = append(p.Procedures[0].Stages[3].Tasks, task)
	}
	for i := range plan.MaxEntries {
		risk := p.Risks[0]
		risk.ID = fmt.Sprint("risk-", i)
		p.Risks = append(p.Risks, risk)
	}
	return p
}

// However long a plan is, the page of a form stays small, shows the entry that is
// open, and names it by the path that it has in the whole plan.
func TestLongChapters(t *testing.T) {
	t.Parallel()
	p, made := large(), set(t, "chapter", holdfast.ZhHant)
	v := &visit{words: locale.For(holdfast.ZhHant)}
	for _, c := range []struct{ chapter, at, show, shown string }{
		{"procedure-1", "", "", "procedures[0].stages[3]"},
		{"procedure-1", "procedures[0].stages[3]", "procedures[0].stages[3].tasks[1204]", "procedures[0].stages[3].tasks[1204]"},
		{"procedure-1", "procedures[0].stages[3].tasks[1204]", "", "procedures[0].stages[3].tasks[1204]"},
		{"risks", "", "risks[333]", "risks[333]"},
		{"risks", "risks[333]", "", "risks[333]"},
	} {
		chapter, _ := plan.ChapterOf(c.chapter)
		own := &chapterPage{Draft: "d1", At: c.at, Editor: editor{Address: "/drafts/d1/chapters/" + c.chapter, Plan: p, Show: c.show}}
		if err := own.build(v, chapter); err != nil {
			t.Fatal(err)
		}
		html := fragment(t, made, "base", &page{Page: *own})
		if len(html) > 100<<10 {
			t.Errorf("%s at %q: the page has %d bytes", c.chapter, c.at, len(html))
		}
		if !strings.Contains(html, `data-at="`+c.shown+`"`) {
			t.Errorf("%s at %q, %q: the preview does not show %s: %q", c.chapter, c.at, c.show, c.shown, regexp.MustCompile(`data-at="[^"]*"`).FindAllString(html, 8))
		}
		if c.at != c.shown && c.show != "" && !strings.Contains(html, `id="f-`+c.shown+`"`) {
			t.Errorf("%s at %q: the form does not show %s", c.chapter, c.at, c.shown)
		}
	}
}

// A finding leads to the form nearest to its place, and to the field in it.
func TestMendAt(t *testing.T) {
	t.Parallel()
	p := chaptersSample()
	for path, want := range map[string]string{
		"":                        "",
		"purpose":                 "?show=purpose#f-purpose",
		"risks[1].title":          "?at=risks%5B1%5D&show=risks%5B1%5D.title#f-risks%5B1%5D.title",
		"departments[0].name":     "?show=departments%5B0%5D.name#f-departments%5B0%5D.name",
		"leak.stages[0].tasks[0]": "?at=leak.stages%5B0%5D.tasks%5B0%5D&show=leak.stages%5B0%5D.tasks%5B0%5D#f-leak.stages%5B0%5D.tasks%5B0%5D",
		"leak.stages[0].tasks[0].branches[0].when": "?at=leak.stages%5B0%5D.tasks%5B0%5D&show=leak.stages%5B0%5D.tasks%5B0%5D.branches%5B0%5D.when#f-leak.stages%5B0%5D.tasks%5B0%5D.branches%5B0%5D.when",
	} {
		if got := mendAt(p, path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}
