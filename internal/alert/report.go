package alert

import (
	"strings"
	"time"

	"holdfast"
)

// Limits on a report's texts, in bytes.
const (
	maxSummary = 200
	maxText    = 4000
)

// Report is what a person saw, entered by them or for them (R4.1).
type Report struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail,omitempty"`
	// Caller is who told it, if that is not who entered it, and how to call back.
	Caller string `json:"caller,omitempty"`
	// Seen is when it was seen; zero means now.
	Seen time.Time `json:"seen,omitzero"`
}

// Incoming turns a report into an alert. id makes it a signal of its own.
func (r Report) Incoming(id string, now time.Time) (Incoming, error) {
	r.Summary = strings.TrimSpace(r.Summary)
	switch {
	case r.Summary == "" || len(r.Summary) > maxSummary:
		return Incoming{}, holdfast.Errorf(holdfast.Invalid, "say in one line, of at most %d bytes, what was seen", maxSummary).At("summary")
	case len(r.Detail) > maxText:
		return Incoming{}, holdfast.Errorf(holdfast.TooLarge, "the detail has %d bytes; %d is the limit", len(r.Detail), maxText).At("detail")
	case len(r.Caller) > maxSummary:
		return Incoming{}, holdfast.Errorf(holdfast.TooLarge, "the caller has %d bytes; %d is the limit", len(r.Caller), maxSummary).At("caller")
	case r.Seen.After(now.Add(time.Minute)):
		return Incoming{}, holdfast.Errorf(holdfast.Invalid, "it cannot have been seen in the future").At("seen")
	}
	if r.Seen.IsZero() {
		r.Seen = now
	}
	in := Incoming{
		Source: "report", Fingerprint: id, StartsAt: r.Seen.UTC().Truncate(time.Microsecond),
		Labels:      map[string]string{"alertname": "Report"},
		Annotations: map[string]string{"summary": r.Summary},
	}
	if r.Detail != "" {
		in.Annotations["description"] = r.Detail
	}
	if r.Caller != "" {
		in.Annotations["caller"] = r.Caller
	}
	return in, nil
}
