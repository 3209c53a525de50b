package e2e_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"holdfast"
)

// The editor of a plan, as somebody uses it who does not write YAML: what is
// typed is seen beside the form, what is removed comes back, what is missing is
// listed and leads to its field.
func TestEditor(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			b := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-editor"), "author", lang)
			draft := w.beginDraft(b)
			w.previewBeside(b, draft)
			w.undoRemoval(b, draft)
			w.whatIsMissing(b, draft)
			w.standInProfile(b, draft)
			w.writeCondition(b, draft)
			w.sessionEnds(b, draft)
		})
	}
}

// previewBeside types a risk's title and sees it in the preview, without a save by
// hand.
func (w *world) previewBeside(b *browser, draft string) {
	w.t.Helper()
	b.open(draft + "/chapters/risks?at=risks%5B0%5D")
	b.waitFor("#preview-text [data-at='risks[0]']")
	b.typeInto("[name='risks[0].title.zh-Hant']", "機房斷電")
	b.typeInto("[name='risks[0].title.en']", "The data centre loses power")
	b.waitFor("#preview-text .here")
	b.waitUntil("the preview shows what was typed", `document.querySelector("#preview-text [data-at='risks[0]']").textContent.match(/機房斷電|loses power/) !== null`)
	b.waitUntil("the page says when it saved", `/\d\d:\d\d/.test(document.getElementById("autosave").textContent)`)
	b.shoot("60-editor")
	b.open(draft + "/chapters/risks#preview")
	b.waitFor("#preview-text")
	b.shoot("61-preview")
}

// undoRemoval removes a row and takes it back.
func (w *world) undoRemoval(b *browser, draft string) {
	w.t.Helper()
	b.open(draft + "/chapters/risks")
	rows := b.count("#f-risks .form-row")
	b.press("button[value='remove risks[1]']")
	b.waitFor(".undo button")
	if got := b.count("#f-risks .form-row"); got != rows-1 {
		w.t.Errorf("%d rows after a removal of %d", got, rows)
	}
	b.shoot("62-removed")
	b.press(".undo button")
	if got := b.count("#f-risks .form-row"); got != rows {
		w.t.Errorf("%d rows after the removal was undone; there were %d", got, rows)
	}
	b.waitGone(".undo")
}

// whatIsMissing empties a field and is led to it by the checklist.
func (w *world) whatIsMissing(b *browser, draft string) {
	w.t.Helper()
	b.open(draft + "/chapters/risks?at=risks%5B0%5D")
	b.typeInto("[name='risks[0].likelihood']", "\b")
	b.press("form[data-autosave] .savebar button.main")
	b.waitFor(".note.good")
	b.open(draft + "/checklist")
	b.shoot("63-checklist")
	b.press("main a[href*='likelihood']")
	b.waitUntil("the field has the cursor", `document.activeElement.name === "risks[0].likelihood"`)
	b.shoot("64-mend")
	b.open(draft + "/chapters/levels")
	b.shoot("65-levels")
	b.open(draft + "/chapters/procedure-1")
	b.shoot("66-procedure")
	if got := b.evaluate("document.querySelectorAll('#chapter-list li').length"); got != "17" && !strings.HasPrefix(got, "1") {
		w.t.Errorf("the list has %s chapters", got)
	}
}

// writeCondition writes when a level begins with the keyboard alone: what may stand
// at the cursor is offered, and a mistake is marked at its character.
func (w *world) writeCondition(b *browser, draft string) {
	w.t.Helper()
	field := "[name='levels[1].enter']"
	value := func() string { return b.evaluate(`document.querySelector("` + field + `").value`) }
	offered := func(text string) {
		b.waitUntil("the list offers "+text, `[...document.querySelectorAll(".offers:not([hidden]) [role=option]")].some((o) => o.dataset.text === "`+text+`")`)
	}
	b.open(draft + "/chapters/levels?at=levels%5B1%5D")
	b.typeInto(field, "succ")
	offered("success_percent")
	b.do("take the first", chromedp.KeyEvent(kb.ArrowDown))
	b.waitUntil("the field names the option", `document.activeElement.getAttribute("aria-activedescendant") !== null && document.activeElement.getAttribute("aria-expanded") === "true"`)
	b.do("take the first", chromedp.KeyEvent(kb.Enter))
	offered("<")
	if got := value(); got != "success_percent " {
		w.t.Errorf("the field holds %q after the choice", got)
	}
	b.shoot("67-completion")
	b.do("go on", chromedp.KeyEvent("< 95 或 x"))
	b.waitUntil("the character is marked", `document.querySelector(".caret mark")?.textContent === "或"`)
	b.do("close the list", chromedp.KeyEvent(kb.Escape))
	b.shoot("68-caret")
	b.do("mend it", chromedp.KeyEvent("\b\b\bor functions_limited > 0"))
	b.waitUntil("it is put into words", `document.querySelector(".caret") === null && document.querySelector(".asked .hint") !== null`)
	b.waitUntil("it is saved", `document.querySelector("#preview-text [data-at='levels[1]']") !== null && document.getElementById("preview-text").textContent.includes("success_percent < 95 or functions_limited > 0")`)
	b.shoot("69-condition")
}

// sessionEnds while somebody writes: what was typed stays in the form, also when it
// is saved by hand, and the page says how to go on.
func (w *world) sessionEnds(b *browser, draft string) {
	w.t.Helper()
	b.open(draft + "/chapters/general")
	b.do("lose the session", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.ClearBrowserCookies, cdp.Empty{})
		return err
	}))
	b.typeInto("[name='title.en']", "Written after the session had ended")
	b.waitUntil("the page says that the session has ended", `!document.getElementById("signed-out").hidden`)
	b.do("save by hand", click("form[data-autosave] .savebar button.main"))
	b.waitUntil("the form is tried again", `document.getElementById("autosave").classList.contains("late")`)
	if got := b.evaluate(`document.querySelector("[name='title.en']").value`); got != "Written after the session had ended" {
		w.t.Errorf("the form holds %q", got)
	}
	b.shoot("70-session-ended")
}
