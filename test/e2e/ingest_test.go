package e2e_test

import (
	"strings"
	"testing"
	"time"

	"holdfast"
)

// A user without an account reports a problem, which opens a suspected incident; a
// second report joins it, with the reason shown, until the duty officer finds that it
// is about something else and takes it out. Then he tries how a sender's body would
// become an alert.
func TestIngest(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.En) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			user := openBrowser(t, w.ready.Console, string(lang)+"-user")
			user.lang(string(lang))
			user.open("/report")
			user.shoot("ingest-1-report")
			w.reports(user, "付款後店家未收到 Paid, and the shop has not got it")
			user.shoot("ingest-2-taken")

			duty := w.signIn(openBrowser(t, w.ready.Console, string(lang)), w.ready.Account, lang)
			incident := w.suspected(duty)
			w.reports(user, "無法登入 I cannot sign in")
			duty.waitUntil("both reports are in the incident", "document.querySelectorAll('#alerts li').length == 2")
			duty.shoot("ingest-3-grouped")
			if grounds := duty.evaluate("document.querySelector('#alerts').innerText"); strings.Count(grounds, "5") == 0 {
				t.Errorf("nothing says why the second joined: %s", grounds)
			}
			w.ungroup(duty, incident)
			w.byPhone(duty)
			w.tries(duty)
		})
	}
}

func (w *world) reports(b *browser, what string) {
	w.t.Helper()
	b.open("/report")
	b.fill("#summary", what)
	b.fill("#detail", "4111 1111 1111 1111")
	b.press("form[action='/report'] button")
	b.waitFor("#sent")
}

// ungroup takes the second report out into an incident of its own.
func (w *world) ungroup(b *browser, incident string) {
	w.t.Helper()
	second := b.evaluate("[...document.querySelectorAll('#alerts li a')].at(-1).getAttribute('href')")
	b.open(second)
	if text := b.evaluate("document.querySelector('#alert').innerText"); strings.Contains(text, "4111 1111 1111 1111") {
		w.t.Error("the alert shows a card number")
	}
	b.reveal("#regroup summary")
	b.fill("#why", "另一件事 Something else")
	b.shoot("ingest-4-regroup")
	b.press("#regroup button")
	b.waitFor("#alerts")
	if own := b.evaluate("location.pathname"); own == incident || b.count("#alerts li") != 1 {
		w.t.Errorf("the alert is in %s with %d alerts, and was in %s", own, b.count("#alerts li"), incident)
	}
	b.open(incident)
	if b.count("#alerts li") != 1 || b.count("#timeline li") < 3 {
		w.t.Errorf("%s has %d alerts and %d lines of its story", incident, b.count("#alerts li"), b.count("#timeline li"))
	}
	b.shoot("ingest-5-left")
}

// byPhone enters what a caller noticed an hour ago.
func (w *world) byPhone(b *browser) {
	w.t.Helper()
	b.open("/report")
	hour := time.Now().UTC().Add(-time.Hour).Format("2006-01-02T15:04")
	b.fill("#summary", "客服來電 A call")
	b.fill("#seen", hour)
	b.do("open no incident", click("input[name=suspect]"))
	b.press("form[action='/report'] button")
	b.waitFor("#alert")
	if began := b.evaluate("document.querySelector('#alert time').getAttribute('datetime')"); !strings.HasPrefix(began, hour[:13]) {
		w.t.Errorf("it was noticed at %s, and began at %s", hour, began)
	}
	b.shoot("ingest-6-by-phone")
}

// tries tries a mapping, with and without a mistake.
func (w *world) tries(b *browser) {
	w.t.Helper()
	b.open("/intake")
	b.press("#try button.main")
	b.waitFor("#result .good")
	b.shoot("ingest-7-tried")
	b.fill("#f-summary", `bod["event.title"]`)
	b.press("#try button.main")
	b.waitFor("#field-summary mark")
	b.shoot("ingest-8-mistake")
	b.open("/alerts?q=report")
	if b.count("#list tbody tr") != 3 {
		w.t.Errorf("%d reports are found", b.count("#list tbody tr"))
	}
	b.shoot("ingest-9-search")
}
