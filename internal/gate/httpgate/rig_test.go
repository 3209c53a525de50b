package httpgate

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/gate/decider"
	"holdfast/internal/gate/httpgate/accesslog"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

// settings are those of the gate under test; $PRIMARY is the scripted backend.
const settings = `
name: gate-1
primary: {url: "http://$PRIMARY"}
test_payers: [acct_test_01]
routes:
  - name: pay
    methods: [POST]
    path: /v1/payments
    kind: payment
    body: json
    timeout: 30s
    fields:
      identity: header:Idempotency-Key
      amount: json:/amount
      currency: json:/currency
      payer: json:/payer
      channel: json:/channel
    inquiry:
      path: /v1/payments?key={identity}
      done: {status: [200], field: json:/status, is: [succeeded]}
      not_done: {status: [200], field: json:/status, is: [declined]}
      settled_after: 30s
  - name: pay-quick
    methods: [POST]
    path: /v1/quick
    kind: payment
    timeout: 100ms
    unreadable: forward
    fields: {identity: header:Idempotency-Key}
    decline: {status: 429, title: Later, retry_after: 7s}
  - name: pay-strict
    methods: [POST]
    path: /v1/strict
    kind: payment
    mode: strict
    fields: {identity: header:Idempotency-Key}
  - name: pay-observed
    methods: [POST]
    path: /v1/observed
    kind: payment
    mode: observe
    fields: {identity: header:Idempotency-Key}
  - name: refund
    methods: [POST]
    path: /v1/refunds
    kind: refund
    fields: {identity: header:Idempotency-Key}
    decline: {retry_after: 0s}
  - name: by-key
    methods: [GET]
    path: /v1/payments
    kind: inquiry
    fields: {identity: query:key}
  - name: rest
    path: /*
    kind: other
    timeout: 30s
`

// realClock is the machine's, with a BOOTTIME good enough for a test.
type realClock struct{ start time.Time }

func (c realClock) Boot() time.Duration { return time.Since(c.start) }
func (realClock) Now() time.Time        { return time.Now() }

// rig is a gate in front of a scripted backend.
type rig struct {
	t       testing.TB
	gate    *gate.Gate
	primary *Primary
	server  *Server
	addr    string
	back    *backend
	log     *lockedBuffer
	access  *accesslog.Log
	counts  func(traffic.Snapshot)
	decides *decider.Decider // nil if nothing stands in
	halt    func()           // ends it
	shadow  Shadow           // nil if nothing is tried
	fence   Fence            // nil if there is one primary
	dir     string
	stop    func() error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func gateSettings(t testing.TB, primary string) config.Gate {
	t.Helper()
	c, err := config.LoadGate(config.Options{Content: []byte(strings.ReplaceAll(settings, "$PRIMARY", primary))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newRig starts a gate whose backend does what script says with each request.
func newRig(t *testing.T, script script) *rig {
	t.Helper()
	r := &rig{t: t, back: newBackend(t, script), log: &lockedBuffer{}}
	r.start(gateSettings(t, r.back.addr), time.Now)
	return r
}

func (r *rig) start(conf config.Gate, now func() time.Time) {
	t := r.t
	t.Helper()
	var err error
	if r.primary, err = NewPrimary(conf, now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.primary.Close)
	log := slog.New(slog.NewTextHandler(r.log, nil))
	r.dir = t.TempDir()
	opt := gate.Options{
		Name: conf.Name, Dir: r.dir, Routes: r.primary.Routes(), Clock: realClock{time.Now()}, Alone: true,
		Inquirer: r.primary, Counts: r.counts, Log: log,
	}
	if r.decides != nil {
		opt.StandIn = r.decides
	}
	if r.gate, err = gate.New(opt); err != nil {
		t.Fatal(err)
	}
	if r.server, err = New(Options{Gate: r.gate, Primary: r.primary, Config: conf, Access: r.access, Log: log}); err != nil {
		t.Fatal(err)
	}
	if r.decides != nil {
		r.server.StandIn(r.decides, NewAdvices(r.primary, r.gate, sealKeys(t), nil))
	}
	if r.fence != nil {
		r.server.Fence(r.fence)
	}
	if r.shadow != nil {
		r.server.Shadow(r.shadow)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Serve(ctx, l, 10*time.Second) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		r.back.close()
		if err := r.stop(); err != nil {
			t.Errorf("the gate's edge ended with %v", err)
		}
		if err := r.gate.Close(); err != nil {
			t.Error(err)
		}
	})
}

// enforce puts directives in force at a position.
func (r *rig) enforce(position holdfast.Position, keys posture.Set, directives ...posture.Directive) {
	r.t.Helper()
	keys.Head = holdfast.Head{Journal: "j", Epoch: 1, Position: position, Hash: holdfast.Hash{byte(position)}}
	keys.Directives = directives
	if _, err := r.gate.Enforce(keys); err != nil {
		r.t.Fatal(err)
	}
}

var stopAll = posture.Directive{ID: "d1", Kind: posture.Stop, Scope: "all", Incident: "2026-1", Drain: time.Minute}

// reply is a client's view of an answer.
type reply struct {
	status  int
	header  http.Header
	body    string
	err     error // how the body ended, if not well
	problem problem
}

// raw sends bytes on a connection of its own and reads one answer.
func (r *rig) raw(request string) reply {
	r.t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	// The gate may answer and close before it has read all: the answer counts.
	go io.WriteString(c, request)
	method, _, _ := strings.Cut(request, " ")
	return r.answer(bufio.NewReader(c), method)
}

func (r *rig) answer(from *bufio.Reader, method string) reply {
	r.t.Helper()
	resp, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		r.t.Fatalf("there is no answer: %v", err)
	}
	if resp.StatusCode == http.StatusContinue {
		return r.answer(from, method)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a := reply{status: resp.StatusCode, header: resp.Header, body: string(body), err: err}
	if resp.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(body, &a.problem); err != nil {
			r.t.Errorf("the problem %q cannot be read: %v", body, err)
		}
	}
	return a
}

// post sends a payment under a key with more headers, as lines.
func (r *rig) post(path, key, body string, headers ...string) reply {
	r.t.Helper()
	return r.raw(postText(path, key, body, headers...))
}

func postText(path, key, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: pay.example\r\nContent-Length: %d\r\n", path, len(body))
	if key != "" {
		fmt.Fprintf(&b, "Idempotency-Key: %s\r\n", key)
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n" + body)
	return b.String()
}

const goodPayment = `{"amount":1299,"currency":"CNY","payer":"acct_000123","channel":"app"}`

// want checks status, reason and outcome of an answer, or what it says about the
// attempt where the outcome is left open.
func (r *rig) want(a reply, status int, reason, outcome string) {
	r.t.Helper()
	got := cmp.Or(a.problem.Outcome, a.problem.Attempt)
	if a.status != status || a.problem.Reason != reason || got != outcome {
		r.t.Errorf("answered %d %q %q (%s); want %d %q %q", a.status, a.problem.Reason, got, a.body, status, reason, outcome)
	}
}

// script does something with one request that the backend got whole.
type script func(c net.Conn, n int, req *seen)

// seen is a request as it came over the wire.
type seen struct {
	*http.Request
	body string
}

// backend is a primary that follows a script, byte by byte.
type backend struct {
	t    testing.TB
	addr string
	l    net.Listener
	work script

	mu    sync.Mutex
	seen  []*seen
	conns map[net.Conn]bool
	dials int
	bytes int
}

func newBackend(t testing.TB, work script) *backend {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{t: t, addr: l.Addr().String(), l: l, work: work, conns: map[net.Conn]bool{}}
	go b.accept()
	t.Cleanup(b.close)
	return b
}

func (b *backend) close() {
	b.l.Close()
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		c.Close()
	}
}

func (b *backend) accept() {
	for {
		c, err := b.l.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		b.conns[c] = true
		b.dials++
		b.mu.Unlock()
		go b.serve(c)
	}
}

// Read counts what arrives, so that a test can say "not one byte".
type counted struct {
	net.Conn
	b *backend
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.b.mu.Lock()
	c.b.bytes += n
	c.b.mu.Unlock()
	return n, err
}

func (b *backend) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(counted{c, b})
	for {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		s := &seen{req, string(body)}
		if err != nil {
			return
		}
		b.mu.Lock()
		b.seen = append(b.seen, s)
		n := len(b.seen)
		b.mu.Unlock()
		b.work(c, n, s)
	}
}

func (b *backend) requests() []*seen {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*seen(nil), b.seen...)
}

func (b *backend) counts() (dials, bytes int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.dials, b.bytes
}

// say is a script that writes its pieces one by one, each in a packet of its
// own, and then closes if asked to.
func say(end bool, pieces ...string) script {
	return func(c net.Conn, _ int, _ *seen) {
		for _, p := range pieces {
			if _, err := io.WriteString(c, p); err != nil {
				return
			}
		}
		if end {
			c.Close()
		}
	}
}

func answerWith(status int, body string) string {
	return fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body)
}

var created = say(false, answerWith(201, `{"id":"p1","status":"succeeded"}`))

// count returns a counter of the gate's metrics, summed over the label sets that
// hold all of the given ones.
func (r *rig) count(labels ...string) int64 {
	var sum int64
	r.server.metrics.mu.RLock()
	defer r.server.metrics.mu.RUnlock()
	for k, c := range r.server.metrics.cells {
		have := strings.Join([]string{"", k.Route, k.Kind.String(), k.Channel, k.Verdict, k.Reason, k.Outcome.String(), k.Currency, ""}, "|")
		all := true
		for _, l := range labels {
			all = all && strings.Contains(have, "|"+l+"|")
		}
		if all {
			sum += c.count.Load()
		}
	}
	return sum
}
