package gate

import (
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// bubble runs a test with a gate whose clock is the bubble's, at position 10.
func bubble(t *testing.T, f func(t *testing.T, g *Gate)) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := options(dir)
		o.Clock = bubbleClock{time.Now()}
		time.Sleep(123) // no clock stands at whole microseconds, as the ring keeps them
		g := start(t, o)
		enforce(t, g, set(10))
		f(t, g)
	})
}

func TestADrainEndsWhenAllHaveFinished(t *testing.T) {
	bubble(t, func(t *testing.T, g *Gate) {
		a, b, c, d := admit(t, g, "a"), admit(t, g, "b"), admit(t, g, "c"), admit(t, g, "d")
		d.Finish(payment.Done, "") // before the stop: not its affair
		enforce(t, g, set(11, stopOf("s", `channel == "app"`)))
		if n := g.draining(); n != 3 {
			t.Errorf("draining %d", n)
		}
		time.Sleep(time.Second)
		a.Finish(payment.Done, "")
		b.Finish(payment.NotDone, "")
		if ended := g.drained(); len(ended) != 0 {
			t.Errorf("over with one in flight: %+v", ended)
		}
		c.Finish(payment.Unknown, "broken off")
		ended := g.drained()
		if len(ended) != 1 {
			t.Fatalf("%+v", ended)
		}
		if e := ended[0]; e.Position != 11 || e.Done != 1 || e.NotDone != 1 || identities(e.Unknown) != "c" || !e.At.Equal(time.Now()) {
			t.Errorf("%+v", e)
		}
		if ended := g.drained(); len(ended) != 0 || g.draining() != 0 {
			t.Errorf("told twice: %+v", ended)
		}
		time.Sleep(time.Hour)
		if got := identities(g.Unresolved()); got != "c" {
			t.Errorf("unresolved %q", got)
		}
	})
}

// What has no outcome by the deadline is unknown, never guessed; what comes
// later still settles it.
func TestADrainEndsAtItsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, g *Gate) {
		a, b, c := admit(t, g, "a"), admit(t, g, "b"), admit(t, g, "c")
		a.Finish(payment.Done, "")
		enforce(t, g, set(11, stopOf("s", "all")))
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		if got := identities(g.Unresolved()); got != "" {
			t.Errorf("unknown before the deadline: %q", got)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		ended := g.drained()
		if len(ended) != 1 || identities(ended[0].Unknown) != "b c" || ended[0].Done != 0 {
			t.Fatalf("%+v", ended)
		}
		if got := identities(g.Unresolved()); got != "b c" || !g.Pending("b") || g.Status().InFlight != 2 {
			t.Errorf("unresolved %q, in flight %d", got, g.Status().InFlight)
		}
		time.Sleep(time.Minute)
		b.Finish(payment.NotDone, "the primary answered late")
		c.Finish(payment.Done, "the primary answered late")
		if got := identities(g.Unresolved()); got != "" || g.Pending("b") || g.Pending("c") || g.Status().InFlight != 0 {
			t.Errorf("unresolved %q, b pending %v, c pending %v", got, g.Pending("b"), g.Pending("c"))
		}
		_, entries := g.outcomes.unreported(10)
		var told []string
		for _, e := range entries {
			told = append(told, e.Record.Identity+" "+e.Outcome.String())
		}
		if len(told) != 4 || told[2] != "b not-done" || told[3] != "c done" {
			t.Errorf("the account says %q", told)
		}
	})
}

func TestTwoStopsDrainEachTheirOwn(t *testing.T) {
	bubble(t, func(t *testing.T, g *Gate) {
		a := admit(t, g, "a")
		enforce(t, g, set(11, stopOf("s1", `channel == "qr"`)))
		b := admit(t, g, "b")
		ack := enforce(t, g, set(12, stopOf("s1", `channel == "qr"`), stopOf("s2", "all")))
		if identities(ack.InFlight) != "a b" && identities(ack.InFlight) != "b a" {
			t.Errorf("listed %q", identities(ack.InFlight))
		}
		a.Finish(payment.Done, "")
		if ended := g.drained(); len(ended) != 1 || ended[0].Position != 11 || ended[0].Done != 1 {
			t.Errorf("%+v", ended)
		}
		b.Finish(payment.Done, "")
		if ended := g.drained(); len(ended) != 1 || ended[0].Position != 12 || ended[0].Done != 2 {
			t.Errorf("%+v", ended)
		}
	})
}

// A gate that is closed while it drains writes nothing more, and its next run
// lists what was in flight.
func TestADrainOfAClosedGateIsSilent(t *testing.T) {
	bubble(t, func(t *testing.T, g *Gate) {
		admit(t, g, "a")
		enforce(t, g, set(11, stopOf("s", "all")))
		if err := g.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		next := start(t, options(g.opt.Dir))
		if got := identities(next.Unresolved()); got != "a" {
			t.Errorf("unresolved %q", got)
		}
	})
}

// A payment that observing routes let through is drained like any other.
func TestObservedPaymentsAreListed(t *testing.T) {
	bubble(t, func(t *testing.T, g *Gate) {
		enforce(t, g, set(11, stopOf("s1", "all")))
		a, v := g.Admit(pay("watched"), Observe)
		if v.Action != posture.Forward || a.Judged().Reason != posture.Stopped {
			t.Fatalf("%+v, judged %+v", v, a.Judged())
		}
		if ack := enforce(t, g, set(12, stopOf("s2", "all"))); identities(ack.InFlight) != "watched" {
			t.Errorf("listed %q", identities(ack.InFlight))
		}
		a.Finish(payment.InFlight, "a transport that forgot") // counts as unknown
		if ended := g.drained(); len(ended) != 2 || identities(ended[1].Unknown) != "watched" {
			t.Errorf("%+v", ended)
		}
	})
}
