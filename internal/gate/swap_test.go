package gate

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// Workers admit as fast as they can while one posture after another comes into
// force. Once Enforce has returned, nothing is admitted under an older posture,
// and whatever was and has not finished is on the list of every stop since.
func TestHazardM_SwapWhileAdmitting(t *testing.T) {
	t.Parallel()
	const workers, postures = 4, 120
	o := options(t.TempDir())
	o.InFlight = 64
	g := start(t, o)
	enforce(t, g, set(1))

	var enforced atomic.Uint64
	enforced.Store(1)
	var lists sync.Map // posture → map of identities
	var admitted, older atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				identity := fmt.Sprintf("w%d-%d", w, n)
				floor := enforced.Load()
				a, v := g.Admit(pay(identity), Static)
				if v.Action != posture.Forward {
					continue
				}
				admitted.Add(1)
				if a.Posture < floor {
					t.Errorf("%s was admitted under posture %d after %d was enforced", identity, a.Posture, floor)
				}
				// Most stay in flight until the next posture, some finish before.
				for i := 0; enforced.Load() <= a.Posture && (n%4 > 0 || i < 50); i++ {
					select {
					case <-stop:
						return
					default:
						runtime.Gosched()
					}
				}
				for p := a.Posture + 1; p <= enforced.Load(); p++ {
					older.Add(1)
					if list, _ := lists.Load(p); !list.(map[string]bool)[identity] {
						t.Errorf("%s of posture %d is in flight and not on the list of posture %d", identity, a.Posture, p)
					}
				}
				a.Finish(payment.Done, "")
			}
		})
	}
	for p := holdfast.Position(2); p < 2+postures; p++ {
		// Stops of something else: payments go on, and the list is made. Judging by
		// many of them takes long, so that postures change within it.
		var stops []posture.Directive
		for i := range 40 {
			stops = append(stops, stopOf(fmt.Sprint("d", p, "-", i), `channel matches "^(n|o)+(n|e)+$"`))
		}
		ack := enforce(t, g, set(p, stops...))
		if !ack.Listed {
			t.Fatalf("posture %d was not listed for", p)
		}
		list := map[string]bool{}
		for _, r := range ack.InFlight {
			list[r.Identity] = true
			if r.Posture >= uint64(p) {
				t.Errorf("%s of posture %d is on the list of %d", r.Identity, r.Posture, p)
			}
		}
		lists.Store(uint64(p), list)
		enforced.Store(uint64(p))
	}
	close(stop)
	wg.Wait()
	if admitted.Load() == 0 || older.Load() == 0 {
		t.Errorf("%d admitted, %d of them in flight at a stop: nothing was tried", admitted.Load(), older.Load())
	}
}

// The same for local stops, and for stops of everything that come and go: no
// payment is admitted between the return of a stop and the call that lifts it.
func TestHazardM_NothingPassesAStopThatCameBack(t *testing.T) {
	t.Parallel()
	o := options(t.TempDir())
	o.InFlight = 64
	g := start(t, o)
	enforce(t, g, set(1))
	// Odd while a stop holds, even while none does.
	var phase atomic.Int64
	var passed atomic.Int64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				before := phase.Load()
				a, v := g.Admit(pay(fmt.Sprint(w, "-", n)), Static)
				if v.Action == posture.Forward {
					passed.Add(1)
					if before%2 == 1 && phase.Load() == before {
						t.Errorf("a payment passed a stop")
					}
					a.Finish(payment.Done, "")
				}
			}
		})
	}
	for p := holdfast.Position(2); p < 60; p += 2 {
		if p%4 == 0 {
			enforce(t, g, set(p, stopOf("d", "all")))
			phase.Add(1)
			runtime.Gosched()
			phase.Add(1)
			enforce(t, g, set(p+1))
			continue
		}
		id, _, err := g.StopLocally("all", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		phase.Add(1)
		runtime.Gosched()
		phase.Add(1)
		if err := g.LiftLocally(id); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	if passed.Load() == 0 {
		t.Error("nothing passed between the stops")
	}
}

// A worker that was held up between its look at the posture and its first byte
// is waited for, or it is undone and judged anew.
func TestHazardM_TheFenceWaits(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	old := g.installed.Load()
	// The worker has registered and looked again, and not yet marked its slot.
	slot, ok := g.ring.register(pay("slow"), old.number, 10, wall)
	if !ok {
		t.Fatal("no slot")
	}
	done := make(chan *Acknowledgement)
	go func() {
		ack, _ := g.Enforce(set(11, stopOf("d", "all")))
		done <- ack
	}()
	for g.installed.Load() == old {
		runtime.Gosched()
	}
	for range 1000 {
		runtime.Gosched()
	}
	select {
	case <-done:
		t.Fatal("acknowledged while a worker was between judging and writing")
	default:
	}
	g.ring.sent(slot)
	if ack := <-done; identities(ack.InFlight) != "slow" {
		t.Errorf("listed %q", identities(ack.InFlight))
	}
	// Not older than the new posture: the fence does not wait for this one.
	if slot, ok = g.ring.register(pay("new"), g.installed.Load().number, 11, wall); !ok {
		t.Fatal("no slot")
	}
	g.ring.fence(g.installed.Load().number)
	g.ring.release(slot)
}
