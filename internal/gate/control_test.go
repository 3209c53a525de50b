package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/traffic"
)

func TestASession(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		after(time.Millisecond)
		if e := p.enrolled; len(e) != 1 || e[0].Gate != "east" || e[0].Boot != g.Boot() || e[0].Account != g.outcomes.id() || e[0].Version != "test" || len(e[0].Routes) != 3 || e[0].Replaces != "" {
			t.Fatalf("enrolled %+v", e)
		}
		if reasonOf(g, Strict) != posture.None || g.Status().LeaseLeft != 30*time.Second-time.Millisecond {
			t.Errorf("%+v", g.Status())
		}
		if got := p.acks(); got != "10 " {
			t.Errorf("acknowledged %q", got)
		}
		admit(t, g, "a")
		p.issue(11, stopOf("d", "all"))
		synctest.Wait()
		if got := p.acks(); got != "10 11[a] " {
			t.Errorf("acknowledged %q, want it at once", got)
		}
		// At the drain's deadline what is open is told as unknown, once.
		after(12 * time.Second)
		var drained []Drained
		var entries []Entry
		p.look(func() {
			for _, r := range p.reports {
				drained, entries = append(drained, r.Drained...), append(entries, r.Entries...)
			}
		})
		if len(drained) != 1 || drained[0].Position != 11 || identities(drained[0].Unknown) != "a" {
			t.Errorf("drained %+v", drained)
		}
		if len(entries) != 1 || entries[0].Record.Identity != "a" || entries[0].Outcome != payment.Unknown {
			t.Errorf("entries %+v", entries)
		}
		after(time.Minute)
		p.look(func() {
			if n := len(p.beats); n < 14 || n > 16 {
				t.Errorf("%d heartbeats", n)
			}
			last := p.beats[len(p.beats)-1]
			if last.Posture.Position != 11 || last.Witness.Position != 11 || last.InFlight != 1 || last.Unresolved != 1 || last.Draining != 0 || last.Alarm != "" {
				t.Errorf("%+v", last)
			}
			for i, h := range p.beats {
				if h.Nonce != uint64(i+1) {
					t.Errorf("heartbeat %d has nonce %d", i, h.Nonce)
				}
			}
		})
	})
}

// The beat's answer arrives long before the posture that the journal held by
// then: a strict route is without a lease until the posture is enforced.
func TestHazardA_TheBeatOvertakesTheStream(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		p.look(func() { p.pushTakes = 40 * time.Second })
		p.issue(11, stopOf("d", "all"))
		issued := time.Now()
		for range 50 {
			after(time.Second)
			a, v := g.Admit(pay("p"), Strict)
			if v.Action != posture.Forward {
				continue
			}
			a.Finish(payment.Done, "")
			if since := time.Since(issued); since > 30*time.Second {
				t.Fatalf("admitted %v after the stop, by a lease that was given after it", since)
			}
		}
		if reasonOf(g, Static) != posture.Stopped || g.Status().LeaseLeft == 0 {
			t.Errorf("%+v", g.Status())
		}
	})
}

func TestWithoutAnswersTheLeaseRunsOut(t *testing.T) {
	for name, fault := range map[string]func(*plane){
		"lost":               func(p *plane) { p.loseBeats = true },
		"refused":            func(p *plane) { p.refuseBeat = errors.New("cannot append") },
		"of another request": func(p *plane) { p.wrongNonce = true },
		"too late":           func(p *plane) { p.beatTakes = 21 * time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
				after(time.Second)
				p.look(func() { fault(p) })
				begun := time.Now()
				for reasonOf(g, Strict) == posture.None {
					after(time.Second)
					if time.Since(begun) > time.Minute {
						t.Fatal("the lease never ends")
					}
				}
				if left := time.Since(begun); left > 30*time.Second {
					t.Errorf("the lease ran for %v", left)
				}
				if reasonOf(g, Static) != posture.None {
					t.Error("a static route does not go on")
				}
				p.look(func() { p.loseBeats, p.refuseBeat, p.wrongNonce, p.beatTakes = false, nil, false, 0 })
				after(30 * time.Second)
				if reasonOf(g, Strict) != posture.None {
					t.Error("no lease once the control plane is back")
				}
			})
		})
	}
}

// The control plane goes and comes back; the gate goes on, and in the next
// session it takes what was issued meanwhile.
func TestAGateFindsItsWayBack(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		p.do(func() { close(p.endStreams); p.refuseEnrol = errors.New("no route to host") })
		synctest.Wait()
		p.issue(11, stopOf("d", "all"))
		after(time.Hour)
		if reasonOf(g, Static) != posture.None || reasonOf(g, Strict) != posture.NoLease {
			t.Errorf("cut off: static %q, strict %q", reasonOf(g, Static), reasonOf(g, Strict))
		}
		p.look(func() { p.endStreams, p.refuseEnrol = make(chan struct{}), nil })
		after(longestRetry)
		if reasonOf(g, Static) != posture.Stopped {
			t.Error("the stop did not arrive")
		}
		if got := p.acks(); got != "10 11[] " {
			t.Errorf("acknowledged %q", got)
		}
		p.look(func() {
			if n := len(p.enrolled); n != 2 || p.enrolled[0].Boot != p.enrolled[1].Boot {
				t.Errorf("enrolled %d times", n)
			}
		})
	})
}

// A report whose answer is lost is sent again; what was recorded is not sent
// after that.
func TestReportsAreRepeatedUntilTheyAreRecorded(t *testing.T) {
	connected(t, func(p *plane, _ *Options) { p.refuseReport = errors.New("unavailable") }, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		lose(t, g, "a")
		p.issue(11, stopOf("d", "all"))
		after(time.Minute)
		if got := p.acks(); got != "" {
			t.Fatalf("%q", got)
		}
		p.look(func() { p.refuseReport, p.loseAnswers = nil, true })
		after(30 * time.Second)
		p.look(func() {
			if len(p.reports) < 3 {
				t.Errorf("%d reports", len(p.reports))
			}
			for _, r := range p.reports {
				if len(r.Acks) < 1 || len(r.Acks) > 3 || r.Acks[len(r.Acks)-1].Posture.Position != 11 || len(r.Entries) > 1 {
					t.Errorf("%d acknowledgements, %d entries", len(r.Acks), len(r.Entries))
				}
				if len(r.Counts) > maxCountsWaiting {
					t.Errorf("%d counts wait", len(r.Counts))
				}
			}
			p.loseAnswers, p.reports = false, nil
		})
		after(10 * time.Second)
		if got := p.acks(); got == "" {
			t.Error("acknowledgements that nobody answered are gone")
		}
		p.look(func() { p.reports = nil })
		after(10 * time.Second)
		p.look(func() {
			for _, r := range p.reports {
				if len(r.Acks)+len(r.Drained)+len(r.Entries) > 0 || len(r.Counts) != 1 {
					t.Errorf("told again: %+v", r)
				}
			}
			if p.entries[g.outcomes.id()] != 1 {
				t.Errorf("recorded %v", p.entries)
			}
		})
	})
}

func TestManyEntriesGoInBatches(t *testing.T) {
	connected(t, func(p *plane, o *Options) { o.InFlight = 4096; p.refuseReport = errors.New("unavailable") }, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		for i := range 2*maxEntriesAtOnce + 10 {
			lose(t, g, fmt.Sprint("k", i))
		}
		p.look(func() { p.refuseReport = nil })
		after(2 * longestRetry)
		p.look(func() {
			seen := uint64(0)
			for _, r := range p.reports {
				if len(r.Entries) > maxEntriesAtOnce {
					t.Errorf("%d entries at once", len(r.Entries))
				}
				for _, e := range r.Entries {
					if e.Seq != seen+1 {
						t.Fatalf("entry %d after %d", e.Seq, seen)
					}
					seen = e.Seq
				}
			}
			if seen != 2*maxEntriesAtOnce+10 {
				t.Errorf("%d were told", seen)
			}
		})
	})
}

// The control plane has more entries of the account than the file: the gate
// begins a new account and loses nothing.
func TestAnAccountThatWasPutBackIsToldAnew(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		former := g.outcomes.id()
		p.look(func() { p.entries[former] = 70 })
		lose(t, g, "a")
		after(10 * time.Second)
		lose(t, g, "b")
		after(10 * time.Second)
		p.look(func() {
			told := map[string]bool{}
			for _, r := range p.reports {
				for _, e := range r.Entries {
					if r.Account == g.outcomes.id() {
						told[e.Record.Identity] = true
					}
				}
			}
			if g.outcomes.id() == former || !told["a"] || !told["b"] {
				t.Errorf("account %s (former %s), told %v", g.outcomes.id(), former, told)
			}
		})
	})
}

// Runs of the gate that never came to enrol are named by the next that does.
func TestHazardC_ARunNamesAllItReplaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var boots []string
	for range 3 { // without a control plane
		g := start(t, options(dir))
		boots = append(boots, g.Boot())
		must(t, g.Close())
	}
	synctest.Test(t, func(t *testing.T) {
		for i := range 2 {
			p := newPlane(10)
			o := options(dir)
			o.Clock = bubbleClock{time.Now()}
			g := start(t, o)
			end := run(t, g, p)
			after(3 * time.Second)
			end()
			must(t, g.Close())
			e := p.enrolled[0]
			switch i {
			case 0:
				if e.Replaces != boots[2] || fmt.Sprint(e.Before) != fmt.Sprint(boots[:2]) {
					t.Errorf("replaces %s, before %v, want %v", e.Replaces, e.Before, boots)
				}
			case 1:
				if e.Replaces != boots[3] || len(e.Before) != 0 {
					t.Errorf("replaces %s, before %v: what enrolled had replaced them", e.Replaces, e.Before)
				}
			}
			boots = append(boots, g.Boot())
		}
	})
}

func TestHazardD_ALostTailIsAnAlarmAndNoLease(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		p.do(func() { p.journal = headAt(50, 50) })
		after(10 * time.Second)
		p.do(func() { p.journal = headAt(20, 20) }) // put back
		after(10 * time.Second)
		if s := g.Status(); s.Alarm == "" || s.LeaseLeft != 0 || reasonOf(g, Static) != posture.None {
			t.Errorf("%+v", s)
		}
		p.look(func() {
			if last := p.beats[len(p.beats)-1]; last.Alarm == "" || last.Witness.Position != 50 {
				t.Errorf("%+v", last)
			}
		})
		p.do(func() { p.journal = headAt(51, 51) }) // it was another node's lag
		after(10 * time.Second)
		if s := g.Status(); s.Alarm != "" || s.LeaseLeft == 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A posture that cannot be compiled ends neither the session nor the next
// posture's way.
func TestTheStreamGoesOnAfterARefusal(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		p.issue(11, posture.Directive{ID: "d", Kind: "mask", Scope: "all"})
		after(time.Second)
		if reasonOf(g, Static) != posture.NoPosture || p.acks() != "10 " {
			t.Errorf("%q, acknowledged %q", reasonOf(g, Static), p.acks())
		}
		p.issue(12)
		synctest.Wait()
		if reasonOf(g, Static) != posture.None || p.acks() != "10 12 " {
			t.Errorf("%q, acknowledged %q", reasonOf(g, Static), p.acks())
		}
		p.look(func() {
			if len(p.enrolled) != 1 {
				t.Errorf("%d sessions", len(p.enrolled))
			}
		})
	})
}

// The stop is in force at once; the word of it comes when the node has had the
// time that it asked for, and no later than the gate allows.
func TestTheAcknowledgementIsHeldForTheOthers(t *testing.T) {
	for name, test := range map[string]struct{ asked, held time.Duration }{
		"as asked":  {7 * time.Millisecond, 7 * time.Millisecond},
		"at most":   {time.Hour, longestHold},
		"backwards": {-time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			connected(t, func(p *plane, _ *Options) { p.hold = test.asked }, func(t *testing.T, g *Gate, p *plane) {
				after(time.Second + time.Millisecond)
				p.issue(11, stopOf("d", "all"))
				if test.held > 0 {
					after(test.held - time.Nanosecond)
					if got := p.acks(); got != "10 " || reasonOf(g, Static) != posture.Stopped {
						t.Errorf("acknowledged %q, %+v", got, g.Status())
					}
				}
				after(time.Nanosecond)
				if got := p.acks(); got != "10 11[] " {
					t.Errorf("acknowledged %q", got)
				}
			})
		})
	}
}

// While the disk is full there is no acknowledgement; once it is not, it comes
// by itself.
func TestTheAcknowledgementComesOnceTheDiskIsThere(t *testing.T) {
	connected(t, nil, func(t *testing.T, g *Gate, p *plane) {
		after(time.Second)
		path := g.path("posture")
		remove(t, path)
		must(t, os.MkdirAll(filepath.Join(path, "in the way"), 0o700))
		admit(t, g, "a")
		p.issue(11, stopOf("d", "all"))
		after(20 * time.Second)
		if got := p.acks(); got != "10 " || reasonOf(g, Static) != posture.Stopped || g.Status().LeaseLeft != 0 {
			t.Errorf("acknowledged %q, %+v", got, g.Status())
		}
		must(t, os.RemoveAll(path))
		after(2 * time.Second)
		if got := p.acks(); got != "10 11[a] " {
			t.Errorf("acknowledged %q", got)
		}
		after(5 * time.Second)
		if g.Status().LeaseLeft == 0 || g.Status().Alarm != "" {
			t.Errorf("%+v", g.Status())
		}
	})
}

func TestBooksAreKeptWithoutAControlPlane(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		o := options(dir)
		o.Clock, o.Alone = bubbleClock{time.Now()}, true
		var mu sync.Mutex
		var seconds []traffic.Snapshot
		o.Counts = func(s traffic.Snapshot) {
			mu.Lock()
			defer mu.Unlock()
			seconds = append(seconds, s)
		}
		g := start(t, o)
		end := run(t, g, nil)
		admit(t, g, "a").Finish(payment.Unknown, "no answer")
		after(3500 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		if len(seconds) != 3 || len(seconds[0].Rows) != 1 || len(seconds[1].Rows) != 0 {
			t.Errorf("%+v", seconds)
		}
		if g.outcomes.dirty {
			t.Error("the account is not synced")
		}
		end()
	})
}

func TestEnrolRefusesAnAnswerThatMakesNoSense(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	if _, err := g.enrol(t.Context(), never{}); err == nil {
		t.Error("an answer without a time between heartbeats was taken")
	}
}

type never struct{ Control }

func (never) Enrol(context.Context, Enrolment) (Enrolled, error) { return Enrolled{}, nil }

func TestCountsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	var o outbox
	for i := range uint64(maxCountsWaiting + 30) {
		o.count(traffic.Snapshot{Sequence: i})
	}
	if len(o.counts) != maxCountsWaiting || o.counts[0].Sequence != 30 {
		t.Errorf("%d wait, from %d", len(o.counts), o.counts[0].Sequence)
	}
	sent := []traffic.Snapshot{{Sequence: 10}, {Sequence: 40}}
	if left := afterSent(o.counts, sent); len(left) != maxCountsWaiting-11 || left[0].Sequence != 41 {
		t.Errorf("%d left, from %d", len(left), left[0].Sequence)
	}
	if left := afterSent(o.counts, nil); len(left) != maxCountsWaiting {
		t.Errorf("nothing was sent, %d left", len(left))
	}
}
