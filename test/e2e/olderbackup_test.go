package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"holdfast"
	"holdfast/internal/app"
)

// The directory of a gate's advice source is put back from a copy of before most approvals, in
// Chromium: the screens say what is missing, it is not closed out as if nothing were, and two
// people sign it as lost track of.
func TestAnOlderBackup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source, backup := filepath.Join(dir, "gate-1", "advices"), filepath.Join(dir, "copy")
	leave := func(w *world, browsers ...*browser) {
		for _, b := range browsers {
			b.do("leave", chromedp.Navigate("about:blank"))
		}
		w.stop()
	}
	run := func(lang string) (w *world, asks, agrees *browser) {
		w = startWorld(t, dir, false, func(o *app.DemoOptions) { o.SecondGate = false })
		asks = w.signIn(openBrowser(t, w.ready.Console, lang+"-older"), w.ready.Second, holdfast.ZhHant)
		return w, asks, w.signIn(asks.another(lang+"-older-superior"), "superior", holdfast.En)
	}

	w, commander, superior := run("first")
	w.outage()
	commander.open("/directives")
	directive := proposeStandIn(commander)
	id := strings.TrimPrefix(directive, "/directives/")
	superior.open(directive)
	superior.press("form[action$='/approve'] button")
	superior.waitFor(".band-stand-in-open")
	leave(w, commander, superior)
	if err := os.CopyFS(backup, os.DirFS(source)); err != nil {
		t.Fatal(err)
	}

	w, commander, superior = run("second")
	w.outage()                              // nothing of it is delivered
	for w.demo.World.Check().StoodIn < 40 { // no fact tells of it
		commander.openUntil("/stand-in", "meter.use")
	}
	lift(commander, superior, directive, "主用系統已恢復 it is back")
	commander.openUntil("/stand-in", "#account-"+id+" .tag.calm") // it has ended, and is told
	leave(w, commander, superior)
	if err := os.RemoveAll(source); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(source, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}

	_, commander, superior = run("third")
	for _, b := range []*browser{commander, superior} {
		b.open("/")
		b.waitFor("#flow .note.bad")
		b.shoot("older-0-posture")
		b.openUntil("/stand-in", "#untold-"+id)
		b.shoot("older-1-missing")
	}
	if n := commander.count("#close-" + id); n != 0 {
		t.Error("it can be closed out as usual")
	}
	commander.openUntil("/stand-in", "#give-up-"+id)
	commander.reveal("#give-up-" + id + " summary")
	commander.fill("#lost-reason-"+id, "磁碟損毀，沒有較新的備份 no newer backup")
	commander.fill("#lost-evidence-"+id, "report 8")
	commander.press("#give-up-" + id + " form button")
	superior.open("/stand-in")
	superior.press("#untold-" + id + " form[action$='/answer'] button.main")
	superior.waitGone("#untold-" + id + " form[action$='/answer']")
	for _, b := range []*browser{commander, superior} {
		b.openUntil("/stand-in", "#account-"+id+" > a + .tag.good") // the gate has closed it
		b.shoot("older-2-signed")
	}
}
