package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/gate"
	"holdfast/internal/gate/httpgate/inlet/inlettest"
	"holdfast/internal/sandbox"
	"holdfast/internal/sandbox/customers"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/primary"
)

// Strict gates that speak TLS on both sides are replaced while customers pay and
// an operator stops and lifts: "holdfast gate run --take-over" beside the process
// before. No connection is refused, nobody comes into doubt or meets a gate
// without a lease, and a confirmed stop stays confirmed.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	turns := 4
	if os.Getenv("HOLDFAST_SOAK") != "" {
		turns = 60
	}
	s := &secured{}
	k := s.openKilling(t, seedOf(t))
	k.operator.awaitRound(t)
	var before []*exec.Cmd
	for n := range turns {
		before = append(before, k.takeOver(k.gates[n%len(k.gates)]))
		<-k.flow.after(k.rng.IntN(60))
		k.check()
		if t.Failed() {
			t.Fatalf("that was found after turn %d", n+1)
		}
	}
	k.operator.rest(t)
	if counts := k.money.Traffic.Totals(); counts.Failed+counts.Doubted > 0 {
		s.mu.Lock()
		t.Errorf("%d customers got no answer, %d came into doubt: %v", counts.Failed, counts.Doubted, errors.Join(s.lost...))
		s.mu.Unlock()
	}
	if refused, leaseless := s.refused.Load(), s.leaseless.Load(); refused+leaseless > 0 {
		t.Errorf("%d connections were refused, %d payments met a gate without a lease", refused, leaseless)
	}
	if s.newer.Load() == 0 || s.older.Load() == 0 {
		t.Errorf("customers spoke HTTP/2 %d times, HTTP/1.1 %d times", s.newer.Load(), s.older.Load())
	}
	k.money.Traffic.SetRate(0)
	ctx, cancel := limited(t, context.Background())
	defer cancel()
	if err := k.money.Traffic.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	k.check()
	s.flow.base.CloseIdleConnections()
	for _, process := range before {
		if err := process.Wait(); err != nil {
			t.Errorf("a process that was taken over from ended with %v", err)
		}
	}
	acts, orders := k.operator.done()
	r := k.money.Check()
	if r.Unknown.Count+r.Waiting != 0 || r.ToldDone == 0 || r.ToldDeclined == 0 || len(orders) == 0 {
		t.Errorf("customers were left without an answer, or nothing was at stake: %+v", r)
	}
	t.Logf("%d turns, %d acts acknowledged, %d directives confirmed; %d told done, %d declined", turns, len(acts), len(orders), r.ToldDone, r.ToldDeclined)
	k.end()
}

// takeOver has a new process take over from the gate's, and returns that: it goes on
// with the connections that wait for a request.
func (k *killing) takeOver(g *process) *exec.Cmd {
	k.t.Helper()
	before, old, read := k.status(g), g.cmd, g.read
	k.t.Cleanup(func() {
		_ = old.Process.Kill() // if it has not ended
		<-read
	})
	g.launch(append(g.args[:len(g.args):len(g.args)], "--take-over")...)
	after := k.status(g)
	if after.Boot == before.Boot {
		k.t.Errorf("%s is run %s as before", g.name, after.Boot)
	}
	if now := after.Posture; now.Position < before.Posture.Position || now.Position == before.Posture.Position && now.Hash != before.Posture.Hash {
		k.t.Errorf("%s enforced %s before it was taken over and enforces %s", g.name, before.Posture, now)
	}
	return old
}

// secured is a primary and gates that are reached by TLS only, and what happened
// to those who did.
type secured struct {
	authority *inlettest.Authority
	flow      balancer

	refused, leaseless, newer, older atomic.Int64

	mu    sync.Mutex
	shown map[string]int // common names of the certificates shown to the primary
	lost  []error        // why requests had no answer
}

// protect makes the primary speak TLS with those who show a certificate, and
// returns what a gate needs besides.
func (s *secured) protect(t *testing.T, world *sandbox.Options) (settings []string) {
	t.Helper()
	s.authority, s.shown = inlettest.New(t), map[string]int{}
	server := &tls.Config{
		Certificates: []tls.Certificate{s.authority.Load("primary", "primary")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: s.authority.Pool(),
		VerifyConnection: func(c tls.ConnectionState) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.shown[c.PeerCertificates[0].Subject.CommonName]++
			return nil
		},
	}
	world.Listen = func(network, address string) (net.Listener, error) {
		l, err := net.Listen(network, address)
		if err != nil {
			return nil, err
		}
		return tls.NewListener(l, server), nil
	}
	certificate, key := s.authority.Pair("gate", "gate")
	own, ownKey := s.authority.Pair("towards-primary", "towards-primary")
	return []string{"--tls-certificate", certificate, "--tls-key", key,
		"--primary-authority", s.authority.File, "--primary-certificate", own, "--primary-key", ownKey}
}

func (s *secured) openKilling(t *testing.T, seed uint64) *killing {
	t.Helper()
	// A connection may wait as long as the slowest payment under way and the first
	// lease; how long that is, is the machine's business.
	world := sandbox.Options{Traffic: customers.Options{Transport: s, Patience: customers.Patience{Timeout: time.Minute}}}
	settings := s.protect(t, &world)
	s.flow.secure = true
	s.flow.base.ForceAttemptHTTP2 = true
	s.flow.base.DialTLSContext = s.dial
	return openKilling(t, seed, &s.flow, world, func(primary string) *system {
		return openSystemWith(t, strings.Replace(primary, "http:", "https:", 1), settings, gate.Strict, gate.Strict)
	})
}

// dial counts who is refused. Half of the gates' clients speak HTTP/2.
func (s *secured) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conf := &tls.Config{RootCAs: s.authority.Pool(), NextProtos: []string{"h2", "http/1.1"}}
	if address == s.flow.gates[0].address() {
		conf.NextProtos = nil
	}
	c, err := (&tls.Dialer{Config: conf}).DialContext(ctx, network, address)
	if err != nil && ctx.Err() == nil {
		s.refused.Add(1)
	}
	return c, err
}

// RoundTrip implements http.RoundTripper. A request that crosses the gate's farewell on a
// connection of HTTP/2 is sent again, as every client does by itself that has the body at
// hand: the farewell says that it was not looked at (RFC 9113, 6.8). So is one of which not
// one byte was written, as its connection had ended; the transport has no body at hand, so
// that it sends nothing twice by itself.
func (s *secured) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	var resp *http.Response
	for {
		again := r.Clone(r.Context())
		if r.Body != nil {
			again.Body, again.GetBody = io.NopCloser(bytes.NewReader(body)), nil
		}
		var err error
		if resp, err = s.flow.RoundTrip(again); err == nil {
			break
		}
		if !unseen(err) {
			s.mu.Lock()
			s.lost = append(s.lost, err)
			s.mu.Unlock()
			return nil, err
		}
	}
	if resp.ProtoMajor == 2 {
		s.newer.Add(1)
	} else {
		s.older.Add(1)
	}
	if resp.StatusCode == http.StatusServiceUnavailable {
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return nil, err
		}
		if bytes.Contains(text, []byte("no-lease")) {
			s.leaseless.Add(1)
		}
		resp.Body = io.NopCloser(bytes.NewReader(text))
	}
	return resp, nil
}

// unseen reports whether no gate looked at a request that failed. Without a body at hand
// the transport says the second only where nothing was written.
func unseen(err error) bool {
	return strings.Contains(err.Error(), "received Server's graceful shutdown GOAWAY") || strings.Contains(err.Error(), "cannot rewind body after connection loss")
}

// SIGHUP to a gate loads its certificates anew and goes on with the access log in
// a new file, as docs/operations.md says. Connections that are there go on, and
// what cannot be used changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	s, world := &secured{}, sandbox.Options{Seed: 1, Primary: primary.Options{Address: freeAddress(t)}}
	settings := s.protect(t, &world)
	money, err := sandbox.New(world)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- money.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the simulated world ended: %v", err)
		}
	})
	a := &absence{money: money}
	log := t.TempDir() + "/access.log"
	a.system = openSystemWith(t, strings.Replace(money.URL(), "http:", "https:", 1), append(settings, "--access-log-path", log), gate.Static)
	g := a.gates[0]
	kept := s.customer(a, g) // its connection stays open all along
	kept.pays("gate")
	logged := func(path string) int {
		content, err := os.ReadFile(path)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return bytes.Count(content, []byte("\n"))
	}
	a.poll("the payment is in the access log", func() bool { return logged(log) == 1 })

	s.authority.Pair("gate renewed", "gate")
	s.authority.Pair("towards-primary renewed", "towards-primary")
	if err := os.Rename(log, log+".kept"); err != nil {
		t.Fatal(err)
	}
	g.signal(syscall.SIGHUP)
	a.poll("new connections meet the new certificate", func() bool { return s.customer(a, g).meets("gate renewed") })
	kept.pays("gate") // over the connection from before
	a.poll("the access log goes on in a new file", func() bool { return logged(log) >= 1 })
	if n := logged(log + ".kept"); n != 1 {
		t.Errorf("the file that was moved away has %d lines", n)
	}
	// The primary breaks all connections.
	if _, err := money.StartFault(fault.Fault{Kind: fault.Outage, Seconds: 600}); err != nil {
		t.Fatal(err)
	}
	a.poll("the primary is away", func() bool { code, _ := s.customer(a, g).ask(); return code != http.StatusCreated })
	money.EndFaults()
	a.poll("the primary is shown the new certificate", func() bool {
		code, _ := s.customer(a, g).ask()
		s.mu.Lock()
		defer s.mu.Unlock()
		return code == http.StatusCreated && s.shown["towards-primary renewed"] > 0
	})

	s.authority.Write("gate.pem", []byte("no certificate"))
	g.signal(syscall.SIGHUP)
	a.poll("the gate complains", func() bool { return len(g.log.lines()) > 0 })
	s.customer(a, g).pays("gate renewed")
	kept.pays("gate")
	s.authority.Pair("gate mended", "gate")
	g.signal(syscall.SIGHUP)
	a.poll("new connections meet the mended certificate", func() bool { return s.customer(a, g).meets("gate mended") })
	g.forgive("not everything could be reloaded", "changed certificates cannot be used")
	a.end()
}

// customer pays at a gate over one connection.
type customer struct {
	a      *absence
	base   string
	client http.Client
}

func (s *secured) customer(a *absence, g *process) *customer {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.authority.Pool()}}
	a.t.Cleanup(transport.CloseIdleConnections)
	return &customer{a: a, base: "https://" + g.address(), client: http.Client{Transport: transport}}
}

// ask makes a payment and returns the answer's status and to whom it was made.
func (c *customer) ask() (code int, name string) {
	c.a.t.Helper()
	r, err := c.a.payment(context.Background(), c.base, c.a.key(), "app")
	if err != nil {
		c.a.t.Fatal(err)
	}
	resp, err := c.client.Do(r)
	if err != nil {
		c.a.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		c.a.t.Fatal(err)
	}
	return resp.StatusCode, resp.TLS.PeerCertificates[0].Subject.CommonName
}

func (c *customer) pays(name string) {
	c.a.t.Helper()
	if code, met := c.ask(); code != http.StatusCreated || met != name {
		c.a.t.Errorf("a payment is answered with %d by %q, not by %q", code, met, name)
	}
}

// meets reports whether the gate is of this name now.
func (c *customer) meets(name string) bool {
	c.a.t.Helper()
	code, met := c.ask()
	return code == http.StatusCreated && met == name
}
