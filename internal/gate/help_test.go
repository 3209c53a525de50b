package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

var wall = time.Date(2026, 11, 24, 1, 30, 0, 0, time.UTC)

// handClock moves when a test moves it. In a synctest bubble bubbleClock is used.
type handClock struct{ boot atomic.Int64 }

func (c *handClock) Boot() time.Duration       { return time.Hour + time.Duration(c.boot.Load()) }
func (c *handClock) Now() time.Time            { return wall.Add(time.Duration(c.boot.Load())) }
func (c *handClock) move(by time.Duration)     { c.boot.Add(int64(by)) }
func (c *handClock) options(o Options) Options { o.Clock = c; return o }

// bubbleClock follows the bubble's time.
type bubbleClock struct{ start time.Time }

func (c bubbleClock) Boot() time.Duration { return time.Hour + time.Since(c.start) }
func (bubbleClock) Now() time.Time        { return time.Now() }

func allRoutes() []Route {
	return []Route{{Name: "pay", Kind: "payment", Mode: Static}, {Name: "strict", Kind: "payment", Mode: Strict}, {Name: "watched", Kind: "payment", Mode: Observe}}
}

func options(dir string) Options {
	return Options{Name: "east", Version: "test", Dir: dir, Routes: allRoutes(), Clock: &handClock{}, InFlight: 8}
}

// start opens a gate that the test's end closes.
func start(t testing.TB, o Options) *Gate {
	t.Helper()
	g, err := New(o)
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

// openGate returns a gate that has the posture of position 10, without
// directives.
func openGate(t testing.TB) (*Gate, *handClock) {
	t.Helper()
	c := &handClock{}
	g := start(t, c.options(options(t.TempDir())))
	enforce(t, g, set(10))
	return g, c
}

func set(at holdfast.Position, directives ...posture.Directive) posture.Set {
	return posture.Set{Head: headAt(at, byte(at)), Lease: 30 * time.Second, Directives: directives}
}

func stopOf(id, scope string) posture.Directive {
	return posture.Directive{ID: id, Kind: posture.Stop, Scope: scope, Position: 11, Drain: 10 * time.Second}
}

func enforce(t testing.TB, g *Gate, s posture.Set) *Acknowledgement {
	t.Helper()
	ack, err := g.Enforce(s)
	if err != nil || ack == nil || ack.Posture != s.Head {
		t.Fatalf("enforce %v: %+v, %v", s.Head, ack, err)
	}
	return ack
}

func fields(list ...payment.Field) (s payment.Set) {
	for _, f := range list {
		s = s.With(f)
	}
	return s
}

func pay(identity string) *payment.Payment {
	return &payment.Payment{
		Route: "pay", Kind: payment.Pay, Read: fields(payment.Fields()...), Identity: identity, Amount: 1299,
		Currency: "CNY", Payer: "acct_1", Payee: "m_1", Channel: "app", Method: "card",
	}
}

func admit(t testing.TB, g *Gate, identity string) *Admission {
	t.Helper()
	a, v := g.Admit(pay(identity), Static)
	if v.Action != posture.Forward {
		t.Fatalf("%s was not admitted: %+v", identity, v)
	}
	return &a
}

func reasonOf(g *Gate, mode Mode) posture.Reason { return g.Decide(pay("asked"), mode).Reason }

func identities(records []payment.Record) string {
	var list []string
	for _, r := range records {
		list = append(list, r.Identity)
	}
	return strings.Join(list, " ")
}

// beat offers a lease as of now, under the head that the gate has seen.
func beat(t testing.TB, g *Gate, at holdfast.Position, span time.Duration) {
	t.Helper()
	if err := g.takeBeat(g.opt.Clock.Boot(), g.witness, Beat{Journal: headAt(at, byte(at)), Posture: headAt(at, byte(at)), Lease: span}); err != nil {
		t.Fatal(err)
	}
}

// answers is an Inquirer that answers from a function.
type answers struct {
	outcome func(r payment.Record) (payment.Outcome, error)

	mu   sync.Mutex
	list []string
}

func (a *answers) Inquire(_ context.Context, r payment.Record) (payment.Outcome, string, error) {
	a.mu.Lock()
	a.list = append(a.list, r.Identity)
	a.mu.Unlock()
	o, err := a.outcome(r)
	return o, fmt.Sprint("the primary says ", o), err
}

// asked returns what was asked about, in order.
func (a *answers) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.list)
}
