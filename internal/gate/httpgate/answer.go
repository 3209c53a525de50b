package httpgate

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// answer is a problem+json (RFC 9457) that the gate gives itself.
type answer struct {
	status     int
	retryAfter string // seconds; empty for none
	problem    problem
}

type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	// Reason is one of the verdict's reasons, or pending, unknown, unreachable,
	// busy, early or probe.
	Reason string `json:"reason,omitempty"`
	word
}

// word is what an answer of the gate says about the payment. The gate remembers
// only payments of unknown outcome, so it never says that a payment is not done:
// an earlier attempt may have done it.
type word struct {
	// Attempt is "not-forwarded" if not one byte of this request reached the
	// primary.
	Attempt string `json:"attempt,omitempty"`
	// Outcome is "unknown" if this attempt, or one before it, may have been done.
	Outcome string `json:"outcome,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// What the gate says.
var (
	notForwarded = word{Attempt: "not-forwarded", Detail: "This attempt was not forwarded. If there was an earlier attempt of this payment, inquire about it before you count it as not done."}
	stillOpen    = word{Attempt: "not-forwarded", Outcome: "unknown", Detail: askFirst}
	notKnown     = word{Outcome: "unknown", Detail: askFirst}
	brokeOff     = word{Outcome: "unknown", Detail: "The answer broke off. Inquire about the payment with the same key."}
	// ownersOnly is told of a payment whose primary cannot be asked.
	ownersOnly = word{Outcome: "unknown", Detail: "The payment belongs to a primary that cannot be reached now; no other gets it. Inquire again later."}
	nothing    = word{}
)

func newAnswer(status int, kind, title string, retryAfter time.Duration) *answer {
	a := &answer{status: status, problem: problem{Type: kind, Title: title, Status: status}}
	if s := int(retryAfter.Seconds()); s > 0 {
		a.retryAfter = strconv.Itoa(s)
	}
	return a
}

// askFirst tells a client what to do about an outcome that is not known.
const askFirst = "Inquire about the payment before you try again, and try again only with the same key."

// The answers that do not depend on the route.
var (
	answerPending = newAnswer(fasthttp.StatusConflict, "about:blank", "An earlier attempt of this payment has no settled outcome", 5*time.Second)
	answerUnknown = newAnswer(fasthttp.StatusGatewayTimeout, "about:blank", "The outcome of this payment is not known", 0)
	answerNoRoute = newAnswer(fasthttp.StatusNotFound, "about:blank", "No route takes this request", 0)
	answerPath    = newAnswer(fasthttp.StatusBadRequest, "about:blank", "The path can be read in more than one way", 0)
	answerLarge   = newAnswer(fasthttp.StatusRequestEntityTooLarge, "about:blank", "The body of a payment may have 65536 bytes", 0)
	answerBody    = newAnswer(fasthttp.StatusBadRequest, "about:blank", "The body did not arrive whole", 0)
	answerMark    = newAnswer(fasthttp.StatusForbidden, "about:blank", "The probe mark is not valid for this payment", 0)
	answerHeader  = newAnswer(fasthttp.StatusBadRequest, "about:blank", "A header says that another method or path is meant", 0)
	answerTarget  = newAnswer(fasthttp.StatusBadRequest, "about:blank", "The target and the Host header name different hosts, or none", 0)
	answerExpect  = newAnswer(fasthttp.StatusExpectationFailed, "about:blank", "Only 100-continue can be expected", 0)
	answerEarly   = newAnswer(http.StatusTooEarly, "about:blank", "A payment is not taken from early data, which can be replayed", 0)
	answerFields  = newAnswer(fasthttp.StatusRequestHeaderFieldsTooLarge, "about:blank", "The head of the request is too large", 0)
	answerSlow    = newAnswer(fasthttp.StatusRequestTimeout, "about:blank", "The request did not come in time", 0)
	answerBusy    = newAnswer(fasthttp.StatusServiceUnavailable, "about:blank", "Too many requests wait for the payment system", time.Second)
	answerHead    = newAnswer(fasthttp.StatusBadRequest, "about:blank", "The request cannot be read", 0)
	answerFault   = newAnswer(fasthttp.StatusInternalServerError, "about:blank", "A fault of the gate", 0)
	answerNoReach = newAnswer(fasthttp.StatusBadGateway, "about:blank", "The payment system cannot be reached", 5*time.Second)
)

// answer gives the gate's own answer.
func (x *exchange) answer(a *answer, reason string, w word) {
	p := a.problem
	p.Reason, p.word = reason, w
	body, err := json.Marshal(p)
	if err != nil {
		panic("httpgate: problem: " + err.Error()) // strings only: cannot fail
	}
	x.trail.reason, x.trail.word = reason, w
	resp := &x.ctx.Response
	resp.Reset()
	resp.SetStatusCode(a.status)
	resp.Header.SetContentType("application/problem+json")
	resp.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	resp.Header.Set(idHeader, x.shownID())
	if a.retryAfter != "" {
		resp.Header.Set(fasthttp.HeaderRetryAfter, a.retryAfter)
	}
	resp.SetBody(body)
}
