package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// start serves a gate on a socket in dir until the test ends.
func start(t *testing.T, dir string, h *server) *Client {
	t.Helper()
	s, err := Listen(SocketIn(dir))
	if err != nil {
		t.Fatal(err)
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- serve(ctx, s, h) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		if _, err := os.Lstat(SocketIn(dir)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the socket is still there: %v", err)
		}
	})
	return NewClient(SocketIn(dir))
}

func me() uint32 { return uint32(os.Getuid()) }

func wantCode(t *testing.T, err error, want holdfast.Code) {
	t.Helper()
	if got := holdfast.CodeOf(err); got != want {
		t.Fatalf("error %v has code %q, not %q", err, got, want)
	}
}

type stillClock struct{}

func (stillClock) Boot() time.Duration { return time.Hour }
func (stillClock) Now() time.Time      { return time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC) }

func openGate(t *testing.T, dir string) *gate.Gate {
	t.Helper()
	g, err := gate.New(gate.Options{Name: "gate-1", Dir: dir, Alone: true, Clock: stillClock{}})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// With no control plane at all, a person stops the gate, restarts it, finds it
// stopped, and lifts the stop.
func TestStopHoldsOverARestartUntilLifted(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	g := openGate(t, dir)
	var id string
	t.Run("stop", func(t *testing.T) {
		c := start(t, dir, &server{gate: g, uid: me()})
		var ack gate.Acknowledgement
		var err error
		if id, ack, err = c.Stop(ctx, `channel == "app"`, 7*time.Second); err != nil {
			t.Fatal(err)
		}
		if ack.Drain != 7*time.Second || !ack.Listed || len(ack.InFlight) > 0 || !ack.At.Equal(stillClock{}.Now()) {
			t.Errorf("acknowledged as %+v", ack)
		}
	})
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	g = openGate(t, dir)
	defer g.Close()
	c := start(t, dir, &server{gate: g, uid: me()})
	status, err := c.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if status.Gate != "gate-1" || len(status.Local) != 1 || status.Local[0].ID != id || status.Local[0].Scope != `channel == "app"` {
		t.Fatalf("status %+v does not list the stop %s", status, id)
	}
	wantCode(t, c.Lift(ctx, "local-other"), holdfast.NotFound)
	if err := c.Lift(ctx, id); err != nil {
		t.Fatal(err)
	}
	if status, err = c.Status(ctx); err != nil || len(status.Local) > 0 {
		t.Errorf("after the lift: %+v, %v", status, err)
	}
}

func TestLiftAll(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	g := openGate(t, dir)
	defer g.Close()
	c := start(t, dir, &server{gate: g, uid: me()})
	for range 2 {
		if _, _, err := c.Stop(ctx, "all", 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Lift(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if local := g.Status().Local; len(local) > 0 {
		t.Errorf("still in force: %v", local)
	}
}

func TestTheGatesErrorsArrive(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	g := openGate(t, dir)
	defer g.Close()
	c := start(t, dir, &server{gate: g, uid: me()})
	_, _, err := c.Stop(ctx, "amount >", 0)
	wantCode(t, err, holdfast.Invalid)
	_, _, direct := g.StopLocally("amount >", 0)
	if err.Error() != direct.Error() {
		t.Errorf("over the socket %q, at the gate %q", err, direct)
	}
	for _, drain := range []time.Duration{-time.Second, maxDrain + time.Second} {
		_, _, err := c.Stop(ctx, "all", drain)
		wantCode(t, err, holdfast.Invalid)
		var e *holdfast.Error
		if !errors.As(err, &e) || e.Field != "drain" {
			t.Errorf("drain %v: the error does not name the input: %#v", drain, err)
		}
	}
	if local := g.Status().Local; len(local) > 0 {
		t.Errorf("a refused stop is in force: %v", local)
	}
}

// fakeGate answers as it is told to.
type fakeGate struct {
	err error
	// If set, an act says that it has begun and waits.
	entered, leave chan struct{}

	mu    sync.Mutex
	calls []string
}

func (f *fakeGate) note(call string) error {
	if f.entered != nil {
		close(f.entered)
		<-f.leave
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
	return f.err
}

func (f *fakeGate) Status() gate.Status {
	return gate.Status{Gate: "g", LeaseLeft: time.Second, Directives: []posture.Directive{{ID: "d", Kind: posture.Stop, Scope: "all"}}}
}

func (f *fakeGate) StopLocally(scope string, drain time.Duration) (string, gate.Acknowledgement, error) {
	return "local-1", gate.Acknowledgement{Drain: drain, InFlight: []payment.Record{{Identity: "k1"}}}, f.note("stop " + scope)
}
func (f *fakeGate) LiftLocally(id string) error { return f.note("lift " + id) }
func (f *fakeGate) Accept() error               { return f.note("accept") }

// A stop that is in force and not on disk is told as both.
func TestStopThatIsNotOnDisk(t *testing.T) {
	t.Parallel()
	g := &fakeGate{err: errors.New("in force but not on disk: no space left")}
	c := start(t, t.TempDir(), &server{gate: g, uid: me()})
	id, ack, err := c.Stop(t.Context(), "all", time.Minute)
	wantCode(t, err, holdfast.Internal)
	if id != "local-1" || len(ack.InFlight) != 1 || ack.InFlight[0].Identity != "k1" || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("got %q, %+v, %v", id, ack, err)
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	g := &fakeGate{}
	c := start(t, t.TempDir(), &server{gate: g, uid: me()})
	if err := c.Accept(t.Context()); err != nil || len(g.calls) != 1 || g.calls[0] != "accept" {
		t.Errorf("got %v, calls %v", err, g.calls)
	}
}

func TestAnotherUsersProcessIsRefused(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	g := &fakeGate{}
	h := &server{gate: g, uid: me() + 1, log: slog.New(slog.NewTextHandler(&log, nil))}
	dir := t.TempDir()
	c := start(t, dir, h)
	_, err := c.Status(t.Context())
	wantCode(t, err, holdfast.Forbidden)
	_, _, err = c.Stop(t.Context(), "all", 0)
	wantCode(t, err, holdfast.Forbidden)
	wantCode(t, c.Lift(t.Context(), ""), holdfast.Forbidden)
	wantCode(t, c.Accept(t.Context()), holdfast.Forbidden)
	if len(g.calls) > 0 || !strings.Contains(log.String(), "refused") {
		t.Errorf("calls %v, log %s", g.calls, &log)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	g := &fakeGate{}
	c := start(t, t.TempDir(), &server{gate: g, uid: me()})
	tests := []struct {
		path, body string
		status     int
		code       holdfast.Code
	}{
		{"/stop", `{"scope":"all"}`, 200, ""},
		{"/stop", `{"scope":"all","drain":"0s"}`, 200, ""},
		{"/stop", `{}`, 400, holdfast.Invalid},
		{"/stop", ``, 400, holdfast.Invalid},
		{"/stop", `{"scope":"all","drian":"1s"}`, 400, holdfast.Invalid},
		{"/stop", `{"scope":"all"}{"scope":"all"}`, 400, holdfast.Invalid},
		{"/stop", `{"scope":"all","drain":30}`, 400, holdfast.Invalid},
		{"/stop", `{"scope":"all","drain":"soon"}`, 400, holdfast.Invalid},
		{"/stop", `{"scope":"` + strings.Repeat("x", maxRequest) + `"}`, 413, holdfast.TooLarge},
		{"/lift", `{}`, 400, holdfast.Invalid},
		{"/lift", `{"id":null}`, 400, holdfast.Invalid},
		{"/lift", `{"id":""}`, 200, ""},
		{"/accept", ``, 200, ""},
	}
	for _, tt := range tests {
		resp, err := c.http.Post("http://gate"+tt.path, "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
			t.Errorf("%s %.60s: the answer is not JSON: %v", tt.path, tt.body, err)
		}
		resp.Body.Close()
		var code holdfast.Code
		if a.Error != nil {
			code = a.Error.Code
		}
		if resp.StatusCode != tt.status || code != tt.code {
			t.Errorf("%s %.60s: status %d, code %q", tt.path, tt.body, resp.StatusCode, code)
		}
	}
	if want := []string{"stop all", "stop all", "lift ", "accept"}; strings.Join(g.calls, ";") != strings.Join(want, ";") {
		t.Errorf("the gate was called: %q", g.calls)
	}
}

// A caller who goes away before the answer cannot know; a status is no act.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	g := &fakeGate{entered: make(chan struct{}), leave: make(chan struct{})}
	c := start(t, t.TempDir(), &server{gate: g, uid: me()})
	defer close(g.leave)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-g.entered
		cancel()
	}()
	_, _, err := c.Stop(ctx, "all", 0)
	wantCode(t, err, holdfast.Doubtful)
	wantCode(t, c.silent(http.MethodGet, err), holdfast.Unavailable)
}

func TestAnswerOfSomethingElse(t *testing.T) {
	t.Parallel()
	path := SocketIn(t.TempDir())
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Write([]byte(`{}`))
		}
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	defer func() { s.Close(); <-done }()
	if _, err := NewClient(path).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "not a gate") {
		t.Errorf("an answer without a status: %v", err)
	}
	if err := NewClient(path).Lift(t.Context(), "x"); err == nil || !strings.Contains(err.Error(), "not a gate") {
		t.Errorf("an answer that is no JSON: %v", err)
	}
}

func FuzzRequests(f *testing.F) {
	f.Add([]byte(`{"scope":"all","drain":"30s"}`))
	f.Add([]byte(`{"id":""}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if req, drain, err := readStop(body); err == nil && (req.Scope == "" || drain < 0 || drain > maxDrain) {
			t.Errorf("%q is taken as %+v, %v", body, req, drain)
		} else if err != nil && holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%q: %v", body, err)
		}
		if _, err := readLift(body); err != nil && holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%q: %v", body, err)
		}
	})
}

func longDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", maxPath))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}
