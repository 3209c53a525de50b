package httpgate

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/internal/gate/decider"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// oneByOne is an open directive under which gates stand in one by one.
func oneByOne() posture.Directive {
	d := openStandIn()
	d.Kind, d.Excluded = posture.OneByOne, nil
	d.Profile = []byte(strings.Replace(string(d.Profile), `"keep_declines"`, `"one_by_one":true,"keep_declines"`, 1))
	return d
}

// of names the payer and key of a payment.
func of(payer string) string { return strings.Replace(goodPayment, "acct_000123", payer, 1) }

// plain checks an answer that stand-in has no part in.
func (r *rig) plain(a reply, status int) {
	r.t.Helper()
	if a.status != status || a.header.Get(standInHeader) != "" {
		r.t.Errorf("answered %d, stand-in %q (%s); want %d of the primary", a.status, a.header.Get(standInHeader), a.body, status)
	}
}

// reopen has the primary listen again where it did.
func (b *backend) reopen() {
	b.t.Helper()
	l, err := net.Listen("tcp", b.addr)
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.conns = map[net.Conn]bool{}
	b.mu.Unlock()
	b.l = l
	go b.accept()
}

// A payment for which no connection can be had is stood in for; its identity keeps the
// answer when the primary is back, and what is forwarded never overtakes it.
func TestOneByOneOnTheWire(t *testing.T) {
	t.Parallel()
	r := standingIn(t, created)
	r.enforce(2, posture.Set{}, oneByOne())
	r.plain(r.post("/v1/payments", "k0", of("ann")), 201)
	r.back.close()
	r.stood(r.post("/v1/payments", "k1", of("ann")), 201, "approved", approvedBody)
	r.stood(r.post("/v1/payments", "k1", of("ann")), 201, "approved", approvedBody)
	r.stood(r.post("/v1/payments", "k1", strings.Replace(of("ann"), "1299", "1300", 1)), 422, "mismatch", "")

	// What is not approved is answered as it is without stand-in, and is not kept.
	large := strings.Replace(of("bob"), "1299", "9999", 1)
	r.want(r.post("/v1/payments", "k2", large), 502, "unreachable", "not-forwarded")
	r.want(r.post("/v1/refunds", "k3", "{}"), 502, "unreachable", "not-forwarded")
	r.want(r.post("/v1/quick", "k4", "{}"), 502, "unreachable", "not-forwarded")

	r.back.reopen()
	before := len(r.back.requests())
	r.plain(r.post("/v1/payments", "k2", large), 201)
	r.stood(r.post("/v1/payments", "k1", of("ann")), 201, "approved", approvedBody)
	r.stood(r.post("/v1/payments", "k5", of("ann")), 201, "approved", "") // its payer has an advice under way
	if n := len(r.back.requests()) - before; n != 1 {
		t.Fatalf("%d requests reached the primary beside the advices", n)
	}
	r.delivered(2) // while the directive is in force
	r.plain(r.post("/v1/payments", "k6", of("ann")), 201)
	r.stood(r.post("/v1/payments", "k1", of("ann")), 201, "approved", approvedBody)

	// After the lift nothing is stood in for any more, once that has ended in every shard.
	r.enforce(3, posture.Set{})
	r.back.close()
	for p := payOf("k7", "cid"); r.decides.Concerns(&p); {
		select {
		case <-time.After(time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("it does not end")
		}
	}
	r.want(r.post("/v1/payments", "k7", of("cid")), 502, "unreachable", "not-forwarded")
	if n := r.gate.Status(); n.InFlight != 0 || n.Unresolved != 0 {
		t.Errorf("%d in flight, %d unresolved", n.InFlight, n.Unresolved)
	}
	if n := r.count("stand-in", "done"); n != 5 {
		t.Errorf("%d counted as stood in for", n)
	}
}

// Hazard 5: what may have reached the primary is never stood in for, at no gate, until it
// is known what became of it.
func TestHazard5_AByteWasWritten(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]script{
		"no answer":       func(c net.Conn, _ int, _ *seen) { c.Close() },
		"half an answer":  say(true, "HTTP/1.1 20"),
		"an error of its": say(false, answerWith(500, "{}")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := standingIn(t, script)
			r.enforce(2, posture.Set{}, oneByOne())
			if a := r.post("/v1/payments", "k1", of("ann")); a.header.Get(standInHeader) != "" {
				t.Fatalf("stood in for: %d %s", a.status, a.body)
			}
			r.back.close()
			r.stood(r.post("/v1/payments", "k1", of("ann")), 409, "inquire", "")
			// Another gate of the source is told the same.
			p := payOf("k1", "ann")
			a, err := r.decides.Decide(t.Context(), decider.Ask{Payment: p, Kind: standin.Payment, Cause: standin.ConnectionRefused, Directive: "i1"})
			if err != nil || a.Verdict != standin.Inquire {
				t.Errorf("elsewhere: %v %v, %v", a.Verdict, a.Reason, err)
			}
			r.stood(r.post("/v1/payments", "k2", of("ann")), 201, "approved", "")
		})
	}
}

// Addresses that take requests and do not answer open the circuit: from then on nothing
// is written, but for one request now and then.
func TestCircuit(t *testing.T) {
	t.Parallel()
	r := &rig{t: t, back: newBackend(t, func(c net.Conn, _ int, _ *seen) { c.Close() }), log: &lockedBuffer{}}
	conf := r.deciding("primary: {url: \"http://$PRIMARY\", eject_after: 2, eject_time: 1h}\n")
	r.start(conf, time.Now)
	r.enforce(2, posture.Set{}, oneByOne())
	for n := range 2 {
		r.want(r.post("/v1/payments", fmt.Sprint("lost-", n), of(fmt.Sprint("payer-", n))), 504, "unknown", "unknown")
	}
	if !r.primary.up.broken() {
		t.Fatal("the circuit is closed")
	}
	if down := r.primary.Down(); len(down) != 1 || down[0] != r.back.addr {
		t.Errorf("down: %v", down)
	}
	before := len(r.back.requests())
	r.stood(r.post("/v1/payments", "k1", of("ann")), 201, "approved", approvedBody)
	if n := len(r.back.requests()); n != before {
		t.Errorf("%d requests were written to a primary whose circuit is open", n-before)
	}
	known := payOf("k1", "ann")
	item, ok, err := r.decides.Knows(t.Context(), &known)
	if err != nil || !ok || item.Cause != standin.CircuitOpen {
		t.Errorf("%v %v %v", item.Cause, ok, err)
	}
	// What is not approved is tried all the same: a gate alone never takes the primary away.
	r.want(r.post("/v1/payments", "k2", strings.Replace(of("bob"), "1299", "9999", 1)), 504, "unknown", "unknown")
	// And then it is no gate's to approve.
	lost := decider.Ask{Payment: payOf("k2", "bob"), Kind: standin.Payment, Cause: standin.ConnectionRefused, Directive: "i1"}
	if a, err := r.decides.Decide(t.Context(), lost); err != nil || a.Verdict != standin.Inquire {
		t.Errorf("elsewhere: %v %v, %v", a.Verdict, a.Reason, err)
	}
	late := NewAdvices(r.primary, r.gate, sealKeys(t), nil)
	if late.May(&item) {
		t.Error("an advice loses an attempt at a primary that payments find dead")
	}
	for _, u := range r.primary.up.addrs {
		u.until = time.Now().Add(-2 * silence)
	}
	if r.primary.up.broken() || !late.May(&item) {
		t.Error("nobody tries the primary any more")
	}
}
