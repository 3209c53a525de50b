package httpgate

import (
	"encoding/json"
	"time"

	"holdfast/internal/gate"
	"holdfast/internal/payment"
)

// accessLine is one line of the access log. Texts from requests are masked and
// cut to maxShown.
type accessLine struct {
	Time     time.Time `json:"time"`
	ID       string    `json:"id"`
	Trace    string    `json:"trace,omitempty"`
	Client   string    `json:"client"`
	Proto    string    `json:"proto"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Route    string    `json:"route,omitempty"`
	Kind     string    `json:"kind,omitempty"`
	Identity string    `json:"identity,omitempty"`
	Status   int       `json:"status"`
	Verdict  string    `json:"verdict,omitempty"`
	// Reason is the verdict's, or that of the gate's own answer.
	Reason  string `json:"reason,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	// Attempt is "not-forwarded" if nothing reached the primary.
	Attempt string  `json:"attempt,omitempty"`
	Primary string  `json:"primary,omitempty"`
	Ms      float64 `json:"ms"` // until the head of the answer
}

// maxShown is the longest text from a request in a line, in bytes.
const maxShown = 256

// line writes the request down. The query is left out.
func (x *exchange) line() []byte {
	h := &x.ctx.Request.Header
	l := accessLine{
		Time: x.begun.UTC(), ID: legible(x.requestID()), Trace: legible(x.trail.trace), Client: string(appendClient(nil, x.ctx.RemoteAddr())),
		Proto: x.trail.proto, Method: legible(string(h.Method())), Path: legible(x.path), Status: x.ctx.Response.StatusCode(),
		Reason: x.trail.reason, Attempt: x.trail.word.Attempt, Primary: x.trail.primary,
		Ms: float64(time.Since(x.begun).Microseconds()) / 1000,
	}
	if x.route != nil {
		l.Route, l.Kind = x.route.Name, x.route.kind.String()
	}
	if x.pay != nil {
		l.Identity = legible(x.pay.Identity)
	}
	if x.trail.counted {
		l.Outcome = x.trail.outcome.String()
		if x.route.kind.MovesMoney() {
			l.Verdict = x.trail.verdict.Action.String()
		}
		if l.Reason == "" {
			l.Reason = gate.ReasonOf(x.pay, x.trail.verdict)
		}
	}
	if l.Attempt != "" {
		l.Outcome = "" // of the payment nothing is known here
	}
	line, err := json.Marshal(l)
	if err != nil {
		panic("httpgate: access log: " + err.Error()) // texts and numbers only: cannot fail
	}
	return append(line, '\n')
}

// legible is a text from a request as it may be written down.
func legible(s string) string {
	s = payment.Mask(s)
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	return s
}
