package httpgate

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/internal/payment"
	"holdfast/internal/standin"
)

// queuedPath is where the gate itself says what became of a queued payment, for routes
// whose clients have no inquiry. What follows is a token that only a gate of the advice
// source can make.
const queuedPath = "/holdfast/queued/"

// queuedBody is what a client is told of a payment that was queued.
type queuedBody struct {
	// Status is queued, done, declined or expired.
	Status   string `json:"status"`
	Identity string `json:"identity"`
	// Amount is in minor units.
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Kind     string `json:"kind"`
	// Expires is when it is given up unless it was sent before (RFC 3339, UTC).
	Expires string `json:"expires,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Link is where its client asks what became of it.
	Link string `json:"link,omitempty"`
}

// queued says that a payment waits: 202, with where to ask for it.
func (x *exchange) queued(a standin.Answer) {
	b := queuedBody{Status: standin.Queued.String(), Identity: x.pay.Identity, Amount: x.pay.Amount, Currency: x.pay.Currency, Kind: x.route.kind.String(), Reason: a.Reason.String()}
	r := x.route
	if i := a.Item; i != nil {
		b.Amount, b.Currency, b.Kind = i.Amount, i.Currency, i.Kind.String()
		if own := x.primary.route(i.Route); own != nil {
			r = own
		}
	}
	if a.Until != 0 {
		b.Expires = a.Until.Time().Format(time.RFC3339)
	}
	b.Link = x.statusLink(r, x.pay.Identity)
	x.tellQueued(fasthttp.StatusAccepted, b)
	x.ctx.Response.Header.Set(fasthttp.HeaderLocation, b.Link)
	if r.decline.retryAfter != "" {
		x.ctx.Response.Header.Set(fasthttp.HeaderRetryAfter, r.decline.retryAfter)
	}
}

// tellQueued writes what a client is told of a queued payment.
func (x *exchange) tellQueued(status int, b queuedBody) {
	body, err := json.Marshal(b)
	if err != nil {
		panic("httpgate: queued: " + err.Error()) // texts and a number: cannot fail
	}
	resp := &x.ctx.Response
	resp.Reset()
	resp.SetStatusCode(status)
	resp.Header.SetContentType("application/json")
	resp.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	resp.Header.Set(idHeader, x.shownID())
	resp.Header.Set(standInHeader, b.Status)
	resp.SetBody(body)
	x.trail.reason = "stand-in"
}

// turnDown declines for good, and returns the word for the header.
func (x *exchange) turnDown(a standin.Answer) string {
	w := final
	if a.Item != nil && a.Item.Verdict == standin.Queued {
		w.Detail = "It had to wait while the payment system was down, and was declined after that. The same key gets the same answer."
	}
	x.answer(answerDeclined, a.Reason.String(), w)
	if a.Reason == standin.TooLate {
		return "expired"
	}
	return standin.Declined.String()
}

// statusLink is where the client of a route asks what became of a queued payment: where it
// inquires in any case, if the gate lets that inquiry through; else at the gate.
func (x *exchange) statusLink(r *route, identity string) string {
	if q := r.Inquiry; q != nil {
		target, ok := inquiryTarget(q.Path, identity)
		path, query, _ := strings.Cut(target, "?")
		for _, other := range x.primary.routes {
			if !ok || !other.match(q.Method, path) {
				continue
			}
			if h := (&fasthttp.RequestHeader{}); other.kind == payment.Inquiry && other.read(h, path, query, nil).Identity == identity {
				return target
			}
			break
		}
	}
	return queuedPath + x.advices.keys.Token(identity)
}

// queueStatus answers where a status link of the gate leads. It returns false for any
// other path.
func (x *exchange) queueStatus() bool {
	token, ours := strings.CutPrefix(x.path, queuedPath)
	if !ours || x.stand == nil || x.advices == nil {
		return false
	}
	identity, ok := x.advices.keys.Identity(token)
	if method := methodOf(&x.ctx.Request.Header); !ok || method != fasthttp.MethodGet {
		x.answer(answerNoRoute, "", nothing)
		return true
	}
	x.pay = &payment.Payment{Identity: identity, Kind: payment.Inquiry}
	ctx := x.patience.from(time.Now())
	i, there, err := x.stand.Knows(ctx, x.pay)
	switch {
	case err != nil: // there is no route whose answer it could be
		x.log.Debug("stand-in did not say what became of a queued payment", "error", err)
		x.answer(answerPending, "pending", stillOpen)
	case !there || i.Verdict != standin.Queued:
		x.answer(answerNoRoute, "", nothing)
	default:
		x.tellQueued(fasthttp.StatusOK, statusOf(&i))
	}
	return true
}

// statusOf says what became of a queued payment.
func statusOf(i *standin.Item) queuedBody {
	a := i.Stands()
	b := queuedBody{Status: a.Verdict.String(), Identity: i.Identity, Amount: i.Amount, Currency: i.Currency, Kind: i.Kind.String(), Reason: a.Reason.String()}
	if a.Until != 0 {
		b.Expires = a.Until.Time().Format(time.RFC3339)
	}
	if a.Verdict == standin.Declined && a.Reason == standin.TooLate {
		b.Status = "expired"
	}
	return b
}
