package probes

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
)

// payment makes a test payment that passes the incident's own directives, and
// no others, by a mark signed for it. It goes to a gate and nowhere else: the
// gate refuses a marked payment whose payer is not one of its test accounts,
// and the primary would not.
func (r *Runner) payment(ctx context.Context, url string, p plan.Probe, incidentID string) (*http.Request, error) {
	if !strings.HasPrefix(p.URL, "{gate}/") {
		return nil, errors.New("a payment probe goes through a gate: begin its address with {gate}/")
	}
	if incidentID == "" || len(r.Key) != ed25519.PrivateKeySize {
		return nil, errors.New("a payment probe needs an incident and a key to sign its mark")
	}
	payer, err := payerOf(p.Body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(p.Body))
	if err != nil {
		return nil, err
	}
	// With a key for repetition and a body it can read again, net/http would
	// repeat the payment by itself.
	req.GetBody = nil
	mark := posture.Mark{Incident: incidentID, Payer: payer, Expires: r.Now().Add(posture.MarkLife)}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "probe-"+holdfast.NewID())
	req.Header.Set(posture.MarkHeader, mark.Sign(r.Key))
	return req, nil
}
