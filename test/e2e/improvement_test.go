package e2e_test

import (
	"strings"
	"testing"

	"holdfast"
)

// What was decided after an incident, in Chromium: it waits for its owner, opens a
// trigger of the plan, is extended, dropped by two people, done with evidence; and
// trends lead from each figure to its incidents.
func TestImprovements(t *testing.T) {
	t.Parallel()
	w := openWorld(t)
	duty := w.signIn(openBrowser(t, w.ready.Console, "zh-Hant-improve"), w.ready.Account, holdfast.ZhHant)
	second := w.signIn(openBrowser(t, w.ready.Console, "en-improve"), w.ready.Second, holdfast.En)
	incident := strings.TrimPrefix(w.reported(duty), "/incidents/")
	first := w.decide(duty, incident, "資料庫磁碟用量達 80 % 即告警 Alert at 80 % of the disk", "revise")
	w.waitsForOwner(duty, first)
	w.extendAndDo(duty, first)
	vendor := w.decide(duty, incident, "更換供應商 Another vendor", "")
	w.triggers(second, vendor)
	w.dropByTwo(duty, second, vendor)
	for _, b := range []*browser{duty, second} {
		b.open("/improvements?state=all")
		b.shoot("imp-4-list")
		b.open("/trends")
		b.press("#counts a[href*='by=level']")
		b.waitFor("#picked a[href='/incidents/" + incident + "']")
		b.shoot("imp-5-trends")
	}
}

// decide records an improvement that the reader owns.
func (w *world) decide(b *browser, incident, text, tick string) (path string) {
	w.t.Helper()
	b.open("/improvements?incident=" + incident)
	b.reveal("#record summary")
	b.fill("#text", text)
	b.fill("#due", "2030-12-31")
	b.evaluate(`(() => { document.querySelector("#new-owner").value = "person:wang.zhiban"; document.querySelector("#chapter").value = "procedure-1"; return true })()`)
	if tick != "" {
		b.do("ask for a trigger", click("input[name="+tick+"]"))
	}
	b.press("#record form button")
	b.waitFor("#act")
	return b.evaluate("location.pathname")
}

func (w *world) waitsForOwner(b *browser, path string) {
	w.t.Helper()
	b.open("/")
	b.waitFor("#awaiting a[href='" + path + "']")
	b.shoot("imp-1-waits")
	w.until("the trigger is open", func() bool {
		b.open(path)
		return b.count("a[href='/triggers#trigger-t1']") == 1
	})
	b.open("/triggers")
	b.waitFor("#trigger-t1 a[href='" + path + "']")
}

// triggers opens a trigger of the plan by a click on an improvement that asked for none,
// and finds it among those that wait for the plan.
func (w *world) triggers(b *browser, path string) {
	w.t.Helper()
	b.open(path)
	if b.count("a[href^='/triggers#']") != 0 {
		w.t.Error("a trigger was opened that nobody asked for")
	}
	b.press("form[action$='/trigger'] button")
	b.waitFor("a[href^='/triggers#trigger-']")
	if b.count("form[action$='/trigger']") != 0 {
		w.t.Error("a second trigger can be opened")
	}
	b.press("a[href^='/triggers#trigger-']")
	b.waitFor("[id^='trigger-'] a[href='" + path + "']")
	b.open("/triggers?open=1")
	b.waitFor("[id^='trigger-'] a[href='" + path + "']")
	b.shoot("imp-2-trigger")
}

func (w *world) extendAndDo(b *browser, path string) {
	w.t.Helper()
	b.open(path)
	b.reveal("#extend summary")
	b.fill("#due", "2031-01-31")
	b.fill("#extend-reason", "供應商延期 The vendor is late")
	b.press("#extend form button")
	b.waitFor("#history li")
	b.shoot("imp-2-extended")
	b.fill("#evidence", "變更 CHG-7 已上線 CHG-7 is in production")
	b.attach("#file", "alert.pdf", "%PDF-1.7\nfired")
	b.press("#act form[action$='/done'] button")
	b.waitFor(".note.good a[download], section a[download]")
	if b.count("#act") != 0 {
		w.t.Error("what is done can be done again")
	}
	b.shoot("imp-3-done")
}

// dropByTwo sees who asked refused, and somebody else consent.
func (w *world) dropByTwo(duty, second *browser, path string) {
	w.t.Helper()
	duty.open(path)
	duty.reveal("#drop summary")
	duty.fill("#drop-reason", "合約至 2032 年 The contract runs until 2032")
	duty.press("#drop form button")
	duty.waitFor("#drop-asked")
	if duty.count("#drop-asked button.danger") != 0 {
		w.t.Error("who asked is offered to consent")
	}
	second.open("/")
	second.waitFor("#awaiting a[href='" + path + "']")
	second.open(path)
	second.shoot("imp-3-drop")
	second.press("#drop-asked button.danger")
	second.waitFor(".note.warn")
}
