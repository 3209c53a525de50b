package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
)

// doubtingGate is a gate that does not know what became of payments, as far as it tells.
type doubtingGate struct {
	*world
	seq      uint64
	unlisted []string // resolutions of payments that it does not list any more
}

func (w *world) doubtingGate() *doubtingGate {
	w.t.Helper()
	_, err := w.demo.Control.Join().Enrol(context.Background(), gate.Enrolment{Gate: "gate-9", Boot: "b9", Account: "a9", Routes: []gate.Route{{Name: "pay", Kind: "payment", Mode: gate.Static}}})
	if err != nil {
		w.t.Fatal(err)
	}
	return &doubtingGate{world: w}
}

// report tells of a payment, or of none, and returns what people have said.
func (g *doubtingGate) report(entries ...gate.Entry) []gate.Resolution {
	g.t.Helper()
	for i := range entries {
		g.seq++
		entries[i].Seq, entries[i].At = g.seq, time.Now()
		entries[i].Record.Kind, entries[i].Record.Route, entries[i].Record.Currency = "payment", "pay", "CNY"
	}
	answer, err := g.demo.Control.Join().Report(context.Background(), gate.Report{Gate: "gate-9", Boot: "b9", Account: "a9", Entries: entries, Unlisted: g.unlisted, Asking: &[]gate.Asked{{Identity: "app/n417", Over: true}, {Identity: "app/n418", Made: 3, Most: 3, Over: true}}})
	if err != nil {
		g.t.Fatal(err)
	}
	return answer.Resolve
}

func doubt(identity string, amount int64, o payment.Outcome, why string) gate.Entry {
	return gate.Entry{Record: payment.Record{Identity: identity, Amount: amount, At: time.Now()}, Outcome: o, Why: why}
}

// Payments of unknown outcome in Chromium: one person says what became of a small one, two
// of a large one; the gate carries it out; the incident's timeline, debrief and report tell.
func TestUnknownOutcomesByPeople(t *testing.T) {
	t.Parallel()
	w := openWorld(t)
	duty := w.signIn(openBrowser(t, w.ready.Console, "zh-Hant-unknown"), w.ready.Account, holdfast.ZhHant)
	second := w.signIn(openBrowser(t, w.ready.Console, "en-unknown"), w.ready.Second, holdfast.En)
	incident := w.confirmedReport(duty, "餘額查詢緩慢 balances are slow", holdfast.Level3)
	g := w.doubtingGate()
	g.report(
		doubt("app/n417", 4_200, payment.Unknown, "no answer within 3s"),
		doubt("app/n418", 9_000_000, payment.Unknown, "no answer within 3s"),
		doubt("qr/n419", 1_500, payment.Unknown, "the connection to the primary broke before an answer"),
	)
	duty.open("/unknowns?gate=gate-9")
	duty.waitFor("[id^='resolve-gate-9-']")
	duty.shoot("unknown-1-list")
	say := func(identity, outcome, reason string) {
		t.Helper()
		duty.open("/unknowns?gate=gate-9&q=" + identity)
		duty.reveal("[id^='resolve-gate-9-'] summary")
		duty.evaluate(`(() => { document.querySelector("[id^='outcome-gate-9-']").value = "` + outcome + `"; return true })()`)
		duty.fill("[id^='reason-gate-9-']", reason)
		duty.fill("[id^='evidence-gate-9-']", "工單 4711")
		duty.press("[id^='resolve-gate-9-'] form button.main")
		duty.waitFor(".note .tag")
	}
	say("n417", "not-done", "主用系統查無此筆，客戶帳戶未扣款")
	say("n418", "done", "主用系統帳上有此筆")
	orders := g.report()
	if len(orders) != 1 || orders[0].Outcome != payment.NotDone {
		t.Fatalf("one person ordered %+v", orders)
	}
	g.report(doubt(orders[0].Identity, 4_200, payment.NotDone, orders[0].Why))
	second.open("/unknowns")
	second.waitFor("#waiting form[action$='/answer']")
	second.shoot("unknown-2-waiting")
	second.press("#waiting form[action$='/answer'] button.main")
	second.waitGone("#waiting")
	if orders = g.report(); len(orders) != 1 || orders[0].Outcome != payment.Done {
		t.Fatalf("two people ordered %+v", orders)
	}
	g.report(doubt(orders[0].Identity, 9_000_000, payment.NotDone, "inquiry: the primary says it is not done (status 200)"))

	// The gate has not told of the third, and has no record of it: the page warns, and what is
	// said counts without it.
	duty.open("/unknowns?gate=gate-9&q=n419")
	duty.reveal("[id^='resolve-gate-9-'] summary")
	duty.waitFor("[id^='resolve-gate-9-'] .note.warn")
	duty.shoot("unknown-6-unheard")
	say("n419", "not-done", "主用系統查無此筆")
	for _, o := range g.report() {
		g.unlisted = append(g.unlisted, o.ID)
	}
	if orders = g.report(); len(g.unlisted) != 1 || len(orders) != 0 {
		t.Fatalf("a gate that does not list %v is told %+v", g.unlisted, orders)
	}
	duty.open("/unknowns?settled=1&gate=gate-9&q=n419")
	duty.waitFor(".note.good")
	duty.shoot("unknown-7-counted")

	for b, words := range map[*browser][]string{
		duty:   {"由人認定結果不明的支付 app/n417", "在支付閘門 gate-9 已執行", "第二人同意", "與認定不符：未成", "閘門 gate-9 已無此筆紀錄"},
		second: {"app/n417 (CNY", "carried out at gate gate-9", "a second person agreed", "against what was said: Not done"},
	} {
		b.open(incident)
		b.waitFor("#timeline .timeline")
		told := b.evaluate("document.querySelector('#timeline').textContent")
		for _, text := range words {
			if !strings.Contains(told, text) {
				t.Errorf("the timeline lacks %q", text)
			}
		}
		b.shoot("unknown-3-timeline")
		b.open(incident + "/debrief")
		b.shoot("unknown-4-debrief")
		b.open(incident + "/debrief/report")
		report := b.evaluate("document.querySelector('main').textContent")
		for _, text := range []string{"qr/n419", "app/n418", "工單 4711"} {
			if !strings.Contains(report, text) {
				t.Errorf("the report lacks %q", text)
			}
		}
		b.shoot("unknown-5-report")
	}
}
