package e2e_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/standin"
)

// shardsGate is a gate that decides for two shards, as far as it tells.
type shardsGate struct {
	*world
	summary standin.Summary
}

// report tells of the shards, and returns what people have decided.
func (g *shardsGate) report() []standin.Order {
	g.t.Helper()
	g.summary.At = time.Now()
	var told standin.Summary // as over the wire: what was told does not change with what comes
	content, err := json.Marshal(g.summary)
	if err == nil {
		err = json.Unmarshal(content, &told)
	}
	if err != nil {
		g.t.Fatal(err)
	}
	answer, err := g.demo.Control.Join().Report(context.Background(), gate.Report{Gate: "gate-9", Boot: "b9", Account: "a9", StandIn: &told})
	if err != nil {
		g.t.Fatal(err)
	}
	return answer.StandIn
}

func (w *world) shardsGate() *shardsGate {
	w.t.Helper()
	_, err := w.demo.Control.Join().Enrol(context.Background(), gate.Enrolment{Gate: "gate-9", Boot: "b9", Account: "a9", Routes: []gate.Route{{Name: "pay", Kind: "payment", Mode: gate.Static}}})
	if err != nil {
		w.t.Fatal(err)
	}
	began := time.Now().Add(-40 * time.Minute)
	t := func(count, amount int64) standin.Tally { return standin.Tally{Count: count, Amount: amount} }
	of := func(n int, b standin.Balance) standin.ShardSummary {
		b.Directive, b.Kind, b.Currency = "d7", standin.Payment, "CNY"
		return standin.ShardSummary{
			Shard: n, Epoch: 2, Balances: []standin.Balance{b}, Oldest: began,
			Standing: []standin.Standing{{Directive: "d7", Profile: "small-amounts", Opened: began}},
			Uses: []standin.Use{
				{Directive: "d7", Over: standin.Whole, Currency: "CNY", Limit: t(0, 50_000_000), Used: t(600, 20_130_000), Drawn: t(600, 25_000_000)},
				{Directive: "d7", Over: standin.EachPayer, Currency: "CNY", Window: 24 * time.Hour, Limit: t(0, 200_000), Used: t(4, 191_000)},
			},
		}
	}
	first := of(0, standin.Balance{Approved: t(1200, 40_260_000), Delivered: t(1110, 36_000_000), Pending: t(88, 4_140_000), Exception: t(1, 80_000), Reversed: t(1, 40_000), Unresolved: t(1, 80_000),
		Queue: standin.QueueBalance{Queued: t(5, 190_000), Done: t(2, 70_000), Expired: t(3, 120_000)}})
	for i, identity := range []string{"app/20261126-000731", "app/20261126-000718", "app/20261126-000702"} {
		first.Expired = append(first.Expired, standin.QueuedPayment{
			Identity: identity, Directive: "d7", Amount: 40_000, Currency: "CNY", Route: "pay", Channel: "app", Payer: "5b0c7a1e44d0",
			At: began.Add(time.Duration(-i) * time.Minute), Until: began.Add(30*time.Minute - time.Duration(i)*time.Minute),
		})
	}
	first.Open = []standin.OpenException{{
		Identity: "app/20261126-000417", Directive: "d7", Kind: standin.Payment, Amount: 80_000, Currency: "CNY", Route: "pay", Channel: "app", Why: standin.PrimaryRefused,
		Decided: began, Since: began.Add(20 * time.Minute), Approved: true, Attempts: 2, First: began.Add(18 * time.Minute), Last: began.Add(20 * time.Minute),
		Pending: began, Version: "5b0c7a1e44d0913f", Cause: "directed", Reply: &standin.Reply{Said: standin.SaidNotDone, Status: 402}, Replied: began.Add(20 * time.Minute),
	}}
	return &shardsGate{w, standin.Summary{
		Source: "src1", Shards: 2, Of: []standin.ShardSummary{first, of(1, standin.Balance{Approved: t(900, 30_000_000), Delivered: t(900, 30_000_000)})},
		Declines: []standin.Decline{{Directive: "d7", Reason: "over-payment", Currency: "CNY", Tally: t(31, 12_400_000)}, {Directive: "d7", Reason: "unknown-payer", Currency: "CNY", Tally: t(4, 90_000)}},
		Payers:   began.Add(-10 * time.Minute), Rate: 21.5, Budget: 40,
	}}
}

// settled are the same shards when everything is forwarded and the exception is ended.
func (g *shardsGate) settle(carried ...standin.Carried) {
	for i := range g.summary.Of {
		of := &g.summary.Of[i]
		b := &of.Balances[0]
		b.Delivered.Count += b.Pending.Count
		b.Delivered.Amount += b.Pending.Amount
		b.Reversed.Count += b.Exception.Count
		b.Reversed.Amount += b.Exception.Amount
		b.Pending, b.Exception, b.Unresolved = standin.Tally{}, standin.Tally{}, standin.Tally{}
		of.Open, of.Uses, of.Oldest = nil, nil, time.Time{}
		of.Standing[0].Ended = time.Now()
	}
	g.summary.Carried = carried
}

// Figures of stand-in in Chromium: they hold while payments are pending; an exception is
// ended by two people and handed to the gate; the directive is closed by two people
// once nothing is left to explain.
func TestReconciliation(t *testing.T) {
	t.Parallel()
	w := openWorld(t)
	duty := w.signIn(openBrowser(t, w.ready.Console, "zh-Hant-reconcile"), w.ready.Account, holdfast.ZhHant)
	second := w.signIn(openBrowser(t, w.ready.Console, "en-reconcile"), w.ready.Second, holdfast.En)
	duty.open("/stand-in")
	duty.waitFor(".card .empty") // no gate tells, or no directive has stood in
	duty.shoot("rec-0-none")
	g := w.shardsGate()
	if orders := g.report(); len(orders) != 0 {
		t.Fatalf("orders that nobody gave: %+v", orders)
	}
	for _, b := range []*browser{duty, second} {
		b.open("/stand-in")
		b.waitFor("#source-src1 meter.use")
		b.shoot("rec-1-figures")
	}
	if n := duty.count("#account-d7 .tag.good"); n != 1 {
		t.Errorf("it holds, says the page %d times", n)
	}
	duty.open("/")
	duty.waitFor("#flow a[href='/stand-in/exceptions']")
	duty.shoot("rec-5-posture")
	g.lookedAfter(duty, second)
	decision := g.resolved(duty, second)
	g.settle(standin.Carried{ID: decision})
	g.report()
	duty.open("/stand-in/exceptions")
	duty.waitFor(".empty")
	duty.open("/stand-in/exceptions?decided=1")
	duty.waitFor(".note.good")
	duty.shoot("rec-3-decided")
	g.closed(duty, second)
}

// lookedAfter records what was done about two of the three payments that expired in the
// queue, until the gate has recorded it.
func (g *shardsGate) lookedAfter(duty, second *browser) {
	g.t.Helper()
	duty.open("/stand-in/queue")
	duty.waitFor("#expired tbody input[name='payment']")
	duty.evaluate(`(() => { for (const box of [...document.querySelectorAll("#expired input[name='payment']")].slice(1)) box.click(); document.querySelector("#care").value = "told"; return true })()`)
	duty.fill("#note", "已電話告知，客戶改用他行支付")
	duty.shoot("rec-6-expired")
	duty.press("#expired form button.main")
	duty.waitFor("#expired tr.said")
	duty.shoot("rec-7-told-to-the-gate")
	orders := g.report()
	if len(orders) != 2 || orders[0].Care != standin.ToldCustomer || orders[0].Identity != "app/20261126-000702" || orders[1].Identity != "app/20261126-000718" {
		g.t.Fatalf("orders %+v", orders)
	}
	of := &g.summary.Of[0]
	of.Expired = of.Expired[:1]
	of.Balances[0].Queue.LookedAfter = standin.Tally{Count: 2, Amount: 80_000}
	g.summary.Carried = []standin.Carried{{ID: orders[0].ID}, {ID: orders[1].ID}}
	if orders := g.report(); len(orders) != 0 {
		g.t.Errorf("what was done is ordered again: %+v", orders)
	}
	second.open("/stand-in/queue?looked-after=1")
	second.waitFor("#cared tbody tr")
	second.shoot("rec-8-looked-after")
	second.open("/stand-in/queue")
	if n := second.count("#expired tbody tr"); n != 1 {
		g.t.Errorf("%d are still open", n)
	}
}

// resolved ends the exception by two people, and returns the id of the decision.
func (g *shardsGate) resolved(duty, second *browser) string {
	g.t.Helper()
	duty.open("/stand-in/exceptions")
	duty.reveal("[id^='resolve-'] summary")
	duty.evaluate(`(() => { document.querySelector("[id^='how-']").value = "reverse"; return true })()`)
	duty.fill("[id^='note-']", "客戶已在櫃檯退款，單號 4711")
	duty.press("[id^='resolve-'] form button")
	duty.waitFor(".note .tag")
	if orders := g.report(); len(orders) != 0 {
		g.t.Errorf("ordered by one person: %+v", orders)
	}
	if n := duty.count("form[action$='/answer'] input[name='granted']"); n != 0 {
		g.t.Error("who asked is asked to agree")
	}
	second.open("/stand-in/exceptions")
	second.waitFor("form[action$='/answer']")
	if text := second.evaluate(`document.querySelector("dl.facts").innerText`); !strings.Contains(text, "Not done HTTP 402") || !strings.Contains(text, "5b0c7a1e44d0") {
		g.t.Errorf("what is known of it reads %q", text)
	}
	second.shoot("rec-2-exception")
	second.press("form[action$='/answer'] button.main")
	second.waitGone("form[action$='/answer']")
	orders := g.report()
	if len(orders) != 1 || orders[0].How != standin.Reverse || orders[0].Identity != "app/20261126-000417" || orders[0].Second == "" {
		g.t.Fatalf("orders %+v", orders)
	}
	return orders[0].ID
}

func (g *shardsGate) closed(duty, second *browser) {
	g.t.Helper()
	// Whoever may run the ramp asks; the other signs, too.
	duty.open("/stand-in")
	duty.reveal("#close-d7 summary")
	duty.fill("#close-note-d7", "全部補送並核對無誤")
	duty.press("#close-d7 form button")
	duty.waitFor("#closing-d7")
	second.open("/stand-in")
	second.press("#closing-d7 form[action$='/answer'] button.main")
	second.waitGone("#closing-d7 form[action$='/answer']")
	if orders := g.report(); len(orders) != 2 || orders[0].Identity != "" || orders[1].Shard != 1 {
		g.t.Fatalf("orders %+v", orders)
	}
	for i := range g.summary.Of {
		g.summary.Of[i].Standing[0].Closed = time.Now()
	}
	if orders := g.report(); len(orders) != 0 {
		g.t.Errorf("what is closed is ordered again: %+v", orders)
	}
	for _, b := range []*browser{duty, second} {
		b.open("/stand-in")
		b.waitFor("#closing-d7.good")
		b.shoot("rec-4-closed")
	}
}
