package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/sandbox/truth"
)

// What waited, and what the primary's settlement file says otherwise, in Chromium: under
// stand-in a payment over the limit waits in the queue; once all is delivered the
// settlement file has another amount for one that was stood in for. It becomes an
// exception once a person confirms the file, is decided, and the books close.
func TestQueueAndSettlement(t *testing.T) {
	t.Parallel()
	w := startWorld(t, t.TempDir(), false, func(o *app.DemoOptions) { o.SecondGate = false })
	commander := w.signIn(openBrowser(t, w.ready.Console, "zh-Hant-settlement"), w.ready.Second, holdfast.ZhHant)
	duty := w.signIn(commander.another("en-settlement"), w.ready.Account, holdfast.En)
	superior := w.signIn(commander.another("zh-Hant-settlement-superior"), "superior", holdfast.ZhHant)

	w.outage()
	commander.open("/directives")
	directive := proposeStandIn(commander)
	superior.open(directive)
	superior.press("form[action$='/approve'] button")
	superior.waitFor(".band-stand-in-open")
	superior.shoot("settle-0-open")
	for _, b := range []*browser{commander, duty} {
		b.open("/stand-in/queue")
		b.waitFor("#waiting tbody tr") // it comes by itself
		b.shoot("settle-1-queue")
	}
	for w.demo.World.Check().StoodIn < 10 { // no fact tells of it
		commander.openUntil("/stand-in", "meter.use")
	}

	w.demo.World.EndFaults()
	lift(commander, superior, directive, "主用系統已恢復 it is back")
	duty.openUntil("/stand-in/queue", "#waiting .empty")
	duty.shoot("settle-2-queue-done")
	duty.openUntil("/stand-in", "#close-"+strings.TrimPrefix(directive, "/directives/")) // all is delivered

	w.offerSettlement(duty)
	duty.waitFor("#confirm")
	duty.shoot("settle-4-compared")
	duty.fill("#note", "The primary's file of the day")
	duty.press("#confirm form button")
	duty.waitFor("#state .tag.good")
	duty.shoot("settle-5-recorded")

	commander.open("/stand-in/exceptions")
	commander.waitFor("[id^='resolve-']") // it comes by itself
	commander.shoot("settle-6-exception")
	commander.reveal("[id^='resolve-'] summary")
	commander.evaluate(`(() => { document.querySelector("[id^='how-']").value = "accept"; return true })()`)
	commander.fill("[id^='note-']", "差額由本行承擔 we bear the difference")
	commander.press("[id^='resolve-'] form button")
	commander.open("/stand-in/exceptions?decided=1")
	commander.waitFor("#list .note.good") // the gate has carried it out
	commander.shoot("settle-7-decided")
	w.closeOut(duty, commander, strings.TrimPrefix(directive, "/directives/"))
}

// openUntil opens a page until it has something that comes without a fact: gates tell of
// it, and a page that nobody looks at does not renew itself.
func (b *browser) openUntil(path, css string) {
	b.t.Helper()
	for b.open(path); b.count(css) == 0; b.open(path) {
	}
}

// offerSettlement says what the columns of the primary's file mean, and offers one with
// two payments that were stood in for; the second has an amount that nobody approved.
func (w *world) offerSettlement(b *browser) {
	w.t.Helper()
	b.open("/stand-in/settlements")
	b.waitFor("#offer .empty")
	b.write("name", "core-bank", "identity", "merchant_order", "amount", "amount", "unit", "decimal", "currency", "ccy", "status", "status", "done", "OK", "not_done", "FAIL", "zone", "Asia/Taipei")
	b.press("form[action='/stand-in/settlement-mappings'] button.main")
	b.waitFor("#offer form")
	rows := "merchant_order,amount,ccy,status\n"
	for i, e := range w.stoodIn(2) {
		rows += fmt.Sprintf("%s,%d.%02d,%s,OK\n", e.Key, e.Amount/100, e.Amount%100+int64(i), e.Currency)
	}
	b.attach("#file", "core-bank.csv", rows)
	zone, err := time.LoadLocation("Asia/Taipei")
	if err != nil {
		w.t.Fatal(err)
	}
	b.write("day", time.Now().In(zone).Format(time.DateOnly), "mapping", "core-bank")
	b.shoot("settle-3-offer")
	b.press("form[action='/stand-in/settlements'] button.main")
}

// stoodIn are payments below the amount that takes two people which the primary did after
// a gate had approved them. None ends in 99: one cent more is written as easily.
func (w *world) stoodIn(n int) (list []truth.Effect) {
	w.t.Helper()
	effects, _ := w.demo.World.Primary.Ledger().Effects()
	for e := range effects {
		if e.Advice && e.Kind == truth.Payment && e.Amount < 10000 && e.Amount%100 < 99 && len(list) < n {
			list = append(list, e)
		}
	}
	if len(list) < n {
		w.t.Fatalf("%d payments were stood in for, not %d", len(list), n)
	}
	return list
}
