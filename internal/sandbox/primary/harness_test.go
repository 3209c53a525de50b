package primary

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// pipes is a listener without sockets, for use under a bubble's clock.
type pipes struct {
	made   chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { close(p.closed); return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.made <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// bench is a primary with a client.
type bench struct {
	*Primary
	t      *testing.T
	base   string
	client *http.Client
	dial   func(context.Context, string, string) (net.Conn, error)
}

// inBubble serves a primary over pipes until the test ends. It must be called
// inside a bubble.
func inBubble(t *testing.T, o Options) *bench {
	p := newPrimary(t, o)
	l := pipes{made: make(chan net.Conn), closed: make(chan struct{})}
	server := p.server(t.Context())
	go server.Serve(l)
	transport := &http.Transport{DialContext: l.dial}
	t.Cleanup(func() {
		close(p.stop)
		transport.CloseIdleConnections()
		server.Close()
		pass(time.Second) // the server lingers on connections it ended by itself
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bench{Primary: p, t: t, base: "http://primary", client: &http.Client{Transport: transport}, dial: l.dial}
}

func newPrimary(t *testing.T, o Options) *Primary {
	t.Helper()
	if o.World == nil {
		w, err := world.New(world.Options{Seed: 1, Accounts: 100, Merchants: 10, Currencies: []string{"CNY", "USD"}})
		if err != nil {
			t.Fatal(err)
		}
		o.World = w
	}
	if o.Faults == nil {
		o.Faults = fault.NewInjector(1)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// got is an answer as a client sees it.
type got struct {
	status int
	header http.Header
	problem
	paid answer
	err  error
}

func (g got) String() string {
	if g.err != nil {
		return "no answer"
	}
	return strings.TrimSpace(fmt.Sprint(g.status, " ", g.problem.Code, g.paid.Status))
}

func (b *bench) do(method, path, key, body string) got {
	b.t.Helper()
	r, err := http.NewRequest(method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	r.GetBody = nil // or the client would send a request with a key again by itself
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return b.send(r)
}

func (b *bench) send(r *http.Request) got {
	b.t.Helper()
	w, err := b.client.Do(r)
	if err != nil {
		return got{err: err}
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		return got{err: err}
	}
	g := got{status: w.StatusCode, header: w.Header}
	kind, into := "application/json", any(&g.paid)
	if w.StatusCode >= 300 {
		kind, into = "application/problem+json", &g.problem
	}
	if w.Header.Get("Content-Type") != kind {
		b.t.Errorf("%s %s: content type %q", r.Method, r.URL, w.Header.Get("Content-Type"))
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(into); err != nil {
		b.t.Errorf("%s %s: %v in %s", r.Method, r.URL, err, text)
	}
	if w.StatusCode >= 300 && (g.problem.Status != w.StatusCode || g.problem.Title == "" || g.problem.Type == "") {
		b.t.Errorf("%s %s: problem %s", r.Method, r.URL, text)
	}
	return g
}

// body writes a payment; pairs of field and JSON value change it.
func body(change ...string) string {
	fields := map[string]string{
		"amount": "1299", "currency": `"CNY"`, "payer": `"acct_test_01"`, "payee": `"m_001"`, "channel": `"app"`, "method": `"card"`,
	}
	for i := 0; i < len(change); i += 2 {
		fields[change[i]] = change[i+1]
		if change[i+1] == "" {
			delete(fields, change[i])
		}
	}
	var parts []string
	for k, v := range fields {
		parts = append(parts, fmt.Sprintf("%q:%s", k, v))
	}
	slices.Sort(parts)
	return "{" + strings.Join(parts, ",") + "}"
}

func (b *bench) pay(key string, change ...string) got {
	b.t.Helper()
	return b.do("POST", "/v1/payments", key, body(change...))
}

// effects writes the ledger of truth as "payment 1299, refund 5".
func (b *bench) effects() string {
	var list []string
	effects, _ := b.Ledger().Effects()
	for e := range effects {
		list = append(list, fmt.Sprint(e.Kind, " ", e.Amount))
	}
	return strings.Join(list, ", ")
}

func (b *bench) fault(f fault.Fault) {
	b.t.Helper()
	if f.Seconds == 0 {
		f.Seconds = 600
	}
	if _, err := b.o.Faults.Start(f); err != nil {
		b.t.Fatal(err)
	}
}

// pass lets the bubble's clock run.
func pass(d time.Duration) { <-time.After(d) }

func truthFile(t *testing.T) truth.Options {
	return truth.Options{File: filepath.Join(t.TempDir(), "truth")}
}
