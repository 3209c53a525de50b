package primary

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

func TestAPayment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		before, _ := b.Balance("acct_test_01", "CNY")
		g := b.pay("k1", "reference", `"order 1"`)
		if g.String() != "422 bad-reference" {
			t.Errorf("a reference with a space: %v", g)
		}
		g = b.pay("k1", "reference", `"order-1"`)
		created := time.Now().UTC()
		want := answer{
			ID: "pay_000000000001", Status: "succeeded", Amount: 1299, Currency: "CNY", Payer: "acct_test_01", Payee: "m_001", Channel: "app",
			Method: "card", Bank: g.paid.Bank, Key: "k1", Refer: "order-1",
		}
		if got := g.paid; g.status != 201 || got.Created == nil || !got.Created.Equal(created) || !strings.HasPrefix(got.Bank, "bank_0") {
			t.Errorf("%v %+v", g, got)
		}
		g.paid.Created = nil
		if g.paid != want {
			t.Errorf("answered %+v", g.paid)
		}
		effects, _ := b.Ledger().Effects()
		for e := range effects {
			want := truth.Effect{
				Seq: 1, Kind: truth.Payment, ID: "pay_000000000001", Key: "k1", Reference: "order-1", Amount: 1299, Currency: "CNY",
				Payer: "acct_test_01", Payee: "m_001", Channel: "app", Method: "card", Time: created,
			}
			if e != want {
				t.Errorf("truth %+v", e)
			}
		}
		after, _ := b.Balance("acct_test_01", "CNY")
		if shop, _ := b.Balance("m_001", "CNY"); b.effects() != "payment 1299" || before-after != 1299 || shop != 1299 {
			t.Errorf("effects %s, payer %d to %d, payee %d", b.effects(), before, after, shop)
		}
		for _, path := range []string{"/v1/payments/pay_000000000001", "/v1/payments?key=k1"} {
			if g := b.do("GET", path, "", ""); g.String() != "200 succeeded" || g.paid.Amount != 1299 {
				t.Errorf("%s: %v", path, g)
			}
		}
	})
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		for _, c := range []struct{ name, key, body, want string }{
			{"no key", "", body(), "400 bad-key"},
			{"key with a space", "a b", body(), "400 bad-key"},
			{"key too long", strings.Repeat("k", 129), body(), "400 bad-key"},
			{"no JSON", "k", "amount=5", "400 bad-json"},
			{"an array", "k", "[]", "400 bad-json"},
			{"two objects", "k", "{}{}", "400 bad-json"},
			{"too large", "k", body("reference", `"`+strings.Repeat("x", maxBody)+`"`), "413 too-large"},
			{"no amount", "k", body("amount", ""), "422 bad-amount"},
			{"zero", "k", body("amount", "0"), "422 bad-amount"},
			{"negative", "k", body("amount", "-1"), "422 bad-amount"},
			{"fraction", "k", body("amount", "12.99"), "422 bad-field"},
			{"exponent", "k", body("amount", "1e3"), "422 bad-field"},
			{"text", "k", body("amount", `"1299"`), "422 bad-field"},
			{"beyond the largest", "k", body("amount", "1000000000000001"), "422 bad-amount"},
			{"beyond 64 bits", "k", body("amount", "18446744073709551616"), "422 bad-field"},
			{"currency of another world", "k", body("currency", `"EUR"`), "422 bad-currency"},
			{"no payer", "k", body("payer", ""), "422 unknown-payer"},
			{"a merchant pays", "k", body("payer", `"m_001"`), "422 unknown-payer"},
			{"an account is paid", "k", body("payee", `"acct_000001"`), "422 unknown-payee"},
			{"channel", "k", body("channel", `"fax"`), "422 bad-channel"},
			{"method", "k", body("method", `"gold"`), "422 bad-method"},
			{"reference too long", "k", body("reference", `"`+strings.Repeat("x", 129)+`"`), "422 bad-reference"},
		} {
			g := b.do("POST", "/v1/payments", c.key, c.body)
			if g.String() != c.want || g.Outcome != "not-done" {
				t.Errorf("%s: %v, outcome %q", c.name, g, g.Outcome)
			}
		}
		g := b.pay("k", "payer", `"6222 0212 3456 7890"`)
		if strings.Contains(g.Detail, "3456") || g.problem.Code != "unknown-payer" {
			t.Errorf("a card number is shown: %s", g.Detail)
		}
		r, _ := http.NewRequest("POST", b.base+"/v1/payments", strings.NewReader(body()))
		r.Header.Set("Idempotency-Key", "k")
		if g := b.send(r); g.String() != "415 not-json" {
			t.Errorf("no content type: %v", g)
		}
		for path, want := range map[string]string{
			"/v1/payments/pay_1": "404 not-found", "/v1/payments?key=k": "404 not-found", "/v1/payments": "400 bad-key",
			"/v1/payments?key=k&key=k": "400 bad-key", "/v1/payments?key=k&x=1": "400 bad-key", "/v1/refunds?key=k": "404 not-found", "/v2": "404 no-such-path",
		} {
			if g := b.do("GET", path, "", ""); g.String() != want {
				t.Errorf("%s: %v", path, g)
			}
		}
		if g := b.pay("k"); g.status != 201 || b.effects() != "payment 1299" {
			t.Errorf("bad input used the key up: %v, truth %s", g, b.effects())
		}
	})
}

func TestDeclines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{World: bigWorld(t)})
		var poor, blocked string
		for _, a := range b.o.World.Customers() {
			if a.Blocked {
				blocked = a.ID
			} else if a.Opening < 10_000 {
				poor = a.ID
			}
		}
		for range 2 { // the second time from memory
			if g := b.pay("k1", "payer", `"`+poor+`"`, "amount", "10000"); g.String() != "402 insufficient-funds" || g.Outcome != "not-done" {
				t.Errorf("poor: %v", g)
			}
			if g := b.pay("k2", "payer", `"`+blocked+`"`); g.String() != "402 account-blocked" {
				t.Errorf("blocked: %v", g)
			}
		}
		if g := b.do("GET", "/v1/payments?key=k1", "", ""); g.String() != "200 declined" || g.paid.Code != "insufficient-funds" {
			t.Errorf("inquiry: %v", g)
		}
		if b.effects() != "" || b.Counts().Declines != 2 || b.Counts().Replays != 2 {
			t.Errorf("truth %q, counts %+v", b.effects(), b.Counts())
		}
	})
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		paid := b.pay("k1").paid.ID
		for _, c := range []struct{ key, payment, amount, want string }{
			{"r1", paid, "1000", "201 succeeded"},
			{"r1", paid, "1000", "201 succeeded"}, // the same once more
			{"r1", paid, "999", "422 key-reused"},
			{"r2", paid, "300", "422 refund-exceeds"},
			{"r2", paid, "300", "422 refund-exceeds"},
			{"r3", paid, "299", "201 succeeded"},
			{"r4", paid, "1", "422 refund-exceeds"},
			{"r5", "pay_9", "1", "422 unknown-payment"},
			{"r6", "ref_000000000002", "1", "422 unknown-payment"},
			{"r7", "", "1", "422 unknown-payment"},
			{"r8", paid, "0", "422 bad-amount"},
		} {
			g := b.do("POST", "/v1/refunds", c.key, fmt.Sprintf(`{"payment":%q,"amount":%s}`, c.payment, c.amount))
			if g.String() != c.want {
				t.Errorf("refund %s of %s: %v", c.key, c.amount, g)
			}
			if g.status == 201 && (g.paid.Payment != paid || g.paid.Payer != "acct_test_01" || g.paid.Payee != "m_001" || g.paid.Currency != "CNY" || g.paid.Refunded != 0) {
				t.Errorf("refund answered %+v", g.paid)
			}
		}
		if b.effects() != "payment 1299, refund 1000, refund 299" {
			t.Errorf("truth: %s", b.effects())
		}
		if shop, _ := b.Balance("m_001", "CNY"); shop != 0 {
			t.Errorf("the merchant holds %d", shop)
		}
		if g := b.do("GET", "/v1/payments/"+paid, "", ""); g.paid.Refunded != 1299 {
			t.Errorf("inquiry says %d refunded", g.paid.Refunded)
		}
		if g := b.do("GET", "/v1/refunds?key=r1", "", ""); g.String() != "200 succeeded" || g.paid.Amount != 1000 {
			t.Errorf("inquiry of a refund: %v", g)
		}
		if g := b.do("GET", "/v1/refunds/"+paid, "", ""); g.status != 404 {
			t.Errorf("a payment is shown as a refund: %v", g)
		}
	})
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{Retention: time.Hour})
		first := b.pay("k1")
		again := b.pay("k1")
		if again.paid.ID != first.paid.ID || again.status != 201 || again.header.Get("Idempotency-Hit") != "true" || first.header.Get("Idempotency-Hit") != "" {
			t.Errorf("again: %v %+v", again, again.paid)
		}
		spaced := b.do("POST", "/v1/payments", "k1", " "+strings.ReplaceAll(body(), ",", ", ")+"\n")
		if spaced.paid.ID != first.paid.ID {
			t.Errorf("the same request in other spelling: %v", spaced)
		}
		for _, change := range [][]string{
			{"amount", "1300"}, {"currency", `"USD"`}, {"payer", `"acct_test_02"`}, {"payee", `"m_002"`}, {"channel", `"qr"`}, {"method", ""}, {"reference", `"r"`},
		} {
			if g := b.pay("k1", change...); g.String() != "422 key-reused" || g.Outcome != "" {
				t.Errorf("another %s under the key: %v", change[0], g)
			}
		}
		b.do("POST", "/v1/refunds", "k1", `{"payment":"`+first.paid.ID+`","amount":5}`)
		if b.effects() != "payment 1299, refund 5" {
			t.Errorf("a refund under the key of a payment: truth %s", b.effects())
		}
		pass(time.Hour - time.Nanosecond)
		if g := b.pay("k1"); g.paid.ID != first.paid.ID {
			t.Errorf("just before the retention ends: %v", g)
		}
		pass(time.Nanosecond)
		// Nothing protects a key beyond its retention: this is the hazard.
		if g := b.pay("k1"); g.status != 201 || g.paid.ID == first.paid.ID {
			t.Errorf("after the retention: %v %s", g, g.paid.ID)
		}
		if g := b.do("GET", "/v1/payments/"+first.paid.ID, "", ""); g.String() != "200 succeeded" {
			t.Errorf("the first payment cannot be looked up any more: %v", g)
		}
	})
}

func TestWhileTheFirstIsAtWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.Latency, DelayMS: 3000})
		var first got
		var wait sync.WaitGroup
		wait.Go(func() { first = b.pay("k1") })
		synctest.Wait()
		if g := b.pay("k1"); g.String() != "409 in-flight" || g.header.Get("Retry-After") != "1" || g.Outcome != "in-flight" {
			t.Errorf("second: %v", g)
		}
		if g := b.pay("k1", "amount", "1"); g.String() != "422 key-reused" {
			t.Errorf("another request: %v", g)
		}
		if g := b.do("GET", "/v1/payments?key=k1", "", ""); g.String() != "200 processing" {
			t.Errorf("inquiry: %v", g)
		}
		if i := b.Inquire(truth.Payment, "k1"); i.Status != "processing" {
			t.Errorf("%+v", i)
		}
		wait.Wait()
		if first.status != 201 || b.effects() != "payment 1299" {
			t.Errorf("first: %v, truth %s", first, b.effects())
		}
		if i := b.Inquire(truth.Payment, "k1"); i.Status != "succeeded" || i.ID != first.paid.ID || b.Inquire(truth.Refund, "k1").Status != "" {
			t.Errorf("%+v", i)
		}
	})
}

func TestMemoryIsBoundedWithoutBreakingThePromise(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{MaxPayments: 3, Retention: time.Hour})
		for n := range 3 {
			if g := b.pay(fmt.Sprint("k", n)); g.status != 201 {
				t.Fatal(g)
			}
			pass(time.Minute)
		}
		if g := b.pay("k3"); g.String() != "503 full" || g.Outcome != "not-done" {
			t.Errorf("a fourth within the retention: %v", g)
		}
		if g := b.pay("k0"); g.status != 201 || g.header.Get("Idempotency-Hit") == "" {
			t.Errorf("a known key: %v", g)
		}
		pass(57*time.Minute + 30*time.Second) // k0 is past its retention, k1 is not
		if g := b.pay("k3"); g.status != 201 {
			t.Errorf("with one past the retention: %v", g)
		}
		if g := b.pay("k4"); g.String() != "503 full" {
			t.Errorf("with none past the retention: %v", g)
		}
		if g := b.do("GET", "/v1/payments?key=k0", "", ""); g.status != 404 {
			t.Errorf("k0 is still there: %v", g)
		}
	})
}

func TestTooManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{MaxRequests: 2})
		b.fault(fault.Fault{Kind: fault.Latency, DelayMS: 1000})
		var wait sync.WaitGroup
		for n := range 2 {
			wait.Go(func() { b.pay(fmt.Sprint("k", n)) })
		}
		synctest.Wait()
		if g := b.pay("k9"); g.String() != "503 busy" || b.Counts().InFlight != 2 {
			t.Errorf("third: %v, counts %+v", g, b.Counts())
		}
		wait.Wait()
	})
}

func TestComingBackFromTheFile(t *testing.T) {
	t.Parallel()
	o := Options{Ledger: truthFile(t), World: bigWorld(t)}
	var first, refunded got
	var balances map[string]int64
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, o)
		b.fault(fault.Fault{Kind: fault.WrongEffect, Scope: fault.Scope{Channel: "qr"}, Delta: 7})
		b.fault(fault.Fault{Kind: fault.EffectTwice, Scope: fault.Scope{Channel: "transfer"}})
		first = b.pay("k1", "reference", `"r1"`)
		refunded = b.do("POST", "/v1/refunds", "k2", `{"payment":"`+first.paid.ID+`","amount":299}`)
		b.pay("k3", "channel", `"qr"`)
		b.pay("k4", "channel", `"transfer"`)
		balances = allBalances(b.Primary)
	})
	synctest.Test(t, func(t *testing.T) {
		o.Faults = fault.NewInjector(1)
		b := inBubble(t, o)
		if got := allBalances(b.Primary); fmt.Sprint(got) != fmt.Sprint(balances) {
			t.Error("balances differ after the start")
		}
		if b.effects() != "payment 1299, refund 299, payment 1306, payment 1299, payment 1299" {
			t.Errorf("truth: %s", b.effects())
		}
		if g := b.pay("k1", "reference", `"r1"`); g.paid.ID != first.paid.ID {
			t.Errorf("the same key: %v", g)
		}
		if g := b.do("POST", "/v1/refunds", "k2", `{"payment":"`+first.paid.ID+`","amount":299}`); g.paid.ID != refunded.paid.ID || g.status != 201 {
			t.Errorf("the same refund: %v", g)
		}
		if g := b.do("POST", "/v1/refunds", "k5", `{"payment":"`+first.paid.ID+`","amount":1001}`); g.String() != "422 refund-exceeds" {
			t.Errorf("what was refunded is forgotten: %v", g)
		}
		if g := b.pay("k3", "channel", `"qr"`); g.status != 201 || g.paid.Amount != 1299 {
			t.Errorf("the key of a payment booked wrong: %v", g)
		}
		if g := b.pay("k6"); g.paid.ID != "pay_000000000006" {
			t.Errorf("the next id is %s", g.paid.ID)
		}
	})
	small, err := world.New(world.Options{Currencies: []string{"USD"}})
	if err != nil {
		t.Fatal(err)
	}
	o.World, o.Faults = small, fault.NewInjector(1)
	if _, err := New(o); holdfast.CodeOf(err) != holdfast.Conflict {
		t.Errorf("the file of another world: %v", err)
	}
}

// A process that is killed may have written the effect with the last id and not
// one before it: no id is given twice all the same.
func TestNoIDIsGivenTwiceOverAKill(t *testing.T) {
	t.Parallel()
	o := Options{Ledger: truthFile(t)}
	ledger, err := truth.Open(o.Ledger, func(truth.Effect) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"pay_000000000001", "pay_000000000004", "ref_000000000003"} {
		e := truth.Effect{Kind: truth.Payment, ID: id, Key: id, Amount: 1, Currency: "CNY", Payer: "acct_test_01", Payee: "m_001", Time: time.Now().UTC()}
		if _, err := ledger.Record(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		if g := inBubble(t, o).pay("k1"); g.paid.ID != "pay_000000000005" {
			t.Errorf("the next id is %s", g.paid.ID)
		}
	})
}

func TestWhenTheLedgerFailsNothingMoreIsPromised(t *testing.T) {
	t.Parallel()
	p := newPrimary(t, Options{Ledger: truthFile(t)})
	ended := make(chan error, 1)
	go func() { ended <- p.Run(t.Context()) }()
	b := &bench{Primary: p, t: t, base: p.URL(), client: &http.Client{}}
	p.ledger.Close()
	if g := b.pay("k1"); g.String() != "500 ledger-failed" || g.Outcome != "unknown" {
		t.Errorf("%v", g)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), os.ErrClosed.Error()) {
		t.Errorf("the run ended with %v", err)
	}
}

func TestBadOptions(t *testing.T) {
	t.Parallel()
	w, inj := bigWorld(t), fault.NewInjector(1)
	for name, o := range map[string]Options{
		"no world": {Faults: inj}, "no faults": {World: w}, "retention": {World: w, Faults: inj, Retention: -1},
		"payments": {World: w, Faults: inj, MaxPayments: -1}, "requests": {World: w, Faults: inj, MaxRequests: -1},
		"ledger": {World: w, Faults: inj, Ledger: truth.Options{Keep: 1}},
	} {
		if _, err := New(o); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{World: w, Faults: inj, Address: "256.0.0.1:1"}); err == nil {
		t.Error("an address that cannot be is accepted")
	}
}

func bigWorld(t testing.TB) *world.World {
	w, err := world.New(world.Options{Seed: 1, Accounts: 1000, Merchants: 10})
	if err != nil {
		t.Fatal(err)
	}
	return w
}
