package httpgate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate/fence"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin/advice"
)

// twoPrimaries are the settings with a second primary for some of the routes.
var twoPrimaries = strings.NewReplacer(
	"test_payers:", `second: {url: "http://$SECOND"}
fence: {data: not-used}
test_payers:`,
	`      settled_after: 30s
  - name: pay-quick`, `      settled_after: 30s
    retention: 10h
    second:
      path: /v2/transfers/{channel}
      headers: [{name: X-Tenant, value: "{currency}"}]
      drop: [X-Secret]
      body: '{"reference":"{identity}","value":"{amount:decimal}","ccy":"{currency}","debtor":"{payer}","memo":{json:/memo}}'
      outcome: {done: [202], not_done: [422]}
      answer_code: json:/fault
      timeout: 30s
      retention: 5h
      inquiry:
        path: /v2/transfers/{identity}
        done: {status: [200], field: json:/state, is: [settled]}
        not_done: {status: [200], field: json:/state, is: [refused]}
        settled_after: 30s
      answers:
        - {when: {status: [202]}, status: 201, body: '{"id":{json:/number},"status":"succeeded","amount":{amount}}'}
  - name: pay-quick`,
	`    fields: {identity: header:Idempotency-Key}
    decline: {retry_after: 0s}`, `    fields: {identity: header:Idempotency-Key}
    second: {path: /v2/returns, original: "header:Original", outcome: {done: [202]}}
    decline: {retry_after: 0s}`,
	`    fields: {identity: query:key}`, `    fields: {identity: query:key}
    second:
      path: "/v2/transfers/{identity}"
      answers:
        - {when: {status: [202], field: "json:/state", is: [settled]}, status: 200, body: '{"status":"succeeded"}'}`,
).Replace(settings)

var away = posture.Directive{ID: "r1", Kind: posture.Reroute, Scope: "all", Open: true, Fence: "fence-1"}

// accepted is what the second primary says.
var accepted = say(false, answerWith(202, `{"number":77,"state":"settled"}`))

// rerouting is a rig with two primaries at a fence.
type rerouting struct {
	*rig
	other *backend
}

// fenceAt makes a fence of a gate over a source.
func fenceAt(t *testing.T, source advice.Source, gate string, now func() time.Time) *fence.Fence {
	t.Helper()
	f, err := fence.New(t.Context(), fence.Options{Source: source, Gate: gate, Keep: 24 * time.Hour, Clock: nowClock(now)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return f
}

type nowClock func() time.Time

func (c nowClock) Now() time.Time { return c() }

func newRerouting(t *testing.T, first, second script, source advice.Source, gate string) *rerouting {
	t.Helper()
	r := &rerouting{rig: &rig{t: t, back: newBackend(t, first), log: &lockedBuffer{}}, other: newBackend(t, second)}
	r.fence = fenceAt(t, source, gate, time.Now)
	r.start(r.conf(twoPrimaries), time.Now)
	return r
}

func (r *rerouting) conf(text string) config.Gate {
	r.t.Helper()
	c, err := config.LoadGate(config.Options{Content: []byte(strings.NewReplacer("$PRIMARY", r.back.addr, "$SECOND", r.other.addr).Replace(text))})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// reached says how many requests each primary has got.
func (r *rerouting) reached(first, second int) {
	r.t.Helper()
	if a, b := len(r.back.requests()), len(r.other.requests()); a != first || b != second {
		r.t.Errorf("%d requests at the first primary and %d at the second; want %d and %d", a, b, first, second)
	}
}

func TestRerouteOnTheWire(t *testing.T) {
	t.Parallel()
	r := newRerouting(t, created, accepted, advice.NewMemory("fence-1", fence.Shards), "gate-1")
	const body = `{"amount":1299,"currency":"CNY","payer":"acct \"1\"","channel":"app","memo":["a",1]}`
	if a := r.post("/v1/payments", "k1", body); a.status != 201 || a.body != `{"id":"p1","status":"succeeded"}` {
		t.Fatalf("%d %s", a.status, a.body)
	}
	r.reached(1, 0)

	r.enforce(2, posture.Set{}, away)
	if a := r.post("/v1/payments", "k2", body, "Authorization: Bearer s", "Cookie: a=b", "X-Secret: s", "X-Kept: 1"); a.status != 201 || a.body != `{"id":77,"status":"succeeded","amount":1299}` {
		t.Fatalf("%d %s", a.status, a.body)
	}
	r.reached(1, 1)
	got := r.other.requests()[0]
	if got.Method != "POST" || got.URL.Path != "/v2/transfers/app" || got.Host != r.other.addr ||
		got.body != `{"reference":"k2","value":"12.99","ccy":"CNY","debtor":"acct \"1\"","memo":["a",1]}` {
		t.Errorf("%s %s of %s: %s", got.Method, got.URL, got.Host, got.body)
	}
	if h := got.Header; h.Get("X-Tenant") != "CNY" || h.Get("Authorization") != "" || h.Get("Cookie") != "" || h.Get("X-Secret") != "" || h.Get("X-Kept") != "1" || h.Get(postureHeader) != "2" || h.Get(deadlineHeader) == "" || len(h["X-Forwarded-For"]) != 1 {
		t.Errorf("%v", h)
	}

	// What was sent to the first is not sent to the second: its repeat goes home.
	if a := r.post("/v1/payments", "k1", body); a.status != 201 || !strings.Contains(a.body, `"p1"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.reached(2, 1)
	// A refund and an inquiry go where the payment went.
	r.want(r.post("/v1/refunds", "f1", "{}", "Original: k1"), 503, "held", "not-forwarded")
	r.want(r.post("/v1/refunds", "f2", "{}", "Original: k0"), 503, "held", "not-forwarded")
	r.reached(2, 1)
	if a := r.post("/v1/refunds", "f3", "{}", "Original: k2"); a.status != 202 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := r.other.requests()[1]; got.URL.Path != "/v2/returns" || got.body != "{}" {
		t.Errorf("%s: %s", got.URL, got.body)
	}
	ask := "GET /v1/payments?key=%s HTTP/1.1\r\nHost: x\r\n\r\n"
	if a := r.raw(fmt.Sprintf(ask, "k2")); a.status != 200 || a.body != `{"status":"succeeded"}` {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := r.other.requests()[2]; got.Method != "GET" || got.URL.Path != "/v2/transfers/k2" {
		t.Errorf("%s %s", got.Method, got.URL)
	}
	r.raw(fmt.Sprintf(ask, "k1"))
	r.reached(3, 3)

	// What cannot be rerouted is held: a route without a second primary, no identity.
	r.want(r.post("/v1/quick", "k3", "{}"), 429, "held", "not-forwarded")
	r.want(r.post("/v1/payments", "", body), 503, "unreadable", "not-forwarded")
	r.reached(3, 3)
	// An observed route forwards to the first, whatever the posture says.
	if a := r.post("/v1/observed", "k4", "{}"); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}

	// A stop is stronger.
	r.enforce(3, posture.Set{}, away, stopAll)
	r.want(r.post("/v1/payments", "k5", body), 503, "stopped", "not-forwarded")
	r.reached(4, 3)

	// After the lift what is new goes to the first, and what the second has stays its.
	r.enforce(4, posture.Set{})
	if a := r.post("/v1/payments", "k2", body); a.status != 201 || !strings.Contains(a.body, `"id":77`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.reached(4, 4)
	if a := r.post("/v1/payments", "k5", body); a.status != 201 || !strings.Contains(a.body, `"p1"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := r.post("/v1/refunds", "f4", "{}", "Original: k2"); a.status != 202 {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.reached(5, 5)
	if s := r.gate.Status(); s.InFlight != 0 || s.Unresolved != 0 {
		t.Errorf("%d in flight, %d unresolved", s.InFlight, s.Unresolved)
	}
	if n := r.count("forward", "reroute", "done"); n != 4 {
		t.Errorf("%d counted as done by the second", n)
	}
}

// What a payment says makes no other path of the second primary's.
func TestNoOtherPath(t *testing.T) {
	t.Parallel()
	r := newRerouting(t, created, accepted, advice.NewMemory("fence-1", fence.Shards), "gate-1")
	r.enforce(2, posture.Set{}, away)
	for _, channel := range []string{"..", "."} {
		r.want(r.post("/v1/payments", "k1", strings.Replace(goodPayment, `"app"`, `"`+channel+`"`, 1)), 503, "held", "not-forwarded")
	}
	r.reached(0, 0)
	if a := r.post("/v1/payments", "k2", strings.Replace(goodPayment, `"app"`, `"a b?c"`, 1)); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := r.other.requests(); len(got) != 1 || got[0].RequestURI != "/v2/transfers/a%20b%3Fc" {
		t.Errorf("%+v", got)
	}
}

// Whatever a payment says, what is filled in stays JSON.
func FuzzFill(f *testing.F) {
	f.Add("T-1", `{"memo":["a",1.50]}`)
	f.Add("\"\\\x00\xff", `{"memo":"\u2028"`)
	f.Fuzz(func(t *testing.T, text, body string) {
		p := payOf(text, text)
		got := fill(`{"id":"{identity}","of":"{payer}","amount":{amount},"memo":{json:/memo}}`, &facts{pay: &p, body: []byte(body)}, textOf("application/json"))
		if !json.Valid([]byte(got)) {
			t.Errorf("%q", got)
		}
		if path := fillPath("/v2/{identity}?of={payer}", &facts{pay: &p}); strings.Count(path, "?") != 1 || strings.Count(path, "/") != 2 {
			t.Errorf("%q", path)
		}
		if h := fill("{payer}", &facts{pay: &p}, headerText); strings.ContainsAny(h, "\r\n\x00") {
			t.Errorf("%q", h)
		}
	})
}

// A gate holds what it would reroute by another fence than the others'.
func TestAnotherFence(t *testing.T) {
	t.Parallel()
	r := newRerouting(t, created, accepted, advice.NewMemory("fence-2", fence.Shards), "gate-1")
	r.enforce(2, posture.Set{}, away)
	r.want(r.post("/v1/payments", "k1", goodPayment), 503, "held", "not-forwarded")
	r.reached(0, 0)
}

// Without its claim not one byte of a payment is written.
func TestNoClaimNoByte(t *testing.T) {
	t.Parallel()
	source := advice.NewMemory("fence-1", fence.Shards)
	r := newRerouting(t, created, accepted, source, "gate-1")
	for position, d := range [][]posture.Directive{nil, {away}} {
		r.enforce(holdfast.Position(position+2), posture.Set{}, d...)
		source.Refuse(holdfast.Errorf(holdfast.Unavailable, "the disk is full"))
		r.want(r.post("/v1/payments", fmt.Sprint("k", position), goodPayment), 503, "held", "not-forwarded")
	}
	for _, b := range []*backend{r.back, r.other} {
		if _, n := b.counts(); n != 0 {
			t.Errorf("%d bytes were written", n)
		}
	}
	if s := r.gate.Status(); s.InFlight != 0 {
		t.Errorf("%d in flight", s.InFlight)
	}
}

// The outcome of what the second primary got is asked about there.
func TestUnknownAtTheSecond(t *testing.T) {
	t.Parallel()
	state := "settled"
	r := newRerouting(t, created, func(c net.Conn, _ int, req *seen) {
		if req.Method == http.MethodGet {
			body := fmt.Sprintf(`{"state":%q}`, state)
			io.WriteString(c, answerWith(200, body))
			return
		}
		c.Close()
	}, advice.NewMemory("fence-1", fence.Shards), "gate-1")
	r.enforce(2, posture.Set{}, away)
	r.want(r.post("/v1/payments", "k1", goodPayment), 504, "unknown", "unknown")
	left := r.gate.Unresolved()
	if len(left) != 1 || !left[0].Second {
		t.Fatalf("%+v", left)
	}
	if o, why, err := r.primary.Inquire(t.Context(), left[0]); o != payment.Done || err != nil {
		t.Errorf("%v %q %v", o, why, err)
	}
	if got := r.other.requests()[1]; got.URL.Path != "/v2/transfers/k1" || got.Host != r.other.addr {
		t.Errorf("%s of %s", got.URL, got.Host)
	}
	r.reached(0, 2)
	r.want(r.post("/v1/payments", "k2", goodPayment), 504, "unknown", "unknown")
	state = "refused"
	if o, why, err := r.primary.Inquire(t.Context(), r.gate.Unresolved()[1]); o != payment.NotDone || err != nil {
		t.Errorf("%v %q %v", o, why, err)
	}
}

// What a primary may no longer know again is not sent to it again.
func TestRetentionOfEach(t *testing.T) {
	t.Parallel()
	source := advice.NewMemory("fence-1", fence.Shards)
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	r := &rerouting{rig: &rig{t: t, back: newBackend(t, created), log: &lockedBuffer{}}, other: newBackend(t, accepted)}
	r.fence = fenceAt(t, source, "gate-1", now)
	r.start(r.conf(twoPrimaries), now)
	r.post("/v1/payments", "a", goodPayment)
	r.enforce(2, posture.Set{}, away)
	r.post("/v1/payments", "b", goodPayment)
	r.reached(1, 1)
	ahead.Store(int64(4 * time.Hour))
	r.post("/v1/payments", "b", goodPayment)
	r.enforce(3, posture.Set{})
	r.post("/v1/payments", "a", goodPayment)
	r.post("/v1/payments", "b", goodPayment)
	r.reached(2, 3)
	ahead.Store(int64(6 * time.Hour))
	r.post("/v1/payments", "a", goodPayment)
	r.want(r.post("/v1/payments", "b", goodPayment), 409, "pending", "unknown")
	r.enforce(4, posture.Set{}, away)
	r.want(r.post("/v1/payments", "b", goodPayment), 409, "pending", "unknown")
	r.reached(3, 3)
	r.enforce(5, posture.Set{})
	ahead.Store(int64(11 * time.Hour))
	r.want(r.post("/v1/payments", "a", goodPayment), 409, "pending", "unknown")
	r.enforce(6, posture.Set{}, away)
	r.want(r.post("/v1/payments", "a", goodPayment), 409, "pending", "unknown")
	r.reached(3, 3)
}

// Gates that have different postures send no identity to both primaries, whatever breaks
// and however often clients try again.
func TestNeverAtBoth(t *testing.T) {
	t.Parallel()
	breaks := func(answer string) script {
		return func(c net.Conn, n int, _ *seen) {
			if n%5 == 0 {
				c.Close() // it was done, and nobody is told
				return
			}
			io.WriteString(c, answer)
		}
	}
	source := advice.NewMemory("fence-1", fence.Shards)
	first, second := breaks(answerWith(201, "{}")), breaks(answerWith(202, `{"number":1}`))
	east := newRerouting(t, first, second, source, "east")
	west := &rerouting{rig: &rig{t: t, back: east.back, log: &lockedBuffer{}}, other: east.other}
	west.fence = fenceAt(t, source, "west", time.Now)
	west.start(west.conf(twoPrimaries), time.Now)
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			for i := range 40 {
				g := []*rerouting{east, west}[(n+i)%2]
				g.post("/v1/payments", fmt.Sprint("k", i), goodPayment)
			}
		})
	}
	all.Go(func() { // they learn of it, and of its end, at different moments
		for position := range 10 {
			var d []posture.Directive
			if position%2 == 0 {
				d = append(d, away)
			}
			for _, g := range []*rerouting{east, west} {
				g.enforce(holdfast.Position(position+2), posture.Set{}, d...)
				time.Sleep(time.Millisecond)
			}
		}
	})
	all.Wait()
	at := map[string]bool{}
	for _, req := range east.back.requests() {
		at[req.Header.Get("Idempotency-Key")] = true
	}
	both := 0
	for _, req := range east.other.requests() {
		if id := req.Header.Get("Idempotency-Key"); at[id] {
			t.Errorf("%s went to both primaries", id)
			both++
		}
	}
	if len(at) == 0 || len(east.other.requests()) == 0 {
		t.Errorf("%d identities at the first primary and %d requests at the second: the test shows nothing", len(at), len(east.other.requests()))
	}
}

// How long a client's body is says nothing about the request that the second primary gets:
// what follows on the connection is not taken for a part of it.
func TestNoBodyIsLeftOver(t *testing.T) {
	t.Parallel()
	r := newRerouting(t, created, accepted, advice.NewMemory("fence-1", fence.Shards), "gate-1")
	r.enforce(2, posture.Set{}, away)
	r.post("/v1/payments", "k1", goodPayment)
	r.raw("GET /v1/payments?key=k1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
	r.raw("GET /v1/payments?key=k1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	if a := r.post("/v1/payments", "k2", goodPayment); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
	list := r.other.requests()
	if len(list) != 4 || list[1].ContentLength > 0 || len(list[1].TransferEncoding)+len(list[2].TransferEncoding) > 0 || list[1].body != "" || list[2].body != "" {
		t.Fatalf("%d requests: %+v", len(list), list)
	}
	if !strings.Contains(list[3].body, `"reference":"k2"`) {
		t.Errorf("%s", list[3].body)
	}
}

// An answer without a body is one at once.
func TestAnswerWithoutABody(t *testing.T) {
	t.Parallel()
	r := newRerouting(t, created, say(false, "HTTP/1.1 204 X\r\n\r\n"), advice.NewMemory("fence-1", fence.Shards), "gate-1")
	r.enforce(2, posture.Set{}, away)
	for range 2 {
		if a := r.post("/v1/payments", "k1", goodPayment); a.status != 204 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	r.reached(0, 2)
}

// A refund of what the second primary has is held where only the first takes refunds, and so
// is one that does not say what it takes back.
func TestRefundsThatCannotFollow(t *testing.T) {
	t.Parallel()
	r := &rerouting{rig: &rig{t: t, back: newBackend(t, created), log: &lockedBuffer{}}, other: newBackend(t, accepted)}
	r.fence = fenceAt(t, advice.NewMemory("fence-1", fence.Shards), "gate-1", time.Now)
	r.start(r.conf(strings.Replace(twoPrimaries, `    fields: {identity: header:Idempotency-Key}
    second: {path: /v2/returns, original: "header:Original", outcome: {done: [202]}}`, `    body: json
    fields: {identity: header:Idempotency-Key, amount: json:/amount, currency: json:/currency, payer: json:/payer}
    stand_in: {body: '{}', original: "header:Original"}`, 1)), time.Now)
	r.enforce(2, posture.Set{}, away)
	r.post("/v1/payments", "k1", goodPayment)
	r.enforce(3, posture.Set{})
	r.want(r.post("/v1/refunds", "f1", goodPayment, "Original: k1"), 503, "held", "not-forwarded")
	r.reached(0, 1)

	both := &rerouting{rig: &rig{t: t, back: newBackend(t, created), log: &lockedBuffer{}}, other: newBackend(t, accepted)}
	both.fence = fenceAt(t, advice.NewMemory("fence-1", fence.Shards), "gate-1", time.Now)
	both.start(both.conf(strings.Replace(twoPrimaries, "    second: {path: /v2/returns", "    unreadable: forward\n    second: {path: /v2/returns", 1)), time.Now)
	both.want(both.post("/v1/refunds", "f1", "{}"), 503, "held", "not-forwarded")
	both.reached(0, 0)
	// Nor is one sent to the second that cannot be claimed for it.
	both.enforce(2, posture.Set{}, away)
	both.post("/v1/payments", "k1", goodPayment)
	both.enforce(3, posture.Set{})
	both.want(both.post("/v1/refunds", "", "{}", "Original: k1"), 503, "held", "not-forwarded")
	both.reached(0, 1)
}
