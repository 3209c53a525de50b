package e2e_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/gate"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
)

// haproxy is Debian's package; tools/packages.sh installs it.
const haproxy = "/usr/sbin/haproxy"

// Two gates stand behind a balancer, set up as the operations page says. Under
// traffic each is stopped in an orderly way and started again, and then the
// control node. No customer is turned away, none comes into doubt, and every
// payment is where it must be.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	r := openRolling(t)
	for _, g := range r.gates {
		r.during("without "+g.name, g, 60)
	}
	r.during("without the control node", r.control, 60)
	for _, g := range r.gates { // nobody remembers what the first round taught
		r.during("without "+g.name+" again", g, 30)
	}
	r.settle()
	r.end()
}

// rolling is a system of two gates under traffic that comes through HAProxy.
type rolling struct {
	*system
	money *sandbox.Sandbox
	flow  *counting
}

// counting lets a test wait for customers, and counts those that a gate or the
// balancer turned away. The primary declines, too: a customer whose money does not
// reach is none of theirs.
type counting struct {
	base http.Transport
	balancer
	turnedAway atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.count()
	resp, err := c.base.RoundTrip(r)
	if err == nil && resp.StatusCode >= 500 {
		c.turnedAway.Add(1)
	}
	return resp, err
}

func openRolling(t *testing.T) *rolling {
	t.Helper()
	r := &rolling{flow: &counting{}}
	r.flow.waits = map[int]chan struct{}{}
	r.flow.base.MaxIdleConnsPerHost = 1000
	var err error
	r.money, err = sandbox.New(sandbox.Options{Seed: 4, Traffic: customers.Options{
		Transport: r.flow, Mix: customers.Mix{Refunds: 0.02},
		Patience: customers.Patience{Timeout: 10 * time.Second, First: 100 * time.Millisecond, Longest: time.Second, Budget: time.Hour, Retries: 1 << 20},
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.money.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the simulated world ended: %v", err)
		}
	})
	r.system = openSystem(t, r.money.URL(), gate.Static, gate.Static)
	// So that there is something in flight whenever a gate is told to stop.
	if _, err := r.money.StartFault(fault.Fault{Kind: fault.Latency, Seconds: fault.MaxSeconds, Share: 0.5, DelayMS: 50, JitterMS: 400}); err != nil {
		t.Fatal(err)
	}
	if err := r.money.Traffic.SetTarget("http://" + r.haproxy()); err != nil {
		t.Fatal(err)
	}
	if err := r.money.Traffic.SetRate(80); err != nil {
		t.Fatal(err)
	}
	<-r.flow.after(60)
	return r
}

// haproxy starts the balancer of docs/operations.md in front of the gates and
// returns its address.
func (r *rolling) haproxy() string {
	r.t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		r.t.Fatal(err)
	}
	_, settings, found := strings.Cut(string(page), "```haproxy\n")
	settings, _, closed := strings.Cut(settings, "```\n")
	at := freeAddress(r.t)
	for old, put := range map[string]string{
		"bind :443 ssl crt /etc/haproxy/payments.pem": "bind " + at,
		"10.0.0.11:8080": r.gates[0].address(), "10.0.0.12:8080": r.gates[1].address(),
	} {
		found = found && strings.Count(settings, old) == 1
		settings = strings.Replace(settings, old, put, 1)
	}
	if !found || !closed {
		r.t.Fatalf("docs/operations.md has no settings of HAProxy that this test could use:\n%s", settings)
	}
	path := filepath.Join(r.dir, "haproxy.cfg")
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		r.t.Fatal(err)
	}
	var said complaints
	cmd := exec.Command(haproxy, "-db", "-f", path)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		r.t.Fatalf("start haproxy, which Debian and others package: %v", err)
	}
	r.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it ends by the signal
		if r.t.Failed() {
			r.t.Logf("haproxy said:\n%s", said.tail(4<<10))
		}
	})
	(&sender{t: r.t}).poll("haproxy takes requests", func() bool {
		resp, err := http.Get("http://" + at + "/")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode != http.StatusServiceUnavailable
	})
	return at
}

// during stops a process in an orderly way, lets customers come while it is down,
// starts it again and lets more come. Nobody must notice.
func (r *rolling) during(when string, p *process, n int) {
	r.t.Helper()
	before, turned := r.money.Traffic.Totals(), r.flow.turnedAway.Load()
	p.stop()
	<-r.flow.after(n)
	p.start()
	<-r.flow.after(n)
	after := r.money.Traffic.Totals()
	failed, doubted, away := after.Failed-before.Failed, after.Doubted-before.Doubted, r.flow.turnedAway.Load()-turned
	if failed+doubted+away > 0 {
		r.t.Errorf("%s %d customers got no answer, %d came into doubt, %d were turned away", when, failed, doubted, away)
	}
}

// settle lets every customer come to an end and looks at the money.
func (r *rolling) settle() {
	r.t.Helper()
	if err := r.money.Traffic.SetRate(0); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := limited(r.t, context.Background())
	defer cancel()
	if err := r.money.Traffic.Settle(ctx); err != nil {
		r.t.Fatal(err)
	}
	report := r.money.Check()
	if !report.Clean() || report.Unknown.Count+report.Waiting != 0 || report.ToldDone < 300 {
		r.t.Errorf("the money is not where it must be: %+v", report)
	}
	for _, g := range r.gates {
		if s := r.status(g); s.Unresolved != 0 || s.Alarm != "" {
			r.t.Errorf("%s has %d payments of unknown outcome, alarm %q", g.name, s.Unresolved, s.Alarm)
		}
	}
}
