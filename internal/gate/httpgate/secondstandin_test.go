package httpgate

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/gate/fence"
	"holdfast/internal/posture"
	"holdfast/internal/standin/advice"
)

// What the second primary has is not approved by stand-in: its advice would go to the first.
func TestStandInLeavesTheSecondItsOwn(t *testing.T) {
	t.Parallel()
	r := &rerouting{rig: &rig{t: t, back: newBackend(t, created), log: &lockedBuffer{}}, other: newBackend(t, accepted)}
	text := strings.Replace(twoPrimaries, "$SECOND", r.other.addr, 1)
	conf := r.decidingBy(text, "")
	r.fence = fenceAt(t, advice.NewMemory("fence-1", fence.Shards), "gate-1", time.Now)
	r.start(conf, time.Now)
	r.enforce(2, posture.Set{}, away)
	r.post("/v1/payments", "k1", goodPayment)
	r.reached(0, 1)
	r.enforce(3, posture.Set{}, openStandIn())
	if a := r.post("/v1/payments", "k1", goodPayment); a.status != 409 || a.header.Get(standInHeader) != "inquire" {
		t.Errorf("%d %s %s", a.status, a.header.Get(standInHeader), a.body)
	}
	if a := r.post("/v1/payments", "k2", goodPayment); a.status != 201 || a.header.Get(standInHeader) != "approved" {
		t.Errorf("%d %s %s", a.status, a.header.Get(standInHeader), a.body)
	}
	// What was stood in for is the first's.
	r.enforce(4, posture.Set{}, away)
	if a := r.post("/v1/payments", "k2", goodPayment); a.status != 201 || a.header.Get(standInHeader) != "approved" {
		t.Errorf("%d %s %s", a.status, a.header.Get(standInHeader), a.body)
	}
	r.reached(0, 1)
}

// bothWays is a rig that stands in and reroutes. Refunds name their original to both.
func bothWays(t *testing.T, first, second script) *rerouting {
	t.Helper()
	r := &rerouting{rig: &rig{t: t, back: newBackend(t, first), log: &lockedBuffer{}}, other: newBackend(t, second)}
	conf := r.decidingBy(strings.Replace(twoPrimaries, "$SECOND", r.other.addr, 1), "")
	r.fence = fenceAt(t, advice.NewMemory("fence-1", fence.Shards), "gate-1", time.Now)
	r.start(conf, time.Now)
	return r
}

// A payer whose advices are not delivered is stood in for after the lift as well: not for what
// the second primary has.
func TestBehindAReroute(t *testing.T) {
	t.Parallel()
	r := bothWays(t, created, accepted)
	r.post("/v1/payments", "w", goodPayment)
	r.enforce(2, posture.Set{}, away)
	r.post("/v1/payments", "x", goodPayment)
	r.reached(1, 1)
	r.enforce(3, posture.Set{}, openStandIn())
	if a := r.post("/v1/payments", "y", goodPayment); a.header.Get(standInHeader) != "approved" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	r.enforce(4, posture.Set{}) // nothing delivers y in this test
	if a := r.post("/v1/payments", "x", goodPayment); a.status != 409 || a.header.Get(standInHeader) != "inquire" {
		t.Errorf("%d %q %s", a.status, a.header.Get(standInHeader), a.body)
	}
	// Rerouted anew, what is fresh passes stand-in by, and what it has answered stays.
	r.enforce(5, posture.Set{}, away)
	if a := r.post("/v1/payments", "z", goodPayment); a.status != 201 || a.header.Get(standInHeader) != "" {
		t.Errorf("%d %q %s", a.status, a.header.Get(standInHeader), a.body)
	}
	if a := r.post("/v1/payments", "y", goodPayment); a.status != 201 || a.header.Get(standInHeader) != "approved" {
		t.Errorf("%d %q %s", a.status, a.header.Get(standInHeader), a.body)
	}
	// What the first primary has does not overtake the advice there.
	r.want(r.post("/v1/payments", "w", goodPayment), 409, "pending", "unknown")
	r.reached(1, 2)
}
