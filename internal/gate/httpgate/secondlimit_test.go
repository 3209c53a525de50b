package httpgate

import (
	"testing"

	"holdfast"
	"holdfast/internal/gate/fence"
	"holdfast/internal/posture"
	"holdfast/internal/standin/advice"
)

// Under a limit that lets one payment through, a repeat that turns out to be the other
// primary's draws once, and one that is not sent draws nothing.
func TestRepeatsDrawOnce(t *testing.T) {
	t.Parallel()
	source := advice.NewMemory("fence-1", fence.Shards)
	r := newRerouting(t, created, accepted, source, "gate-1")
	one := func(id string) posture.Directive {
		return posture.Directive{ID: id, Kind: posture.Limit, Scope: "all", Share: 1, Rates: map[string]float64{"gate-1": 1e-6}}
	}
	sent := func(key string) {
		t.Helper()
		if a := r.post("/v1/payments", key, goodPayment); a.status != 201 {
			t.Errorf("%s: %d %s", key, a.status, a.body)
		}
		r.want(r.post("/v1/payments", "more", goodPayment), 503, "over-rate", "not-forwarded")
	}
	r.post("/v1/payments", "of-first", goodPayment)
	r.enforce(2, posture.Set{}, away)
	r.post("/v1/payments", "of-second", goodPayment)
	r.reached(1, 1)

	r.enforce(3, posture.Set{}, away, one("a"))
	sent("of-first")
	r.reached(2, 1)
	r.enforce(4, posture.Set{}, one("b"))
	sent("of-second")
	r.reached(2, 2)
	r.enforce(5, posture.Set{}, one("c"))
	for range 3 {
		source.Refuse(holdfast.Errorf(holdfast.Unavailable, "the disk is full"))
		r.want(r.post("/v1/payments", "not-claimed", goodPayment), 503, "held", "not-forwarded")
	}
	sent("new")
	r.reached(3, 2)
}
