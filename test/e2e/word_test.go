package e2e_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"holdfast"
	"holdfast/internal/docx"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/plandoc"
)

// An operator brings the plan that it has as a Word document, sees what was read
// before anything is begun, and begins the draft with it; and the published plan is
// read on a phone and printed.
func TestWordAndPrint(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			author := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-author"), "author", lang)
			w.readPlanOnPhone(author)
			w.printPlan(author)
			w.uploadForeign(author)
			w.uploadRevised(author, lang)
		})
	}
}

// readPlanOnPhone walks the chapters as a thumb does.
func (w *world) readPlanOnPhone(b *browser) {
	w.t.Helper()
	b.open("/plan")
	b.waitFor("article.doc")
	b.shoot("70-plan")
	b.do("hold a phone", chromedp.EmulateViewport(390, 844))
	if high, _ := strconv.Atoi(b.evaluate("document.documentElement.scrollHeight")); high > 5000 {
		w.t.Errorf("on a phone the plan is %d pixels high", high)
	}
	seen := func(chapter string) bool {
		return b.evaluate(`(() => { const r = document.querySelector("#chapter-`+chapter+`").getBoundingClientRect(); return r.height > 40 && r.top < innerHeight && r.bottom > 0 })()`) == "true"
	}
	b.do("go to a chapter", chromedp.Click(chromedp.CSS("nav.toc a[href='#chapter-levels']")))
	b.waitFor("details.chapter[open] #chapter-levels")
	if !seen("levels") {
		w.t.Error("the link in the contents does not lead to the chapter")
	}
	b.do("turn the page", chromedp.ScrollIntoView(chromedp.CSS("#chapter-levels .turn a:last-child")), chromedp.Click(chromedp.CSS("#chapter-levels .turn a:last-child")))
	b.waitFor("details.chapter[open] #chapter-procedures")
	if !seen("procedures") {
		w.t.Error("the next chapter does not come into view")
	}
}

// printPlan prints from the phone: the paper has every chapter, folded or not.
func (w *world) printPlan(b *browser) {
	w.t.Helper()
	b.open("/plan")
	pdf := b.print("plan")
	if n := len(regexp.MustCompile(`/Type\s*/Page\b`).FindAll(pdf, -1)); n < 10 {
		w.t.Errorf("the plan prints on %d pages", n)
	}
}

// print prints the page to A4 and keeps it beside the pictures.
func (b *browser) print(name string) []byte {
	b.t.Helper()
	var pdf []byte
	b.do("print", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		got, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: new(true)})
		if err == nil {
			pdf = got.Data
		}
		return err
	}))
	if err := os.WriteFile(filepath.Join("..", "..", "build", "screenshots", name+"-"+b.name+".pdf"), pdf, 0o644); err != nil {
		b.t.Fatal(err)
	}
	return pdf
}

// uploadForeign shows a plan that was written by hand, and begins nothing.
func (w *world) uploadForeign(b *browser) {
	w.t.Helper()
	w.upload(b, docx.Document{Title: "plan", Lang: "zh-Hant", Blocks: []docx.Block{
		docx.P("支付系統緊急應變計畫"), docx.P("一、目的"), docx.P("維持支付不中斷。"), docx.P("二、工作原則"), docx.P("統一指揮。"),
		docx.P("三、應變小組"), docx.T([]string{"序號", "姓名", "職務", "電話"}, []string{"1", "陳偉", "指揮", "+886 2 5550 0101"}),
	}}, holdfast.ZhHant)
	for _, part := range []string{"#found li", "#kept li", "#found-people td", "#missing li"} {
		b.waitFor(part)
	}
	b.shoot("71-import-foreign")
	if got := b.evaluate(`document.querySelector("#kept").innerText`); !strings.Contains(got, "工作原則") {
		w.t.Errorf("what is kept as text does not stand there: %q", got)
	}
	if b.count("#found-people textarea") != 1 || b.count("#found-people button") != 0 {
		w.t.Error("an author, who may not change the roster, gets no text to hand on, or a button that will be refused")
	}
	b.open("/drafts")
	if b.count("input[type=file]") != 1 {
		w.t.Error("a draft was begun by showing a document")
	}
}

// uploadRevised brings the plan in force back as a document with one word changed;
// the draft has that change and no other.
func (w *world) uploadRevised(b *browser, lang holdfast.Lang) {
	w.t.Helper()
	p, faults := plan.Decode("", []byte(w.planText(b)))
	if len(faults) > 0 {
		w.t.Fatal(faults)
	}
	d := plandoc.Export(p, locale.For(lang), plandoc.Record{})
	for _, block := range d.Blocks {
		for _, row := range block.Rows {
			if strings.HasPrefix(row[0], strings.TrimSpace(p.Risks[0].Title.In(lang))) {
				row[2] = "1"
			}
		}
	}
	w.upload(b, d, lang)
	if n := b.count("#unread li, #kept li, #found-people"); n != 0 {
		w.t.Errorf("of our own document %d things were not read", n)
	}
	b.shoot("72-import-own")
	b.press("form[action='/drafts'] button.main")
	b.waitFor("#comments")
	b.open(b.evaluate("location.pathname") + "/changes")
	b.shoot("73-import-changes")
	if n := b.count("table tbody tr"); n != 1 {
		w.t.Errorf("the draft has %d changes, not 1", n)
	}
}

// planText is the text of the revision in force.
func (w *world) planText(b *browser) string {
	b.t.Helper()
	return b.evaluate(`(() => { const r = new XMLHttpRequest(); r.open("GET", "/plan/1/text", false); r.send(); return r.responseText })()`)
}

// upload sends a Word document in the form that begins a draft.
func (w *world) upload(b *browser, d docx.Document, lang holdfast.Lang) {
	w.t.Helper()
	var file bytes.Buffer
	if err := docx.Write(&file, d); err != nil {
		w.t.Fatal(err)
	}
	b.open("/drafts")
	b.attach("input[type=file]", "plan.docx", file.String())
	b.do("say that it is a file", chromedp.Click(chromedp.CSS("input[name=from][value=file]")))
	b.fill("#lang", string(lang))
	b.press("form[action='/drafts'] button.main")
	b.waitFor("#found")
}
