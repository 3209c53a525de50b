package httpgate

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/payment"
)

// Requests that some servers take for another method, host or path than is
// written, or that may be a replay.
func TestRefusedRequests(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	get := func(target string, headers ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
	}
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"method override":              {get("/v1/payments", "X-HTTP-Method-Override: POST"), 400},
		"method override, short":       {get("/v1/payments", "X-HTTP-Method: POST"), 400},
		"method override, other order": {get("/v1/payments", "x-method-override: POST"), 400},
		"method override, underscores": {get("/v1/payments", "X_HTTP_METHOD_OVERRIDE: POST"), 400},
		"method in the query":          {get("/v1/payments?_method=POST"), 400},
		"method in the query, escaped": {get("/v1/payments?a=b&%5fmethod=POST"), 400},
		"method behind a semicolon":    {get("/v1/payments?a=b;_METHOD=POST"), 400},
		"another path":                 {get("/x", "X-Original-URL: /v1/payments"), 400},
		"another path, IIS":            {get("/x", "X-Rewrite-Url: /v1/payments"), 400},
		"early data":                   {postText("/v1/payments", "k", goodPayment, "Early-Data: 1"), 425},
		"early data, small letters":    {postText("/v1/payments", "k", goodPayment, "early-data: 0, 1"), 425},
		"another host in the target":   {get("http://y/v1/payments"), 400},
		"a user in the target":         {get("http://x@y/v1/payments"), 400},
		"the host as a user":           {get("http://x:80@y/v1/payments"), 400},
		"no host in the target":        {get("http:///v1/payments"), 400},
		"another port in the target":   {get("http://x:81/v1/payments"), 400},
		"a fragment behind the host":   {get("http://x#/v1/payments"), 400},
		"another scheme":               {get("ftp://x/v1/payments"), 400},
		"authority form":               {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"asterisk form":                {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		"another expectation":          {postText("/v1/payments", "k", goodPayment, "Expect: 200-ok"), 417},
		"two expectations":             {postText("/v1/payments", "k", goodPayment, "Expect: 100-continue", "Expect: x"), 417},
		"a dot segment in the end":     {get("/v1/payments/.."), 400},
		"an escaped dot segment":       {get("/v1/x/%2e%2e/payments"), 400},
		"an escaped NUL":               {get("/v1/payments%00"), 400},
		"half an escape":               {get("/v1/payments%2"), 400},
		"a chunk extension":            {"POST /v1/quick HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", 400},
		"a chunk of no size":           {"POST /v1/quick HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx", 400},
		"trailers announced":           {postText("/v1/quick", "k", "x", "Trailer: X-A"), 400},
		"trailers of an upload":        {postText("/upload", "k", "x", "Trailer: X-A"), 400},
		"an upload with a bad chunk":   {"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;a\r\nx\r\n0\r\n\r\n", 400},
	} {
		a := r.raw(test.request)
		if a.status != test.status || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: answered %d %s", name, a.status, a.body)
		}
		if a.problem.Outcome != "" {
			t.Errorf("%s: says of the payment that it is %s", name, a.problem.Outcome)
		}
	}
	if n := len(r.back.requests()); n != 0 {
		t.Errorf("the primary got %d requests", n)
	}
	// What only looks like it.
	for _, request := range []string{
		get("http://x/v1/payments?key=k"), get("HTTP://X/v1/payments"), get("/v1/payments?method=POST&my_method=x"), get("/v1/cards", "Early-Data: 1"),
		postText("/v1/quick", "k", "x", "Expect: 100-continue"), get("/x?a=_method"),
	} {
		r.want(r.raw(request), 201, "", "")
	}
}

// A form that may say another method in its body is not passed to a path where
// that method would move money.
func TestOverrideInAForm(t *testing.T) {
	t.Parallel()
	b := newBackend(t, created)
	r := &rig{t: t, back: b, log: &lockedBuffer{}}
	conf := gateSettings(t, b.addr)
	conf.Routes[1].Methods = []string{"PUT"}
	r.start(conf, time.Now)
	body := "_method=PUT&amount=1"
	r.want(r.post("/v1/quick", "k", body, "Content-Type: application/x-www-form-urlencoded"), 400, "", "not-forwarded")
	r.want(r.post("/v1/quick", "k", body, "Content-Type: Multipart/Form-Data; boundary=x"), 400, "", "not-forwarded")
	r.want(r.post("/v1/quick", "k", body, "Content-Type: application/json"), 201, "", "")
	r.want(r.post("/v1/other", "k", body, "Content-Type: application/x-www-form-urlencoded"), 201, "", "")
}

// limited starts a gate with small limits.
func limited(t *testing.T, s script, change func(*config.Limits)) *rig {
	t.Helper()
	b := newBackend(t, s)
	r := &rig{t: t, back: b, log: &lockedBuffer{}}
	conf := gateSettings(t, b.addr)
	change(&conf.Limits)
	r.start(conf, time.Now)
	return r
}

// An idle connection that is closed gets no answer: nobody has asked. A client
// would take it for the answer to its next request.
func TestIdleConnectionsGetNoAnswer(t *testing.T) {
	t.Parallel()
	r := limited(t, created, func(l *config.Limits) {
		l.Idle, l.Header = config.Duration(30*time.Millisecond), config.Duration(30*time.Millisecond)
	})
	for _, request := range []string{"", postText("/v1/payments", "k", goodPayment)} {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, request); err != nil {
			t.Fatal(err)
		}
		from := bufio.NewReader(c)
		if request != "" {
			r.want(r.answer(from, "POST"), 201, "", "")
		}
		if got, err := io.ReadAll(from); len(got) > 0 || err != nil {
			t.Errorf("an idle connection ends with %q, %v", got, err)
		}
		c.Close()
	}
}

// Slow clients are told so, and do not reach the primary; a slow upload that
// keeps up its rate may take longer than any limit.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	r := limited(t, created, func(l *config.Limits) {
		l.Header, l.BodyGrace, l.BodyRate = config.Duration(50*time.Millisecond), config.Duration(50*time.Millisecond), 1000
	})
	send := func(pieces ...string) reply {
		t.Helper()
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for _, p := range pieces {
			<-tick.C
			if _, err := io.WriteString(c, p); err != nil {
				break // answered and closed
			}
		}
		return r.answer(bufio.NewReader(c), "POST")
	}
	head := "POST /v1/quick HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\nContent-Length: 5\r\n\r\n"
	r.want(send(strings.Split(head+"hello", "")...), 408, "", "not-forwarded")
	r.want(send(head, "h"), 408, "", "not-forwarded")
	upload := "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n"
	if a := send(upload+strings.Repeat("x", 100), "x"); a.status != 408 {
		t.Errorf("an upload that stops: %d %s", a.status, a.body)
	}
	if n := len(r.back.requests()); n != 0 {
		t.Errorf("the primary got %d requests", n)
	}
	// 20 pieces of 1000 bytes in 400 ms: eight times the grace.
	pieces := []string{upload}
	for range 20 {
		pieces = append(pieces, strings.Repeat("x", 1000))
	}
	r.want(send(pieces...), 201, "", "")
}

// A client's ids are passed on if they are well formed; what is missing is made.
func TestTrace(t *testing.T) {
	t.Parallel()
	r := newRig(t, created)
	const good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, test := range map[string]struct {
		headers []string
		trace   string // "" for one of the gate's own
		state   string
		id      string
	}{
		"none":           {nil, "", "", ""},
		"both":           {[]string{"traceparent: " + good, "tracestate: a=b", "x-request-id: r-1"}, good, "a=b", "r-1"},
		"a later format": {[]string{"traceparent: 01" + good[2:] + "-more"}, "01" + good[2:] + "-more", "", ""},
		"bad":            {[]string{"traceparent: 00-zz", "tracestate: a=b", "x-request-id: a b"}, "", "", ""},
		"no trace":       {[]string{"traceparent: 00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"}, "", "", ""},
		"capitals":       {[]string{"traceparent: " + strings.ToUpper(good)}, "", "", ""},
		"version ff":     {[]string{"traceparent: ff" + good[2:]}, "", "", ""},
		"too long":       {[]string{"traceparent: " + good + "-x", "x-request-id: " + strings.Repeat("a", 129)}, "", "", ""},
		"two":            {[]string{"traceparent: " + good, "traceparent: " + good, "x-request-id: a", "x-request-id: b"}, "", "", ""},
	} {
		before := len(r.back.requests())
		r.want(r.post("/v1/quick", "k", "x", test.headers...), 201, "", "")
		h := r.back.requests()[before].Header
		trace, id := h["Traceparent"], h["X-Request-Id"]
		if len(trace) != 1 || !isTrace(trace[0]) || (test.trace != "") != (trace[0] == test.trace) || test.trace == "" && strings.Contains(trace[0], "4bf92f") {
			t.Errorf("%s: traceparent %q", name, trace)
		}
		if len(id) != 1 || !isID(id[0]) || (test.id != "") != (id[0] == test.id) || h.Get("Tracestate") != test.state {
			t.Errorf("%s: id %q, state %q", name, id, h.Get("Tracestate"))
		}
	}
	if a := r.raw("GET /%2e%2e HTTP/1.1\r\nHost: x\r\nX-Request-Id: mine\r\n\r\n"); a.header.Get("X-Request-Id") != "mine" {
		t.Errorf("the gate's own answer has the id %q", a.header.Get("X-Request-Id"))
	}
}

// Ids of the gate's own are never masked, and none is without a digit that counts.
func TestNewID(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		for _, n := range []int{8, 16} {
			id := string(appendID(nil, n))
			if len(id) != 2*n || !isHex(id) || strings.Trim(id, "0") == "" || payment.Mask(id) != id || seen[id] {
				t.Errorf("id %s", id)
			}
			seen[id] = true
		}
	}
}

// What the gate forwards is what net/http reads in the bytes that came: the same
// method, path, host, fields and body, request for request. What net/http refuses
// is not forwarded.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{
		postText("/v1/quick", "k", "hello"),
		postText("/v1/quick", "k", "a") + postText("/v1/quick", "l", "b"),
		"POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"GET /x?a=b%20c;d HTTP/1.1\r\nHost: x:80\r\nCookie: a=b; c=d\r\nX: 1\r\nx: 2\r\nConnection: x\r\n\r\n",
		"POST http://x/v1/quick HTTP/1.0\r\nHost: x\r\nContent-Length: 1\r\n\r\na",
		"HEAD /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
		"DELETE /x HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS /x HTTP/1.1\r\nHost: x\r\nAccept: \r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	b := newBackend(f, say(false, answerWith(201, "{}")))
	r := &rig{t: f, back: b, log: &lockedBuffer{}}
	r.start(gateSettings(f, b.addr), time.Now)
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 4<<10 {
			return
		}
		before := len(b.requests())
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write(input); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Fatal(err)
		}
		got := b.requests()[before:]
		in := bufio.NewReader(strings.NewReader(string(input)))
		for i, g := range got {
			want, body, err := nextForwarded(in, g)
			if err != nil {
				t.Fatalf("request %d was forwarded, which net/http does not read: %v\n%q", i, err, input)
			}
			if same := sameRequest(want, body, g); same != "" {
				t.Fatalf("request %d: %s\n%q", i, same, input)
			}
		}
	})
}

// nextForwarded reads requests up to the one that was forwarded: others before it
// may have been answered by the gate.
func nextForwarded(in *bufio.Reader, got *seen) (*http.Request, string, error) {
	for {
		want, err := http.ReadRequest(in)
		if err != nil {
			return nil, "", err
		}
		body, err := io.ReadAll(want.Body)
		if err != nil {
			return nil, "", err
		}
		if want.Method == got.Method && strings.HasSuffix(want.RequestURI, got.RequestURI) && string(body) == got.body {
			return want, string(body), nil
		}
	}
}

func sameRequest(want *http.Request, body string, got *seen) string {
	if want.Host != "" && want.Host != got.Host && !strings.EqualFold(want.Host, got.Host) {
		return fmt.Sprintf("it is for %q, not for %q", got.Host, want.Host)
	}
	if body != got.body {
		return fmt.Sprintf("its body is %q, not %q", got.body, body)
	}
	dropped := map[string]bool{"Holdfast-Deadline": true, "Holdfast-Posture": true, "X-Forwarded-For": true, "Traceparent": true, "Tracestate": true, "X-Request-Id": true, "Content-Length": true, "Cookie": true}
	for name, values := range got.Header {
		if !dropped[name] && strings.Join(values, "|") != strings.Join(want.Header[name], "|") {
			return fmt.Sprintf("%s is %q, not %q", name, values, want.Header[name])
		}
	}
	return ""
}
