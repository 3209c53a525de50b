package e2e_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"holdfast"
	"holdfast/internal/sandbox/postoffice"
)

// What the public is told of an outage: one person writes, a second publishes; a
// reader has subscribed by mail and leaves; the files outlast Holdfast.
func TestPublicStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := openWorldIn(t, dir)
	reader := openBrowser(t, w.ready.Console, "zh-Hant-public")
	reader.lang("zh-Hant")
	w.subscribe(reader, "reader@public.invalid")
	reader.open("/status/zh-Hant/")
	reader.waitFor(".now.operational")
	reader.shoot("98-public-well")

	w.outage()
	duty := w.signIn(openBrowser(t, w.ready.Console, "zh-Hant-announce"), w.ready.Account, holdfast.ZhHant)
	second := w.signIn(openBrowser(t, w.ready.Console, "en-announce"), w.ready.Second, holdfast.En)
	w.suspected(duty)
	w.confirmLevel1(duty)
	reader.open("/status/zh-Hant/") // nobody has said anything yet, and it is not well
	reader.waitFor(".now.unknown")
	if inside := reader.evaluate(`/2026-1(?![0-9])|primary|gate-|王/.test(document.body.innerText)`); inside != "false" {
		t.Error("the page says of the inside before anything was published")
	}

	duty.open("/bulletins")
	duty.shoot("98-bulletins-untold")
	duty.press("#untold a.button")
	duty.waitFor("#next form textarea")
	duty.shoot("98-bulletin-fill")
	duty.press("#next form button.main")
	duty.waitFor("#draft")
	if duty.count("form[action$='/publish']") != 0 {
		t.Error("who wrote the text may publish it")
	}
	second.open("/bulletins/1")
	second.shoot("98-bulletin-publish")
	second.press("form[action$='/publish'] button")
	second.waitFor("#entry-1")
	reader.open("/status/zh-Hant/")
	reader.waitFor("article.investigating .said")
	reader.shoot("98-public-outage")
	reader.open("/status/zh-Hant/history.html")
	reader.press(".months a")
	reader.waitFor("article.investigating")

	leave := w.told("reader@public.invalid", "/status/leave")
	reader.open(leave)
	reader.press("main form button")
	reader.waitFor("main h2")
	second.open("/bulletins?")
	second.waitFor("#subscribers")
	second.shoot("98-bulletins")
	for !filesSay(t, dir) { // on a slow disk the first files may still be on their way
		second.open("/bulletins?")
	}

	for _, b := range []*browser{duty, second} {
		b.do("leave", chromedp.Navigate("about:blank"))
	}
	w.stop()
	for _, page := range []string{"zh-Hant", "en"} {
		reader.do("open the file", chromedp.Navigate("file://"+filepath.Join(dir, "status", page, "index.html")))
		reader.waitFor("article.investigating .said")
		if width := reader.evaluate("getComputedStyle(document.querySelector('.written')).borderTopWidth"); width != "2px" {
			t.Errorf("the style of the file %s does not apply: %s", page, width)
		}
		reader.shoot("98-public-file-" + page)
	}
}

// filesSay reports whether the files of the public page have what was published.
func filesSay(t *testing.T, dir string) bool {
	t.Helper()
	for _, page := range []string{"zh-Hant", "en"} {
		index, err := os.ReadFile(filepath.Join(dir, "status", page, "index.html"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(index, []byte(`class="said"`)) {
			return false
		}
	}
	return true
}

// subscribe goes from the form to the confirmation.
func (w *world) subscribe(reader *browser, address string) {
	w.t.Helper()
	reader.open("/status/subscribe")
	reader.fill("#address", address)
	reader.shoot("98-subscribe")
	reader.press("main form button")
	reader.waitGone("main form")
	link := w.told(address, "/status/confirm")
	reader.open(link)
	reader.press("main form button")
	reader.waitGone("main form")
	ctx, cancel := limited(w.t, context.Background())
	defer cancel()
	m, err := w.demo.Office.Await(ctx, func(m postoffice.Message) bool { return m.IsTo(address) })
	if err != nil || m.Subject == "" {
		w.t.Fatalf("the mail to confirm: %+v %v", m, err)
	}
}
