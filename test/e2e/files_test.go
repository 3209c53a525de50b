package e2e_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	protocol "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/chromedp"

	"holdfast"
)

const law = "%PDF-1.7\nthe regulation of 2026"

// A plan with its files: an author attaches a regulation to a material and a list
// of numbers to the plan; a page is refused. Approvers add the papers they signed,
// readers save the files from the published revision, and the filing shows what was
// handed in and the receipt.
func TestFiles(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.En) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			enter := func(account string) *person {
				return &person{w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-"+account), account, lang), t.TempDir()}
			}
			author, superior := enter("author"), enter("superior")
			draft := w.beginDraft(author.browser)
			w.attachFiles(author, draft)
			w.submitDraft(author.browser, draft)
			approvers := []*person{superior, enter("risk"), enter("technology"), enter(w.ready.Second)}
			for _, p := range approvers {
				w.tryApprove(p.browser, draft)
			}
			for superior.open(draft); superior.count("form[action$='/publish']") == 0; superior.open(draft) {
				w.tryApprove(superior.browser, draft)
			}
			w.signPapers(author, superior, draft)
			superior.press("form[action$='/publish'] button")
			w.readFiles(superior)
			w.fileScans(superior)
		})
	}
}

// person is somebody's browser, and where it saves files.
type person struct {
	*browser
	downloads string
}

// attachFiles attaches one file at a material and one in the chapter.
func (w *world) attachFiles(b *person, draft string) {
	w.t.Helper()
	b.open(draft + "/chapters/materials?at=materials%5B0%5D")
	b.attach("#file", "page.pdf", "<html><script>alert(1)</script>")
	b.press("#files form button")
	b.waitFor(".note.bad")
	b.shoot("60-file-refused")
	b.attach("#file", "large.txt", strings.Repeat("a", 17<<20))
	b.press("#files form button")
	b.waitFor(".note.bad")
	b.waitFor("#files form")
	b.attach("#file", "支付管理辦法.pdf", law)
	b.press("#files form button")
	b.waitFor("#files a[download]")
	b.shoot("61-file-of-material")
	if got := b.evaluate("document.querySelector('#files code.hash').textContent.length"); got != "64" {
		w.t.Errorf("the hash has %s digits", got)
	}
	w.mendLostFile(b, draft)
	b.open(draft + "/chapters/attachments")
	b.fill("#file-title", "應急電話 emergency numbers")
	b.attach("#file", "numbers.bat", "客服,0800-000-000\n")
	b.press("#files form button")
	b.waitFor("#files li:nth-child(3)")
	b.shoot("62-attachments")
	if got := b.save("#files li:nth-child(3) a[download]"); got != "客服,0800-000-000\n" {
		w.t.Errorf("the file came back as %q", got)
	}
	if name := b.evaluate("document.querySelector('#files li:nth-child(3) a').textContent"); name != "numbers.bat.txt" {
		w.t.Errorf("a text that poses as a program is called %q", name)
	}
	b.open(draft + "/read")
	b.waitFor("#chapter-attachments")
	if got := b.save("article.doc a[download]"); got != law {
		w.t.Errorf("the material's file came back as %q", got)
	}
}

// mendLostFile writes, as text, a file that another installation has and this one
// has not: it is red until the very file is uploaded.
func (w *world) mendLostFile(b *person, draft string) {
	w.t.Helper()
	b.open(draft + "/chapters/attachments")
	text := b.evaluate("document.querySelector('#yaml').value")
	const plain = "the map of the network\n"
	b.fill("#yaml", text+"- id: map\n  title: {zh-Hant: 網路圖, zh-Hans: 网络图, en: Map}\n  name: map.txt\n  hash: "+fmt.Sprintf("%x", sha256.Sum256([]byte(plain)))+"\n")
	b.press("#as-text button")
	b.waitFor("#files .tag.bad")
	b.shoot("62-file-lost")
	b.open(draft + "/chapters/attachments?at=attachments%5B1%5D")
	b.attach("#file", "map.txt", plain)
	b.press("#files form button")
	b.open(draft + "/chapters/attachments")
	b.waitFor("#files")
	b.waitGone("#files .tag.bad")
}

// signPapers has the approver and the author attach what was signed.
func (w *world) signPapers(author, superior *person, draft string) {
	w.t.Helper()
	for i, p := range []*person{superior, author} {
		p.open(draft)
		forms := p.count("form[action$='/scan']")
		if i == 0 && forms != 1 {
			w.t.Errorf("the approver may attach a scan to %d decisions, not to her own alone", forms)
		}
		p.reveal("form[action$='/scan'] input[type=file]")
		p.attach("form[action$='/scan'] input[type=file]", "簽署.pdf", "%PDF-1.7 signed by "+p.name)
		p.press("form[action$='/scan'] button")
		p.waitFor(".scan a[download]")
		p.shoot("63-scan")
	}
}

// readFiles saves them from the published revision.
func (w *world) readFiles(b *person) {
	w.t.Helper()
	b.open("/plan")
	b.waitFor("#approvals .scan")
	b.reveal("#approvals .scan")
	b.shoot("64-published-files")
	if got := b.save("article.doc a[download]"); got != law {
		w.t.Errorf("the published file came back as %q", got)
	}
	if got := b.save("#approvals .scan a[download]"); !strings.HasPrefix(got, "%PDF-1.7 signed by ") {
		w.t.Errorf("the scan came back as %q", got)
	}
}

// fileScans records a filing and its receipt, with their scans.
func (w *world) fileScans(b *person) {
	w.t.Helper()
	b.open("/filings")
	today := b.evaluate("new Date().toLocaleDateString('sv')")
	b.fill("#title", "應急預案 the plan")
	b.fill("#recipient", "主管機關 the regulator")
	b.fill("#filed", today)
	b.press("form[action='/filings'] button.main")
	b.waitFor("#scan-filing-f1")
	scan := func(form, content string) {
		b.reveal(form + " input[type=file]")
		b.attach(form+" input[type=file]", "掃描.pdf", content)
		b.press(form + " button")
	}
	scan("#scan-filing-f1", "%PDF-1.7 what was filed")
	b.fill("#number-f1", "備〔2026〕7")
	b.fill("#at-f1", today)
	b.press("#receipt-f1 button")
	scan("#scan-receipt-f1", "%PDF-1.7 the receipt")
	b.waitFor(".scan:nth-of-type(1)")
	b.shoot("65-filings")
	if n := b.count(".scan a[download]"); n != 2 {
		w.t.Fatalf("%d scans are shown", n)
	}
	if got := b.save(".scan a[download]"); got != "%PDF-1.7 what was filed" {
		w.t.Errorf("the scan came back as %q", got)
	}
}

// save follows a link to a file and returns what was saved.
func (p *person) save(css string) string {
	p.t.Helper()
	p.reveal(css)
	ctx, cancel := limited(p.t, p.ctx)
	defer cancel()
	progress := chromedp.Events(ctx, protocol.DownloadProgress)
	told := true
	p.do("allow downloads", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, protocol.SetDownloadBehavior, protocol.SetDownloadBehaviorParams{
			Behavior: protocol.SetDownloadBehaviorBehaviorAllowAndName, DownloadPath: p.downloads, EventsEnabled: &told,
		})
		return err
	}))
	p.do("save "+css, chromedp.ScrollIntoView(chromedp.CSS(css)), click(css))
	for e, err := range progress {
		switch {
		case err != nil:
			p.t.Fatalf("%s: save %s: %v\n%s", p.name, css, err, p.page())
		case e.State == protocol.DownloadProgressStateCanceled:
			p.t.Fatalf("%s: the browser did not save %s\n%s", p.name, css, p.page())
		case e.State == protocol.DownloadProgressStateCompleted:
			content, err := os.ReadFile(filepath.Join(p.downloads, e.GUID))
			if err != nil {
				p.t.Fatal(err)
			}
			return string(content)
		}
	}
	return ""
}
