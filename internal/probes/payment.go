package probes

import (
	"context"
	"net/http"
	"strings"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
)

// payment makes a test payment that passes the incident's own directives, and
// no others, by a mark signed for it.
func (r *Runner) payment(ctx context.Context, url string, p plan.Probe, incidentID string) (*http.Request, error) {
	payer, err := payerOf(p.Body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(p.Body))
	if err != nil {
		return nil, err
	}
	mark := posture.Mark{Incident: incidentID, Payer: payer, Expires: r.Now().Add(posture.MarkLife)}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", "probe-"+holdfast.NewID())
	req.Header.Set(posture.MarkHeader, mark.Sign(r.Key))
	return req, nil
}
