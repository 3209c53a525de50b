package gate

import (
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// The answer to a heartbeat overtakes the posture: the lease it gives is not
// taken before the gate enforces what the journal held at the beat.
func TestHazardA_AGrantWaitsForItsPosture(t *testing.T) {
	t.Parallel()
	g, c := openGate(t)
	t0 := c.Boot()
	// The journal has a stop at 12; its push is still on the way.
	if err := g.takeBeat(t0, g.witness, Beat{Journal: headAt(14, 14), Posture: headAt(12, 12), Lease: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if reasonOf(g, Strict) != posture.NoLease {
		t.Fatal("the gate admits under a posture without the stop")
	}
	c.move(10 * time.Second)
	enforce(t, g, set(11)) // an earlier one of the stream
	if reasonOf(g, Strict) != posture.NoLease {
		t.Fatal("an older posture than the beat's gave the lease")
	}
	enforce(t, g, set(12, stopOf("d", `channel == "qr"`)))
	if got := g.Status().LeaseLeft; got != 50*time.Second {
		t.Errorf("the lease is %v, want it to count from when the heartbeat was sent", got)
	}
}

// The lease ends a span after the heartbeat was sent, however late its answer
// came, and by the clock that goes on while the machine sleeps.
func TestHazardI_TheLeaseCountsFromTheHeartbeat(t *testing.T) {
	t.Parallel()
	g, c := openGate(t)
	t0 := c.Boot()
	c.move(25 * time.Second) // a slow answer
	if err := g.takeBeat(t0, g.witness, Beat{Journal: headAt(10, 10), Posture: headAt(10, 10), Lease: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if reasonOf(g, Strict) != posture.None {
		t.Fatal("no lease")
	}
	c.move(5*time.Second - 1)
	if reasonOf(g, Strict) != posture.None {
		t.Error("the lease ended early")
	}
	c.move(1)
	if reasonOf(g, Strict) != posture.NoLease || g.Status().LeaseLeft != 0 {
		t.Error("the lease did not end in time")
	}
	// An answer that comes after the end of what it gives is worth nothing.
	if err := g.takeBeat(t0, g.witness, Beat{Journal: headAt(10, 10), Posture: headAt(10, 10), Lease: 30 * time.Second}); err != nil {
		t.Fatal(err)
	}
	if reasonOf(g, Strict) != posture.NoLease {
		t.Error("a late answer gave a lease")
	}
	if reasonOf(g, Static) != posture.None {
		t.Error("a static route needs a lease")
	}
}

// Restrictions do not end by any clock, and a lease does not outlast the
// process.
func TestHazardP_TimeLiftsNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := &handClock{}
	g := start(t, c.options(options(dir)))
	enforce(t, g, set(10, stopOf("d", `channel == "app"`)))
	if _, _, err := g.StopLocally(`channel == "qr"`, time.Second); err != nil {
		t.Fatal(err)
	}
	beat(t, g, 10, 1000*time.Hour)
	c.move(999 * time.Hour)
	qr := pay("q")
	qr.Channel = "qr"
	for range 2 {
		if reasonOf(g, Static) != posture.Stopped || g.Decide(qr, Static).Reason != posture.Stopped {
			t.Error("a stop has ended by itself")
		}
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		g = start(t, c.options(options(dir)))
		if g.Status().LeaseLeft != 0 {
			t.Error("a new process has the lease of the one before")
		}
	}
}

func TestLease(t *testing.T) {
	t.Parallel()
	var l lease
	at := func(p holdfast.Position) holdfast.Head { return headAt(p, byte(p)) }
	check := func(when string, end time.Duration, pending int) {
		t.Helper()
		if l.end() != end || len(l.pending) != pending || l.holds(end) || end > 0 && !l.holds(end-1) {
			t.Errorf("%s: until %v, %d pending; want %v and %d", when, l.end(), len(l.pending), end, pending)
		}
	}
	check("none", 0, 0)
	l.offer(grant{at(5), 10}, at(5))
	check("taken", 10, 0)
	l.offer(grant{at(5), 8}, at(6))
	check("a shorter one takes nothing away", 10, 0)
	l.offer(grant{at(7), 20}, at(6))
	l.offer(grant{at(8), 30}, at(6))
	check("two wait", 10, 2)
	l.enforced(at(7))
	check("the first is taken", 20, 1)
	other := at(8)
	other.Hash = holdfast.Hash{99}
	l.enforced(other)
	check("another history does not reach it", 20, 1)
	l.enforced(at(9))
	check("the second is taken", 30, 0)
	l.offer(grant{at(12), 40}, at(9))
	l.drop()
	check("dropped", 0, 0)
	l.enforced(at(12))
	check("what was dropped does not come back", 0, 0)
	for i := range 40 {
		l.offer(grant{at(holdfast.Position(20 + i)), time.Duration(50 + i)}, at(9))
	}
	check("only so many wait", 0, 16)
	l.enforced(at(59))
	check("the newest of them counts", 89, 0)
}

func TestReaches(t *testing.T) {
	t.Parallel()
	head := rapid.Custom(func(t *rapid.T) holdfast.Head {
		return holdfast.Head{
			Journal: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "journal"), Epoch: rapid.Uint32Range(0, 1).Draw(t, "epoch"),
			Position: holdfast.Position(rapid.Uint64Range(0, 3).Draw(t, "position")), Hash: holdfast.Hash{rapid.Byte().Draw(t, "hash") % 2},
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := head.Draw(t, "a"), head.Draw(t, "b")
		if !reaches(a, a) {
			t.Fatalf("%v does not reach itself", a)
		}
		if reaches(a, b) && reaches(b, a) && a != b {
			t.Fatalf("%v and %v reach each other", a, b)
		}
		if reaches(a, b) && (a.Journal != b.Journal || a.Epoch != b.Epoch || a.Position < b.Position) {
			t.Fatalf("%v reaches %v", a, b)
		}
	})
}

// Admissions on strict routes race with the end of the lease by a refused beat.
func TestALeaseIsDroppedWhileAdmitting(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	beat(t, g, 10, time.Hour)
	dropped := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for n := 0; n < 2000; n++ {
				over := false
				select {
				case <-dropped:
					over = true
				default:
				}
				a, v := g.Admit(pay("p"), Strict)
				if v.Action == posture.Forward {
					a.Finish(payment.Done, "")
					if over {
						t.Error("admitted after the lease was dropped")
					}
				}
			}
		})
	}
	if err := g.takeBeat(0, g.witness, Beat{Journal: headAt(9, 9)}); err == nil {
		t.Error("facts were lost and nobody says so")
	}
	close(dropped)
	wg.Wait()
}
