package e2e_test

import (
	"fmt"
	"strings"

	"holdfast"
)

// debrief writes the debrief in the words of a person, has it signed by the two whom
// the plan names, voids a signature, has it returned once, and reads the report.
func (w *world) debrief(duty, commander *browser, incident string, lang holdfast.Lang) {
	w.t.Helper()
	superior := w.signIn(duty.another(string(lang)+"-superior"), "superior", lang)
	duty.open(incident + "/debrief")
	duty.shoot("A0-debrief-empty")
	duty.fill("#section-summary", "支付中斷 payments were interrupted，卡號 4111 1111 1111 1111")
	duty.fill("#section-badly", "值班人員疏忽")
	duty.fill("#section-lucky", "發生在離峰時段")
	duty.press("#texts button.main")
	duty.waitFor("#texts .note.warn") // the words read as blame
	if strings.Contains(duty.evaluate("document.querySelector('#section-summary').value"), "1111 1111") {
		w.t.Error("a card number stands in the summary")
	}
	w.why(duty, "new", "", "主用系統停擺 the primary stood still", "contributing", "equipment", "")
	duty.press("#new-cause form button.main") // without evidence: refused, and what was typed is still there
	duty.waitFor(".note.bad")
	if got := duty.evaluate("document.querySelector('#why-new').value"); got != "主用系統停擺 the primary stood still" {
		w.t.Errorf("a refused cause lost what was typed: %q", got)
	}
	duty.shoot("A1-debrief-refused")
	duty.fill("#text-new", "閘門自告警起未收到回應")
	duty.press("#new-cause form button.main")
	duty.waitFor("#cause-c1")
	w.why(duty, "new", "c1", "沒有備援主機 no second instance was ready", "root", "capacity", "設定檔只列一個位址")
	duty.attach("#file-new", "config.txt", "one address")
	duty.press("#new-cause form button.main")
	duty.waitFor("#cause-c2.depth-1 a[href^='/evidence/']")
	duty.evaluate(`(() => { const f = document.querySelector("#new-improvement form").elements; f.what.value = "加設備援主機"; f.owner.value = "zhao.jishu"; f.due.value = "2027-01-31"; f.chapter.value = "recovery"; return true })()`)
	duty.press("#new-improvement form button.main")
	duty.waitFor("#improvement-i1")

	present := "#signatures form[action$='/present'] button"
	sign := "#signatures form[action$='/sign'] button"
	duty.press(present)
	duty.waitFor("#signatures .tag.good") // worked out again, the record is the same
	if duty.count(sign) != 0 {
		w.t.Error("who holds none of the roles is asked to sign")
	}
	commander.open(incident + "/debrief")
	commander.press(sign)
	commander.waitFor("#signatures li .tag.good")
	duty.fill("#section-badly", "主用系統停擺期間沒有替代")
	duty.press("#texts button.main") // voids what the commander signed
	duty.waitFor("#signatures .note.bad")
	duty.shoot("A2-debrief-voided")
	duty.press(present)
	superior.open(incident + "/debrief")
	superior.fill("#return-reason", "請補上通知客戶的經過")
	superior.press("#return button")
	superior.waitFor("#signatures .note.bad")
	superior.shoot("A3-debrief-returned")
	duty.open(incident + "/debrief")
	duty.fill("#section-well", "十分鐘內已告知客戶")
	duty.press("#texts button.main")
	duty.press(present)
	for _, who := range []*browser{commander, superior} {
		who.open(incident + "/debrief")
		who.press(sign)
	}
	superior.waitFor(".head .tag.good")
	superior.shoot("A4-debrief-accepted")
	w.changesPlan(duty, "加設備援主機")
	duty.open(incident + "/debrief/report")
	duty.shoot("A5-debrief-report")
	if pdf := duty.print("debrief"); len(pdf) < 10_000 {
		w.t.Errorf("the printed report has %d bytes", len(pdf))
	}
	saver := &person{browser: duty, downloads: w.t.TempDir()}
	if file := saver.save("a[href$='/report.docx']"); !strings.HasPrefix(file, "PK") {
		w.t.Errorf("the Word document begins with %q", file[:min(len(file), 20)])
	}
}

// changesPlan follows what an accepted debrief decided to the improvement that is made of
// it, and, since it names a chapter of the plan, to the trigger among those of the plan.
func (w *world) changesPlan(b *browser, what string) {
	w.t.Helper()
	debrief := b.evaluate("location.pathname")
	b.open(debrief)
	b.press("#improvements a[href^='/improvements?']")
	list := b.evaluate("location.pathname + location.search")
	path := ""
	w.until("the improvement and its trigger are recorded", func() bool {
		b.open(list)
		path = b.evaluate(fmt.Sprintf(`[...document.querySelectorAll("main a[href^='/improvements/']")].find(a => a.textContent.includes(%q))?.getAttribute("href") ?? ""`, what))
		if path == "" {
			return false
		}
		b.open(path)
		return b.count("a[href^='/triggers#trigger-']") == 1
	})
	b.press("a[href^='/triggers#trigger-']")
	b.waitFor("[id^='trigger-'] a[href='" + path + "']")
	b.open(debrief)
}

// why fills in the form of a cause.
func (w *world) why(b *browser, form, parent, why, kind, class, text string) {
	w.t.Helper()
	b.fill("#why-"+form, why)
	if text != "" {
		b.fill("#text-"+form, text)
	}
	b.evaluate(fmt.Sprintf(`(() => { const f = document.querySelector("#why-%s").form.elements; f.parent.value = %q; f.kind.value = %q; f.class.value = %q; return true })()`, form, parent, kind, class))
}
