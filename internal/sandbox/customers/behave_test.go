package customers

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/world"
)

var patience = Patience{Timeout: 5 * time.Second, First: time.Second, Longest: 30 * time.Second, Budget: 2 * time.Minute, Retries: 3}

func TestUnderstand(t *testing.T) {
	t.Parallel()
	const ok = `{"id":"pay_1","status":"succeeded","amount":1299,"currency":"CNY","payer":"a","payee":"m"}`
	for _, c := range []struct {
		asked  act
		status int
		body   string
		want   news
	}{
		{send, 201, ok, done},
		{send, 200, ok, done},
		{send, 201, `{"id":"x","status":"approved"}`, done},
		{inquire, 200, `{"status":"settled"}`, done},
		{inquire, 200, `{"status":"refused"}`, declined},
		{send, 201, `{"status":"declined","code":"x"}`, declined},
		{send, 201, `{"status":"processing"}`, wait},
		{send, 201, `{"status":"failed"}`, nothing}, // a success code with a failure in it
		{send, 201, `{"status":true}`, nothing},
		{send, 201, `{}`, nothing},
		{send, 201, ok[:40], nothing}, // cut short
		{send, 201, `<html>`, nothing},
		{send, 204, ``, nothing},
		{send, 201, `{"status":"succeeded","amount":"1299"}`, nothing},
		{send, 202, `{}`, wait},
		{send, 402, `{"status":402,"code":"insufficient-funds"}`, declined},
		{send, 400, `no JSON`, declined},
		{send, 403, `{"outcome":"in-flight"}`, nothing},
		{send, 409, `{"code":"in-flight","outcome":"in-flight"}`, wait},
		{send, 408, ``, wait},
		{send, 425, ``, wait},
		{send, 429, ``, wait},
		{send, 429, `{"outcome":"not-done"}`, declined},
		{send, 503, `{"outcome":"not-done","code":"stopped"}`, declined},
		// What a gate says: declined under a stop, an attempt before this one that is
		// not settled, no answer in time, a primary out of reach.
		{send, 503, `{"reason":"stopped","attempt":"not-forwarded"}`, refused},
		{send, 409, `{"reason":"pending","attempt":"not-forwarded","outcome":"unknown"}`, wait},
		{send, 504, `{"reason":"unknown","outcome":"unknown"}`, nothing},
		{send, 502, `{"reason":"unreachable","attempt":"not-forwarded"}`, refused},
		{send, 400, `{"attempt":"not-forwarded"}`, refused},
		{inquire, 502, `{"reason":"unreachable","attempt":"not-forwarded"}`, nothing},
		{inquire, 502, `{"reason":"unreachable"}`, nothing},
		{send, 503, `{"code":"fault"}`, nothing},
		{send, 500, `{"outcome":"unknown"}`, nothing},
		{send, 302, ``, nothing},
		{inquire, 200, ok, done},
		{inquire, 200, `{"status":"declined","code":"x"}`, declined},
		{inquire, 200, `{"status":"processing"}`, wait},
		{send, 202, `{"status":"queued","link":"/v1/payments?key=k"}`, wait},
		{inquire, 200, `{"status":"queued"}`, wait},
		{inquire, 402, `{"status":402,"reason":"expired"}`, declined},
		{inquire, 404, `{"status":404}`, unseen},
		{inquire, 429, ``, nothing},
		{inquire, 400, ``, nothing}, // an inquiry that fails says nothing about the payment
		{inquire, 503, `{"outcome":"not-done"}`, nothing},
	} {
		if got := understand(c.asked, c.status, []byte(c.body)); got.news != c.want {
			t.Errorf("%d %s to act %d: understood %d, not %d", c.status, c.body, c.asked, got.news, c.want)
		}
	}
	h := understand(send, 201, []byte(ok))
	if h.answer != (told.Answer{ID: "pay_1", Amount: 1299, Currency: "CNY", Payer: "a", Payee: "m"}) {
		t.Errorf("%+v", h.answer)
	}
	if h := understand(send, 402, []byte(`{"code":"insufficient-funds"}`)); h.reason != "insufficient-funds" {
		t.Errorf("reason %q", h.reason)
	}
	if h := understand(send, 503, []byte(`{"reason":"stopped","attempt":"not-forwarded"}`)); h.reason != "stopped" {
		t.Errorf("a gate's reason is %q", h.reason)
	}
}

// A customer waits as long as he is asked to, if he ever waits that long, and
// longer if he would have anyway.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	c := customer{Intention: told.Intention{Identity: "c1-1"}, state: told.Begun, next: send, sent: 1, doubt: noon, waits: 2} // 4 s are next
	for header, want := range map[string]time.Duration{
		"": 4 * time.Second, "1": 4 * time.Second, "10": 11 * time.Second, "30": 33 * time.Second, "3600": 33 * time.Second,
		"-5": 4 * time.Second, "soon": 4 * time.Second, "Wed, 04 Mar 2026 12:00:00 GMT": 4 * time.Second, "99999999999999999999": 4 * time.Second,
	} {
		got, _ := c.hears(heard{news: wait, after: retryAfter(header)}, patience, 0.5, noon)
		if got.next != inquire || got.at.Sub(noon) != want {
			t.Errorf("Retry-After %q: next %d after %v, not %v", header, got.next, got.at.Sub(noon), want)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	f.Add(true, 201, []byte(`{"id":"pay_1","status":"succeeded","amount":1}`))
	f.Add(false, 404, []byte(`{"status":404,"outcome":"not-done"}`))
	f.Fuzz(func(t *testing.T, asks bool, status int, body []byte) {
		asked := send
		if asks {
			asked = inquire
		}
		h := understand(asked, status, body)
		if h.news == done && status != 200 && status != 201 {
			t.Errorf("%d %q was understood as done", status, body)
		}
		if h.news == unseen && asked != inquire {
			t.Errorf("%d %q to a payment was understood as never seen", status, body)
		}
	})
}

func TestHears(t *testing.T) {
	t.Parallel()
	fresh := customer{Intention: told.Intention{Identity: "c1-1"}, state: told.Begun, next: send, sent: 1}
	doubting := fresh
	doubting.state, doubting.doubt, doubting.next, doubting.waits = told.Doubt, noon, inquire, 1
	again := doubting
	again.sent = 2
	cleared := again
	cleared.unseen = true
	for _, c := range []struct {
		name  string
		c     customer
		news  news
		after time.Duration // since noon
		next  act
		pause time.Duration
		event told.State // "" for none
	}{
		{"told done", fresh, done, 0, stop, 0, told.Done},
		{"told declined", fresh, declined, 0, stop, 0, told.Declined},
		{"not forwarded, the only attempt", fresh, refused, 0, stop, 0, told.Declined},
		{"not forwarded, after one in doubt", again, refused, 10 * time.Second, inquire, 2 * time.Second, told.Pending},
		{"not forwarded, after one that was never seen", cleared, refused, 10 * time.Second, stop, 0, told.Declined},
		{"told to wait", fresh, wait, 0, inquire, time.Second, told.Pending},
		{"no answer", fresh, nothing, 0, inquire, time.Second, told.Doubt},
		{"still none", doubting, nothing, 10 * time.Second, inquire, 2 * time.Second, ""},
		{"now told to wait", doubting, wait, 10 * time.Second, inquire, 2 * time.Second, told.Pending},
		{"never seen", doubting, unseen, 10 * time.Second, send, 0, ""},
		{"done after all", doubting, done, 10 * time.Second, stop, 0, told.Done},
		{"declined after all", doubting, declined, 10 * time.Second, stop, 0, told.Declined},
		{"budget just not used up", doubting, nothing, 118 * time.Second, inquire, 2 * time.Second, ""},
		{"budget used up", doubting, nothing, 119 * time.Second, stop, 0, told.GaveUp},
	} {
		now := noon.Add(c.after)
		got, event := c.c.hears(heard{news: c.news, answer: told.Answer{ID: "pay_1"}}, patience, 0.5, now)
		if got.next != c.next || (c.next != stop && !got.at.Equal(now.Add(c.pause))) {
			t.Errorf("%s: next %d after %v", c.name, got.next, got.at.Sub(now))
		}
		switch {
		case c.event == "" && event != nil, c.event != "" && (event == nil || event.Event != c.event || !event.At.Equal(now) || event.Identity != "c1-1"):
			t.Errorf("%s: wrote %+v", c.name, event)
		case c.event == told.Done && event.Answer.ID != "pay_1":
			t.Errorf("%s: the answer is not written down", c.name)
		}
	}
	tired := doubting
	tired.sent = 4 // once and three times again
	if got, _ := tired.hears(heard{news: unseen}, patience, 0.5, noon); got.next != inquire {
		t.Error("retried once too often")
	}
	never := patience
	never.Retries = -1
	if got, _ := doubting.hears(heard{news: unseen}, never, 0.5, noon); got.next != inquire {
		t.Error("retried though told never to")
	}
}

// Whatever answers come, a customer ends within his budget, his waits grow up to
// the longest, and what he writes down is a life that the log accepts.
func TestACustomerAlwaysEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		begun := told.Intention{Identity: "c1-1", Kind: "payment", Amount: 1, Begun: noon}
		entry, err := told.Begin(told.Event{Event: told.Begun, Identity: "c1-1", At: noon, Intention: &begun})
		if err != nil {
			t.Fatal(err)
		}
		c := customer{Intention: begun, state: told.Begun, next: send}
		now := noon
		for steps := 0; c.next != stop; steps++ {
			if steps > 200 {
				t.Fatal("he never ends")
			}
			if c.next == send {
				c.sent++
			}
			choice := []news{nothing, wait, done, declined, refused}
			if c.next == inquire {
				choice = append(choice, unseen)
			}
			h := heard{news: rapid.SampledFrom(choice).Draw(t, "news")}
			var event *told.Event
			c, event = c.hears(h, patience, rapid.Float64Range(0, 1).Draw(t, "jitter"), now)
			if event != nil {
				if entry, err = entry.Next(*event); err != nil {
					t.Fatal(err)
				}
			}
			if pause := c.at.Sub(now); c.next != stop && (pause < 0 || pause > patience.Longest*6/5) {
				t.Fatalf("he waits %v", pause)
			}
			if c.next != stop {
				now = c.at.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "answer after")) * time.Millisecond)
			}
		}
		if !entry.State.Final() || c.sent > 1+patience.Retries || now.Sub(noon) > patience.Budget+patience.Timeout+time.Second {
			t.Errorf("ended %s after %v with %d sends", entry.State, now.Sub(noon), c.sent)
		}
	})
}

func TestDraw(t *testing.T) {
	t.Parallel()
	w, err := world.New(world.Options{Seed: 1, Currencies: []string{"CNY", "USD"}})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{World: w, Seed: 1, Run: "c1", Mix: Mix{Refunds: 0.1, Inquiries: 0.2}}
	const n = 20_000
	purposes, seen, small, usd := map[purpose]float64{}, map[string]int{}, 0, 0
	for i := range uint64(n) {
		d := draw(o, i+1)
		if d != draw(o, i+1) {
			t.Fatal("the same number draws different intentions")
		}
		purposes[d.purpose]++
		seen[d.intention.Channel]++
		seen[d.intention.Method]++
		if d.intention.Amount < 4900 {
			small++
		}
		if d.intention.Currency == "USD" {
			usd++
		}
		if a := d.intention.Amount; a < 1 || a > 5_000_000 {
			t.Errorf("amount %d", a)
		}
		paid := d.intention
		paid.Payment = "pay_1"
		if r := d.refundOf(paid); r.Amount < 1 || r.Amount > paid.Amount || r.Kind != "refund" || r.Payment != "pay_1" || r.Payer != paid.Payer {
			t.Errorf("refund %+v of %+v", r, paid)
		}
	}
	for p, share := range map[purpose]float64{toPay: 0.7, toRefund: 0.1, toInquire: 0.2} {
		if math.Abs(purposes[p]/n-share) > 0.015 {
			t.Errorf("purpose %d has a share of %v", p, purposes[p]/n)
		}
	}
	for _, name := range append(world.Channels[:], world.Methods[:]...) {
		if seen[name] < n/20 {
			t.Errorf("%s is drawn %d times", name, seen[name])
		}
	}
	if small < n*45/100 || small > n*55/100 || usd < n*45/100 {
		t.Errorf("%d of %d below 49.00, %d in USD", small, n, usd)
	}
	if d := draw(o, 7); d.intention.Identity != "c1-7" {
		t.Errorf("identity %s", d.intention.Identity)
	}
	other := o
	other.Seed = 2
	if draw(o, 7) == draw(other, 7) {
		t.Error("the seed changes nothing")
	}
}
