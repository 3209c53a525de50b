package httpgate

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/gate/httpgate/inlet/inlettest"
	"holdfast/internal/posture"
)

// newSecureRig starts a gate that speaks TLS, and a client of it.
func newSecureRig(t *testing.T, s script, change func(*config.Gate)) (*rig, *http.Client, *tls.Config) {
	t.Helper()
	a := inlettest.New(t)
	certificate, key := a.Pair("gate", "gate")
	b := newBackend(t, s)
	r := &rig{t: t, back: b, log: &lockedBuffer{}}
	conf := gateSettings(t, b.addr)
	conf.TLS.Certificate, conf.TLS.Key = config.File(certificate), config.File(key)
	if change != nil {
		change(&conf)
	}
	r.start(conf, time.Now)
	trust := &tls.Config{RootCAs: a.Pool()}
	transport := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return r, &http.Client{Transport: transport}, trust
}

// do sends a payment over HTTP/2 and reads the answer.
func (r *rig) do(client *http.Client, method, path, body string, headers ...string) reply {
	r.t.Helper()
	req, err := http.NewRequest(method, "https://"+r.addr+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		r.t.Errorf("answered by %s", resp.Proto)
	}
	content, err := io.ReadAll(resp.Body)
	a := reply{status: resp.StatusCode, header: resp.Header, body: string(content), err: err}
	if resp.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(content, &a.problem); err != nil {
			r.t.Errorf("the problem %q cannot be read: %v", content, err)
		}
	}
	return a
}

// HTTP/2 passes the same stages: stops, marks, fields, limits, headers.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789abcdef", 1<<16)
	r, client, _ := newSecureRig(t, func(c net.Conn, n int, req *seen) {
		switch req.URL.Path {
		case "/long":
			io.WriteString(c, answerWith(200, big))
		case "/chunked":
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(big), big)
		case "/cut":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n"+big)
			c.Close()
		case "/head":
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nX-Own: 1\r\nX-Own: 2\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n")
		default:
			created(c, n, req)
		}
	}, nil)
	pay := func(key, body string, headers ...string) reply {
		return r.do(client, "POST", "/v1/payments", body, append(headers, "Idempotency-Key", key)...)
	}
	r.enforce(17, posture.Set{})
	a := pay("k1", goodPayment, "Holdfast-Posture", "9", "X-Own", "a", "X-Own", "b", "Cookie", "a=b")
	r.want(a, 201, "", "")
	got := r.back.requests()[0]
	if got.Header.Get("Holdfast-Posture") != "17" || len(got.Header["X-Own"]) != 2 || got.Header.Get("X-Forwarded-For") != "127.0.0.1" || got.body != goodPayment || got.Host != r.addr {
		t.Errorf("the primary got %v for %s: %q", got.Header, got.Host, got.body)
	}
	if a.header.Get("Date") != "" || a.header.Get("Content-Type") != "" {
		t.Errorf("the client got %v", a.header)
	}
	r.want(pay("k2", goodPayment+strings.Repeat(" ", MaxPayment)), 413, "", "not-forwarded")
	r.want(pay("k3", "{"), 503, "unreadable", "not-forwarded")
	r.want(pay("k4", goodPayment, "Early-Data", "1"), 425, "", "not-forwarded")
	r.want(r.do(client, "GET", "/v1/payments", "", "X-HTTP-Method-Override", "POST"), 400, "", "not-forwarded")
	r.want(r.do(client, "GET", "/v1/%2e%2e/payments", ""), 400, "", "not-forwarded")
	r.want(r.do(client, "GET", "/v1/payments;a", ""), 201, "", "")
	r.want(r.do(client, "POST", "/v1/payments;a", ""), 400, "", "not-forwarded")
	if a := r.do(client, "HEAD", "/head", ""); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "1234" || len(a.header["X-Own"]) != 2 || a.header.Get("X-Hop") != "" {
		t.Errorf("HEAD: %d %v %q", a.status, a.header, a.body)
	}
	for _, path := range []string{"/long", "/chunked"} {
		if a := r.do(client, "GET", path, ""); a.body != big || a.err != nil {
			t.Errorf("%s: %d bytes, %v", path, len(a.body), a.err)
		}
	}
	if a := r.do(client, "GET", "/cut", ""); a.err == nil {
		t.Error("the client takes an answer that was cut for the whole")
	}
	r.want(r.do(client, "POST", "/upload", big), 201, "", "")
	if all := r.back.requests(); all[len(all)-1].body != big {
		t.Errorf("the primary got %d bytes of an upload", len(all[len(all)-1].body))
	}
	r.enforce(18, posture.Set{}, stopAll)
	before := len(r.back.requests())
	r.want(pay("k9", goodPayment), 503, "stopped", "not-forwarded")
	if n := len(r.back.requests()); n != before {
		t.Errorf("%d payments passed a stop", n-before)
	}
	r.want(r.do(client, "GET", "/v1/payments?key=k1", ""), 201, "", "")
}

// HTTP/1.1 inside TLS is held to the same framing and limits as in clear.
func TestHTTP1InsideTLS(t *testing.T) {
	t.Parallel()
	r, _, trust := newSecureRig(t, created, func(c *config.Gate) { c.Limits.Idle = config.Duration(30 * time.Millisecond) })
	send := func(request string) (got string) {
		t.Helper()
		c, err := tls.Dial("tcp", r.addr, trust)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(c)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	for request, want := range map[string]string{
		postText("/v1/payments", "k", goodPayment):               "HTTP/1.1 201 ",
		postText("/v1/payments", "k", goodPayment, "A : b"):      "HTTP/1.1 400 ",
		"GET / HTTP/1.1\nHost: x\n\n":                            "HTTP/1.1 400 ",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":                       "HTTP/1.1 400 ",
		postText("/v1/payments", "k", "x", "Content-Length: 99"): "HTTP/1.1 400 ",
		"": "",
	} {
		if got := send(request); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q is answered with %q", request, got)
		}
	}
	// Clear text on the TLS port reaches nobody.
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, postText("/v1/payments", "clear", goodPayment)); err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, c)
	for _, got := range r.back.requests() {
		if got.Header.Get("Idempotency-Key") == "clear" {
			t.Error("a payment in clear text was taken on the TLS port")
		}
	}
}

// What a client of HTTP/2 can write that HTTP/1.1 has no room for never reaches
// the primary: a request line or a header more.
func TestHTTP2Injection(t *testing.T) {
	t.Parallel()
	r, _, trust := newSecureRig(t, created, nil)
	for name, fields := range map[string][][2]string{
		"a method with a target":  {{":method", "POST /v1/payments HTTP/1.1"}, {":path", "/x"}, {":authority", "x"}},
		"a path with a version":   {{":method", "GET"}, {":path", "/x HTTP/1.1"}, {":authority", "x"}},
		"a path with a line":      {{":method", "GET"}, {":path", "/x HTTP/1.1\r\nA: b"}, {":authority", "x"}},
		"a host with a line":      {{":method", "GET"}, {":path", "/x"}, {":authority", "x\r\nA: b"}},
		"a host with a path":      {{":method", "GET"}, {":path", "/x"}, {":authority", "x/y"}},
		"a value with a line":     {{":method", "GET"}, {":path", "/x"}, {":authority", "x"}, {"a", "b\r\nc: d"}},
		"a name with a colon":     {{":method", "GET"}, {":path", "/x"}, {":authority", "x"}, {"a: b\r\nc", "d"}},
		"a name in capitals":      {{":method", "GET"}, {":path", "/x"}, {":authority", "x"}, {"Ab", "d"}},
		"a coding":                {{":method", "GET"}, {":path", "/x"}, {":authority", "x"}, {"transfer-encoding", "chunked"}},
		"a length that is wrong":  {{":method", "GET"}, {":path", "/x"}, {":authority", "x"}, {"content-length", "5"}},
		"no path":                 {{":method", "GET"}, {":authority", "x"}},
		"a path without a slash":  {{":method", "GET"}, {":path", "x"}, {":authority", "x"}},
		"two paths":               {{":method", "GET"}, {":path", "/x"}, {":path", "/y"}, {":authority", "x"}},
		"a path that is absolute": {{":method", "GET"}, {":path", "http://y/v1/payments"}, {":authority", "x"}},
	} {
		c, err := tls.Dial("tcp", r.addr, &tls.Config{RootCAs: trust.RootCAs, NextProtos: []string{"h2"}})
		if err != nil {
			t.Fatal(err)
		}
		var block []byte
		for _, f := range append([][2]string{{":scheme", "https"}}, fields...) {
			// A literal that is not indexed (RFC 7541, 6.2.2), each text below 127 bytes.
			block = append(append(block, 0, byte(len(f[0]))), f[0]...)
			block = append(append(block, byte(len(f[1]))), f[1]...)
		}
		const settings, headers, endOfBoth = 4, 1, 5
		io.WriteString(c, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
		c.Write(frame(settings, 0, 0, nil))
		c.Write(frame(headers, endOfBoth, 1, block))
		for head := make([]byte, 9); ; {
			if _, err := io.ReadFull(c, head); err != nil || head[8] == 1 {
				break // the connection has ended, or stream 1 is answered
			}
			if _, err := io.CopyN(io.Discard, c, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
				break
			}
		}
		c.Close()
		if n := len(r.back.requests()); n != 0 {
			t.Fatalf("%s: the primary got %s %s %v", name, r.back.requests()[0].Method, r.back.requests()[0].RequestURI, r.back.requests()[0].Header)
		}
	}
}

// frame is a frame of HTTP/2 (RFC 9113, 4.1).
func frame(kind, flags, stream byte, payload []byte) []byte {
	n := len(payload)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, 0, 0, 0, stream}, payload...)
}

// Streams that are slow are ended; others on the connection go on.
func TestHTTP2SlowBody(t *testing.T) {
	t.Parallel()
	r, client, _ := newSecureRig(t, created, func(c *config.Gate) {
		c.Limits.BodyGrace, c.Limits.BodyRate = config.Duration(50*time.Millisecond), 1000
	})
	body, feed := io.Pipe()
	defer feed.Close()
	go feed.Write([]byte("a"))
	req, err := http.NewRequest("POST", "https://"+r.addr+"/v1/quick", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Idempotency-Key", "k")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 408 || len(r.back.requests()) != 0 {
		t.Errorf("answered %d, the primary got %d requests", resp.StatusCode, len(r.back.requests()))
	}
	r.want(r.do(client, "POST", "/v1/quick", "x", "Idempotency-Key", "k"), 201, "", "")
}

// Payments under way on HTTP/2 finish when the gate ends.
func TestHTTP2Ends(t *testing.T) {
	t.Parallel()
	got, release := make(chan struct{}), make(chan struct{})
	r, client, _ := newSecureRig(t, func(c net.Conn, n int, req *seen) {
		close(got)
		<-release
		created(c, n, req)
	}, nil)
	answered, ended := make(chan reply, 1), make(chan error, 1)
	go func() { answered <- r.do(client, "POST", "/v1/payments", goodPayment, "Idempotency-Key", "k") }()
	<-got
	go func() { ended <- r.stop() }()
	until(t, func() bool {
		c, err := net.Dial("tcp", r.addr)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(release)
	r.want(<-answered, 201, "", "")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A primary over TLS: its certificate is checked, ours is shown, and a gate that
// is not trusted sends nothing.
func TestPrimaryOverTLS(t *testing.T) {
	t.Parallel()
	bank, stranger := inlettest.New(t), inlettest.New(t)
	var mu sync.Mutex
	var seen []string
	primary := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, req.Proto+" "+req.TLS.PeerCertificates[0].Subject.CommonName)
		w.WriteHeader(201)
	}))
	primary.EnableHTTP2 = true
	primary.Config.ErrorLog = log.New(io.Discard, "", 0)
	primary.TLS = &tls.Config{Certificates: []tls.Certificate{bank.Load("bank", "bank")}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: bank.Pool()}
	primary.StartTLS()
	defer primary.Close()
	gate := func(authority, signer *inlettest.Authority) *rig {
		r := &rig{t: t, back: newBackend(t, created), log: &lockedBuffer{}}
		conf := gateSettings(t, "x")
		conf.Primary.URL, conf.Primary.Authority = config.URL(primary.URL), config.File(authority.File)
		if signer != nil {
			certificate, key := signer.Pair("gate-1", "client")
			conf.Primary.Certificate, conf.Primary.Key = config.File(certificate), config.File(key)
		}
		r.start(conf, time.Now)
		return r
	}
	good := gate(bank, bank)
	for i := range 3 {
		good.want(good.post("/v1/payments", fmt.Sprint("k", i), goodPayment), 201, "", "")
	}
	trustsOther := gate(stranger, bank)
	trustsOther.want(trustsOther.post("/v1/payments", "k", goodPayment), 502, "unreachable", "not-forwarded")
	for _, signer := range []*inlettest.Authority{nil, stranger} {
		r := gate(bank, signer)
		if a := r.post("/v1/payments", "k", goodPayment); a.status == 201 {
			t.Error("a gate without the right certificate was served")
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if strings.Join(seen, ",") != "HTTP/1.1 gate-1,HTTP/1.1 gate-1,HTTP/1.1 gate-1" {
		t.Errorf("the primary saw %q", seen)
	}
}
