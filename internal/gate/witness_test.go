package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

type stillClock struct{}

func (stillClock) Boot() time.Duration { return time.Hour }
func (stillClock) Now() time.Time      { return time.Date(2026, 11, 24, 1, 30, 0, 0, time.UTC) }

// reopen starts a gate in dir again.
func reopen(t *testing.T, dir string) *Gate {
	t.Helper()
	g, err := New(Options{
		Name: "east", Dir: dir, Clock: stillClock{}, InFlight: 8,
		Routes: []Route{{Name: "pay", Kind: "payment", Mode: Static}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func headAt(p holdfast.Position, mark byte) holdfast.Head {
	return holdfast.Head{Journal: "journal", Epoch: 1, Position: p, Hash: holdfast.Hash{mark}}
}

func stopAll(id string) []posture.Directive {
	return []posture.Directive{{ID: id, Kind: posture.Stop, Scope: "all", Drain: time.Second}}
}

func mustClose(t *testing.T, g *Gate) {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
}

// What a gate has seen outlasts its process: a journal put back to an older
// state is refused after a restart of the gate too, and both histories'
// restrictions hold.
func TestWitnessOutlastsARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := reopen(t, dir)
	if ack, err := g.Enforce(posture.Set{Head: headAt(50, 1)}); err != nil || ack == nil {
		t.Fatalf("%v, %v", ack, err)
	}
	// A fact that changes no posture: only the beat's head has it.
	if err := g.takeBeat(0, g.witness, Beat{Journal: headAt(60, 2), Posture: headAt(50, 1), Lease: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if err := g.saveWitness(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, g)

	g = reopen(t, dir)
	if err := g.takeBeat(0, g.witness, Beat{Journal: headAt(55, 9), Posture: headAt(50, 1), Lease: time.Minute}); err == nil {
		t.Error("a journal that ends before what the gate has seen gave a lease")
	}
	if g.lease.holds(stillClock{}.Boot()) {
		t.Error("the gate holds a lease of a journal that lost facts")
	}
	ack, err := g.Enforce(posture.Set{Head: headAt(60, 9), Directives: stopAll("d1")})
	if err == nil || ack != nil || !strings.Contains(err.Error(), "holdfast gate accept") {
		t.Errorf("another history was acknowledged: %v, %v", ack, err)
	}
	if v := g.Decide(&payment.Payment{Kind: payment.Pay}, Static); v.Reason != posture.Stopped {
		t.Errorf("the other history's stop is not enforced: %+v", v)
	}
	mustClose(t, g)
}

// lostFacts is a control plane whose journal does not hold what the gate has
// seen.
type lostFacts struct{ Control }

func (lostFacts) Enrol(context.Context, Enrolment) (Enrolled, error) {
	return Enrolled{}, holdfast.Errorf(holdfast.Damaged, "the journal ends at 12")
}

func TestARefusedWitnessIsAnAlarm(t *testing.T) {
	t.Parallel()
	g := reopen(t, t.TempDir())
	defer mustClose(t, g)
	if _, err := g.enrol(t.Context(), lostFacts{}); err == nil {
		t.Error("the gate enrolled")
	}
	if a := g.Status().Alarm; !strings.Contains(a, "ends at 12") {
		t.Errorf("the alarm reads %q", a)
	}
}

// A person's word for the new history outlasts a restart too.
func TestAcceptOutlastsARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := reopen(t, dir)
	if _, err := g.Enforce(posture.Set{Head: headAt(50, 1), Directives: stopAll("d1")}); err != nil {
		t.Fatal(err)
	}
	if err := g.Accept(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, g)

	g = reopen(t, dir)
	if v := g.Decide(&payment.Payment{Kind: payment.Pay}, Static); v.Reason != posture.Stopped {
		t.Errorf("accepting lifted what was enforced: %+v", v)
	}
	other := headAt(12, 7)
	other.Journal = "restored"
	if ack, err := g.Enforce(posture.Set{Head: other}); err != nil || ack == nil || ack.Posture != other {
		t.Errorf("the accepted history is refused: %v, %v", ack, err)
	}
	mustClose(t, g)
}

// A gate that has no posture declines, whatever is accepted and whichever
// history calls.
func TestWithoutAPostureNothingOpensTheGate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	g := reopen(t, dir)
	if err := g.takeBeat(0, g.witness, Beat{Journal: headAt(60, 2), Posture: headAt(50, 1), Lease: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Enforce(posture.Set{Head: headAt(60, 9)}); err == nil {
		t.Error("another history was taken")
	}
	if err := g.Accept(); err != nil {
		t.Fatal(err)
	}
	declines := func(when string) {
		t.Helper()
		if v := g.Decide(&payment.Payment{Kind: payment.Pay}, Static); v.Reason != posture.NoPosture {
			t.Errorf("%s: %+v", when, v)
		}
	}
	declines("after accepting")
	mustClose(t, g)
	g = reopen(t, dir)
	declines("after a restart")
	mustClose(t, g)
}
