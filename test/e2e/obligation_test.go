package e2e_test

import (
	"testing"

	"holdfast"
)

const (
	owedToAcquirer = "/obligations/own.acquirer-notice.report"
	owedToBank     = "/obligations/cn-pboc.incident.brief"
)

// What an outage owes to regulators, in Chromium: one report from the incident's
// figures to its receipt, by two people; another that is late, with its reason.
func TestObligations(t *testing.T) {
	t.Parallel()
	w := openWorld(t)
	duty := w.signIn(openBrowser(t, w.ready.Console, "zh-Hant-owed"), w.ready.Account, holdfast.ZhHant)
	second := w.signIn(openBrowser(t, w.ready.Console, "en-owed"), w.ready.Second, holdfast.En)
	w.outage()
	incident := w.suspected(duty)
	w.confirmLevel1(duty)
	w.reportInTime(duty, second, incident)
	w.reportLate(duty, second, incident)
	duty.open("/obligations")
	duty.waitFor("#list li")
	duty.shoot("95-obligations")
	second.open("/obligations")
	second.shoot("95-obligations")
	second.open("/obligations/packs")
	second.waitFor("#pack-cn-pboc .tag.warn") // nobody has verified it
	second.shoot("96-packs")
	duty.open(incident)
	duty.waitFor("#owed a[href$='" + owedToAcquirer + "']")
	duty.shoot("97-incident-owed")
}

// reportInTime brings a report from its first text to its receipt.
func (w *world) reportInTime(duty, second *browser, incident string) {
	w.t.Helper()
	duty.open(incident)
	duty.waitFor("#owed a[href$='" + owedToAcquirer + "']")
	duty.open(incident + owedToAcquirer)
	duty.shoot("90-report-filled")
	duty.press("#text form[action$='/drafts'] button")
	duty.waitFor("#text .tag.calm")
	if duty.count("form[action$='/approve']") != 0 {
		w.t.Error("who wrote the text is asked to approve it")
	}
	second.open(incident + owedToAcquirer)
	second.shoot("91-report-to-approve")
	second.press("form[action$='/approve'] button")
	second.waitFor("#text .note.good")
	duty.open(incident + owedToAcquirer)
	duty.fill("#how", "電話與郵件")
	duty.press("form[action$='/submissions'] button")
	duty.waitFor("form[action$='/receipts']")
	duty.fill("#number", "R-2026-17")
	duty.attach("#receipt-file", "receipt.pdf", "%PDF-1.7\nreceived")
	duty.press("form[action$='/receipts'] button")
	duty.waitFor("#out a[download]")
	duty.shoot("92-report-received")
	duty.open(incident + owedToAcquirer + "/print")
	duty.waitFor("article .pre")
}

// reportLate judges the incident, finds that it began two hours ago, and says why the
// report that was due meanwhile is late.
func (w *world) reportLate(duty, second *browser, incident string) {
	w.t.Helper()
	duty.open(incident + "/obligations")
	duty.shoot("93-obligations-of-incident")
	duty.evaluate(`(() => { const f = document.querySelector("#assess form"); f.elements["c-cn-pboc"].value = "major"; f.elements["q-critical"].value = "yes"; return true })()`)
	duty.fill("#note", "依業務部統計")
	duty.press("#assess form button")
	duty.waitFor("#reports a[href$='" + owedToBank + "']")
	duty.evaluate(`(() => { const at = document.querySelector("#at-occurred"); const t = new Date(at.value + ":00Z"); t.setHours(t.getHours() - 2); at.value = t.toISOString().slice(0, 16); return true })()`)
	duty.fill("#why-occurred", "日誌顯示更早")
	duty.press("#correct-occurred form button")
	duty.waitFor("#moment-occurred .tag.warn")
	duty.waitFor("#reports .tag.bad")
	duty.open(incident + owedToBank)
	duty.press("#text form[action$='/drafts'] button")
	second.open(incident + owedToBank)
	second.press("form[action$='/approve'] button")
	duty.open(incident + owedToBank)
	duty.fill("#how", "監管報送平台")
	duty.press("form[action$='/submissions'] button")
	duty.waitFor(".note.bad") // it is late, and nobody has said why
	duty.shoot("94-report-late")
	duty.open("/")
	duty.waitFor("#owed")
	duty.shoot("94-posture-late")
	duty.open(incident + owedToBank)
	duty.fill("#explain-reason", "事發時未能判定等級")
	duty.press("#explain form button")
	duty.waitFor("#late .tag.warn") // said after the limit
	duty.fill("#how", "監管報送平台")
	duty.press("form[action$='/submissions'] button")
	duty.waitFor("#out li .tag.warn")
}
