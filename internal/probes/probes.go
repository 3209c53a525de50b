// Package probes runs the tests that a plan asks for before and during
// recovery: each kind in its own file. A probe's answer is judged by the
// expression the plan gives; an answer that cannot be had, or an expression that
// cannot be evaluated, is a failure.
package probes

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/payment"
	"holdfast/internal/plan"
)

// Runner runs probes.
type Runner struct {
	// Places fills the names in a probe's URL: gate, primary.
	Places map[string]string
	// Key signs the marks of payment probes.
	Key  ed25519.PrivateKey
	HTTP *http.Client
	Now  func() time.Time
}

const (
	defaultTimeout = 5 * time.Second
	// maxAnswer is the longest answer that is judged, in bytes: part of one could
	// pass where the whole does not.
	maxAnswer = 64 << 10
)

// Probe runs a probe once.
func (r *Runner) Probe(ctx context.Context, p plan.Probe, incidentID string) incident.ProbeRan {
	timeout := p.Timeout.D()
	if timeout == 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	begun := r.Now()
	passed, detail := r.run(ctx, p, incidentID, begun)
	return incident.ProbeRan{Probe: p.ID, Passed: passed, Detail: payment.Mask(detail), Millis: r.Now().Sub(begun).Milliseconds()}
}

func (r *Runner) run(ctx context.Context, p plan.Probe, incidentID string, begun time.Time) (bool, string) {
	url, err := r.fill(p.URL)
	if err != nil {
		return false, err.Error()
	}
	var req *http.Request
	switch p.Kind {
	case plan.ProbeHTTP:
		req, err = http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	case plan.ProbePayment:
		req, err = r.payment(ctx, url, p, incidentID)
	default:
		err = fmt.Errorf("there is no probe of kind %q", p.Kind)
	}
	if err != nil {
		return false, err.Error()
	}
	resp, err := r.client().Do(req)
	if err != nil {
		return false, "no answer: " + err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return false, "the answer broke off: " + err.Error()
	}
	if len(body) > maxAnswer {
		return false, fmt.Sprintf("status %d; the answer is longer than %d bytes, so it cannot be judged", resp.StatusCode, maxAnswer)
	}
	return judge(p, resp.StatusCode, string(body), r.Now().Sub(begun))
}

// client follows no redirection: what is judged is the answer of the place that
// the plan names, and a mark goes nowhere else.
func (r *Runner) client() *http.Client {
	c := *r.HTTP
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// judge compares an answer with what the plan expects.
func judge(p plan.Probe, status int, body string, took time.Duration) (bool, string) {
	e, err := expression.Compile(p.Expect, plan.ProbeFields())
	if err != nil {
		return false, "the expectation cannot be used: " + err.Error()
	}
	values := map[string]any{"status": status, "millis": int(took.Milliseconds()), "body": body}
	ok, err := e.Eval(values)
	if err != nil {
		return false, "the expectation cannot be evaluated: " + err.Error()
	}
	if !ok {
		return false, fmt.Sprintf("status %d in %d ms; expected %s; answer: %.200s", status, took.Milliseconds(), p.Expect, payment.Mask(body))
	}
	return true, fmt.Sprintf("status %d in %d ms", status, took.Milliseconds())
}

func (r *Runner) fill(url string) (string, error) {
	for name, place := range r.Places {
		if place == "" {
			continue
		}
		url = strings.ReplaceAll(url, "{"+name+"}", strings.TrimRight(place, "/"))
	}
	if i := strings.IndexByte(url, '{'); i >= 0 {
		return "", fmt.Errorf("the address %q names a place that the configuration does not have", url)
	}
	return url, nil
}

// payerOf reads the payer out of a payment probe's body: the mark is for that
// account alone.
func payerOf(body string) (string, error) {
	var b struct {
		Payer string `json:"payer"`
	}
	if err := json.Unmarshal([]byte(body), &b); err != nil || b.Payer == "" {
		return "", fmt.Errorf("the probe's body names no payer")
	}
	return b.Payer, nil
}
