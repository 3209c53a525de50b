package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast"
)

// A revision from the draft to its readers, clicked through in Chromium by the
// people of three departments and their superior: written in forms, reviewed,
// refused once, approved, published, acknowledged.
func TestPlan(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			enter := func(account string) *browser {
				return w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-"+account), account, lang)
			}
			author, technology, risk, superior := enter("author"), enter("technology"), enter("risk"), enter("superior")
			commander := enter(w.ready.Second)

			draft := w.beginDraft(author)
			w.writeRisk(author, draft)
			w.twoAuthors(author, technology, draft)
			w.reviewDraft(author, draft, risk, commander)
			w.submitDraft(author, draft)
			w.refuseDraft(superior, author, draft)
			w.submitDraft(author, draft)
			for _, b := range []*browser{superior, risk, commander, technology} {
				w.tryApprove(b, draft)
			}
			for superior.open(draft); superior.count("form[action$='/publish']") == 0; superior.open(draft) {
				w.tryApprove(superior, draft)
			}
			superior.shoot("47-approved")
			superior.press("form[action$='/publish'] button")
			superior.waitFor("article.doc")
			superior.shoot("48-published")
			for _, b := range []*browser{superior, technology, risk, commander, author} {
				w.acknowledgeRevision(b)
			}
			superior.open("/plan")
			superior.shoot("49-acknowledged")
			w.readByLink(superior.another(string(lang) + "-amy"))
			w.compare(superior)
			w.waive(superior)
			w.trigger(author)
		})
	}
}

// beginDraft begins with the revision in force and returns the draft's address.
func (w *world) beginDraft(b *browser) string {
	w.t.Helper()
	b.open("/drafts")
	b.shoot("40-drafts")
	b.fill("#note", "年度修訂 yearly revision")
	b.press("form[action='/drafts'] button.main")
	b.waitFor("#comments")
	b.shoot("41-draft")
	return b.evaluate("location.pathname")
}

// writeRisk adds a risk in the form, with a mistake that is named at its field.
func (w *world) writeRisk(b *browser, draft string) {
	w.t.Helper()
	b.open(draft + "/chapters/risks")
	b.press("button[name=act][value='add risks']")
	b.waitFor("input[name$='.likelihood']")
	at := strings.TrimSuffix(b.evaluate("document.querySelector(\"input[name$='.likelihood']\").name"), ".likelihood")
	field := func(name string) string { return fmt.Sprintf("[name=%q]", at+"."+name) }
	b.fill(field("title.zh-Hant"), "支付渠道中斷")
	b.fill(field("title.zh-Hans"), "支付渠道中断")
	b.fill(field("title.en"), "A payment channel is interrupted")
	b.fill(field("likelihood"), "often")
	b.fill(field("impact"), "3")
	b.press("form[data-autosave] button.main")
	b.waitFor(".field-error")
	if got := b.evaluate(fmt.Sprintf("document.querySelector(%q).value", field("title.en"))); got != "A payment channel is interrupted" {
		w.t.Errorf("a refused form lost what was typed: %q", got)
	}
	b.shoot("42-risk-refused")
	b.fill(field("likelihood"), "2")
	b.do("choose level 2", click(field("levels")+"[value='2']"))
	b.press("form[data-autosave] button.main")
	b.waitFor(".note.good")
	b.shoot("43-risk")
	b.open(draft + "/chapters/procedure-1")
	b.shoot("44-procedure")
}

// twoAuthors write the same chapter: the later one sees what the other has
// written, and loses nothing.
func (w *world) twoAuthors(one, other *browser, draft string) {
	w.t.Helper()
	chapter := draft + "/chapters/general"
	one.open(chapter)
	other.open(chapter)
	one.fill("[name='purpose.en']", "What the first author wrote.")
	one.press("form[data-autosave] button.main")
	one.waitFor(".note.good")
	other.fill("[name='title.en']", "What the second author wrote")
	other.press("form[data-autosave] button.main")
	other.waitFor(".confirm")
	other.shoot("45-conflict")
	if got := other.evaluate("document.querySelector(\"[name='title.en']\").value"); got != "What the second author wrote" {
		w.t.Errorf("the form lost what was typed: %q", got)
	}
	if got := other.evaluate("document.querySelector('.confirm').textContent"); !strings.Contains(got, "What the first author wrote.") {
		w.t.Errorf("the newer text is not shown: %q", got)
	}
}

// reviewDraft has two reviewers comment; one comment is answered by a reason, the
// other by a change.
func (w *world) reviewDraft(author *browser, draft string, reviewers ...*browser) {
	w.t.Helper()
	for _, account := range []string{"risk", w.ready.Second} {
		author.open(draft)
		author.fill("#reviewer", account)
		author.press("form[action$='/reviewers'] button")
	}
	author.press("form[action$='/review'] button")
	for i, b := range reviewers {
		b.open(draft + "/read")
		b.do("choose the chapter", click("#chapter"))
		b.fill("#chapter", "risks")
		b.fill("#text", fmt.Sprintf("第 %d 則意見 comment %d", i+1, i+1))
		if i == 0 {
			b.shoot("46-comment")
		}
		b.press("form[action$='/comments'] button.main")
		b.waitFor("#comment-1")
	}
	author.open(draft)
	author.fill("#why-1", "已納入其他章節 covered elsewhere")
	author.press("#comment-1 form[action$='/resolve'] button")
	author.open(draft + "/chapters/risks")
	author.press("button[value^='copy risks[']")
	author.open(draft)
	author.press("#comment-2 form[action$='/resolve'] button")
	author.waitFor("#comment-2 .tag.good")
}

func (w *world) submitDraft(b *browser, draft string) {
	w.t.Helper()
	b.open(draft)
	b.fill("#document", "支應〔2026〕7號")
	b.press("form[action$='/submit'] button.main")
	b.waitFor("form[action$='/return']")
}

// refuseDraft sends it back with a reason, which its author sees.
func (w *world) refuseDraft(b, author *browser, draft string) {
	w.t.Helper()
	b.open(draft)
	b.fill("#return-reason", "請補充 add more")
	b.press("form[action$='/return'] button")
	author.open(draft)
	author.waitFor(".note.warn")
}

// tryApprove approves if it is the reader's turn.
func (w *world) tryApprove(b *browser, draft string) {
	w.t.Helper()
	b.open(draft)
	if b.count("form[action$='/approve']") > 0 {
		b.press("form[action$='/approve'] button")
		b.waitFor(".note.good")
	}
}

func (w *world) acknowledgeRevision(b *browser) {
	w.t.Helper()
	b.open("/plan")
	b.press("form[action$='/acknowledge'] button")
	b.waitFor("#readings .tag.good")
	b.waitGone("form[action$='/acknowledge']")
}

// trigger opens one and disposes of it with a reason.
func (w *world) trigger(b *browser) {
	w.t.Helper()
	b.open("/triggers")
	b.fill("#title", "新版支付核心上線 a new core goes live")
	b.fill("#source", "release")
	b.fill("#due", "2027-03-01")
	b.press("form[action='/triggers'] button")
	b.waitFor("#trigger-t1 .tag.warn")
	b.shoot("50-triggers")
	b.open("/plan")
	b.waitFor(".note.warn")
	b.open("/triggers")
	b.fill("#reason-t1", "流程不變 the procedures stay")
	b.press("#trigger-t1 form[action$='/dispose'] button")
	b.waitFor("#trigger-t1 .tag.good")
	for name, path := range map[string]string{"51-filings": "/filings", "52-timeline": "/plan/1/timeline", "53-duty": "/duty", "54-changes": "/drafts/d1/changes"} {
		b.open(path)
		b.waitFor("main h1")
		b.shoot(name)
	}
}
