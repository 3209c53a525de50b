package fleet

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
)

// confirming runs the loop of a node inside a bubble.
func (r *rig) confirming() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.node.Confirm(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
	})
}

// bubble runs a test in movable time, its clean-up included.
func bubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f(t, newRig(t, "j"))
	})
}

func (r *rig) wantConfirmed(id string, want bool, when string) {
	r.t.Helper()
	synctest.Wait()
	if got := r.confirmation(id) != nil; got != want {
		r.t.Errorf("%s: confirmed is %v", when, got)
	}
}

// Rule 4: a static gate's acknowledgement is the only thing that counts.
func TestConfirmStatic(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Static)
		r.enrol("west", "b2", gate.Static)
		r.confirming()
		id := r.stop()
		r.acknowledge("east", "b1")
		r.wantConfirmed(id, false, "one of two")
		time.Sleep(24 * time.Hour)
		r.wantConfirmed(id, false, "a day later")
		r.acknowledge("west", "b2")
		r.wantConfirmed(id, true, "both")
		for _, row := range r.confirmation(id).Gates {
			if row.Standing != directive.Acknowledged || !row.Known {
				t.Errorf("%+v", row)
			}
		}
	})
}

// A directive that a fail-over of the journal could lose is issued and not
// confirmed, whatever gates acknowledge; once it cannot be lost any more, it is.
func TestConfirmNeedsADurableJournal(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		var durable atomic.Bool
		r.node.Durability = func() journal.Durability { return journal.Durability{MayConfirm: durable.Load()} }
		r.enrol("east", "b1", gate.Static)
		r.confirming()
		id := r.stop()
		r.acknowledge("east", "b1")
		r.wantConfirmed(id, false, "acknowledged")
		time.Sleep(24 * time.Hour)
		r.wantConfirmed(id, false, "a day later")
		durable.Store(true)
		time.Sleep(time.Second)
		r.wantConfirmed(id, true, "a second after the standby became synchronous")
	})
}

// Rule 4: for a strict gate 1.2 leases after the confirmer's own barrier do, and
// not a moment less. Rule 5: what it had in flight is not known.
func TestConfirmStrictByTime(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Strict)
		r.confirming()
		id := r.stop()
		synctest.Wait()
		time.Sleep(lease*12/10 - time.Millisecond)
		r.enrol("west", "b2", gate.Strict) // a fact, so that the loop looks again
		r.wantConfirmed(id, false, "a millisecond before")
		time.Sleep(time.Millisecond)
		r.wantConfirmed(id, true, "1.2 leases")
		row := r.confirmation(id).Gates[0]
		if row.Standing != directive.LeaseOut || row.Known {
			t.Errorf("%+v", row)
		}
	})
}

// Of two gates the static one still holds up the confirmation.
func TestConfirmStrictAndStatic(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Strict)
		r.enrol("west", "b2", gate.Static)
		r.confirming()
		id := r.stop()
		time.Sleep(time.Hour)
		r.wantConfirmed(id, false, "the static gate is silent")
		r.acknowledge("west", "b2")
		r.wantConfirmed(id, true, "the static gate has answered")
	})
}

// Hazard e: the time counts from when the node's own barrier has returned. While
// the journal cannot be written, nothing counts.
func TestConfirmWaitsFromItsOwnBarrier(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Strict)
		id := r.stop()
		r.store.at(func() error { return holdfast.Errorf(holdfast.Unavailable, "the journal is away") })
		r.confirming()
		time.Sleep(time.Hour)
		r.wantConfirmed(id, false, "no barrier yet")
		before := r.store.barriers
		r.store.at(func() error { time.Sleep(10 * time.Second); return nil }) // a slow one
		time.Sleep(time.Second + 10*time.Second)
		synctest.Wait()
		if r.store.barriers == before {
			t.Fatal("the node did not ask for a barrier")
		}
		time.Sleep(lease*12/10 - 2*time.Second)
		r.wantConfirmed(id, false, "counted from before the barrier returned")
		time.Sleep(3 * time.Second)
		r.wantConfirmed(id, true, "1.2 leases after the barrier")
	})
}

// Hazards i and j: setting the wall clock confirms nothing.
func TestConfirmIgnoresTheWallClock(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Strict)
		var ahead time.Duration
		r.desk.Now = func() time.Time { return time.Now().Add(ahead).Round(0) }
		r.confirming()
		id := r.stop()
		synctest.Wait()
		ahead = 24 * time.Hour
		r.enrol("west", "b2", gate.Strict) // a fact, so that the loop looks again
		r.wantConfirmed(id, false, "the clock was set a day ahead")
		time.Sleep(lease * 12 / 10)
		r.wantConfirmed(id, true, "1.2 leases")
	})
}

// Hazard n: the longest lease that was ever a fact decides.
func TestConfirmWaitsByTheLongestLease(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Strict)
		for _, l := range []time.Duration{2 * time.Minute, 10 * time.Second} {
			if err := r.directives.Prepare(t.Context(), l, make([]byte, 32)); err != nil {
				t.Fatal(err)
			}
		}
		r.confirming()
		id := r.stop()
		time.Sleep(144*time.Second - time.Millisecond)
		r.wantConfirmed(id, false, "a lease of 2 min may be out")
		time.Sleep(time.Second)
		r.wantConfirmed(id, true, "1.2 × 2 min")
	})
}

// Hazard c: every process that was enrolled counts, until it is replaced or
// retired; without any gate there is nothing to confirm.
func TestConfirmSet(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.confirming()
		id := r.stop()
		time.Sleep(time.Hour)
		r.wantConfirmed(id, false, "no gate")

		r.enrol("east", "b1", gate.Static)
		r.wantConfirmed(id, false, "a static gate came later: it may have an old posture on disk")
		r.enrol("east", "b2", gate.Static) // another process of the name, elsewhere
		r.acknowledge("east", "b2")
		r.wantConfirmed(id, false, "the first process has not answered")
		e := gate.Enrolment{Gate: "east", Boot: "b3", Replaces: "b1", Account: "a-east", Routes: []gate.Route{route(gate.Static)}}
		if _, err := r.node.Enrol(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		r.acknowledge("east", "b3")
		r.wantConfirmed(id, true, "the first is replaced, the others have answered")
	})
}

// A strict gate enrolled after the stop never had a lease without it.
func TestConfirmJoinedLater(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.confirming()
		id := r.stop()
		r.enrol("east", "b1", gate.Strict)
		r.wantConfirmed(id, true, "at once")
		if s := r.confirmation(id).Gates[0].Standing; s != directive.Joined {
			t.Errorf("standing %s", s)
		}
	})
}

// A lifted stop is not confirmed any more, and the next starts from nothing.
func TestConfirmAfterALift(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Strict)
		r.confirming()
		first := r.stop()
		time.Sleep(30 * time.Second)
		if err := r.directives.Lift(t.Context(), officer, first, 0, "over"); err != nil {
			t.Fatal(err)
		}
		second := r.stop()
		synctest.Wait()
		time.Sleep(35 * time.Second)
		r.wantConfirmed(first, false, "lifted")
		r.wantConfirmed(second, false, "the wait of the first was counted")
		time.Sleep(2 * time.Second)
		r.wantConfirmed(second, true, "1.2 leases of its own")
	})
}

// Hazard d: an acknowledgement counts for the history it names only, and one of
// another does not hold up the rest.
func TestAcknowledgementOfAnotherHistory(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.enrol("east", "b1", gate.Static)
		r.confirming()
		id := r.stop()
		right := r.head()
		for _, change := range []func(*holdfast.Head){
			func(h *holdfast.Head) { h.Journal = "another" },
			func(h *holdfast.Head) { h.Journal = "" },
			func(h *holdfast.Head) { h.Epoch++ },
			func(h *holdfast.Head) { h.Position = 5000 },
			func(h *holdfast.Head) { h.Hash[0]++ },
		} {
			h := right
			change(&h)
			r.report("east", "b1", gate.Acknowledgement{Posture: h, Listed: true})
			r.wantConfirmed(id, false, h.String())
		}
		foreign := right
		foreign.Journal, foreign.Position = "another", 5000
		r.report("east", "b1", gate.Acknowledgement{Posture: foreign}, gate.Acknowledgement{Posture: right, Listed: true})
		r.wantConfirmed(id, true, "the right one")
	})
}

func TestConfirmEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("over"))
		if err := r.node.Confirm(ctx); err != nil {
			t.Error(err)
		}
	})
}

// After a restore nothing is confirmed, by acknowledgement or by time, until a
// person has said that every gate is accounted for; then the wait for leases
// begins anew.
func TestNothingIsConfirmedWhileARestoreIsUnsettled(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		var unsettled atomic.Bool
		unsettled.Store(true)
		r.node.Unsettled = unsettled.Load
		r.enrol("east", "b1", gate.Static)
		r.confirming()
		acknowledged := r.stop()
		r.acknowledge("east", "b1")
		time.Sleep(24 * time.Hour)
		r.wantConfirmed(acknowledged, false, "acknowledged and unsettled")
		r.enrol("west", "b2", gate.Strict)
		silent := r.stop()
		r.acknowledge("east", "b1")
		time.Sleep(24 * time.Hour)
		r.wantConfirmed(silent, false, "long after every lease, and unsettled")
		unsettled.Store(false)
		r.enrol("north", "b3", gate.Strict) // a fact, as settling is one
		r.wantConfirmed(acknowledged, true, "settled")
		time.Sleep(lease)
		r.wantConfirmed(silent, false, "settled, a lease ago")
		time.Sleep(lease)
		r.wantConfirmed(silent, true, "settled, two leases ago")
	})
}
