package primary

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"holdfast/internal/sandbox/fault"
)

// advise sends a payment for which a gate has stood in.
func (b *bench) advise(key string, change ...string) got {
	b.t.Helper()
	r, err := http.NewRequest("POST", b.base+"/v1/payments", strings.NewReader(body(change...)))
	if err != nil {
		b.t.Fatal(err)
	}
	r.GetBody = nil
	for name, value := range map[string]string{"Idempotency-Key": key, "Content-Type": "application/json", "Holdfast-Advice": "2026-03-01T02:00:00Z"} {
		r.Header.Set(name, value)
	}
	return b.send(r)
}

// What a gate has approved is done once, whatever the account holds.
func TestAdvice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		has, _ := b.Balance("acct_test_01", "CNY")
		poor := []string{"amount", "99999999999"}
		if g := b.pay("k0", poor...); g.String() != "402 insufficient-funds" {
			t.Fatalf("a payment: %v", g)
		}
		for range 2 {
			if g := b.advise("k1", poor...); g.String() != "201 succeeded" {
				t.Fatalf("an advice: %v", g)
			}
		}
		if now, _ := b.Balance("acct_test_01", "CNY"); now != has-99_999_999_999 || b.effects() != "payment 99999999999" {
			t.Errorf("it holds %d of %d, truth %s", now, has, b.effects())
		}
		if c := b.Counts(); c.Advices != 1 || c.Payments != 0 || c.Replays != 1 {
			t.Errorf("%+v", c)
		}
		effects, _ := b.Ledger().Effects()
		for e := range effects {
			if !e.Advice {
				t.Errorf("%+v is not marked", e)
			}
		}
		// What was declined before a gate stood in for it stays declined.
		if g := b.advise("k0", poor...); g.String() != "402 insufficient-funds" {
			t.Errorf("an advice of what was declined: %v", g)
		}
		// What was done before is not done again.
		rich := []string{"payer", `"acct_test_02"`}
		b.pay("k2", rich...)
		if g := b.advise("k2", rich...); g.String() != "201 succeeded" || b.effects() != "payment 99999999999, payment 1299" {
			t.Errorf("an advice of what was done: %v, truth %s", g, b.effects())
		}
	})
}

func TestFaultsOfAdvices(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.Decline, Scope: fault.Scope{Operation: fault.Advice, Channel: "app"}})
		b.fault(fault.Fault{Kind: fault.AnswerLost, Scope: fault.Scope{Operation: fault.Advice, Channel: "qr"}})
		if g := b.advise("k1"); g.String() != "402 refused" || b.effects() != "" {
			t.Errorf("refused: %v, truth %s", g, b.effects())
		}
		if g := b.do("GET", "/v1/payments?key=k1", "", ""); g.String() != "200 refuseddeclined" && g.String() != "200 declined" {
			t.Errorf("asked: %v", g)
		}
		if g := b.pay("k2"); g.String() != "201 succeeded" {
			t.Errorf("a payment: %v", g)
		}
		if g := b.advise("k3", "channel", `"qr"`); g.err == nil || b.effects() != "payment 1299, payment 1299" {
			t.Errorf("done and not answered: %v, truth %s", g, b.effects())
		}
	})
}
