// Package money_test holds the money of simulated customers against a real gate:
// whatever the primary does to them and whenever a person stops the gate, none of
// their payments is lost, doubled or wrong, and nobody stays in doubt.
package money_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/internal/app"
	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/gate/local"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/checker"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/told"
)

// tireless customers come back soon and never lose patience: what ends a test is
// that they were told, however slow the machine is.
var tireless = customers.Patience{
	Timeout: time.Hour, First: 20 * time.Millisecond, Longest: 200 * time.Millisecond, Budget: 24 * time.Hour, Retries: math.MaxInt32,
}

// place is a gate without a control plane, with the simulated world behind it and
// its customers in front.
type place struct {
	*sandbox.Sandbox
	t    *testing.T
	gate *local.Client
	edge string // the gate's base URL
}

func open(t *testing.T) *place {
	t.Helper()
	world, err := sandbox.New(sandbox.Options{Seed: 1, Traffic: customers.Options{Patience: tireless, Mix: customers.Mix{Refunds: 0.1, Inquiries: 0.05}}})
	if err != nil {
		t.Fatal(err)
	}
	world.Faults.Settle = time.Hour
	run(t, world.Run)
	dir := t.TempDir()
	// A payment that the primary has not seen after a second will not come.
	conf, err := config.LoadGate(config.Options{
		File: "gate.yaml", Content: []byte(strings.ReplaceAll(config.DefaultGateYAML, "settled_after: 30s", "settled_after: 1s\n    timeout: 1s")),
		Flags: map[string]string{"name": "gate-1", "data": dir, "listen.payments": "127.0.0.1:0", "primary.url": world.URL()},
	})
	if err != nil {
		t.Fatal(err)
	}
	edge, err := app.OpenGate(app.GateOptions{Config: conf, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	run(t, edge.Run)
	if err := world.Traffic.SetTarget(edge.URL()); err != nil {
		t.Fatal(err)
	}
	return &place{Sandbox: world, t: t, gate: local.NewClient(local.SocketIn(dir)), edge: edge.URL()}
}

// run runs a part until the test ends; what was started last ends first.
func run(t *testing.T, part func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// until looks every few milliseconds whether something has come about. It has as
// long as the test.
func (p *place) until(what string, came func() bool) {
	p.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for !came() {
		select {
		case <-look.C:
		case <-p.t.Context().Done():
			p.t.Fatalf("it does not come about that %s", what)
		}
	}
}

// offer lets n customers arrive, or a few more.
func (p *place) offer(n int64) {
	p.t.Helper()
	target := p.Traffic.Totals().Offered + n
	if err := p.Traffic.SetRate(200); err != nil {
		p.t.Fatal(err)
	}
	p.until("customers arrive", func() bool { return p.Traffic.Totals().Offered >= target })
	if err := p.Traffic.SetRate(0); err != nil {
		p.t.Fatal(err)
	}
}

// settle waits until every customer was told, or gave up.
func (p *place) settle() checker.Report {
	p.t.Helper()
	if err := p.Traffic.Settle(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	return p.Check()
}

func (p *place) status() gate.Status {
	p.t.Helper()
	status, err := p.gate.Status(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	return status
}

// told counts the customers who were told something, for a reason.
func (p *place) told(state told.State, reason string) (n int) {
	entries, _ := p.Customers.Entries()
	for e := range entries {
		if e.State == state && e.Reason == reason {
			n++
		}
	}
	return n
}

func (p *place) wantClean(r checker.Report, when string) {
	p.t.Helper()
	if !r.Clean() || r.Unknown.Count+r.Waiting != 0 {
		p.t.Errorf("%s:\n%s", when, r)
	}
}

// Half of what the primary does goes wrong, and a person stops the gate. Under the
// stop nothing more is done; those who were left in doubt are told all the same,
// by inquiries, which pass, and by the gate, which says "pending" as long as it
// does not know better. After the lift, payments go on.
func TestAStopWhileThePrimaryFails(t *testing.T) {
	t.Parallel()
	p := open(t)
	p.offer(60)
	for _, f := range []fault.Fault{
		{Kind: fault.AnswerLost, Share: 0.25, Seconds: fault.MaxSeconds, Scope: fault.Scope{Operation: "all"}},
		{Kind: fault.RequestLost, Share: 0.25, Seconds: fault.MaxSeconds, Scope: fault.Scope{Operation: "all"}, Salt: 1},
		{Kind: fault.Error, Share: 0.25, Seconds: fault.MaxSeconds, Salt: 2},
	} {
		if _, err := p.StartFault(f); err != nil {
			t.Fatal(err)
		}
	}
	p.offer(60)
	id, ack, err := p.gate.Stop(t.Context(), "all", time.Second)
	if err != nil || !ack.Listed {
		t.Fatalf("the stop: %+v, %v", ack, err)
	}
	p.until("what was in flight is over", func() bool { return p.status().InFlight == 0 })
	done := p.Primary.Ledger().Count()
	p.offer(60)
	p.until("30 customers are told of the stop", func() bool { return p.told(told.Declined, "stopped") >= 30 })
	if _, notEnded := p.EndFaults(); len(notEnded) > 0 {
		t.Errorf("faults go on: %v", notEnded)
	}
	stopped := p.settle()
	p.wantClean(stopped, "under the stop")
	if stopped.Resolved.Count == 0 {
		t.Error("nobody was ever in doubt: the faults did not hit")
	}
	p.until("the gate has settled every outcome", func() bool { return p.status().Unresolved == 0 })
	if n := p.Primary.Ledger().Count(); n != done {
		t.Errorf("%d payments passed the stop", n-done)
	}
	if err := p.gate.Lift(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	p.offer(60)
	p.wantClean(p.settle(), "after the lift")
	if n := p.Primary.Ledger().Count(); n < done+30 {
		t.Errorf("after the lift %d payments were done", n-done)
	}
}

// The primary is gone for a while. What could not be sent is told "not done", and
// nobody who was waiting for an answer stays in doubt.
func TestAnOutageOfThePrimary(t *testing.T) {
	t.Parallel()
	p := open(t)
	if _, err := p.StartFault(fault.Fault{Kind: fault.LateAnswer, DelayMS: 300, Share: 0.5, Seconds: fault.MaxSeconds}); err != nil {
		t.Fatal(err)
	}
	p.offer(60)
	outage, err := p.StartFault(fault.Fault{Kind: fault.Outage, Seconds: fault.MaxSeconds})
	if err != nil {
		t.Fatal(err)
	}
	p.offer(60)
	p.until("somebody meets the outage", func() bool { return p.told(told.Declined, "unreachable") > 0 })
	if _, err := p.Faults.End(outage.ID); err != nil {
		t.Fatal(err)
	}
	p.wantClean(p.settle(), "after the outage")
	p.until("the gate has settled every outcome", func() bool { return p.status().Unresolved == 0 })
}

// pay sends one payment of the test account and returns the gate's answer.
func (p *place) pay(key string, amount int) (status int, outcome, reason string) {
	p.t.Helper()
	body := fmt.Sprintf(`{"amount":%d,"currency":"CNY","payer":"acct_test_01","payee":"m_test_01","channel":"app","method":"card"}`, amount)
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.edge+"/v1/payments", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	r.GetBody = nil // or the client would send it again by itself
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer w.Body.Close()
	var answer struct{ Outcome, Reason string }
	if err := json.NewDecoder(w.Body).Decode(&answer); err != nil {
		p.t.Fatal(err)
	}
	return w.StatusCode, answer.Outcome, answer.Reason
}

// Who sends a payment again whose first answer was lost is never told that it was
// not done, neither by a gate that cannot reach the primary nor by one that is
// stopped: the first attempt was done.
func TestARetryOfAnUnknownPaymentIsToldToInquire(t *testing.T) {
	t.Parallel()
	p := open(t)
	// The gate's own inquiries fail too, so it cannot know better.
	if _, err := p.StartFault(fault.Fault{Kind: fault.RequestLost, Seconds: fault.MaxSeconds, Scope: fault.Scope{Operation: fault.Inquiry}}); err != nil {
		t.Fatal(err)
	}
	const doneWithoutAnswer = 9904
	if status, outcome, _ := p.pay("k1", doneWithoutAnswer); status != http.StatusGatewayTimeout || outcome != "unknown" {
		t.Errorf("the first attempt: %d %s", status, outcome)
	}
	if p.Primary.Ledger().Count() != 1 {
		t.Fatal("the first attempt was not done")
	}
	if _, err := p.StartFault(fault.Fault{Kind: fault.Outage, Seconds: fault.MaxSeconds}); err != nil {
		t.Fatal(err)
	}
	p.until("the primary is gone", func() bool {
		_, _, reason := p.pay("k2", 100)
		return reason == "unreachable"
	})
	if status, outcome, reason := p.pay("k1", doneWithoutAnswer); status != http.StatusConflict || outcome != "unknown" || reason != "pending" {
		t.Errorf("again while the primary is gone: %d %s %s", status, outcome, reason)
	}
	if _, _, err := p.gate.Stop(t.Context(), "all", time.Second); err != nil {
		t.Fatal(err)
	}
	if status, outcome, reason := p.pay("k1", doneWithoutAnswer); status != http.StatusConflict || outcome != "unknown" || reason != "pending" {
		t.Errorf("again under a stop: %d %s %s", status, outcome, reason)
	}
	if status, outcome, reason := p.pay("k3", 100); status != http.StatusServiceUnavailable || outcome != "" || reason != "stopped" {
		t.Errorf("another under a stop: %d %s %s", status, outcome, reason)
	}
	if _, notEnded := p.EndFaults(); len(notEnded) > 0 {
		t.Errorf("faults go on: %v", notEnded)
	}
	p.until("the gate knows that it was done", func() bool { return p.status().Unresolved == 0 })
}
