package httpgate

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/gate/decider"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
)

// StandIn decides in place of the primary.
type StandIn interface {
	// Decide answers durably; see [decider.Decider.Decide].
	Decide(ctx context.Context, a decider.Ask) (standin.Answer, error)
	// Concerns reports whether what would be forwarded may be its business.
	Concerns(p *payment.Payment) bool
	// Holds reports whether what stands in one by one is its business although the
	// primary may be asked.
	Holds(ctx context.Context, p *payment.Payment) bool
	// Exclude notes that the primary was sent a payment and has not answered.
	Exclude(ctx context.Context, p *payment.Payment) error
	// Knows returns what it has decided on the identity of a request.
	Knows(ctx context.Context, p *payment.Payment) (standin.Item, bool, error)
}

// Shadow tries profiles beside the primary; see package gate/shadow.
type Shadow interface {
	// Seen is told of a payment that the primary was asked to do. It does not block.
	Seen(p *payment.Payment, o payment.Outcome, at time.Time)
	// Figures are what was found so far.
	Figures() []standin.TrialFigures
}

// standInHeader is in each answer that stand-in decided: its verdict.
const standInHeader = "Holdfast-Stand-In"

var (
	answerMismatch = newAnswer(fasthttp.StatusUnprocessableEntity, "about:blank", "The key was used before, for another payment", 0)
	answerDeclined = newAnswer(fasthttp.StatusPaymentRequired, "about:blank", "The payment is declined", 0)
	final          = word{Attempt: "not-forwarded", Detail: "It was declined for good, while the payment system is down. The same key gets the same answer."}
)

// substitute has stand-in decide on a payment. It reports whether the payment is the
// primary's after all.
func (x *exchange) substitute() (forward bool) {
	if x.route.StandIn == nil || x.stand == nil {
		x.decline(posture.Verdict{Action: posture.Decline, Reason: posture.Held})
		return false
	}
	s, v := x.gate.Substitute(x.pay, x.route.mode)
	if v.Action == posture.Decline {
		x.decline(v)
		return false
	}
	directive, cause := s.Directive, standin.Directed
	if s.Alone {
		if cause = standin.Behind; !x.alone() {
			directive = "" // what waits for an advice of its payer waits
		}
	}
	a, err := x.decide(directive, cause)
	if err == nil && a.Verdict == standin.Forward && (s.Directive == "" || s.Alone) {
		s.Drop()
		return true
	}
	x.stood(s, a, err)
	return false
}

// stood answers what stand-in has decided, or has not.
func (x *exchange) stood(s gate.Substitution, a standin.Answer, err error) {
	outcome := payment.NotDone
	if err != nil {
		x.undecided(err)
	} else {
		outcome = x.tell(a)
		if a.Verdict == standin.Inquire && a.Reason == standin.InFlight {
			x.gate.Doubt(payment.Record{
				Identity: x.pay.Identity, Route: x.route.Name, Kind: x.route.kind.String(), Amount: x.pay.Amount, Currency: x.pay.Currency, At: time.Now(),
			})
		}
	}
	s.Finish(outcome)
	x.count(posture.Verdict{Action: posture.Substitute}, outcome, time.Since(x.begun))
}

// decide asks stand-in. What this gate has not settled itself is not approved.
func (x *exchange) decide(directive string, cause standin.Cause) (standin.Answer, error) {
	ctx := x.patience.from(time.Now())
	if x.gate.Pending(x.pay.Identity) {
		if _, known, err := x.stand.Knows(ctx, x.pay); err != nil || !known {
			return standin.Answer{Verdict: standin.Inquire, Reason: standin.InFlight}, err
		}
	}
	if away, err := x.elsewhere(ctx); err != nil || away {
		return standin.Answer{Verdict: standin.Inquire}, err
	}
	a := decider.Ask{Payment: *x.pay, Kind: standin.Payment, Original: x.pay.Original, Cause: cause, Directive: directive}
	if x.pay.Kind == payment.Refund {
		a.Kind = standin.Refund
		if x.route.StandIn != nil && x.route.StandIn.Reversal {
			a.Kind = standin.Reversal
		}
	}
	a.Reverse = x.route.StandIn != nil && x.route.StandIn.Unanswered == "reverse"
	a.Seal = func() standin.Sealed {
		return x.advices.seal(x.route, x.pay.Identity, &x.ctx.Request, x.ctx.Request.Body())
	}
	return x.stand.Decide(ctx, a)
}

// undecided answers where stand-in did not, or may have decided.
func (x *exchange) undecided(err error) {
	if holdfast.CodeOf(err) == holdfast.Doubtful {
		x.log.Warn("stand-in may have decided, and did not say in time", "error", err)
		x.answer(answerPending, "pending", stillOpen)
	} else { // what holds every payment has an alarm of its own
		x.log.Debug("stand-in did not decide", "error", err)
		x.answer(x.route.decline, posture.Held.String(), notForwarded)
	}
	x.ctx.Response.Header.Set(standInHeader, "held")
}

// tell gives the answer of stand-in.
func (x *exchange) tell(a standin.Answer) payment.Outcome {
	outcome, said := payment.NotDone, a.Verdict.String()
	switch a.Verdict {
	case standin.Approved, standin.Done:
		outcome = payment.Done
		x.done(a)
	case standin.Queued:
		x.queued(a)
	case standin.Declined:
		said = x.turnDown(a)
	case standin.Mismatch:
		x.answer(answerMismatch, "mismatch", notForwarded)
	case standin.Inquire:
		outcome = payment.Unknown
		x.answer(answerPending, "pending", stillOpen)
	case standin.Forward: // its time is over
		said = "held"
		x.answer(x.route.decline, posture.Held.String(), notForwarded)
	default: // refused for now
		reason := a.Reason.String()
		if a.Reason == standin.NotOpen { // it has not begun, or not ended, in every shard
			reason = posture.Held.String()
		}
		x.answer(x.route.decline, reason, notForwarded)
	}
	x.ctx.Response.Header.Set(standInHeader, said)
	return outcome
}

// done answers what is approved, or done by the primary.
func (x *exchange) done(a standin.Answer) {
	if i := a.Item; i != nil { // an inquiry has nothing but the identity
		if r := x.primary.route(i.Route); r != nil {
			x.approve(r, i.Identity, i.Amount, i.Currency, i)
			return
		}
	}
	x.approve(x.route, x.pay.Identity, x.pay.Amount, x.pay.Currency, a.Item)
}

// approve gives the answer of a route to what is approved.
func (x *exchange) approve(r *route, identity string, amount int64, currency string, i *standin.Item) {
	at := time.Now()
	if i != nil {
		at = i.At.Time()
	}
	if r.StandIn == nil { // the settings have changed since
		x.answer(answerPending, "pending", stillOpen)
		return
	}
	text := func(s string) string { return s }
	if strings.HasPrefix(r.StandIn.Type, "application/json") {
		text = jsonText
	}
	resp := &x.ctx.Response
	resp.Reset()
	resp.SetStatusCode(r.StandIn.Status)
	resp.Header.SetContentType(r.StandIn.Type)
	resp.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	resp.Header.Set(idHeader, x.shownID())
	resp.SetBodyRaw(fillIn(r.StandIn.Body, func(word string) (string, bool) {
		switch word {
		case "identity":
			return text(identity), true
		case "amount":
			return strconv.FormatInt(amount, 10), true
		case "currency":
			return text(currency), true
		case "kind":
			return r.kind.String(), true
		case "at":
			return at.UTC().Format(time.RFC3339), true
		}
		return "", false
	}))
	x.trail.reason = "stand-in"
}

// known answers a payment that is not forwarded, or an inquiry, as stand-in answered
// it before. It returns false if stand-in does not know it.
func (x *exchange) known() bool {
	if x.stand == nil || x.pay.Identity == "" || !x.stand.Concerns(x.pay) {
		return false
	}
	ctx := x.patience.from(time.Now())
	i, there, err := x.stand.Knows(ctx, x.pay)
	if err != nil {
		x.undecided(err)
		return true
	}
	if !there {
		return false
	}
	if x.route.kind.MovesMoney() {
		a, err := x.decide("", standin.Directed)
		if err != nil {
			x.undecided(err)
			return true
		}
		x.tell(a)
		return true
	}
	r := x.primary.route(i.Route)
	if i.Verdict == standin.Queued {
		x.tell(i.Stands())
		if x.ctx.Response.StatusCode() < fasthttp.StatusMultipleChoices {
			x.ctx.Response.SetStatusCode(fasthttp.StatusOK)
		}
		return true
	}
	switch {
	case i.Verdict == standin.Approved && i.Reason != standin.Withdrawn && r != nil:
		x.approve(r, i.Identity, i.Amount, i.Currency, &i)
		x.ctx.Response.SetStatusCode(fasthttp.StatusOK)
		x.ctx.Response.Header.Set(standInHeader, standin.Approved.String())
	default:
		x.answer(answerDeclined, i.Reason.String(), final)
		x.ctx.Response.Header.Set(standInHeader, standin.Declined.String())
	}
	return true
}
