package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
)

// A newcomer keeps the roster with forms alone, clicked through in Chromium: two
// people, a role, a rotation, a cover, a party, a file with a bad row; a person who
// leaves turns the plan red.
func TestStaff(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.En) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			b := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-staff"), w.ready.Account, lang)
			w.addPeople(b)
			w.verifyContact(b)
			w.rotation(b)
			w.coverDuty(b)
			w.addParty(b)
			w.importSheet(b)
			w.twoKeepers(b)
			w.leaver(b)
		})
	}
}

func (w *world) addPeople(b *browser) {
	w.t.Helper()
	b.open("/people")
	b.shoot("60-people")
	for i, name := range []string{"gao.xin", "he.lan"} {
		b.open("/people/-new")
		b.fill("#id", name)
		b.fill("#name", []string{"高新", "何嵐"}[i])
		b.fill("#name-en", []string{"Gao Xin", "He Lan"}[i])
		b.fill("#department", "technology")
		b.do("give a role", click("input[name=role][value=technology-lead]"))
		if i == 1 {
			b.fill("#role-other", "night-watch")
		}
		b.fill("#contact-0-address", "call me")
		b.fill("#contact-1-address", name+"@demo.invalid")
		b.press("button[value='add contact']")
		b.fill("#contact-2-address", "12")
		b.press("button[value='drop contact 2']")
		b.press("button[value='up contact 1']")
		b.press("button.main[value=save]")
		b.waitFor(".field-error")
		if got := b.evaluate("document.querySelector('#contact-1-address').value"); got != "call me" {
			w.t.Errorf("the refused form holds %q", got)
		}
		if i == 0 {
			b.shoot("61-person-refused")
		}
		b.fill("#contact-1-address", fmt.Sprintf("+886 2 5550 010%d", i))
		b.press("button.main[value=save]")
		b.waitFor(".note.good")
	}
	b.open("/people/he.lan/edit")
	b.press("button[value='add deputy']")
	b.fill("#deputy-0-person", "gao.xin")
	b.press("button.main[value=save]")
	b.waitFor(".note.good")
	b.shoot("62-person")
	b.open("/people?q=Gao+Xin")
	if n := b.count("#list tbody tr"); n != 1 {
		w.t.Errorf("the search finds %d people", n)
	}
	b.open("/roles")
	b.waitFor("#role-night-watch .tag.warn")
	b.waitFor("#role-technology-lead .tag.good")
	b.shoot("63-roles")
}

// verifyContact reaches a person by phone, asks for a link by mail, and sends a test.
func (w *world) verifyContact(b *browser) {
	w.t.Helper()
	b.open("/people/gao.xin")
	b.press("#contact-0 form[action$='/verify'] button")
	b.waitFor("#contact-0 .tag.calm")
	b.press("#contact-0 form[action$='/test'] button")
	b.waitFor("#contact-0 p.small .tag.good") // the mail server has taken it
	b.fill("#note-1", "高新本人")
	b.press("#contact-1 form[action$='/reached'] button")
	b.waitFor("#contact-1 .tag.good")
	b.shoot("64-verified")
}

// rotation makes duty times with other people on holidays.
func (w *world) rotation(b *browser) {
	w.t.Helper()
	b.open("/duty/-new")
	b.fill("#choose", "technology-lead")
	b.press("main form button.main")
	b.fill("#day", "2026-01-05")
	b.fill("#hour", "09:00")
	b.fill("#zone", "Asia/Shanghai")
	b.fill("#calendar", "cn")
	b.do("tell holidays apart", click("#split"))
	b.press("button[value='show split']")
	b.fill("#first-0", "gao.xin")
	b.press("button[value='add first']")
	b.fill("#first-1", "he.lan")
	b.fill("#second-0", "zhao.jishu")
	b.press("button[value='add second']")
	b.fill("#second-1", "he.lan")
	b.fill("#second-unit", "w")
	b.shoot("65-duty-form")
	b.press("button.main[value=save]")
	b.waitFor("#days")
	b.open("/duty/technology-lead?view=month&from=2026-10-01")
	b.waitFor(".month li.holiday")
	if text := b.evaluate("document.querySelector('.month').innerText"); !strings.Contains(text, "国庆") || !strings.Contains(text, "高新") && !strings.Contains(text, "Gao Xin") {
		w.t.Errorf("the month says %s", text)
	}
	b.shoot("66-duty-month")
}

// coverDuty puts one in another's place; a second cover over it is shown first.
func (w *world) coverDuty(b *browser) {
	w.t.Helper()
	day := time.Now().AddDate(0, 0, 2)
	write := func(person string) {
		b.open("/duty/technology-lead")
		b.fill("#person", person)
		b.fill("#cover-from", day.Format("2006-01-02")+"T09:00")
		b.fill("#cover-until", day.AddDate(0, 0, 2).Format("2006-01-02")+"T09:00")
		b.fill("#cover-reason", "休假 on leave")
		b.press("#new-cover button.main")
	}
	write("gao.xin")
	b.waitFor("#covers li[id^=cover-]")
	write("he.lan")
	b.waitFor("#new-cover .note.warn")
	b.shoot("67-cover-clash")
	b.press("#new-cover button.danger")
	b.waitFor("#covers li[id^=cover-]:nth-of-type(2)")
	b.shoot("68-covers")
	b.open("/duty")
	b.shoot("69-duty")
	b.open("/calendars")
	b.shoot("70-calendars")
}

func (w *world) addParty(b *browser) {
	w.t.Helper()
	b.open("/parties/-new")
	b.fill("#id", "network-line")
	b.fill("#name", "專線供應商")
	b.fill("#kind", "network")
	b.fill("#contract", "2026-17, 30 min")
	b.fill("#contact-0-address", "+886 2 5550 0177")
	b.fill("#contact-0-label", "hotline")
	b.press("button.main[value=save]")
	b.waitFor("#contact-0")
	b.open("/parties/clearing-house")
	b.press("#contact-0 form[action$='/test'] button")
	b.waitFor("#contact-0 p.small .tag.good")
	b.shoot("71-party")
	b.open("/parties")
	b.shoot("72-parties")
}

// importSheet is refused for one bad row, corrected, previewed, and imported.
func (w *world) importSheet(b *browser) {
	w.t.Helper()
	const sheet = "id,name,department,roles,channel 1,address 1\nnew.one,新一,operations,duty-officer,phone,110\nnew.two,新二,operations,duty-officer,phone,%s\namy.lau,Amy Lau,legal,service-lead communications-lead,smtp,amy.lau@demo.invalid\n"
	b.open("/people/-import")
	b.attach("#file", "people.csv", fmt.Sprintf(sheet, "call me"))
	b.press("form[enctype] button.main")
	b.waitFor("tr.row-refused .field-error")
	b.waitFor("tr.row-added")
	b.waitFor("tr.row-changed .differences")
	if n := b.count("input[name=digest]"); n != 0 {
		w.t.Error("a file with a bad row can be imported")
	}
	b.shoot("73-import-refused")
	b.attach("#file", "people.csv", fmt.Sprintf(sheet, "119"))
	b.press("form[enctype] button.main")
	b.waitFor("input[name=digest]")
	b.shoot("74-import")
	b.press("#preview form button.main")
	b.waitFor("#list a[href='/people/new.two']")
}

// twoKeepers change one person at once: the later one sees what the other did.
func (w *world) twoKeepers(b *browser) {
	w.t.Helper()
	b.open("/people/new.one/edit")
	base := b.evaluate("document.querySelector('input[name=base]').value")
	b.fill("#name", "新一甲")
	b.press("button.main[value=save]")
	b.waitFor(".note.good")
	b.open("/people/new.one/edit")
	b.evaluate(fmt.Sprintf("document.querySelector('input[name=base]').value = %q", base))
	b.fill("#name", "新一乙")
	b.press("button.main[value=save]")
	b.waitFor(".confirm .differences")
	b.shoot("75-overtaken")
	b.press("button.main[value=save]")
	b.waitFor("#history")
	b.press("#revision-1 form button")
	b.waitFor(".note.good")
	if name := b.evaluate("document.querySelector('h1').innerText"); !strings.Contains(name, "新一 ") {
		w.t.Errorf("the first state is not restored: %s", name)
	}
	b.reveal("#revision-1")
	b.shoot("76-history")
}

// leaver goes, and the plan's findings say so at once.
func (w *world) leaver(b *browser) {
	w.t.Helper()
	b.open("/people/gao.xin/leave?from=2300-01-01")
	b.fill("#reason", "轉任 moves on")
	b.press("form[method=post] button.danger")
	b.waitFor(".note.bad") // more than a year ahead
	b.open("/people/gao.xin/leave?from=" + time.Now().AddDate(0, 1, 0).Format(time.DateOnly))
	b.fill("#reason", "轉任 moves on")
	b.press("form[method=post] button.danger")
	b.waitFor("form[action$='/stay']")
	b.shoot("77-leaving")
	b.press("form[action$='/stay'] button")
	b.open("/people/lin.zhihui/leave")
	b.waitFor("#red .tag.bad")
	b.shoot("78-leave")
	before := w.findings(b)
	b.open("/people/lin.zhihui/leave")
	b.fill("#reason", "離職 has left")
	b.press("form[method=post] button.danger")
	b.waitFor(".note.bad")
	if after := w.findings(b); after <= before {
		w.t.Errorf("the plan has %d errors without its commander, %d with him", after, before)
	}
	b.shoot("79-plan-red")
	b.open("/people?state=left")
	b.waitFor("#list a[href='/people/lin.zhihui']")
}

// findings counts the errors that the plan's page shows.
func (w *world) findings(b *browser) int {
	w.t.Helper()
	b.open("/plan")
	return b.count(".tag.bad")
}
