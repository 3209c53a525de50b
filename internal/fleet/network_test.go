package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

func gateOn(t *testing.T, name string) *gate.Gate {
	t.Helper()
	g, err := gate.New(gate.Options{Name: name, Dir: t.TempDir(), Routes: []gate.Route{route(gate.Static)}, Clock: bootClock{time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func run(t *testing.T, loop func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- loop(ctx) }()
	done := false
	stop = func() {
		if done {
			return
		}
		done = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("a loop ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// counting tells when a report with counts of payments was recorded.
type counting struct {
	gate.Control
	recorded chan struct{}
}

func (c counting) Report(ctx context.Context, r gate.Report) (gate.Reported, error) {
	done, err := c.Control.Report(ctx, r)
	for _, s := range r.Counts {
		if err == nil && len(s.Rows) > 0 {
			select {
			case c.recorded <- struct{}{}:
			default:
			}
		}
	}
	return done, err
}

// The whole protocol over mTLS, with a real gate: enrolment, posture, lease,
// acknowledgement, confirmation, counts; then its node dies and it goes on at
// the next one.
func TestGateOverTheNetwork(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	authority, conf := fleetOf(t)
	one, two := r.serve(conf), r.serve(conf)
	g := gateOn(t, "east")
	if !g.Status().Closed {
		t.Fatal("a gate without a posture is open")
	}
	run(t, r.node.Confirm)
	control := counting{NewClients([]string{one.url, two.url}, gateTLS(t, authority, "east")), make(chan struct{}, 1)}
	run(t, func(ctx context.Context) error { return g.Run(ctx, control) })
	acknowledged := func() bool {
		i := r.gates.Gate("east").Present()
		return i != nil && i.Posture == r.directives.Book.Head()
	}
	r.until("the first posture is acknowledged", acknowledged)
	p := payment.Payment{Route: "pay", Kind: payment.Pay, Identity: "k1"}
	if s := g.Status(); s.Closed || s.Posture != r.head() {
		t.Errorf("status %+v", s)
	}
	a, v := g.Admit(&p, gate.Static)
	if v.Action != posture.Forward {
		t.Fatalf("declined: %+v", v)
	}
	id := r.stop()
	r.until("the stop is confirmed", func() bool { return r.directives.Book.Directive(id).Confirmation != nil })
	if _, v := g.Admit(&payment.Payment{Route: "pay", Kind: payment.Pay, Identity: "k2"}, gate.Static); v.Reason != posture.Stopped {
		t.Errorf("after the confirmation: %+v", v)
	}
	row := r.confirmation(id).Gates[0]
	if !row.Known || row.InFlight != 1 {
		t.Errorf("the confirmation says %+v", row)
	}
	a.Finish(payment.Done, "201")
	r.until("the drain is reported", func() bool {
		s := r.gates.Gate("east").Present().StopAt(r.directives.Book.Head().Position)
		return s != nil && s.Drained != nil && s.Drained.Done == 1
	})

	one.close()
	if err := r.directives.Lift(t.Context(), officer, id, 0, "over"); err != nil {
		t.Fatal(err)
	}
	r.until("the lift is acknowledged at the other node", acknowledged)
	if n := len(r.gates.Gate("east").Incarnations); n != 1 {
		t.Errorf("%d incarnations of one process", n)
	}
	<-control.recorded
	now := time.Now().Unix()
	total, err := r.series.Totals(traffic.Query{From: now - 600, To: now + 1}, traffic.ByRoute)
	if err != nil || len(total.Groups) == 0 || total.Groups[0].Count == 0 {
		t.Errorf("counts: %+v, %v", total, err)
	}
}

func TestWhoMaySpeak(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	authority, conf := fleetOf(t)
	foreign, foreignNode := fleetOf(t)
	node, elsewhere := r.serve(conf), r.serve(foreignNode)
	enrol := func(url string, c *tls.Config, as string) error {
		_, err := NewClient(url, c).Enrol(t.Context(), gate.Enrolment{Gate: as, Boot: "b1", Routes: []gate.Route{route(gate.Static)}})
		return err
	}
	east := gateTLS(t, authority, "east")
	if err := enrol(node.url, east, "east"); err != nil {
		t.Fatalf("a gate cannot speak for itself: %v", err)
	}

	// A gate for another gate, in each of the calls.
	c := NewClient(node.url, east)
	_, err1 := c.Enrol(t.Context(), gate.Enrolment{Gate: "west", Boot: "b1"})
	_, err2 := c.Beat(t.Context(), gate.Heartbeat{Gate: "west", Boot: "b1"})
	_, err3 := c.Report(t.Context(), gate.Report{Gate: "west", Boot: "b1"})
	err4 := c.Follow(t.Context(), "west", "b1", func(posture.Set) error { return nil })
	for i, err := range []error{err1, err2, err3, err4} {
		if code(err) != holdfast.Forbidden || !strings.Contains(err.Error(), "cannot speak for gate") {
			t.Errorf("call %d for another gate: %v", i, err)
		}
	}

	// Certificates.
	otherName, err := authority.Node([]string{"elsewhere.example"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	misnamed := r.serve(otherName)
	mixed := gateTLS(t, foreign, "east") // another authority's gate that trusts this node
	mixed.RootCAs = east.RootCAs
	none := &tls.Config{RootCAs: east.RootCAs, MinVersion: tls.VersionTLS13}
	asServer := &tls.Config{Certificates: conf.Certificates, RootCAs: east.RootCAs, MinVersion: tls.VersionTLS13}
	for name, err := range map[string]error{
		"the node is of another authority": enrol(elsewhere.url, east, "east"),
		"the gate is of another authority": enrol(node.url, mixed, "east"),
		"the node has another name":        enrol(misnamed.url, east, "east"),
		"the gate has no certificate":      enrol(node.url, none, "east"),
		"a node's certificate for a gate":  enrol(node.url, asServer, "127.0.0.1"),
	} {
		if err == nil {
			t.Errorf("%s, and it is enrolled", name)
		}
	}
	if n := len(r.gates.Gate("east").Incarnations); n != 1 || r.gates.Gate("west") != nil {
		t.Errorf("%d incarnations of east; west %v", n, r.gates.Gate("west"))
	}
}

func TestAuthorityIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "fleet")
	a, err := OpenAuthority(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := a.Gate("east", time.Now()); err != nil {
		t.Fatal(err)
	}
	again, err := OpenAuthority(dir, time.Now().Add(time.Hour))
	if err != nil || !again.cert.Equal(a.cert) {
		t.Fatalf("another authority: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 4 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", f.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"", "..", "../x", "East", "a/b"} {
		if _, _, _, err := a.Gate(name, time.Now()); code(err) != holdfast.Invalid {
			t.Errorf("a certificate for %q: %v", name, err)
		}
	}
	if _, err := a.Node(nil, time.Now()); err == nil {
		t.Error("a node without a host")
	}

	// Half of it is not a reason to make another: all gates would be cut off.
	if err := os.Remove(filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir, time.Now()); code(err) != holdfast.Damaged {
		t.Errorf("without its key: %v", err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "ca.pem")); err != nil || len(got) == 0 {
		t.Errorf("the certificate is gone: %v", err)
	}
	// A crash before the certificate was written: nothing was signed yet.
	if err := os.Rename(filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir, time.Now()); err != nil {
		t.Errorf("after a crash: %v", err)
	}
	if _, err := GateTLS(filepath.Join(dir, "gate-east.pem"), filepath.Join(dir, "gate-east.key"), filepath.Join(dir, "no.pem")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no authority: %v", err)
	}
	if _, err := GateTLS(filepath.Join(dir, "gate-east.pem"), filepath.Join(dir, "gate-east.key"), filepath.Join(dir, "gate-east.key")); code(err) != holdfast.Invalid {
		t.Errorf("a key for the authority: %v", err)
	}
}

// fake is a node whose every call fails with err, or hangs.
type fake struct {
	err   error
	hang  bool
	calls int
}

func (f *fake) answer(ctx context.Context) error {
	f.calls++
	if f.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.err
}

func (f *fake) Enrol(ctx context.Context, _ gate.Enrolment) (gate.Enrolled, error) {
	return gate.Enrolled{Every: time.Second}, f.answer(ctx)
}
func (f *fake) Beat(ctx context.Context, _ gate.Heartbeat) (gate.Beat, error) {
	return gate.Beat{}, f.answer(ctx)
}
func (f *fake) Report(ctx context.Context, _ gate.Report) (gate.Reported, error) {
	return gate.Reported{}, f.answer(ctx)
}
func (f *fake) Follow(ctx context.Context, _, _ string, _ func(posture.Set) error) error {
	return f.answer(ctx)
}

// A session stays with its node; the next begins at the next node once any call
// has failed there.
func TestClients(t *testing.T) {
	t.Parallel()
	away := holdfast.Errorf(holdfast.Unavailable, "away")
	a, b := &fake{}, &fake{}
	c := &Clients{nodes: []gate.Control{a, b}}
	at := func() int { _, i := c.node(); return i }
	enrol := func() error { _, err := c.Enrol(t.Context(), gate.Enrolment{}); return err }
	if err := enrol(); err != nil || at() != 0 {
		t.Fatalf("at node %d, %v", at(), err)
	}
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	a.hang = true
	if _, err := c.Beat(late, gate.Heartbeat{}); !errors.Is(err, context.DeadlineExceeded) || at() != 0 {
		t.Errorf("at node %d within the session, %v", at(), err)
	}
	if err := enrol(); err != nil || at() != 1 {
		t.Errorf("after a time-out at node %d, %v", at(), err)
	}
	a.hang, b.err = false, away
	if _, err := c.Report(t.Context(), gate.Report{}); err == nil || at() != 1 {
		t.Errorf("at node %d within the session, %v", at(), err)
	}
	if err := enrol(); err != nil || at() != 0 {
		t.Errorf("after a failed report at node %d, %v", at(), err)
	}
	if err := c.Follow(t.Context(), "east", "b1", nil); err != nil { // the node ended the stream
		t.Error(err)
	}
	if err := enrol(); err == nil || at() != 1 {
		t.Errorf("after the end of a stream at node %d, %v", at(), err)
	}
	b.err = nil
	if err := enrol(); err != nil || at() != 0 {
		t.Errorf("after a failed enrolment at node %d, %v", at(), err)
	}
	// What the gate ends itself is no fault of the node.
	a.hang = true
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := c.Beat(ended, gate.Heartbeat{}); err == nil {
		t.Error("no error")
	}
	a.hang = false
	if err := enrol(); err != nil || at() != 0 {
		t.Errorf("after its own end at node %d, %v", at(), err)
	}
}

// Every code survives the way there and back, without the cause behind it.
func TestCodes(t *testing.T) {
	t.Parallel()
	for _, c := range codes {
		secret := holdfast.Errorf(c.ours, "what to do about %d", 7).Because(errors.New("dsn=/secret"))
		err := fromConnect(toConnect(fmt.Errorf("an act: %w", secret)))
		want := c.ours
		if want == holdfast.TooLarge {
			want = holdfast.Invalid
		}
		if code(err) != want || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "what to do about 7") {
			t.Errorf("%s comes back as %s: %v", c.ours, code(err), err)
		}
	}
	err := toConnect(errors.New("dsn=/secret"))
	if connect.CodeOf(err) != connect.CodeInternal || strings.Contains(err.Error(), "secret") {
		t.Errorf("a fault: %v", err)
	}
	if connect.CodeOf(toConnect(context.Canceled)) != connect.CodeCanceled || toConnect(nil) != nil {
		t.Error("the end of a call")
	}
}
