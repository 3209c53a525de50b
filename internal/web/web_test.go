package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/locale"
)

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

const (
	goodToken   = "hf_good"
	goodSession = "good-secret"
)

// people is an [Access] with one account that has one token and one session.
type people struct {
	lang holdfast.Lang
	err  error
}

func (p people) principal() access.Principal {
	return access.Principal{
		Actor: holdfast.Actor{Kind: holdfast.Account, ID: "mei", Name: "Mei"}, Account: "mei", Lang: p.lang,
		Actions: access.Actions{access.Read},
	}
}

func (p people) ByToken(text string) (access.Principal, error) {
	if p.err != nil {
		return access.Principal{}, p.err
	}
	if text != goodToken {
		return access.Principal{}, holdfast.Errorf(holdfast.Unauthenticated, "the token is not valid")
	}
	return p.principal(), nil
}

func (p people) BySession(_ context.Context, secret string) (access.Principal, access.Session, error) {
	if p.err != nil {
		return access.Principal{}, access.Session{}, p.err
	}
	if secret != goodSession {
		return access.Principal{}, access.Session{}, holdfast.Errorf(holdfast.Unauthenticated, "the session has ended; sign in again")
	}
	return p.principal(), access.Session{ID: "s1", Account: "mei"}, nil
}

type bench struct {
	*Server
	log bytes.Buffer
}

func newBench(t *testing.T, change func(*Options)) *bench {
	t.Helper()
	b := &bench{}
	o := Options{
		Access: people{}, Now: func() time.Time { return now },
		Log: slog.New(slog.NewJSONHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	var err error
	if b.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	return b
}

// request is for a node reached under localhost.
func request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost:8800"
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) Problem {
	t.Helper()
	if kind := w.Header().Get("Content-Type"); kind != "application/problem+json" {
		t.Fatalf("the answer is %q, not a problem: %d %s", kind, w.Code, w.Body)
	}
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	if p.Status != w.Code || p.Request == "" || p.Request != w.Header().Get("X-Request-Id") {
		t.Errorf("status %d and id %q in the body, %d and %q in the header", p.Status, p.Request, w.Code, w.Header().Get("X-Request-Id"))
	}
	return p
}

// failing answers with an error.
func failing(err error) func(http.ResponseWriter, *http.Request, Request) error {
	return func(http.ResponseWriter, *http.Request, Request) error { return err }
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := Options{Access: people{}, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	for name, change := range map[string]func(*Options){
		"no access":       func(o *Options) { o.Access = nil },
		"no log":          func(o *Options) { o.Log = nil },
		"no clock":        func(o *Options) { o.Now = nil },
		"no such tongue":  func(o *Options) { o.Language = "fr" },
		"host with port":  func(o *Options) { o.Hosts = []string{"holdfast.example:8800"} },
		"host with URL":   func(o *Options) { o.Hosts = []string{"https://holdfast.example"} },
		"host with star":  func(o *Options) { o.Hosts = []string{"*.example"} },
		"host of nothing": func(o *Options) { o.Hosts = []string{""} },
	} {
		o := good
		change(&o)
		if _, err := New(o); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(good); err != nil {
		t.Error(err)
	}
}

func TestStatusOfEachCode(t *testing.T) {
	t.Parallel()
	tests := map[holdfast.Code]int{
		holdfast.Invalid: 400, holdfast.Unauthenticated: 401, holdfast.Forbidden: 403, holdfast.NotFound: 404, holdfast.Conflict: 409,
		holdfast.TooLarge: 413, holdfast.TooMany: 429, holdfast.Unavailable: 503, holdfast.Doubtful: 504, holdfast.Damaged: 500,
		holdfast.Internal: 500, "novelty": 500,
	}
	b := newBench(t, nil)
	for code, want := range tests {
		err := fmt.Errorf("act: %w", holdfast.Errorf(code, "no: %d", 7).At("reason"))
		if got := Status(err); got != want {
			t.Errorf("Status(%s) = %d, want %d", code, got, want)
		}
		w := serve(b.Wrap(b.Handle(failing(err))), request("GET", "/api/v1/x", ""))
		p := problemOf(t, w)
		if w.Code != want || p.Title == "" || p.Type != "about:blank" || strings.HasPrefix(p.Title, "error.title") {
			t.Errorf("%s: status %d, %+v", code, w.Code, p)
		}
		wantRetry := code == holdfast.TooMany || code == holdfast.Unavailable
		if got := w.Header().Get("Retry-After"); (got != "") != wantRetry {
			t.Errorf("%s: Retry-After %q", code, got)
		}
		hidden := want == 500 && code != holdfast.Damaged
		if hidden && (p.Code != holdfast.Internal || p.Field != "" || strings.Contains(w.Body.String(), "no: 7")) {
			t.Errorf("%s shows %+v", code, p)
		}
		if !hidden && (p.Code != code || p.Field != "reason" || p.Detail != "no: 7") {
			t.Errorf("%s: %+v", code, p)
		}
	}
	if Status(nil) != 200 || Status(errors.New("x")) != 500 {
		t.Error("nil is 200 and an error without a code 500")
	}
}

func TestRetryAfterIsTheErrorsOwn(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	err := holdfast.Errorf(holdfast.TooMany, "slowly").Because(access.Wait(90*time.Second + time.Millisecond))
	if got := serve(b.Wrap(b.Handle(failing(err))), request("GET", "/api/v1/x", "")).Header().Get("Retry-After"); got != "91" {
		t.Errorf("Retry-After %q", got)
	}
	page := b.Page(failing(err), func(w http.ResponseWriter, _ *http.Request, _ Request, err error) { w.WriteHeader(Status(err)) })
	if got := serve(b.Wrap(page), request("GET", "/x", "")).Header().Get("Retry-After"); got != "91" {
		t.Errorf("on a page: Retry-After %q", got)
	}
}

// An error of ours, or a panic, shows an id and nothing else; the log has both.
func TestInternalIsLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	secret := errors.New("disk sda1 at 10.0.0.7")
	for name, handler := range map[string]func(http.ResponseWriter, *http.Request, Request) error{
		"error":       failing(secret),
		"coded error": failing(holdfast.Errorf(holdfast.Internal, "disk %s", "sda1 at 10.0.0.7").At("disk")),
		"panic":       func(http.ResponseWriter, *http.Request, Request) error { panic(secret) },
	} {
		b := newBench(t, nil)
		shown := ""
		page := b.Page(handler, func(w http.ResponseWriter, _ *http.Request, req Request, err error) {
			shown = req.ID
			w.WriteHeader(Status(err))
			_, _ = fmt.Fprint(w, locale.For(req.Lang).Error(err))
		})
		for kind, h := range map[string]http.Handler{"problem": b.Handle(handler), "page": page} {
			b.log.Reset()
			w := serve(b.Wrap(h), request("GET", "/api/v1/x", ""))
			id := w.Header().Get("X-Request-Id")
			if w.Code != 500 || strings.Contains(w.Body.String(), "sda1") {
				t.Errorf("%s as %s: %d %s", name, kind, w.Code, w.Body)
			}
			if kind == "problem" {
				if p := problemOf(t, w); !strings.Contains(p.Detail, id) || p.Field != "" {
					t.Errorf("%s: %+v", name, p)
				}
			} else if shown != id {
				t.Errorf("%s: the page got the id %q, the header has %q", name, shown, id)
			}
			logged := line(t, b.log.String(), "request failed")
			if logged["level"] != "ERROR" || logged["request"] != id || !strings.Contains(fmt.Sprint(logged["error"]), "sda1") {
				t.Errorf("%s as %s is logged as %v", name, kind, logged)
			}
			if (name == "panic") != (logged["stack"] != nil) {
				t.Errorf("%s as %s: stack %v", name, kind, logged["stack"])
			}
		}
	}
}

// line returns the first line of a JSON log with a message.
func line(t *testing.T, log, message string) map[string]any {
	t.Helper()
	for text := range strings.Lines(log) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["msg"] == message {
			return fields
		}
	}
	t.Fatalf("the log has no %q: %s", message, log)
	return nil
}

// What even the page of an error cannot show still gets an answer.
func TestPanicOutsideHandlers(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	broken := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("sda1") })
	if p := problemOf(t, serve(b.Wrap(broken), request("GET", "/api/v1/x", ""))); p.Status != 500 {
		t.Errorf("%+v", p)
	}
	w := serve(b.Wrap(broken), request("GET", "/x", "", "Accept", "text/html", "Accept-Language", "zh-TW"))
	if id := w.Header().Get("X-Request-Id"); w.Code != 500 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") ||
		!strings.Contains(w.Body.String(), id) || !strings.Contains(w.Body.String(), "內部錯誤") || strings.Contains(w.Body.String(), "sda1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// An answer that fails half-way is broken off: half a list must not pass for one.
func TestHalfAnAnswerIsBrokenOff(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	node := httptest.NewServer(b.Wrap(b.Handle(func(w http.ResponseWriter, _ *http.Request, _ Request) error {
		_, _ = w.Write(make([]byte, 1<<16))
		return errors.New("no more")
	})))
	defer node.Close()
	resp, err := http.Get(node.URL + "/api/v1/x")
	if err == nil {
		_, err = new(bytes.Buffer).ReadFrom(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("the client takes it for whole")
	}
}

func TestWhoAsks(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var got Request
	keep := func(_ http.ResponseWriter, _ *http.Request, req Request) error { got = req; return nil }
	api := b.Wrap(b.Handle(keep))
	page := b.Wrap(b.Page(keep, func(w http.ResponseWriter, _ *http.Request, _ Request, err error) { w.WriteHeader(Status(err)) }))
	cookie := cookieName + "=" + goodSession
	tests := []struct {
		name      string
		on        http.Handler
		header    []string
		code      int
		account   string
		session   string
		challenge string
	}{
		{"token", api, []string{"Authorization", "Bearer " + goodToken}, 200, "mei", "", ""},
		{"token, small letters", api, []string{"Authorization", "bearer " + goodToken}, 200, "mei", "", ""},
		{"nothing", api, nil, 200, "", "", ""},
		{"wrong token", api, []string{"Authorization", "Bearer hf_bad"}, 401, "", "", `Bearer realm="holdfast", error="invalid_token"`},
		{"password", api, []string{"Authorization", "Basic bWVpOng="}, 401, "", "", `Bearer realm="holdfast", error="invalid_token"`},
		{"the API does not look at cookies", api, []string{"Cookie", cookie}, 200, "", "", ""},
		{"session", page, []string{"Cookie", cookie}, 200, "mei", "s1", ""},
		{"ended session", page, []string{"Cookie", cookieName + "=other"}, 200, "", "", ""},
		{"a page does not look at tokens", page, []string{"Authorization", "Bearer " + goodToken}, 200, "", "", ""},
	}
	for _, tt := range tests {
		got = Request{}
		w := serve(tt.on, request("GET", "/api/v1/x", "", tt.header...))
		if w.Code != tt.code || got.Who.Account != tt.account || got.Session.ID != tt.session || w.Header().Get("WWW-Authenticate") != tt.challenge {
			t.Errorf("%s: status %d, %+v, challenge %q", tt.name, w.Code, got, w.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestAccessThatCannotAnswer(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(o *Options) {
		o.Access = people{err: holdfast.Errorf(holdfast.Unavailable, "the journal is closed")}
	})
	served := func(http.ResponseWriter, *http.Request, Request) error { t.Error("it was served"); return nil }
	page := b.Page(served, func(w http.ResponseWriter, _ *http.Request, _ Request, err error) { w.WriteHeader(Status(err)) })
	for name, w := range map[string]*httptest.ResponseRecorder{
		"token":   serve(b.Wrap(b.Handle(served)), request("GET", "/api/v1/x", "", "Authorization", "Bearer "+goodToken)),
		"session": serve(b.Wrap(page), request("GET", "/x", "", "Cookie", cookieName+"="+goodSession)),
	} {
		if w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		account, operator holdfast.Lang
		header            string
		api, page         holdfast.Lang
	}{
		{"", "", "", holdfast.En, holdfast.En},
		{"", holdfast.ZhHans, "", holdfast.ZhHans, holdfast.ZhHans},
		{"", holdfast.ZhHans, "*", holdfast.ZhHans, holdfast.ZhHans},
		{"", holdfast.ZhHans, "zh-TW,en;q=0.5", holdfast.ZhHant, holdfast.ZhHant},
		{holdfast.ZhHant, holdfast.ZhHans, "", holdfast.ZhHant, holdfast.ZhHant},
		// A program says what it wants; a browser says what its machine was set to.
		{holdfast.ZhHant, holdfast.ZhHans, "en", holdfast.En, holdfast.ZhHant},
	}
	for _, tt := range tests {
		b := newBench(t, func(o *Options) { o.Access, o.Language = people{lang: tt.account}, tt.operator })
		var got holdfast.Lang
		keep := func(_ http.ResponseWriter, _ *http.Request, req Request) error { got = req.Lang; return nil }
		header := []string{"Authorization", "Bearer " + goodToken, "Cookie", cookieName + "=" + goodSession}
		if tt.header != "" {
			header = append(header, "Accept-Language", tt.header)
		}
		if serve(b.Wrap(b.Handle(keep)), request("GET", "/api/v1/x", "", header...)); got != tt.api {
			t.Errorf("%+v: API speaks %s", tt, got)
		}
		if serve(b.Wrap(b.Page(keep, nil)), request("GET", "/x", "", header...)); got != tt.page {
			t.Errorf("%+v: page speaks %s", tt, got)
		}
	}
	b := newBench(t, nil)
	w := serve(b.Wrap(b.Handle(failing(holdfast.Errorf(holdfast.Invalid, "the file is empty")))), request("GET", "/api/v1/x", "", "Accept-Language", "zh-Hant"))
	if p := problemOf(t, w); p.Detail != "檔案是空的" || p.Title != "輸入有誤" || w.Header().Get("Content-Language") != "zh-Hant" {
		t.Errorf("%+v", p)
	}
}

func TestClientIsTheConnections(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	var got Request
	h := b.Wrap(b.Handle(func(_ http.ResponseWriter, _ *http.Request, req Request) error { got = req; return nil }))
	r := request("GET", "/api/v1/x", "", "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9")
	for remote, want := range map[string]string{"192.0.2.7:4711": "192.0.2.7", "[::ffff:192.0.2.8]:1": "192.0.2.8", "[2001:db8::1]:1": "2001:db8::1"} {
		r.RemoteAddr = remote
		if serve(h, r); got.Client.String() != want {
			t.Errorf("%s: client %s", remote, got.Client)
		}
	}
}

func TestLogHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	ok := func(w http.ResponseWriter, _ *http.Request, _ Request) error { return WriteJSON(w, 200, "x") }
	serve(b.Wrap(b.Handle(ok)), request("POST", "/api/v1/x?q=query-secret", `{"password":"body-secret"}`,
		"Authorization", "Bearer "+goodToken, "Cookie", cookieName+"="+goodSession))
	got := line(t, b.log.String(), "request")
	if got["level"] != "DEBUG" || got["path"] != "/api/v1/x" || got["status"] != 200.0 || got["bytes"] != 4.0 || got["account"] != "mei" || got["method"] != "POST" {
		t.Errorf("logged %v", got)
	}
	for _, secret := range []string{"query-secret", "body-secret", goodToken, goodSession} {
		if strings.Contains(b.log.String(), secret) {
			t.Errorf("the log holds %q: %s", secret, b.log.String())
		}
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	b := newBench(t, nil)
	mux := http.NewServeMux()
	done := b.Handle(func(w http.ResponseWriter, _ *http.Request, _ Request) error { return WriteJSON(w, 204, nil) })
	mux.Handle("GET /api/v1/plan", done)
	mux.Handle("POST /api/v1/plan", done)
	h := b.Wrap(b.Routes(mux))
	for _, tt := range []struct {
		method, path string
		status       int
		code         holdfast.Code
		allow        string
	}{
		{"GET", "/api/v1/plan", 204, "", ""},
		{"GET", "/api/v1/plans", 404, holdfast.NotFound, ""},
		{"DELETE", "/api/v1/plan", 405, holdfast.Invalid, "GET, HEAD, POST"},
	} {
		w := serve(h, request(tt.method, tt.path, ""))
		if w.Code != tt.status || w.Header().Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q", tt.method, tt.path, w.Code, w.Header().Get("Allow"))
		}
		if tt.code != "" && problemOf(t, w).Code != tt.code {
			t.Errorf("%s %s: %s", tt.method, tt.path, w.Body)
		}
	}
}
