package alert

import (
	"regexp"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/payment"
)

const (
	reportSource = "report"
	callerText   = "caller"
)

// phone is a number in international form: a plus and up to 15 digits (E.164),
// with single spaces or hyphens between them.
var phone = regexp.MustCompile(`\+[0-9](?:[ -]?[0-9])+`)

// maskCaller hides card numbers but leaves phone numbers that begin with a plus,
// which may be as long: who reported must be able to be called back.
func maskCaller(s string) string {
	var out strings.Builder
	rest := s
	for _, at := range phone.FindAllStringIndex(s, -1) {
		number := s[at[0]:at[1]]
		if digits := len(number) - strings.Count(number, " ") - strings.Count(number, "-") - 1; digits > 15 {
			continue
		}
		out.WriteString(payment.Mask(s[len(s)-len(rest) : at[0]]))
		out.WriteString(number)
		rest = s[at[1]:]
	}
	return out.String() + payment.Mask(rest)
}

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
	// Public means that a stranger wrote it, on the page that needs no account.
	Public bool `json:"-"`
}

// Incoming turns a report into an alert. id makes it a signal of its own.
func (r Report) Incoming(id string, now time.Time) (Incoming, error) {
	r.Summary = strings.TrimSpace(r.Summary)
	switch {
	case r.Summary == "" || len(r.Summary) > maxSummary || strings.ContainsAny(r.Summary, "\r\n"):
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
	reporter := "staff"
	if r.Public {
		reporter = "public"
	}
	in := Incoming{
		Source: reportSource, Fingerprint: id, StartsAt: r.Seen.UTC().Truncate(time.Microsecond),
		Labels:      map[string]string{"alertname": "Report", "reporter": reporter},
		Annotations: map[string]string{"summary": r.Summary},
	}
	if r.Detail != "" {
		in.Annotations["description"] = r.Detail
	}
	if r.Caller != "" {
		in.Annotations[callerText] = r.Caller
	}
	return in, nil
}
