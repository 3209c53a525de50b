package httpgate

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// trying tries a profile on what it sees, at once.
type trying struct {
	mu    sync.Mutex
	tried *standin.Tried
	keys  []string
}

func (s *trying) Seen(p *payment.Payment, o payment.Outcome, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, p.Identity+" "+o.String())
	s.tried.Try(&standin.Request{Payment: *p, Kind: standin.Payment, Payer: standin.Blind([]byte("k"), p.Payer), Snapshot: good{}.Find(standin.Digest{})}, o, at)
}

func (s *trying) Figures() []standin.TrialFigures {
	s.mu.Lock()
	defer s.mu.Unlock()
	return []standin.TrialFigures{s.tried.Figures()}
}

func (s *trying) seen() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.keys, ", ")
}

// What the primary answered is tried, on routes that are stood in for, with what it said;
// clients get the primary's answer and nothing else.
func TestShadowOnTheWire(t *testing.T) {
	t.Parallel()
	tried, err := standin.Trial{Profile: smallProfile(), Scope: "all", Share: 1, Outage: time.Hour}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	shadow := &trying{tried: tried}
	r := standingIn(t, func(c net.Conn, n int, req *seen) {
		switch {
		case strings.Contains(req.body, "1402"):
			say(false, answerWith(402, "{}"))(c, n, req)
		case strings.Contains(req.body, "1500"):
			c.Close()
		default:
			created(c, n, req)
		}
	}, func(r *rig) { r.shadow = shadow })
	of := func(amount string) string { return strings.Replace(goodPayment, "1299", amount, 1) }
	r.want(r.post("/v1/payments", "k1", goodPayment), 201, "", "")
	if a := r.post("/v1/payments", "k2", of("1402")); a.status != 402 || a.body != "{}" || a.header.Get(standInHeader) != "" {
		t.Errorf("declined as %d %q", a.status, a.body)
	}
	r.want(r.post("/v1/payments", "k3", of("9999")), 201, "", "")
	r.want(r.post("/v1/payments", "k4", of("1500")), 504, "unknown", "unknown")
	r.want(r.post("/v1/quick", "k5", "{}"), 201, "", "") // nothing stands in for it
	r.raw("GET /v1/payments?key=k1 HTTP/1.1\r\nHost: pay.example\r\n\r\n")
	r.enforce(2, posture.Set{}, openStandIn())
	r.stood(r.post("/v1/payments", "k6", goodPayment), 201, "approved", "")
	r.enforce(3, posture.Set{}, stopAll)
	r.want(r.post("/v1/payments", "k7", goodPayment), 503, "stopped", "not-forwarded")
	if got, want := shadow.seen(), "k1 done, k2 not-done, k3 done, k4 unknown"; got != want {
		t.Errorf("tried %s; want %s", got, want)
	}

	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(r.server.Metrics())
	text := gather(t, registry)
	for _, line := range []string{
		"holdfast_gate_shadow_total CNY done small  approve 1", "holdfast_gate_shadow_total CNY not-done small  approve 1", "holdfast_gate_shadow_total CNY unknown small  approve 1",
		"holdfast_gate_shadow_total CNY done small over-payment decline 1", "holdfast_gate_shadow_dropped_total small 0",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}
