package e2e_test

import (
	"fmt"
	"testing"

	"holdfast"
)

// A level-1 outage from the alert to the debrief, clicked through in Chromium by
// two people: the duty officer, and the commander as the second person.
func TestConsole(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			duty := w.signIn(openBrowser(t, w.ready.Console, string(lang)), w.ready.Account, lang)
			commander := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-commander"), w.ready.Second, lang)

			duty.shoot("01-posture-normal")
			w.outage() // the alert follows by itself
			incident := w.suspected(duty)
			duty.shoot("02-incident-suspected")
			w.confirmLevel1(duty)
			w.stopPayments(duty, incident)
			w.convene(duty, commander, incident)
			held := w.head()
			w.handle(duty, incident)
			w.recover(duty)
			w.review(duty, commander, incident, lang)
			w.evidencePack(duty, incident, held)
			w.lookAround(duty)
		})
	}
}

// suspected waits for the suspected incident that the monitor's alert opens and
// goes to its page.
func (w *world) suspected(b *browser) string {
	w.t.Helper()
	return w.suspectedAs(b, "")
}

// suspectedAs is suspected for the incident that has this in its title.
func (w *world) suspectedAs(b *browser, title string) string {
	w.t.Helper()
	b.open("/")
	find := `[...document.querySelectorAll("#incidents a[href^='/incidents/2']")].find(a => a.textContent.includes(` + quoted(title) + `))`
	b.waitUntil("the incident is in the list", "!!"+find)
	path := b.evaluate(find + ".getAttribute('href')")
	b.open(path)
	return path
}

func (w *world) confirmLevel1(b *browser) {
	w.t.Helper()
	b.do("choose level 1", click("#triage input[name=level][value='1']"))
	b.fill("#confirm-note", "成功率 0 %, customers report failures")
	b.press("#triage form[action$='/confirm'] button")
	b.waitFor("#stage-stop.open")
}

// stopPayments does so with the effect before the eyes, and sees it confirmed.
func (w *world) stopPayments(b *browser, incident string) {
	w.t.Helper()
	b.shoot("03-stop-preview")
	b.press("#task-stop-payments form[action$='/direct'] button")
	b.waitFor("#stage-stop.done")
	b.waitFor(".band-stopped")
	b.shoot("04-stopped")
	b.open("/")
	b.shoot("05-posture-stopped")
	b.open("/gates")
	b.shoot("06-gates")
	b.open(incident)
}

// convene acknowledges as both people; one of them reached by phone as well.
func (w *world) convene(duty, commander *browser, incident string) {
	w.t.Helper()
	duty.press("form[action$='/acknowledge'].card button") // mine, on top of the page
	commander.open(incident)
	for commander.count("form[action$='/acknowledge'].card button") > 0 {
		commander.press("form[action$='/acknowledge'].card button")
	}
	duty.waitFor("#stage-notify.done")
	w.finish(duty, "decide-course", "Repair the primary, then probe and ramp")
	duty.waitFor("#stage-convene.done")
	duty.shoot("07-convened")
}

func (w *world) handle(b *browser, incident string) {
	w.t.Helper()
	w.demo.World.EndFaults()
	for _, task := range []string{"establish-extent", "repair", "clear-unknown", "tell-customers", "report-outside", "agree-reopening"} {
		w.finish(b, task, "done: "+task)
	}
	b.waitFor("#stage-handle.done")
	b.fill("#note", "備註 note with a file")
	b.attach("#note-file", "evidence.txt", "what the log said")
	b.press("#note-card button")
	b.waitFor("#timeline a[href^='/evidence/']")
	b.open(incident)
}

func (w *world) finish(b *browser, task, note string) {
	w.t.Helper()
	b.fill("#text-"+task, note)
	b.press(fmt.Sprintf("#task-%s form[action$='/done'] button", task))
	b.waitFor(fmt.Sprintf("#task-%s.closed", task))
}

func (w *world) recover(b *browser) {
	w.t.Helper()
	for b.count("#task-test-functions.closed") == 0 {
		b.press("#task-test-functions form[action$='/probe'] button")
	}
	b.shoot("08-probes-passed")
	for step := 1; step <= 4; step++ {
		b.waitFor(fmt.Sprintf("#task-reopen input[name=step][value='%d']", step))
		b.waitGone("#task-reopen .held") // the step before is held
		b.press(fmt.Sprintf("#task-reopen form:has(input[name=step][value='%d']) button", step))
		if step == 2 {
			b.shoot("09-ramp")
		}
	}
	b.waitFor("#task-reopen .verdict.good") // all payments are back, and have been watched
	b.waitGone("#task-reopen .held")
	b.shoot("09-ramp-watched")
	b.press("#task-reopen form[action$='/close'] button")
	b.waitFor("#task-reopen.closed")
	w.finish(b, "reconcile", "counts agree with the primary")
	b.waitFor(".band-level-1")
	b.shoot("10-recovered")
}

// review skips nothing, writes the debrief and closes the incident.
func (w *world) review(duty, commander *browser, incident string, lang holdfast.Lang) {
	w.t.Helper()
	duty.open(incident)
	if duty.count("#task-all-clear.closed") == 0 {
		duty.waitFor("#task-all-clear.closed")
	}
	for _, task := range []string{"assemble-timeline", "find-causes", "set-improvements"} {
		w.finish(duty, task, "see the debrief")
	}
	duty.press("#debrief form[action$='/close'] button")
	duty.waitFor(".note.bad") // nothing of the debrief is written yet
	duty.shoot("11-debrief-refused")
	w.debrief(duty, commander, incident, lang)
	duty.open(incident)
	duty.press("#debrief form[action$='/close'] button")
	duty.waitFor(".band-normal")
	duty.shoot("12-debriefed")
	commander.open(incident)
	commander.waitFor(".band-normal")
}

// lookAround opens every other screen, and the designed states of some.
func (w *world) lookAround(b *browser) {
	w.t.Helper()
	for name, path := range map[string]string{
		"20-posture": "/", "21-incidents": "/incidents", "22-alerts": "/alerts", "23-directives": "/directives", "24-plan": "/plan",
		"25-people": "/people", "26-unknowns": "/unknowns?settled=1", "27-account": "/account", "28-accounts": "/accounts",
		"29-report": "/report", "30-not-found": "/no-such-page", "31-empty": "/incidents?q=nothing-like-it",
	} {
		b.open(path)
		b.waitFor("main h1")
		b.shoot(name)
	}
}
