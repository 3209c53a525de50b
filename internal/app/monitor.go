package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// monitor stands for the operator's monitoring: each second it looks at what
// customers experience and sends what Alertmanager would send. It knows nothing
// of the faults.
type monitor struct {
	demo  *Demo
	token string
	http  *http.Client

	firing time.Time // when the present alert began; zero if none fires
	bad    int       // seconds in a row in which payments failed
	good   int
}

const (
	// failing is the share of customers not told "done" above which a second is bad.
	failing = 0.5
	// fireAfter and resolveAfter are seconds in a row.
	fireAfter, resolveAfter = 3, 10
)

func newMonitor(d *Demo, token string) *monitor {
	return &monitor{demo: d, token: token, http: &http.Client{Timeout: 5 * time.Second}}
}

func (m *monitor) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if m.look() {
			// What could not be delivered is sent again at the next look.
			if err := m.send(ctx); err != nil && ctx.Err() == nil {
				m.demo.opt.Log.Warn("the monitor's alert was not taken", "error", err)
			}
		}
	}
}

// look judges the last whole second and reports whether there is something to
// send.
func (m *monitor) look() bool {
	seconds := m.demo.World.Stats(1).Seconds
	if len(seconds) == 0 {
		return false
	}
	// What customers make of the answers counts, not that there are some: a gate
	// answers at once, also when the primary is down.
	s := seconds[0]
	bad := s.Declined + s.Doubted
	if asked := bad + s.Done; asked > 0 && float64(bad)/float64(asked) > failing {
		m.bad, m.good = m.bad+1, 0
	} else {
		m.bad, m.good = 0, m.good+1
	}
	switch {
	case m.firing.IsZero() && m.bad >= fireAfter:
		m.firing = m.demo.opt.Now()
		return true
	case !m.firing.IsZero() && m.good == resolveAfter:
		return true
	}
	return !m.firing.IsZero() && m.bad > 0 && m.bad%30 == 0 // as Alertmanager repeats itself
}

func (m *monitor) send(ctx context.Context) error {
	status, ends := "firing", time.Time{}
	if m.good >= resolveAfter {
		status, ends = "resolved", m.demo.opt.Now()
	}
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{alertname="PaymentFailures"}`, "status": status, "receiver": "holdfast",
		"alerts": []map[string]any{{
			"status": status, "fingerprint": "d15ea5e0d15ea5e0", "startsAt": m.firing.UTC(), "endsAt": ends,
			"labels":      map[string]string{"alertname": "PaymentFailures", "severity": "critical", "service": "payments"},
			"annotations": map[string]string{"summary": "More than half of the payments fail"},
		}},
	})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.demo.Control.URL()+"/api/v1/intake/alertmanager", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+m.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.http.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	if status == "resolved" {
		m.firing = time.Time{}
	}
	return nil
}
