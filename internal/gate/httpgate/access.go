package httpgate

import (
	"encoding/json"
	"time"

	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// accessLine is one line of the access log. Texts from requests are masked and
// cut to maxShown.
type accessLine struct {
	Time time.Time `json:"time"`
	// Advice is "delivery" or "inquiry" of an advice; empty of a client's request.
	Advice   string `json:"advice,omitempty"`
	ID       string `json:"id,omitempty"`
	Trace    string `json:"trace,omitempty"`
	Client   string `json:"client,omitempty"`
	Proto    string `json:"proto,omitempty"`
	Method   string `json:"method,omitempty"`
	Path     string `json:"path,omitempty"`
	Route    string `json:"route,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Identity string `json:"identity,omitempty"`
	Status   int    `json:"status"`
	Verdict  string `json:"verdict,omitempty"`
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
	return l.write()
}

func (l *accessLine) write() []byte {
	line, err := json.Marshal(l)
	if err != nil {
		panic("httpgate: access log: " + err.Error()) // texts and numbers only: cannot fail
	}
	return append(line, '\n')
}

// adviceLine writes down an advice that was delivered or asked about, and what came of it.
func adviceLine(begun time.Time, w standin.Work, came standin.Came) []byte {
	l := accessLine{
		Time: begun.UTC(), Advice: "delivery", Route: legible(w.Item.Route), Kind: w.Item.Kind.String(), Identity: legible(w.Item.Identity),
		Status: int(came.Reply.Status), Outcome: payment.Unknown.String(), Ms: float64(time.Since(begun).Microseconds()) / 1000,
	}
	if w.Attempt.Inquiry {
		l.Advice = "inquiry"
	}
	switch {
	case came.Of == standin.Did:
		l.Outcome = payment.Done.String()
	case came.Of == standin.Refuses:
		l.Outcome = payment.NotDone.String()
	case came.Reply.Said == 0 || came.Reply.Said == standin.Unreached:
		l.Attempt, l.Outcome = "not-forwarded", ""
	}
	return l.write()
}

// legible is a text from a request as it may be written down.
func legible(s string) string {
	s = payment.Mask(s)
	if len(s) > maxShown {
		s = s[:maxShown] + "…"
	}
	return s
}
