package web

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"holdfast"
)

func done(w http.ResponseWriter, _ *http.Request, _ Request) error { return WriteJSON(w, 204, nil) }

func TestHosts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		listed []string
		host   string
		known  bool
	}{
		{nil, "localhost:8800", true},
		{nil, "LOCALHOST.:8800", true},
		{nil, "holdfast.localhost", true},
		{nil, "127.0.0.1:8800", true},
		{nil, "127.9.9.9", true},
		{nil, "[::1]:8800", true},
		{nil, "[::1]", true},
		{nil, "[::ffff:127.0.0.1]:8800", true},
		{nil, "192.0.2.1:8800", true}, // where the connection came in
		{nil, "192.0.2.2:8800", false},
		{nil, "rebound.example:8800", false},
		{nil, "localhost.rebound.example", false},
		{nil, "notlocalhost", false},
		{nil, "", false},
		{nil, "127.0.0.1.rebound.example", false},
		{[]string{"Holdfast.example", "10.0.0.7", "2001:db8::7"}, "holdfast.EXAMPLE:443", true},
		{[]string{"holdfast.example"}, "holdfast.example.", true},
		{[]string{"holdfast.example"}, "evil.holdfast.example", false},
		{[]string{"holdfast.example"}, "holdfast.example.evil", false},
		{[]string{"10.0.0.7"}, "10.0.0.7:1", true},
		{[]string{"2001:db8::7"}, "[2001:DB8:0::7]:1", true},
		{[]string{"10.0.0.7"}, "10.0.0.8:1", false},
		{[]string{"holdfast.example"}, "localhost:8800", true},
	}
	for _, tt := range tests {
		b := newBench(t, func(o *Options) { o.Hosts = tt.listed })
		r := request("GET", "/api/v1/x", "")
		r.Host = tt.host
		local := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8800}
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(local)))
		w := serve(b.Wrap(b.Handle(done)), r)
		if known := w.Code == 204; known != tt.known {
			t.Errorf("%q with %q: %d", tt.host, tt.listed, w.Code)
		}
		if !tt.known && problemOf(t, w).Code != holdfast.Forbidden {
			t.Errorf("%q: %s", tt.host, w.Body)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) { o.Hosts = []string{"holdfast.example"} })
	h := b.Wrap(b.Handle(done))
	for _, tt := range []struct {
		name   string
		method string
		header []string
		passes bool
	}{
		{"a program", "POST", nil, true},
		{"our page", "POST", []string{"Sec-Fetch-Site", "same-origin"}, true},
		{"typed by a person", "POST", []string{"Sec-Fetch-Site", "none"}, true},
		{"our page, old browser", "POST", []string{"Origin", "http://localhost:8800"}, true},
		{"another site", "POST", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"another site that claims our origin", "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "http://evil.example"}, false},
		{"a neighbour's page", "POST", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:9000"}, false},
		{"another site, old browser", "POST", []string{"Origin", "http://evil.example"}, false},
		{"another port, old browser", "POST", []string{"Origin", "http://localhost:9000"}, false},
		{"another name of ours, old browser", "POST", []string{"Origin", "http://holdfast.example"}, false},
		{"hidden origin", "POST", []string{"Origin", "null"}, false},
		{"nonsense", "POST", []string{"Origin", "::"}, false},
		{"PUT", "PUT", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"PATCH", "PATCH", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"DELETE", "DELETE", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"with a token", "POST", []string{"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer " + goodToken}, false},
		{"following a link", "GET", []string{"Sec-Fetch-Site", "cross-site"}, true},
	} {
		w := serve(h, request(tt.method, "/api/v1/x", "", tt.header...))
		if passes := w.Code == 204; passes != tt.passes {
			t.Errorf("%s: %d", tt.name, w.Code)
		}
		if !tt.passes && problemOf(t, w).Code != holdfast.Forbidden {
			t.Errorf("%s: %s", tt.name, w.Body)
		}
	}
}

func TestHeadersOnEveryAnswer(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
		// With no-referrer, a browser's own forms would come with "Origin: null".
		"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Content-Security-Policy": policy,
	}
	for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'self'"} {
		if !strings.Contains(policy, directive) {
			t.Errorf("the policy lacks %s", directive)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Error("the policy lets inline scripts or styles run")
	}
	b := newBench(t, nil)
	file := func(w http.ResponseWriter, _ *http.Request, _ Request) error {
		_ = WriteFile(undone{w}, "a.txt", []byte("x"))
		return holdfast.Errorf(holdfast.NotFound, "gone")
	}
	rebound := request("GET", "/", "")
	rebound.Host = "rebound.example"
	for name, w := range map[string]*httptest.ResponseRecorder{
		"success":             serve(b.Wrap(b.Handle(done)), request("GET", "/api/v1/x", "")),
		"error":               serve(b.Wrap(b.Handle(failing(holdfast.Errorf(holdfast.Invalid, "x")))), request("GET", "/api/v1/x", "")),
		"panic":               serve(b.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(1) })), request("GET", "/", "")),
		"unknown host":        serve(b.Wrap(b.Handle(done)), rebound),
		"failed after a file": serve(b.Wrap(b.Handle(file)), request("GET", "/api/v1/x", "")),
		"the mux's own":       serve(b.Wrap(http.NewServeMux()), request("GET", "/nowhere", "")),
	} {
		for header, value := range want {
			if name == "the mux's own" && header == "Cache-Control" {
				continue // http.Error drops it
			}
			if got := w.Header().Get(header); got != value {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		if w.Header().Get("X-Request-Id") == "" || w.Header().Get("Permissions-Policy") == "" || w.Header().Get("Content-Disposition") != "" {
			t.Errorf("%s: %v", name, w.Header())
		}
		if w.Header().Get("Strict-Transport-Security") != "" {
			t.Errorf("%s: HSTS over plain HTTP", name)
		}
	}
	secure := newBench(t, func(o *Options) { o.Secure = true })
	if got := serve(secure.Wrap(secure.Handle(done)), request("GET", "/api/v1/x", "")).Header().Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("HSTS %q", got)
	}
}

// undone takes headers and no body.
type undone struct{ http.ResponseWriter }

func (u undone) Write(b []byte) (int, error) { return len(b), nil }

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		b := newBench(t, func(o *Options) { o.Secure = secure })
		w := httptest.NewRecorder()
		b.SetSession(w, "secret")
		c := w.Result().Cookies()[0]
		if strings.HasPrefix(c.Name, "__Host-") != secure || c.Secure != secure {
			t.Errorf("secure %v: cookie %s, Secure %v", secure, c.Name, c.Secure)
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge != 0 {
			t.Errorf("cookie %v", c)
		}
		r := request("GET", "/", "")
		r.AddCookie(c)
		if got := b.SessionSecret(r); got != "secret" {
			t.Errorf("read back: %q", got)
		}
		w = httptest.NewRecorder()
		b.ClearSession(w)
		if cleared := w.Result().Cookies()[0]; cleared.Name != c.Name || cleared.MaxAge >= 0 || cleared.Value != "" {
			t.Errorf("cleared: %v", cleared)
		}
	}
	// What anyone on the network could have set does not count over TLS.
	b := newBench(t, func(o *Options) { o.Secure = true })
	for _, cookie := range []string{"", cookieName + "=x", cookiePrefix + cookieName + "=" + strings.Repeat("x", 200)} {
		if got := b.SessionSecret(request("GET", "/", "", "Cookie", cookie)); got != "" {
			t.Errorf("%.40s: secret %.20q", cookie, got)
		}
	}
}

func TestNoBodyIsEndless(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var err error
	h := b.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n int
		buf := make([]byte, 1<<20)
		for total := 0; total <= maxBody+1 && err == nil; total += n {
			n, err = r.Body.Read(buf)
		}
	}))
	r := request("POST", "/x", "")
	r.Body = http.NoBody
	if serve(h, r); err == nil || strings.Contains(err.Error(), "too large") {
		t.Fatalf("no body: %v", err)
	}
	err, r.Body = nil, endless{}
	if serve(h, r); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("an endless body ends with %v", err)
	}
}

type endless struct{}

func (endless) Read(b []byte) (int, error) { return len(b), nil }
func (endless) Close() error               { return nil }
