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
	demo *Demo
	// kept holds the token, and since when the present alert fires: a monitor
	// that is started again still resolves what it fired.
	kept *kept
	http *http.Client

	beats  int // seconds since the last watchdog that was taken
	bad    int // seconds in a row in which payments failed
	good   int
	unsent bool // the last message was not taken
}

const (
	// failing is the share of customers not told "done" above which a second is bad.
	failing = 0.5
	// fireAfter and resolveAfter are seconds in a row.
	fireAfter, resolveAfter = 3, 10
	barkEvery               = 10
)

func newMonitor(d *Demo, k *kept) *monitor {
	return &monitor{demo: d, kept: k, http: &http.Client{Timeout: 5 * time.Second}}
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
		if m.beats--; m.beats <= 0 && m.bark(ctx) == nil {
			m.beats = barkEvery
		}
		if m.look() {
			// What could not be delivered is sent again at the next look.
			err := m.send(ctx)
			if m.unsent = err != nil; m.unsent && ctx.Err() == nil {
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
	if m.kept.Firing.IsZero() {
		if m.bad < fireAfter {
			return false
		}
		m.since(m.demo.opt.Now())
		return true
	}
	return m.unsent || m.good >= resolveAfter || m.bad > 0 && m.bad%30 == 0 // as Alertmanager repeats itself
}

// since notes when the present alert began; zero says that none fires.
func (m *monitor) since(t time.Time) {
	m.kept.Firing = t
	if err := m.demo.keep(m.kept); err != nil {
		m.demo.opt.Log.Warn("the monitor cannot note what it fires", "error", err)
	}
}

func (m *monitor) send(ctx context.Context) error {
	status, ends := "firing", time.Time{}
	if m.good >= resolveAfter {
		status, ends = "resolved", m.demo.opt.Now()
	}
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{alertname="PaymentFailures"}`, "status": status, "receiver": "holdfast",
		"alerts": []map[string]any{{
			"status": status, "fingerprint": "d15ea5e0d15ea5e0", "startsAt": m.kept.Firing.UTC(), "endsAt": ends,
			"labels":      map[string]string{"alertname": "PaymentFailures", "severity": "critical"},
			"annotations": map[string]string{"summary": "More than half of the payments fail"},
		}},
	})
	if err != nil {
		return err
	}
	if err := m.post(ctx, body); err != nil {
		return err
	}
	if status == "resolved" {
		m.since(time.Time{})
	}
	return nil
}

// bark sends the watchdog: an alert that always fires, by which the monitor shows
// that it lives.
func (m *monitor) bark(ctx context.Context) error {
	body, err := json.Marshal(map[string]any{
		"version": "4", "groupKey": `{}:{alertname="Watchdog"}`, "status": "firing", "receiver": "holdfast",
		"alerts": []map[string]any{{
			"status": "firing", "fingerprint": "ba4c0ba4c0ba4c0b", "startsAt": time.Unix(0, 0).UTC(),
			"labels": map[string]string{"alertname": "Watchdog", "severity": "none"},
		}},
	})
	if err != nil {
		return err
	}
	return m.post(ctx, body)
}

func (m *monitor) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.demo.Control.URL()+"/api/v1/intake/alertmanager", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+m.kept.Monitor)
	req.Header.Set("Content-Type", "application/json")
	resp, err := m.http.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}
