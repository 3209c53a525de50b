package httpgate

import (
	"bufio"
	"crypto/ed25519"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/posture"
)

// Under a stop: what passes, what does not, and how each route says no.
func TestVerdicts(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	r.enforce(5, posture.Set{}, stopAll)
	tests := []struct {
		name, request  string
		status         int
		reason, after  string
		title, outcome string
	}{
		{"payment", postText("/v1/payments", "k", goodPayment), 503, "stopped", "30", "Payments are suspended", "not-forwarded"},
		{"with a slash at the end", postText("/v1/payments/", "k", goodPayment), 503, "stopped", "30", "Payments are suspended", "not-forwarded"},
		{"as a proxy is asked", postText("http://pay.example/v1/payments", "k", goodPayment), 503, "stopped", "30", "Payments are suspended", "not-forwarded"},
		{"the route's own answer", postText("/v1/quick", "k", ""), 429, "stopped", "7", "Later", "not-forwarded"},
		{"refund, no time named", postText("/v1/refunds", "k", ""), 503, "stopped", "", "Payments are suspended", "not-forwarded"},
		{"signed and encrypted", postText("/v1/quick", "k", "\x00\x01\xff"), 429, "stopped", "7", "Later", "not-forwarded"},
		{"without a lease", postText("/v1/strict", "k", ""), 503, "stopped", "30", "Payments are suspended", "not-forwarded"},
		{"observed", postText("/v1/observed", "k", ""), 201, "", "", "", ""},
		{"inquiry", "GET /v1/payments?key=k HTTP/1.1\r\nHost: x\r\n\r\n", 201, "", "", "", ""},
		{"other", "PUT /v1/cards HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 201, "", "", "", ""},
	}
	for _, test := range tests {
		a := r.raw(test.request)
		r.want(a, test.status, test.reason, test.outcome)
		if a.header.Get("Retry-After") != test.after || a.problem.Title != test.title {
			t.Errorf("%s: Retry-After %q, title %q", test.name, a.header.Get("Retry-After"), a.problem.Title)
		}
		if test.reason != "" && (a.header.Get("Cache-Control") != "no-store" || a.problem.Status != test.status || a.problem.Type != "about:blank") {
			t.Errorf("%s: header %v, body %s", test.name, a.header, a.body)
		}
	}
	if n := r.count("stopped", "not-done", "decline"); n != 7 {
		t.Errorf("%d declined payments are counted", n)
	}
	if n := r.count("decline", "done"); n != 1 {
		t.Errorf("observed: %d payments are counted as to be declined and done", n)
	}
	r.enforce(6, posture.Set{})
	r.want(r.post("/v1/strict", "k", ""), 503, "no-lease", "not-forwarded")
	r.enforce(7, posture.Set{}, posture.Directive{ID: "d2", Kind: posture.Limit, Scope: "all", Share: 0, Salt: "s"})
	r.want(r.post("/v1/payments", "k", goodPayment), 503, "out-of-share", "not-forwarded")
	r.enforce(8, posture.Set{}, posture.Directive{ID: "d3", Kind: posture.Limit, Scope: "all", Share: 1, Rates: map[string]float64{"gate-9": 5}})
	r.want(r.post("/v1/payments", "k", goodPayment), 503, "over-rate", "not-forwarded")
	r.enforce(9, posture.Set{}, posture.Directive{ID: "d4", Kind: posture.Stop, Scope: `channel == "card"`})
	r.want(r.post("/v1/payments", "k", goodPayment), 201, "", "")
	r.want(r.post("/v1/refunds", "k", ""), 503, "stopped", "not-forwarded") // it has no channel: counts as inside
}

// What the route needs and cannot read is handled as the route says.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	for name, request := range map[string]string{
		"no key":              postText("/v1/payments", "", goodPayment),
		"two keys":            postText("/v1/payments", "k", goodPayment, "Idempotency-Key: k2"),
		"the key is dropped":  postText("/v1/payments", "k", goodPayment, "Connection: close, idempotency-key"),
		"major units":         postText("/v1/payments", "k", `{"amount":12.99,"currency":"CNY","payer":"a","channel":"app"}`),
		"two amounts":         postText("/v1/payments", "k", `{"amount":1,"amount":2,"currency":"CNY","payer":"a","channel":"app"}`),
		"no payer":            postText("/v1/payments", "k", `{"amount":1,"currency":"CNY","channel":"app"}`),
		"encrypted":           postText("/v1/payments", "k", "\x00\x01\xff"),
		"compressed":          postText("/v1/payments", "k", goodPayment, "Content-Encoding: gzip"),
		"a card number as id": postText("/v1/payments", strings.Repeat("4", 161), goodPayment),
	} {
		a := r.raw(request)
		if a.status != 503 || a.problem.Reason != "unreadable" {
			t.Errorf("%s: answered %d %q", name, a.status, a.problem.Reason)
		}
	}
	if n := len(r.back.requests()); n != 0 {
		t.Errorf("%d unreadable payments reached the primary", n)
	}
	r.want(r.post("/v1/quick", "", "\xff"), 201, "", "") // the route says: forward
}

// The headers the primary gets.
func TestHeaders(t *testing.T) {
	t.Parallel()
	r := newRig(t, say(false, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\nX-Own: 1\r\nX-Hop: 1\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\n\r\n"))
	r.enforce(17, posture.Set{})
	before := time.Now()
	a := r.post("/v1/payments?Q=%7e;b", "k", goodPayment,
		"Holdfast-Posture: 999999", "holdfast-deadline: 2099-01-01T00:00:00Z", "HOLDFAST_POSTURE: 999999", "Holdfast-Anything: x", "holdfast_probe: x",
		"Connection: X-Hop, keep-alive", "Connection: X-Hop-2, Host, Content-Length", "X-Hop: 1", "X-Hop-2: 1", "Keep-Alive: 5", "TE: trailers", "Upgrade: h2c",
		"Proxy-Authorization: Basic eA==", "Expect: 100-continue", "X-Forwarded-For: 192.0.2.1", "X-Own: a", "X-Own: b")
	got := r.back.requests()
	if len(got) != 1 {
		t.Fatalf("the primary got %d requests", len(got))
	}
	h := got[0].Header
	if h.Get("Holdfast-Posture") != "17" || len(h["Holdfast-Posture"]) != 1 {
		t.Errorf("posture %q", h["Holdfast-Posture"])
	}
	deadline, err := time.Parse(time.RFC3339Nano, h.Get("Holdfast-Deadline"))
	if err != nil || len(h["Holdfast-Deadline"]) != 1 || deadline.Before(before.Add(29*time.Second)) || deadline.After(time.Now().Add(30*time.Second)) {
		t.Errorf("deadline %v, %v", h["Holdfast-Deadline"], err)
	}
	for name := range h {
		low := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		if strings.HasPrefix(low, "holdfast-") && low != "holdfast-posture" && low != "holdfast-deadline" || strings.Contains(name, "_") {
			t.Errorf("the header %s of a client came through", name)
		}
	}
	for _, name := range []string{"X-Hop", "X-Hop-2", "Connection", "Keep-Alive", "Te", "Upgrade", "Proxy-Authorization", "Expect", "Content-Type", "User-Agent"} {
		if h.Get(name) != "" {
			t.Errorf("%s: %q came through, or was made up", name, h.Get(name))
		}
	}
	if got[0].Host != "pay.example" || got[0].body != goodPayment || got[0].RequestURI != "/v1/payments?Q=%7e;b" || got[0].Proto != "HTTP/1.1" {
		t.Errorf("the primary got %s %s for %s: %q", got[0].RequestURI, got[0].Proto, got[0].Host, got[0].body)
	}
	if all := h["X-Forwarded-For"]; len(all) != 2 || all[0] != "192.0.2.1" || all[1] != "127.0.0.1" || len(h["X-Own"]) != 2 {
		t.Errorf("X-Forwarded-For %q, X-Own %q", all, h["X-Own"])
	}
	if a.header.Get("X-Own") != "1" || a.header.Get("X-Hop") != "" || a.header.Get("Keep-Alive") != "" || a.header.Get("Content-Type") != "" || a.header.Get("Date") != "" {
		t.Errorf("the client got %v", a.header)
	}
}

// A probe passes the stop of its incident, from a test account, and no other.
func TestProbeMark(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	_, foreign, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	keys := posture.Set{ProbeKeys: []ed25519.PublicKey{public}}
	r.enforce(5, keys, stopAll)
	body := func(payer string) string {
		return fmt.Sprintf(`{"amount":1,"currency":"CNY","payer":%q,"channel":"app"}`, payer)
	}
	mark := func(incident, payer string, life time.Duration, key ed25519.PrivateKey) string {
		return "Holdfast-Probe: " + posture.Mark{Incident: incident, Payer: payer, Expires: time.Now().Add(life)}.Sign(key)
	}
	const tester = "acct_test_01"
	r.want(r.post("/v1/payments", "p1", body(tester), mark("2026-1", tester, posture.MarkLife, private)), 201, "", "")
	for name, a := range map[string]reply{
		"another incident":   r.post("/v1/payments", "p2", body(tester), mark("2026-2", tester, posture.MarkLife, private)),
		"another's key":      r.post("/v1/payments", "p3", body(tester), mark("2026-1", tester, posture.MarkLife, foreign)),
		"expired":            r.post("/v1/payments", "p4", body(tester), mark("2026-1", tester, -time.Second, private)),
		"a customer":         r.post("/v1/payments", "p5", body("acct_000123"), mark("2026-1", "acct_000123", posture.MarkLife, private)),
		"for another payer":  r.post("/v1/payments", "p6", body(tester), mark("2026-1", "acct_test_02", posture.MarkLife, private)),
		"without a mark":     r.post("/v1/payments", "p7", body(tester)),
		"a payer not to see": r.post("/v1/quick", "p8", body(tester), mark("2026-1", tester, posture.MarkLife, private)),
		"two marks":          r.post("/v1/payments", "p9", body(tester), mark("2026-1", tester, posture.MarkLife, private), "Holdfast-Probe: x"),
	} {
		want, status := "probe", 403
		if name == "without a mark" || name == "another incident" {
			want, status = "stopped", 503
		}
		r.want(a, status, want, "not-forwarded")
	}
	// Where nothing is stopped a mark that is not believed does not become a
	// payment either.
	r.enforce(6, keys)
	r.want(r.post("/v1/payments", "p10", body("acct_000123"), mark("2026-1", "acct_000123", posture.MarkLife, private)), 403, "probe", "not-forwarded")
	r.want(r.post("/v1/payments", "p11", goodPayment, "Holdfast-Probe: forged"), 403, "probe", "not-forwarded")
	if n := r.count("probe", "done"); n != 1 {
		t.Errorf("%d probes are counted as done", n)
	}
	if n := r.count("forward"); n != 0 {
		t.Errorf("%d probes are counted among the customers' payments", n)
	}
	if got := r.back.requests(); len(got) != 1 || got[0].Header.Get("Holdfast-Probe") != "" {
		t.Errorf("the primary got %+v", got)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	r := newRig(t, func(c net.Conn, _ int, req *seen) {
		switch req.URL.Path {
		case "/chunked":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for i := 0; i < len(big); i += 1 << 14 {
				fmt.Fprintf(c, "4000\r\n%s\r\n", big[i:i+1<<14])
			}
			io.WriteString(c, "0\r\nX-Trailer: 1\r\n\r\n")
		case "/close":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+big)
			c.Close()
		case "/cut":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"+big)
			c.Close()
		case "/cut-chunked":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4000\r\n"+big[:100])
			c.Close()
		case "/long":
			io.WriteString(c, answerWith(200, big))
		default:
			io.WriteString(c, answerWith(201, "{}"))
		}
	})
	pad := func(n int) string { return goodPayment + strings.Repeat(" ", n-len(goodPayment)) }
	r.want(r.post("/v1/payments", "k1", pad(MaxPayment)), 201, "", "")
	r.want(r.post("/v1/payments", "k2", pad(MaxPayment+1)), 413, "", "not-forwarded")
	r.want(r.post("/v1/payments", "k3", pad(1<<20)), 413, "", "not-forwarded")
	chunked := func(path, body string) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nIdempotency-Key: c\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", path, len(body), body)
	}
	r.want(r.raw(chunked("/v1/payments", pad(MaxPayment))), 201, "", "")
	r.want(r.raw(chunked("/v1/payments", pad(MaxPayment+1))), 413, "", "not-forwarded")
	if got := r.back.requests(); len(got) != 2 || len(got[0].body) != MaxPayment || len(got[1].body) != MaxPayment {
		t.Errorf("the primary got %d payments", len(got))
	}
	// What moves no money streams, both ways, a form with files among it.
	for _, request := range []string{
		postText("/upload", "", big), chunked("/upload", big), postText("/upload", "", big, "Content-Type: multipart/form-data; boundary=x"),
	} {
		r.want(r.raw(request), 201, "", "")
		got := r.back.requests()
		if last := got[len(got)-1]; last.body != big {
			t.Errorf("the primary got %d bytes of %d", len(last.body), len(big))
		}
	}
	get := func(path string) reply { return r.raw("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n") }
	for _, path := range []string{"/long", "/chunked", "/close", "/long"} {
		if a := get(path); a.status != 200 || a.body != big || a.err != nil {
			t.Errorf("%s: status %d, %d bytes, %v", path, a.status, len(a.body), a.err)
		}
	}
	for _, path := range []string{"/cut", "/cut-chunked"} {
		if a := get(path); a.err == nil {
			t.Errorf("%s: the client takes %d bytes for the whole", path, len(a.body))
		}
	}
	if dials, _ := r.back.counts(); dials > 3 {
		t.Errorf("%d connections: those whose answer was read to its end are not kept", dials)
	}
}

// A body that breaks off is not a payment, whatever could be read of it.
func TestCutRequest(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	for _, request := range []string{
		"POST /v1/quick HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 20000\r\n\r\n" + strings.Repeat("x", 10000),
		"POST /v1/quick HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 200\r\n\r\namount=1",
		"POST /v1/quick HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n8\r\namount=1\r\n",
	} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		a := r.answer(bufio.NewReader(c), "POST")
		c.Close()
		if a.status != 400 {
			t.Errorf("answered %d: %s", a.status, a.body)
		}
	}
	if n := len(r.back.requests()); n != 0 {
		t.Errorf("the primary got %d requests", n)
	}
}

// Requests whose end, or whose path, two servers could read in two ways.
func TestFramingAndPaths(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	refused := map[string]string{
		"two lengths":              postText("/v1/quick", "k", "xx", "Content-Length: 2"),
		"two different lengths":    postText("/v1/quick", "k", "xx", "Content-Length: 3"),
		"a list of lengths":        "POST /v1/quick HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\nxx",
		"a length with a sign":     "POST /v1/quick HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nxx",
		"length and coding":        postText("/v1/quick", "k", "0\r\n\r\n", "Transfer-Encoding: chunked"),
		"length and identity":      postText("/v1/quick", "k", "xx", "Transfer-Encoding: identity"),
		"coding unknown":           "POST /v1/quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"coding hidden":            "POST /v1/quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"coding twice":             "POST /v1/quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"coding in HTTP/1.0":       "POST /v1/quick HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"a space before the colon": "POST /v1/quick HTTP/1.1\r\nHost: x\r\nContent-Length : 2\r\n\r\nxx",
		"folded header":            "POST /v1/quick HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
		"folded first header":      "POST /v1/quick HTTP/1.1\r\n X-A: 1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
		"two hosts":                "POST /v1/quick HTTP/1.1\r\nHost: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n",
		"bad chunk size":           "POST /v1/quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
		"key in a trailer":         "POST /v1/quick HTTP/1.1\r\nHost: x\r\nTrailer: Idempotency-Key\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nIdempotency-Key: k\r\n\r\n",
		"key in a hidden trailer":  "POST /v1/quick HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nIdempotency-Key: k\r\n\r\n",
		"dots":                     postText("/v1/x/../payments", "k", goodPayment),
		"escaped letter":           postText("/v1/%70ayments", "k", goodPayment),
		"escaped slash":            postText("/v1%2fpayments", "k", goodPayment),
		"two slashes":              postText("//v1/payments", "k", goodPayment),
		"backslash":                postText(`/v1\payments`, "k", goodPayment),
		"capital letters":          postText("/V1/Payments", "k", goodPayment),
		"parameters":               postText("/v1/payments;a=b", "k", goodPayment),
		"an ending":                postText("/v1/payments.json", "k", goodPayment),
		"a fragment":               postText("/v1/other#/../payments", "k", goodPayment),
		"the method in small":      strings.Replace(postText("/v1/payments", "k", goodPayment), "POST", "post", 1),
	}
	for name, request := range refused {
		if a := r.raw(request); a.status != 400 || !strings.Contains(a.header.Get("Content-Type"), "problem+json") {
			t.Errorf("%s: answered %d %q", name, a.status, a.header.Get("Content-Type"))
		}
	}
	r.want(r.raw(postText("/v1/quick", "k", "", "X-A: "+strings.Repeat("a", maxHeader))), 431, "", "not-forwarded")
	if n := len(r.back.requests()); n != 0 {
		t.Errorf("the primary got %d requests: %s", n, r.back.requests()[0].RequestURI)
	}
	r.want(r.raw("POST /v1/quick HTTP/1.0\r\nIdempotency-Key: k\r\nContent-Length: 0\r\n\r\n"), 201, "", "")
	if got := r.back.requests(); len(got) != 1 || got[0].Host != r.back.addr || got[0].Proto != "HTTP/1.1" {
		t.Errorf("HTTP/1.0 arrives as %+v", got)
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	r := newRig(t, say(false, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"))
	for range 2 { // the second shows that the connection is in order
		a := r.raw("HEAD /doc HTTP/1.1\r\nHost: x\r\n\r\n")
		if a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "1234" {
			t.Errorf("answered %d %v %q", a.status, a.header, a.body)
		}
	}
	if dials, _ := r.back.counts(); dials != 1 {
		t.Errorf("%d connections", dials)
	}
}

// Whoever writes requests cannot make the metrics grow without end, nor put a
// card number into them.
func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	r.want(r.post("/v1/payments", "k", goodPayment), 201, "", "")
	r.want(r.post("/v1/payments", "k", strings.Replace(goodPayment, "app", "4111 1111 1111 1111", 1)), 201, "", "")
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(r.server.Metrics()); err != nil {
		t.Fatal(err)
	}
	text := gather(t, registry)
	for _, want := range []string{
		"holdfast_gate_requests_total app CNY payment  done  pay forward 1",
		"holdfast_gate_amount_minor_units_total app CNY payment  done  pay forward 1299",
		"holdfast_gate_requests_total other CNY payment  done  pay forward 1",
		"holdfast_gate_in_flight 0", "holdfast_gate_closed 0", "holdfast_gate_request_seconds pay",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "4111") {
		t.Errorf("a card number is a label:\n%s", text)
	}
	for i := range 3 * maxSeries {
		p := *r.primary.routes[0].read(header("Idempotency-Key: k"), "/v1/payments", "", []byte(strings.Replace(goodPayment, "app", fmt.Sprint("c", i), 1)))
		r.server.metrics.count(&p, posture.Verdict{}, 1, 0)
	}
	if n := len(r.server.metrics.cells); n > maxSeries+50 {
		t.Errorf("%d label sets", n)
	}
	if n := r.count("pay", "forward"); n != 3*maxSeries+2 {
		t.Errorf("%d of %d payments are counted", n, 3*maxSeries+2)
	}
}

// gather lists metrics as name, label values and value.
func gather(t *testing.T, g prometheus.Gatherer) string {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			b.WriteString(f.GetName())
			for _, l := range m.GetLabel() {
				b.WriteString(" " + l.GetValue())
			}
			fmt.Fprintf(&b, " %v\n", m.GetCounter().GetValue()+m.GetGauge().GetValue())
		}
	}
	return b.String()
}
