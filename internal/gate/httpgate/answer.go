package httpgate

import (
	"encoding/json"
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
	Detail string `json:"detail,omitempty"`
	// Reason is one of the verdict's reasons, or pending or unknown.
	Reason string `json:"reason,omitempty"`
	// Outcome tells a program what became of its payment: not-done, or unknown.
	Outcome string `json:"outcome,omitempty"`
}

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
	answerHead    = newAnswer(fasthttp.StatusBadRequest, "about:blank", "The request cannot be read", 0)
	answerFault   = newAnswer(fasthttp.StatusInternalServerError, "about:blank", "A fault of the gate", 0)
	answerNoReach = newAnswer(fasthttp.StatusBadGateway, "about:blank", "The payment system cannot be reached", 5*time.Second)
)

func (a *answer) write(ctx *fasthttp.RequestCtx, reason, outcome, detail string) {
	p := a.problem
	p.Reason, p.Outcome, p.Detail = reason, outcome, detail
	body, err := json.Marshal(p)
	if err != nil {
		panic("httpgate: problem: " + err.Error()) // strings only: cannot fail
	}
	ctx.Response.Reset()
	ctx.SetStatusCode(a.status)
	ctx.SetContentType("application/problem+json")
	ctx.Response.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	if a.retryAfter != "" {
		ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, a.retryAfter)
	}
	ctx.SetBody(body)
}
