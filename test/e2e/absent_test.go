package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
)

// The control node hangs, and then is gone. Payments go on under the last
// posture; people stop and lift at the gate itself; a gate that is killed comes
// back with what it knew. When the node is back the gates join again by
// themselves and report what they owe.
func TestControlPlaneGone(t *testing.T) {
	t.Parallel()
	a := openAbsence(t)
	lifted := a.stop("all")
	a.lift(lifted)
	stays := a.stop(`channel == "qr"`)

	// A node that hangs is worse than one that is gone: connections to it stay open
	// and say nothing.
	a.control.signal(syscall.SIGSTOP)
	a.payMany("hanging")
	a.control.signal(syscall.SIGCONT)
	a.control.kill()
	a.payMany("gone")

	a.stopLocally()
	left := a.killWithOneInFlight()
	a.gates[1].kill()
	a.gates[1].start()
	a.payEach("gone, and both gates began anew")
	a.strictDeclines()
	boots := []string{a.status(a.gates[0]).Boot, a.status(a.gates[1]).Boot, a.status(a.gates[2]).Boot}

	a.control.start()
	a.joinedAgain(boots, left)
	a.stopReaches(stays)
	a.end()
}

// absence is a system whose control node goes away: two static gates and a
// strict one.
type absence struct {
	*system
	money *sandbox.Sandbox
	keys  int
}

func openAbsence(t *testing.T) *absence {
	t.Helper()
	a := &absence{}
	var err error
	if a.money, err = sandbox.New(sandbox.Options{Seed: 1}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.money.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the simulated world ended: %v", err)
		}
	})
	a.system = openSystem(t, a.money.URL(), gate.Static, gate.Static, gate.Strict)
	return a
}

// stop stops a scope and waits until that is confirmed.
func (a *absence) stop(scope string) string {
	a.t.Helper()
	ctx, cancel := limited(a.t, context.Background())
	defer cancel()
	made, err := client.Post[client.Created](ctx, a.api(), "/directives", client.Directive{Kind: "stop", Scope: scope, Reason: "to see"})
	if err != nil {
		a.t.Fatal(err)
	}
	if d, err := a.api().AwaitConfirmed(ctx, made.ID); err != nil {
		a.t.Fatalf("stop %s: %v: %+v", scope, err, d.Gates)
	}
	return made.ID
}

func (a *absence) lift(id string) {
	a.t.Helper()
	if err := liftBy(context.Background(), once, a.approver(), a.superior(), id); err != nil {
		a.t.Fatal(err)
	}
}

// answer is what a gate or the primary answers to a payment.
type answer struct {
	Code   int    `json:"-"`
	Reason string `json:"reason"`
}

// payment is one that a customer asks for at a gate.
func (a *absence) payment(ctx context.Context, base, key, channel string) (*http.Request, error) {
	w := a.money.World
	body := fmt.Sprintf(`{"amount":100,"currency":%q,"payer":%q,"payee":%q,"channel":%q,"method":"card","reference":%q}`,
		w.Currencies()[0], w.Customers()[0].ID, w.Shops()[0], channel, key)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/payments", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", key)
	return r, nil
}

// ask makes a payment at a gate, in its own time.
func (a *absence) ask(ctx context.Context, g *process, key, channel string) (answer, error) {
	r, err := a.payment(ctx, "http://"+g.address(), key, channel)
	if err != nil {
		return answer{}, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	said := answer{Code: resp.StatusCode}
	return said, json.Unmarshal(content, &said)
}

func (a *absence) key() string {
	a.keys++
	return fmt.Sprint("absent-", a.keys)
}

// pay makes a payment and expects a status, and of a decline the reason.
func (a *absence) pay(ctx context.Context, g *process, channel string, code int, reason string) {
	a.t.Helper()
	said, err := a.ask(ctx, g, a.key(), channel)
	if err != nil || said.Code != code || reason != "" && said.Reason != reason {
		a.t.Fatalf("%s answers a payment by %s with %+v, %v; want %d %s", g.name, channel, said, err, code, reason)
	}
}

// payEach makes a payment that passes and one that the last posture stops at each
// static gate.
func (a *absence) payEach(when string) {
	a.t.Helper()
	a.t.Logf("the control node is %s", when)
	for _, g := range a.gates[:2] {
		a.pay(context.Background(), g, "app", http.StatusCreated, "")
		a.pay(context.Background(), g, "qr", http.StatusServiceUnavailable, "stopped")
	}
}

// payMany makes so many payments without a lease, one after the other, that they
// could not all be done in time if each waited for any answer of the control
// plane: the shortest time a gate gives it is a second.
func (a *absence) payMany(when string) {
	a.t.Helper()
	for _, g := range a.gates {
		a.poll("the lease runs out", func() bool { return a.status(g).LeaseLeft == 0 })
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for range 150 {
		for _, g := range a.gates[:2] {
			a.pay(ctx, g, "app", http.StatusCreated, "")
		}
	}
	a.payEach(when)
}

// stopLocally stops one gate at the gate, kills it, and lifts the stop.
func (a *absence) stopLocally() {
	a.t.Helper()
	g, other := a.gates[0], a.gates[1]
	dir := a.path(g.name)
	out, complaint, code := run(a.t, "gate", "stop", "--scope", "all", "--data", dir)
	if code != 0 || !strings.Contains(out, "scope all is stopped at this gate") {
		a.t.Fatalf("gate stop ends with %d: %s%s", code, out, complaint)
	}
	for range 2 {
		a.pay(context.Background(), g, "app", http.StatusServiceUnavailable, "stopped")
		a.pay(context.Background(), other, "app", http.StatusCreated, "")
		out, complaint, code = run(a.t, "gate", "status", "--data", dir)
		if code != 0 || !strings.Contains(out, "Local stops\n") || !strings.Contains(out, "Directives in force\n") || !strings.Contains(out, `channel == "qr"`) {
			a.t.Fatalf("gate status ends with %d: %s%s", code, out, complaint)
		}
		g.kill()
		g.start()
	}
	if out, complaint, code = run(a.t, "gate", "lift", "--all", "--data", dir); code != 0 {
		a.t.Fatalf("gate lift ends with %d: %s%s", code, out, complaint)
	}
	g.kill()
	g.start()
	a.payEach("gone, and a stop lifted at the gate")
}

// killWithOneInFlight kills a gate while the primary holds a payment, and returns
// its key. The gate that comes back asks what became of it.
func (a *absence) killWithOneInFlight() string {
	a.t.Helper()
	g, key := a.gates[0], a.key()
	if _, err := a.money.StartFault(fault.Fault{Kind: fault.Latency, Seconds: 600, DelayMS: fault.MaxDelay}); err != nil {
		a.t.Fatal(err)
	}
	broken := make(chan error, 1)
	go func() {
		said, err := a.ask(context.Background(), g, key, "app")
		if err == nil {
			err = fmt.Errorf("the gate was killed and answered %+v", said)
		} else {
			err = nil
		}
		broken <- err
	}()
	a.poll("the primary works on the payment", func() bool {
		return a.money.Primary.Inquire(truth.Payment, key).Status != ""
	})
	g.kill()
	if err := <-broken; err != nil {
		a.t.Error(err)
	}
	a.money.EndFaults()
	g.start()
	a.poll("the payment is settled", func() bool { return a.status(g).Unresolved == 0 })
	return key
}

// poll looks again and again at what tells nothing by itself.
func (a *absence) poll(what string, ok func() bool) {
	a.t.Helper()
	(&sender{t: a.t}).poll(what, ok)
}

// strictDeclines sees the price of strict: without a lease nothing passes.
func (a *absence) strictDeclines() {
	a.t.Helper()
	a.poll("the strict gate declines", func() bool {
		said, err := a.ask(context.Background(), a.gates[2], a.key(), "app")
		return err == nil && said.Code == http.StatusServiceUnavailable && said.Reason == "no-lease"
	})
}

// joinedAgain waits until the node knows the runs that began without it, and what
// became of the payment that was in flight at one that was killed.
func (a *absence) joinedAgain(boots []string, key string) {
	a.t.Helper()
	var history []payment.Outcome
	a.until("the gates have joined and said what they owe", func() bool {
		a.readJournal()
		var enrolled []string
		history = nil
		for _, f := range a.facts {
			switch f.Kind {
			case enrolment.KindEnrolled:
				var e enrolment.Enrolled
				a.mustDecode(f, &e)
				enrolled = append(enrolled, e.Boot)
			case enrolment.KindOutcomes:
				var o enrolment.Outcomes
				a.mustDecode(f, &o)
				for _, e := range o.Entries {
					if e.Record.Identity == key {
						history = append(history, e.Outcome)
					}
				}
			}
		}
		return len(history) == 2 && !slices.ContainsFunc(boots, func(b string) bool { return !slices.Contains(enrolled, b) })
	})
	if history[0] != payment.Unknown || history[1] != payment.Done {
		a.t.Errorf("the payment in flight at a killed gate was reported as %v", history)
	}
}

func (a *absence) mustDecode(f holdfast.Fact, v any) {
	a.t.Helper()
	if err := f.Decode(v); err != nil {
		a.t.Fatal(err)
	}
}

// stopReaches sees that all is as it was, and that a new stop arrives.
func (a *absence) stopReaches(stays string) {
	a.t.Helper()
	a.poll("the strict gate has a lease again", func() bool {
		said, err := a.ask(context.Background(), a.gates[2], a.key(), "app")
		return err == nil && said.Code == http.StatusCreated
	})
	a.payEach("back")
	a.stop("all")
	for _, g := range a.gates {
		a.pay(context.Background(), g, "app", http.StatusServiceUnavailable, "stopped")
		status := a.status(g)
		if len(status.Directives) != 2 || status.Directives[0].ID != stays || status.Alarm != "" {
			a.t.Errorf("%s has %v in force, alarm %q", g.name, status.Directives, status.Alarm)
		}
	}
	if r := a.money.Check(); !r.Clean() {
		a.t.Errorf("the money is not where it must be: %+v", r)
	}
}
