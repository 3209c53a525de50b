package e2e_test

import (
	"fmt"
	"testing"

	"holdfast"
)

// What customers report is level 3, and what a second report says is level 2: each
// goes by its own procedure to its end, clicked through in Chromium. No payment is
// held; level 2 ends with a debrief that the commander signs, level 3 without one.
func TestLesserLevels(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			duty := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-lesser"), w.ready.Account, lang)
			commander := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-lesser-second"), w.ready.Second, lang)

			w.confirmedReport(duty, "退款頁面變慢 the refund page is slow", holdfast.Level3)
			w.tickAll(duty)
			for _, task := range []string{"isolate", "steady", "choose-remedy", "repair"} {
				w.finish(duty, task, "by hand: "+task)
			}
			w.probeFunctions(duty)
			w.finish(duty, "close", "it is fast again")
			w.end(duty)

			incident := w.confirmedReport(duty, "一個渠道時好時壞 one channel comes and goes", holdfast.Level2)
			for _, task := range []string{"establish-extent", "choose-remedy", "repair", "tell-customers", "clear-unknown"} {
				w.finish(duty, task, "done: "+task)
			}
			w.probeFunctions(duty)
			w.finish(duty, "watch", "steady for half an hour")
			duty.shoot("74-level-2-recovered")
			w.finish(duty, "find-causes", "see the debrief")
			w.shortDebrief(duty, commander, incident)
			duty.open(incident)
			w.end(duty)
			duty.shoot("75-level-2-closed")
			if held := duty.count("#directives .card"); held != 0 {
				t.Errorf("%d directives stand in it", held)
			}
		})
	}
}

// confirmedReport is report, and confirms the incident at a level.
func (w *world) confirmedReport(b *browser, title string, level holdfast.Level) string {
	w.t.Helper()
	w.report(b, title)
	incident := w.suspectedAs(b, title)
	b.do("choose the level", click(fmt.Sprintf("#triage input[name=level][value='%d']", level)))
	b.press("#triage form[action$='/confirm'] button")
	b.waitFor(fmt.Sprintf(".band-level-%d", level))
	return incident
}

// report enters what a customer said.
func (w *world) report(b *browser, title string) {
	w.t.Helper()
	b.open("/report")
	b.fill("#summary", title)
	b.press("form[action='/report'] button")
}

func (w *world) probeFunctions(b *browser) {
	w.t.Helper()
	for b.count("#task-test-functions.closed") == 0 {
		b.press("#task-test-functions form[action$='/probe'] button")
	}
}

// end closes the incident on whose page b is. The band is no witness: a machine that is
// short of time makes payments slow, and that is rightly suspected meanwhile.
func (w *world) end(b *browser) {
	w.t.Helper()
	const closes = "form[action$='/close'] button"
	b.waitFor(closes)
	b.press(closes)
	b.waitGone(closes)
	b.waitFor("#title .tag.good") // closed
}

// shortDebrief writes no more than must be written, and has it signed.
func (w *world) shortDebrief(duty, commander *browser, incident string) {
	w.t.Helper()
	duty.open(incident + "/debrief")
	duty.fill("#section-summary", "一個渠道時好時壞 one channel came and went")
	duty.press("#texts button.main")
	w.why(duty, "new", "", "線路老舊 an old line", "root", "equipment", "監控紀錄 the monitor's record")
	duty.press("#new-cause form button.main")
	duty.waitFor("#cause-c1")
	duty.evaluate(`(() => { const f = document.querySelector("#new-improvement form").elements; f.what.value = "更換線路"; f.owner.value = "zhao.jishu"; f.due.value = "2027-01-31"; return true })()`)
	duty.press("#new-improvement form button.main")
	duty.waitFor("#improvement-i1")
	duty.press("#signatures form[action$='/present'] button")
	duty.waitFor("#signatures .tag.good")
	commander.open(incident + "/debrief")
	commander.press("#signatures form[action$='/sign'] button")
	commander.waitFor(".head .tag.good")
}
