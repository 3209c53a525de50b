package httpgate

import (
	"bufio"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast"
	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/gate/fence"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// Fence keeps which of two primaries an identity belongs to; see package fence.
type Fence interface {
	ID() string
	// Claim claims an identity for a primary, durably, or says whose it is.
	Claim(ctx context.Context, identity string, by fence.Primary) (fence.Claim, error)
	// Owner says whose an identity is, if anybody has claimed it.
	Owner(ctx context.Context, identity string) (fence.Claim, bool, error)
}

var _ Fence = (*fence.Fence)(nil)

// fenceTimeout is how long a payment waits for the fence. Then it is not sent.
const fenceTimeout = 2 * time.Second

// secondRoute is how the second primary takes the requests of a route.
type secondRoute struct {
	config.RouteSecond
	// as is the route as this primary sees it: its statuses, times, inquiry.
	as *route
}

func newSecond(r *route) *secondRoute {
	s, as := *r.Route.Second, *r
	as.Outcome, as.Timeout, as.Inquiry, as.Retention = s.Outcome, s.Timeout, s.Inquiry, s.Retention
	as.AnswerAmount, as.AnswerCode = s.AnswerAmount, s.AnswerCode
	as.readAnswers()
	return &secondRoute{RouteSecond: s, as: &as}
}

// aim says which primary a payment is meant for, before a connection is taken. It returns
// false if it is none: then it was answered.
//
// To send it still takes its claim. Where the two primaries are told apart by nothing, the
// first is meant.
func (x *exchange) aim(v posture.Verdict) bool {
	x.head(fence.First)
	rerouted := v.Reroute != "" && x.route.mode != gate.Observe
	x.claims = x.fenced()
	if rerouted && (!x.claims || v.Fence != x.fence.ID()) {
		x.decline(notHere)
		return false
	}
	if x.pay.Kind == payment.Refund {
		return x.aimBack(rerouted)
	}
	if rerouted {
		x.head(fence.Second)
	}
	return true
}

// aimBack is aim for what takes back: it goes where its original went, or nowhere.
func (x *exchange) aimBack(rerouted bool) bool {
	if x.pay.Original == "" && (!x.claims || x.route.mode == gate.Observe) {
		return true // one primary takes refunds of the route, or they are only looked at
	}
	owner, ok := x.ownerOf(x.pay.Original)
	switch {
	case x.pay.Original == "", !ok, rerouted && owner != fence.Second, owner == fence.Second && !x.claims:
		x.decline(notHere)
		return false
	case owner == fence.Second:
		x.head(fence.Second)
	}
	return true
}

// notHere is the verdict on what may not be sent to the primary that it belongs to.
var notHere = posture.Verdict{Action: posture.Decline, Reason: posture.Held}

// fenced reports whether the payment is sent to nobody without a claim.
func (x *exchange) fenced() bool {
	return x.fence != nil && x.route.second != nil && x.pay.Read.Has(payment.Identity)
}

// head has the request go to a primary.
func (x *exchange) head(p fence.Primary) {
	x.pay.Second, x.at = p == fence.Second, x.route
	if x.pay.Second {
		x.at = x.route.second.as
	}
}

// headed is the primary that the request goes to.
func (x *exchange) headed() fence.Primary {
	if x.pay.Second {
		return fence.Second
	}
	return fence.First
}

// pool returns the connections to the primary that the request goes to.
func (x *exchange) pool() *pool {
	if x.pay.Second {
		return x.primary.second
	}
	return x.primary.up
}

// ownerOf returns whose an identity is; neither's if nobody has claimed it. It returns false
// if that cannot be had.
func (x *exchange) ownerOf(identity string) (fence.Primary, bool) {
	if x.fence == nil || identity == "" {
		return 0, true
	}
	ctx, cancel := context.WithTimeout(context.Background(), fenceTimeout)
	defer cancel()
	c, there, err := x.fence.Owner(ctx, identity)
	if err != nil {
		x.log.Warn("the fence does not say whose a payment is", "error", err)
		return 0, false
	}
	if !there {
		return 0, true
	}
	return c.Owner, true
}

// claim claims an admitted payment for the primary that it is about to be sent to. It
// returns false if that is another's: not one byte is written, and the payment was answered,
// or sent to its own.
func (x *exchange) claim(c *conn) bool {
	by := x.headed()
	ctx, cancel := context.WithTimeout(context.Background(), fenceTimeout)
	defer cancel()
	x.open.Wait()
	claim, err := x.fence.Claim(ctx, x.pay.Identity, by)
	if err == nil && claim.Owner == by && !forgotten(x.at, claim) {
		v := x.open.Still(x.route.mode)
		if v.Action == posture.Forward {
			return true
		}
		x.undo(c)
		x.decline(v)
		return false
	}
	x.undo(c)
	switch {
	case err != nil:
		x.log.Warn("a payment was not sent: the fence made no claim", "error", err)
		x.decline(notHere)
	case claim.Owner == fence.Second && by == fence.First && !forgotten(x.route.second.as, claim):
		// It went there while payments were rerouted.
		x.head(fence.Second)
		x.claims = false
		if c, ok := x.connect(); ok {
			x.send(c)
		}
	case claim.Owner == fence.First && by == fence.Second && !forgotten(x.route, claim) && x.home():
	default:
		x.pending()
	}
	return false
}

// pending answers a payment that its owner may have, and that was not sent now.
func (x *exchange) pending() {
	x.gate.Declined(x.pay, notHere)
	x.count(notHere, payment.NotDone, -1)
	x.answer(answerPending, "pending", stillOpen)
}

// home sends what the first primary has to it while payments are rerouted: it may never
// have got it, and no other may. One at a time: what waits for a primary that is down would
// take the places of those that the second can do. It returns false if nothing was sent.
//
// What stand-in may have to do with waits: it would overtake the advices of its payer, or be
// sent while another gate still decides on it.
func (x *exchange) home() bool {
	if x.stand != nil && x.stand.Concerns(x.pay) || !x.primary.home.TryLock() {
		return false
	}
	defer x.primary.home.Unlock()
	c, err := x.primary.up.get(context.Background())
	if err != nil {
		return false
	}
	x.head(fence.First)
	x.claims = false
	x.hold(c)
	x.send(c)
	return true
}

// undo takes the admission back of a payment of which nothing was written.
func (x *exchange) undo(c *conn) {
	x.conn = nil
	c.up.put(c)
	x.open.Undo()
	x.open, x.sent = nil, false
}

// forgotten reports whether a primary may no longer know a payment again.
func forgotten(as *route, c fence.Claim) bool {
	return !c.Fresh && as.Retention > 0 && c.Age >= as.Retention.D()
}

// elsewhere reports whether what stand-in is to decide on afresh, or what that takes back,
// belongs to the second primary: its advice would go to the first, and it is claimed for that.
func (x *exchange) elsewhere(ctx context.Context) (bool, error) {
	if x.fence == nil {
		return false, nil
	}
	if _, known, err := x.stand.Knows(ctx, x.pay); err != nil || known {
		return false, err
	}
	owner, ok := x.ownerOf(x.pay.Original)
	if !ok {
		return false, holdfast.Errorf(holdfast.Unavailable, "the fence does not answer: it is not known which primary has what is taken back")
	}
	if owner == fence.Second || !x.fenced() {
		return owner == fence.Second, nil
	}
	c, err := x.fence.Claim(ctx, x.pay.Identity, fence.First)
	return c.Owner == fence.Second, err
}

// passesBy reports whether a payment that is rerouted is none of stand-in's business: nothing
// was decided on it. What else stand-in would do for its payer is for the first primary. It
// was answered if there is an error.
func (x *exchange) passesBy(v posture.Verdict) (bool, error) {
	if v.Reroute == "" || !x.fenced() {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), standInTimeout)
	defer cancel()
	_, known, err := x.stand.Knows(ctx, x.pay)
	if err != nil {
		x.undecided(err)
	}
	return !known, err
}

// follows has an inquiry ask the primary that has the payment. It returns false if that
// cannot be known: then it was answered.
func (x *exchange) follows() bool {
	x.head(fence.First)
	if x.route.kind != payment.Inquiry || !x.pay.Read.Has(payment.Identity) {
		return true
	}
	owner, ok := x.ownerOf(x.pay.Identity)
	x.owned = owner != 0
	switch {
	case !ok:
		x.answer(answerNoReach, "unreachable", nothing)
	case owner != fence.Second:
		return true
	case x.route.second != nil:
		x.head(fence.Second)
		return true
	default: // the first would say that there is no such payment
		x.answer(answerPending, "pending", stillOpen)
	}
	x.passed(payment.Unknown)
	return false
}

// mapped is a request to the second primary.
type mapped exchange

// Write implements request.
func (m *mapped) Write(w *bufio.Writer) error {
	x := (*exchange)(m)
	if x.pay.Kind.MovesMoney() {
		x.scratch = strconv.AppendUint(x.scratch[:0], x.admission.Posture, 10)
		x.other.Header.SetBytesV(postureHeader, x.scratch)
	}
	return x.other.Write(w)
}

// theirs are headers by which a client proves to the first primary who it is. They are
// nothing that another should see.
var theirs = [...]string{fasthttp.HeaderAuthorization, fasthttp.HeaderCookie, fasthttp.HeaderProxyAuthorization}

// secondTarget is the path and query at the second primary. It returns false where an
// identity would make another path of it: "..", "."
func (x *exchange) secondTarget() (string, bool) {
	template := x.route.second.Path
	if template == "" {
		return string(x.ctx.Request.RequestURI()), true
	}
	target := fillPath(template, x.facts(nil, 0))
	path, _, _ := strings.Cut(target, "?")
	return target, cleanPath(path)
}

// leads reports whether the request has a path at the primary that it goes to.
func (x *exchange) leads() bool {
	if !x.pay.Second {
		return true
	}
	_, ok := x.secondTarget()
	return ok
}

// translate makes the request to the second primary of the client's.
func (x *exchange) translate(deadline time.Time) request {
	x.prepare(deadline)
	s, from := x.route.second, &x.ctx.Request
	req := fasthttp.AcquireRequest()
	x.other = req
	from.Header.CopyTo(&req.Header)
	h := &req.Header
	// The body is another, or none: what says how long the client's is would shift what follows
	// on the connection.
	h.Del(fasthttp.HeaderContentLength)
	h.Del(fasthttp.HeaderTransferEncoding)
	h.SetNoDefaultContentType(true)
	h.SetHost(x.primary.secondHost)
	if s.Method != "" {
		h.SetMethod(s.Method)
	}
	target, _ := x.secondTarget()
	req.SetRequestURI(target)
	h.SetHost(x.primary.secondHost)
	for _, name := range append(theirs[:], s.Drop...) {
		h.Del(name)
	}
	plain := x.facts(nil, 0)
	for _, set := range s.Headers {
		h.Set(set.Name, fill(set.Value, plain, headerText))
	}
	switch {
	case s.Body != "":
		h.Del(fasthttp.HeaderContentEncoding)
		h.SetContentType(s.Type)
		req.SetBodyString(fill(s.Body, x.facts(from.Body(), 0), textOf(s.Type)))
	case x.route.kind.MovesMoney():
		req.SetBodyRaw(from.Body())
	}
	return (*mapped)(x)
}

// answerAs gives the client the answer of the second primary as the route says.
func (x *exchange) answerAs(resp *fasthttp.Response) {
	if !x.pay.Second {
		return
	}
	said := resp.Body()
	i := slices.IndexFunc(x.route.second.Answers, func(a config.SecondAnswer) bool { return answers(a.When, resp.StatusCode(), said) })
	if i < 0 {
		return
	}
	a := &x.route.second.Answers[i]
	body := fill(a.Body, x.facts(said, resp.StatusCode()), textOf(a.Type))
	resp.Reset()
	resp.SetStatusCode(a.Status)
	resp.Header.SetContentType(a.Type)
	resp.Header.Set(fasthttp.HeaderCacheControl, "no-store")
	resp.Header.Set(idHeader, payment.Mask(x.requestID()))
	resp.SetBodyString(body)
}

// receiveFrom reads the body of an answer: whole, where the client may get another in its
// place.
func (x *exchange) receiveFrom(c *conn) error {
	resp := &x.ctx.Response
	head, status := x.ctx.IsHead(), resp.StatusCode()
	if x.pay.Second {
		head = x.other.Header.IsHead()
	}
	if !x.pay.Second || len(x.route.second.Answers) == 0 || head || status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified {
		return c.up.receive(c, head, resp, x.at.Timeout.D())
	}
	return c.readWhole(resp)
}
