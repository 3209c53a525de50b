package httpgate

import (
	"fmt"
	"io"
	"net"
	"testing"

	"holdfast/internal/gate/fence"
	"holdfast/internal/posture"
	"holdfast/internal/standin/advice"
)

// While payments are rerouted, what the first primary has goes to it, one at a time: it may
// never have got it, and nobody else may do it. Where it cannot be reached its clients are told
// that it is pending, who repeat it and who inquire.
func TestHomeUnderAReroute(t *testing.T) {
	t.Parallel()
	asked, goOn := make(chan struct{}), make(chan struct{})
	r := newRerouting(t, func(c net.Conn, n int, _ *seen) {
		if n == 3 {
			close(asked)
			<-goOn
		}
		io.WriteString(c, answerWith(201, "{}"))
	}, accepted, advice.NewMemory("fence-1", fence.Shards), "gate-1")
	r.post("/v1/payments", "k1", goodPayment)
	r.post("/v1/payments", "k2", goodPayment)
	r.enforce(2, posture.Set{}, away)
	first := make(chan reply)
	go func() { first <- r.post("/v1/payments", "k1", goodPayment) }()
	<-asked
	r.want(r.post("/v1/payments", "k2", goodPayment), 409, "pending", "unknown")
	if a := r.post("/v1/payments", "k3", goodPayment); a.status != 201 {
		t.Errorf("a new one waits for the first primary: %d %s", a.status, a.body)
	}
	close(goOn)
	if a := <-first; a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := r.post("/v1/payments", "k2", goodPayment); a.status != 201 {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.reached(4, 1)

	r.back.close()
	r.want(r.post("/v1/payments", "k1", goodPayment), 409, "pending", "unknown")
	for key, want := range map[string]struct {
		status          int
		reason, outcome string
	}{"k1": {409, "pending", "unknown"}, "nobody's": {502, "unreachable", "not-forwarded"}} {
		r.want(r.raw(fmt.Sprintf("GET /v1/payments?key=%s HTTP/1.1\r\nHost: x\r\n\r\n", key)), want.status, want.reason, want.outcome)
	}
	if s := r.gate.Status(); s.InFlight != 0 || s.Unresolved != 0 {
		t.Errorf("%d in flight, %d unresolved", s.InFlight, s.Unresolved)
	}
}
