package primary

import (
	"bufio"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/sandbox/fault"
)

// Each kind shows exactly its behaviour on the wire and its truth, for the
// payment it hits and for one that it does not.
func TestFaultsOnTheWireAndInTruth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		f     fault.Fault
		want  string        // what the client sees
		after time.Duration // and when
		truth string
		again string // what a retry with the same key sees once the fault has ended
	}{
		{fault.Fault{Kind: fault.Latency, DelayMS: 3000}, "201 succeeded", 3 * time.Second, "payment 1299", "201 succeeded"},
		{fault.Fault{Kind: fault.Error}, "503 fault", 0, "", "201 succeeded"},
		{fault.Fault{Kind: fault.Error, Status: 502}, "502 fault", 0, "", "201 succeeded"},
		{fault.Fault{Kind: fault.AnswerLost}, "no answer", 0, "payment 1299", "201 succeeded"},
		{fault.Fault{Kind: fault.AnswerLost, HoldMS: 7000}, "no answer", 7 * time.Second, "payment 1299", "201 succeeded"},
		{fault.Fault{Kind: fault.RequestLost}, "no answer", 0, "", "201 succeeded"},
		{fault.Fault{Kind: fault.RequestLost, HoldMS: 7000}, "no answer", 7 * time.Second, "", "201 succeeded"},
		{fault.Fault{Kind: fault.LateAnswer, DelayMS: 4000}, "201 succeeded", 4 * time.Second, "payment 1299", "201 succeeded"},
		{fault.Fault{Kind: fault.EffectTwice}, "201 succeeded", 0, "payment 1299, payment 1299", "201 succeeded"},
		{fault.Fault{Kind: fault.WrongEffect, Delta: 1}, "201 succeeded", 0, "payment 1300", "201 succeeded"},
		{fault.Fault{Kind: fault.WrongEffect, Delta: -1299}, "201 succeeded", 0, "payment 1299", "201 succeeded"}, // below one unit: as asked
		{fault.Fault{Kind: fault.WrongAnswer}, "201 succeeded", 0, "payment 1299", "201 succeeded"},
	} {
		t.Run(fmt.Sprintf("%s %d %d", c.f.Kind, c.f.HoldMS, c.f.Status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := inBubble(t, Options{})
				c.f.Scope.Channel = "qr"
				b.fault(c.f)
				began := time.Now()
				g := b.pay("k1", "channel", `"qr"`)
				if g.String() != c.want || time.Since(began) != c.after || b.effects() != c.truth {
					t.Errorf("%v after %v, truth %q; want %s after %v, truth %q", g, time.Since(began), b.effects(), c.want, c.after, c.truth)
				}
				if c.f.Kind != fault.WrongAnswer && g.status == 201 && g.paid.Amount != 1299 {
					t.Errorf("answered %d", g.paid.Amount)
				}
				if l := b.o.Faults.Leases()[0]; l.Hits != 1 || l.Holding != 0 {
					t.Errorf("%d hits, holding %d", l.Hits, l.Holding)
				}
				began = time.Now()
				if other := b.pay("k2"); other.status != 201 || time.Since(began) != 0 {
					t.Errorf("out of scope: %v after %v", other, time.Since(began))
				}
				b.o.Faults.EndAll()
				if g := b.pay("k1", "channel", `"qr"`); g.String() != c.again || g.paid.Amount != 1299 {
					t.Errorf("again: %v", g)
				}
			})
		})
	}
}

func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]string{
		"amount": "1399 CNY acct_test_01 m_001", "currency": "1299 XXX acct_test_01 m_001",
		"payer": "1299 CNY acct_000000 m_001", "payee": "1299 CNY acct_test_01 m_000",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inBubble(t, Options{})
			b.fault(fault.Fault{Kind: fault.WrongAnswer, Field: field, Scope: fault.Scope{Operation: "all"}})
			for _, g := range []got{b.pay("k1"), b.do("GET", "/v1/payments?key=k1", "", "")} {
				if text := fmt.Sprint(g.paid.Amount, " ", g.paid.Currency, " ", g.paid.Payer, " ", g.paid.Payee); text != want {
					t.Errorf("%s: answered %s", field, text)
				}
			}
			if b.effects() != "payment 1299" {
				t.Errorf("truth %s", b.effects())
			}
		})
	}
}

// After answer-twice two whole answers stand on the connection, and a client
// that uses it again gets the second for its next request.
func TestAnswerTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.AnswerTwice})
		c, err := b.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		text := body()
		fmt.Fprintf(c, "POST /v1/payments HTTP/1.1\r\nHost: p\r\nContent-Type: application/json\r\nIdempotency-Key: k1\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
		in := bufio.NewReader(c)
		var seen []string
		for range 2 {
			w, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			w.Write(&b)
			seen = append(seen, b.String())
		}
		if seen[0] != seen[1] || !strings.Contains(seen[0], "pay_000000000001") || !strings.HasPrefix(seen[0], "HTTP/1.1 201 ") {
			t.Errorf("%q", seen)
		}
		began := time.Now()
		if _, err := in.ReadByte(); err == nil || time.Since(began) != twiceOpen {
			t.Errorf("the connection ended after %v (%v)", time.Since(began), err)
		}
		if b.effects() != "payment 1299" {
			t.Errorf("truth %s", b.effects())
		}
	})
}

func TestTheRetryOfALostAnswerIsLostToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.AnswerLost})
		for range 3 {
			if g := b.pay("k1"); g.err == nil {
				t.Errorf("answered %v", g)
			}
		}
		if g := b.do("GET", "/v1/payments?key=k1", "", ""); g.String() != "200 succeeded" || b.effects() != "payment 1299" {
			t.Errorf("inquiry: %v, truth %s", g, b.effects())
		}
	})
}

// A client that leaves does not stop the work, and a silent connection is not
// kept for nobody.
func TestAClientThatLeaves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.Latency, DelayMS: 5000, Scope: fault.Scope{Channel: "app"}})
		b.fault(fault.Fault{Kind: fault.RequestLost, HoldMS: 60_000, Scope: fault.Scope{Channel: "qr"}})
		b.client.Timeout = time.Second
		if g := b.pay("k1"); g.err == nil {
			t.Errorf("answered %v", g)
		}
		if g := b.pay("k2", "channel", `"qr"`); g.err == nil {
			t.Errorf("answered %v", g)
		}
		synctest.Wait()
		if l := b.o.Faults.Leases(); l[0].Holding != 1 || l[1].Holding != 0 {
			t.Errorf("holding %d and %d", l[0].Holding, l[1].Holding)
		}
		pass(5 * time.Second)
		synctest.Wait()
		if b.effects() != "payment 1299" {
			t.Errorf("truth %q", b.effects())
		}
	})
}

func TestTheEndOfALeaseLetsGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.LateAnswer, DelayMS: 600_000, Seconds: 10})
		began := time.Now()
		if g := b.pay("k1"); g.status != 201 || time.Since(began) != 10*time.Second {
			t.Errorf("%v after %v", g, time.Since(began))
		}
	})
}

func TestFaultsOfInquiries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		f     fault.Fault
		want  string
		after time.Duration
	}{
		{fault.Fault{Kind: fault.Latency, DelayMS: 3000}, "200 succeeded", 3 * time.Second},
		{fault.Fault{Kind: fault.Error}, "503 fault", 0},
		{fault.Fault{Kind: fault.RequestLost, HoldMS: 1000}, "no answer", time.Second},
		{fault.Fault{Kind: fault.AnswerLost}, "no answer", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inBubble(t, Options{})
			b.client.Transport.(*http.Transport).DisableKeepAlives = true // or it repeats a GET by itself
			c.f.Scope = fault.Scope{Operation: fault.Inquiry, Channel: "qr"}
			b.fault(c.f)
			b.pay("k1", "channel", `"qr"`)
			b.pay("k2")
			began := time.Now()
			if g := b.do("GET", "/v1/payments?key=k1", "", ""); g.String() != c.want || time.Since(began) != c.after {
				t.Errorf("%s: %v after %v", c.f.Kind, g, time.Since(began))
			}
			if g := b.do("GET", "/v1/payments?key=k2", "", ""); g.String() != "200 succeeded" {
				t.Errorf("%s out of scope: %v", c.f.Kind, g)
			}
		})
	}
}

func TestFaultsOfOneBank(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.Error, Scope: fault.Scope{Bank: "bank_02"}})
		failed := map[bool]int{}
		for n, a := range b.o.World.Customers() {
			g := b.pay(fmt.Sprint("k", n), "payer", `"`+a.ID+`"`, "amount", "1")
			failed[g.status == 503]++
			if (g.status == 503) != (a.Bank == "bank_02") {
				t.Errorf("%s of %s: %v", a.ID, a.Bank, g)
			}
		}
		if failed[true] == 0 || failed[false] == 0 {
			t.Errorf("failed: %v", failed)
		}
	})
}

func TestMagicAmounts(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]string{
		9901: "402 insufficient-funds; ", 9902: "402 account-blocked; ", 9903: "503 fault; ", 9904: "no answer; payment 9904",
		9905: "no answer; ", 9906: "201 succeeded; payment 9906", 9907: "201 succeeded; payment 9907",
		9908: "201 succeeded; payment 9908, payment 9908",
	} {
		synctest.Test(t, func(t *testing.T) {
			b := inBubble(t, Options{})
			began := time.Now()
			g := b.pay("k1", "amount", fmt.Sprint(amount))
			if got := g.String() + "; " + b.effects(); got != want {
				t.Errorf("%d: %s", amount, got)
			}
			if late := time.Since(began); (amount == 9906) != (late == 5*time.Second) {
				t.Errorf("%d answered after %v", amount, late)
			}
			if g.status == 201 && (amount == 9907) != (g.paid.Amount == amount+100) {
				t.Errorf("%d answered %d", amount, g.paid.Amount)
			}
			if g := b.pay("k2", "amount", fmt.Sprint(amount), "payer", `"`+rich(b)+`"`); g.status != 201 || g.paid.Amount != amount {
				t.Errorf("%d from an ordinary account: %v", amount, g)
			}
		})
	}
}

func rich(b *bench) string {
	for _, a := range b.o.World.Customers() {
		if !a.Blocked && a.Opening > 1_000_000 {
			return a.ID
		}
	}
	return ""
}

// Effects happen once per key whatever answers are lost and however often many
// clients try at once.
func TestOneEffectPerKeyUnderLostAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := inBubble(t, Options{})
		b.fault(fault.Fault{Kind: fault.AnswerLost, Share: 0.3, HoldMS: 50})
		b.fault(fault.Fault{Kind: fault.Latency, Share: 0.3, JitterMS: 20, Salt: 1})
		var wait sync.WaitGroup
		for range 5 {
			for n := range 40 {
				wait.Go(func() { b.pay(fmt.Sprint("k", n), "amount", fmt.Sprint(n+1)) })
			}
		}
		wait.Wait()
		b.o.Faults.EndAll()
		seen := map[string]int{}
		effects, _ := b.Ledger().Effects()
		for e := range effects {
			seen[e.Key]++
		}
		for n := range 40 {
			if seen[fmt.Sprint("k", n)] != 1 {
				t.Errorf("k%d has %d effects", n, seen[fmt.Sprint("k", n)])
			}
		}
	})
}
