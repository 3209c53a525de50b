package client

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/view"
)

// serve runs a node that answers as told, and makes a client for it.
func serve(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c, err := New(s.URL+"/", "hf_token", holdfast.ZhHant)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"http://127.0.0.1:8800": true, "https://holdfast.example": true,
		"": false, "127.0.0.1:8800": false, "ftp://host": false, "http://": false, "http://[": false,
	} {
		_, err := New(base, "", holdfast.En)
		if (err == nil) != ok || !ok && holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("New(%q): %v", base, err)
		}
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	var got *http.Request
	var body []byte
	answer := func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Write([]byte(`{"id":"x"}`))
	}
	c := serve(t, answer)

	made, err := Post[Created](t.Context(), c, "/incidents?a=1", map[string]string{"title": "付款失敗"})
	if err != nil || made.ID != "x" {
		t.Fatalf("%+v, %v", made, err)
	}
	if got.URL.String() != "/api/v1/incidents?a=1" || string(body) != `{"title":"付款失敗"}` {
		t.Errorf("%s with %s", got.URL, body)
	}
	for name, want := range map[string]string{"Authorization": "Bearer hf_token", "Accept-Language": "zh-Hant", "Content-Type": "application/json"} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}

	var raw json.RawMessage
	if err := c.Do(t.Context(), http.MethodPost, "/evidence", strings.NewReader("as it is"), &raw); err != nil || string(raw) != `{"id":"x"}` {
		t.Errorf("%s, %v", raw, err)
	}
	if string(body) != "as it is" || got.Header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%s as %s", body, got.Header.Get("Content-Type"))
	}

	s := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(s.Close)
	world, err := NewSandbox(s.URL, "world")
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Do(t.Context(), http.MethodDelete, "/faults", nil, nil); err != nil || got.URL.Path != "/sandbox/faults" || got.Header.Get("Authorization") != "Bearer world" {
		t.Errorf("%s, %v", got.URL, err)
	}
}

// What the other end refuses comes back as it said it.
func TestProblems(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status int
		body   string
		want   holdfast.Error
	}{
		{409, `{"title":"Conflict","detail":"task x is done 100% already","code":"conflict"}`, holdfast.Error{Code: holdfast.Conflict, Format: "task x is done 100% already"}},
		{422, `{"title":"Wrong","code":"invalid","field":"scope"}`, holdfast.Error{Code: holdfast.Invalid, Format: "Wrong", Field: "scope"}},
		{502, `<html>a proxy's page</html>`, holdfast.Error{Code: holdfast.Unavailable, Format: "the address does not answer like one of Holdfast: status 502"}},
		{404, `{"detail":"no code"}`, holdfast.Error{Code: holdfast.Unavailable, Format: "the address does not answer like one of Holdfast: status 404"}},
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			io.WriteString(w, test.body)
		})
		for way, err := range map[string]error{
			"Do":   c.Do(t.Context(), http.MethodGet, "/posture", nil, nil),
			"Copy": c.Copy(t.Context(), "/posture", io.Discard),
		} {
			e, ok := err.(*holdfast.Error)
			if !ok || e.Code != test.want.Code || e.Message() != test.want.Format || e.Field != test.want.Field {
				t.Errorf("%s of %s: %#v", way, test.body, err)
			}
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c, err := New(s.URL, "", holdfast.En)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Do(t.Context(), http.MethodGet, "/posture", nil, nil); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("%v", err)
	}
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte(`{"id":`))
	})
	if err := cut.Do(t.Context(), http.MethodGet, "/posture", nil, nil); holdfast.CodeOf(err) != holdfast.Unavailable {
		t.Errorf("an answer cut short: %v", err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "event: change\n\n") })
	var b bytes.Buffer
	if err := c.Copy(t.Context(), "/events", &b); err != nil || b.String() != "event: change\n\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestAwaitConfirmed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		answers []view.Directive // the last one again and again
		code    holdfast.Code
	}{
		"confirmed at once": {[]view.Directive{{State: "in-force", Confirmed: at}}, ""},
		"confirmed later":   {[]view.Directive{{State: "proposed"}, {State: "in-force"}, {State: "in-force", Confirmed: at}}, ""},
		"refused":           {[]view.Directive{{State: "proposed"}, {State: "refused"}}, holdfast.Conflict},
		"lifted before":     {[]view.Directive{{State: "lifted"}}, holdfast.Conflict},
		"never":             {[]view.Directive{{ID: "d1", State: "in-force"}}, holdfast.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			asked := 0
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked++
				if asked > len(test.answers) { // whoever waits has waited long enough
					cancel()
				}
				if r.URL.Query().Get("wait") == "" {
					t.Error("it asks without waiting")
				}
				json.NewEncoder(w).Encode(test.answers[min(asked, len(test.answers))-1])
			})
			d, err := c.AwaitConfirmed(ctx, "d1")
			if holdfast.CodeOf(err) != test.code {
				t.Errorf("%v, want code %q", err, test.code)
			}
			if test.code == "" && !d.Confirmed.Equal(at) || test.code == holdfast.Unavailable && d.ID != "d1" {
				t.Errorf("%+v", d)
			}
		})
	}
}

// Who may not look is told so, and not kept waiting.
func TestAwaitConfirmedRefused(t *testing.T) {
	t.Parallel()
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"code":"forbidden","detail":"no right"}`)
	})
	if _, err := c.AwaitConfirmed(t.Context(), "d1"); holdfast.CodeOf(err) != holdfast.Forbidden {
		t.Error(err)
	}
}
