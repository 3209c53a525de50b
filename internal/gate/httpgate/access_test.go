package httpgate

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/gate/httpgate/accesslog"
	"holdfast/internal/posture"
)

// newAccess opens an access log; logged has it write down what it got, and reads that.
func newAccess(t *testing.T) (access *accesslog.Log, logged func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "access")
	access, err := accesslog.Open(path, 1<<20, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return access, func() string {
		t.Helper()
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if err := access.Run(ended); err != nil {
			t.Fatal(err)
		}
		return readFile(t, path)
	}
}

// linesOf reads an access log, and leaves out times, which are other ones each time.
func linesOf(t *testing.T, log string) (lines []accessLine) {
	t.Helper()
	for text := range strings.Lines(log) {
		var l accessLine
		if err := json.Unmarshal([]byte(text), &l); err != nil || l.Time.IsZero() || l.Ms < 0 {
			t.Fatalf("%q: %v", text, err)
		}
		l.Time, l.Ms = time.Time{}, 0
		lines = append(lines, l)
	}
	return lines
}

// The access log says of each request what became of it.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	access, logged := newAccess(t)
	b := newBackend(t, created)
	r := &rig{t: t, back: b, log: &lockedBuffer{}, access: access}
	r.start(gateSettings(t, b.addr), time.Now)
	r.post("/v1/payments?a=b", "k1", goodPayment, "X-Request-Id: r-1", "Traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	r.enforce(5, posture.Set{}, stopAll)
	r.post("/v1/payments", "k2", goodPayment)
	r.raw("GET /v1/payments?key=k1 HTTP/1.1\r\nHost: x\r\n\r\n")
	r.raw("GET /x HTTP/1.1\r\nX : y\r\n\r\n")
	lines := linesOf(t, logged())
	for i, l := range lines {
		if l.ID == "" || l.Client != "127.0.0.1" || l.Proto != "HTTP/1.1" {
			t.Errorf("%+v", l)
		}
		lines[i].Client, lines[i].Proto = "", ""
		if l.ID != "r-1" {
			lines[i].ID, lines[i].Trace = "", ""
		}
	}
	want := []accessLine{
		{ID: "r-1", Trace: "4bf92f3577b34da6a3ce929d0e0e4736", Method: "POST", Path: "/v1/payments", Route: "pay", Kind: "payment", Identity: "k1", Status: 201, Verdict: "forward", Outcome: "done", Primary: b.addr},
		{Method: "POST", Path: "/v1/payments", Route: "pay", Kind: "payment", Identity: "k2", Status: 503, Verdict: "decline", Reason: "stopped", Attempt: "not-forwarded"},
		{Method: "GET", Path: "/v1/payments", Route: "by-key", Kind: "inquiry", Identity: "k1", Status: 201, Outcome: "done", Primary: b.addr},
		{Method: "GET", Status: 400, Attempt: "not-forwarded"},
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%+v, want %+v", lines, want)
	}
}

// The access log says of each advice what became of it, without its body.
func TestAccessLogOfAdvices(t *testing.T) {
	t.Parallel()
	access, logged := newAccess(t)
	r, a, w := advised(t, created)
	r.server.access = access
	r.server.StandIn(nil, a)
	if _, err := a.Deliver(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	r.enforce(5, posture.Set{}, stopAll)
	a.Deliver(t.Context(), w)
	w.Attempt.Inquiry = true
	a.Deliver(t.Context(), w)
	r.back.close()
	a.Deliver(t.Context(), w)
	want := []accessLine{
		{Advice: "delivery", Route: "pay", Kind: "payment", Identity: "k1", Status: 201, Outcome: "done"},
		{Advice: "delivery", Route: "pay", Kind: "payment", Identity: "k1", Attempt: "not-forwarded"},
		{Advice: "inquiry", Route: "pay", Kind: "payment", Identity: "k1", Status: 201, Outcome: "unknown"},
		{Advice: "inquiry", Route: "pay", Kind: "payment", Identity: "k1", Attempt: "not-forwarded"},
	}
	if lines := linesOf(t, logged()); !slices.Equal(lines, want) {
		t.Errorf("%+v, want %+v", lines, want)
	}
}
