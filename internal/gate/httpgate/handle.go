package httpgate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// exchange is one request on its way through the gate.
type exchange struct {
	*Server
	ctx   *fasthttp.RequestCtx
	route *route
	path  string
	pay   *payment.Payment
	begun time.Time
}

func (s *Server) badRequest(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, fasthttp.ErrBodyTooLarge) {
		answerLarge.write(ctx, "", "not-done", "")
	} else {
		answerHead.write(ctx, "", "not-done", "")
	}
	ctx.SetConnectionClose()
}

// handle takes a request through the stages.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	x := &exchange{Server: s, ctx: ctx, begun: s.primary.now()}
	if !x.findRoute() {
		return
	}
	if !x.route.kind.MovesMoney() {
		x.pass()
		return
	}
	if !x.readPayment() || !x.judge() {
		return
	}
	c, ok := x.connect()
	if !ok {
		return
	}
	x.send(c)
}

// findRoute sets the route. A path that servers read in different ways could
// hide a payment, so it is refused.
func (x *exchange) findRoute() bool {
	raw := string(x.ctx.URI().PathOriginal())
	if !cleanPath(raw) {
		answerPath.write(x.ctx, "", "not-done", "")
		return false
	}
	x.path = raw
	method := string(x.ctx.Method())
	for _, r := range x.primary.routes {
		if r.match(method, raw) {
			x.route = r
			return true
		}
	}
	answerNoRoute.write(x.ctx, "", "not-done", "")
	return false
}

// readPayment buffers the body and reads the fields.
func (x *exchange) readPayment() bool {
	req := &x.ctx.Request
	body, err := readAll(req, MaxPayment)
	if err != nil {
		if errors.Is(err, fasthttp.ErrBodyTooLarge) {
			answerLarge.write(x.ctx, "", "not-done", "")
		} else {
			answerBody.write(x.ctx, "", "not-done", "")
		}
		x.ctx.SetConnectionClose()
		return false
	}
	x.pay = x.route.read(req, x.path, body)
	x.readMark(req)
	return true
}

// readMark takes a probe's mark off the request, and believes it only for the
// test accounts of this gate.
func (x *exchange) readMark(req *fasthttp.Request) {
	text := req.Header.Peek(posture.MarkHeader)
	if len(text) == 0 {
		return
	}
	payer := x.pay.Payer.Reveal()
	if x.primary.testPayers[payer] {
		m, err := posture.ReadMark(string(text), x.gate.ProbeKeys(), payer, x.primary.now())
		if err == nil {
			x.pay.Probe = m.Incident
		}
	}
	req.Header.Del(posture.MarkHeader)
}

// readAll returns the whole body, at most max bytes.
func readAll(req *fasthttp.Request, max int) ([]byte, error) {
	if req.Header.ContentLength() > max {
		return nil, fasthttp.ErrBodyTooLarge
	}
	stream := req.BodyStream()
	if stream == nil {
		return req.Body(), nil
	}
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(stream, int64(max)+1))
	if err != nil {
		return nil, err
	}
	if n > int64(max) {
		return nil, fasthttp.ErrBodyTooLarge
	}
	req.SetBodyRaw(b.Bytes())
	return b.Bytes(), nil
}

// judge declines at once what the posture, or the route, does not let pass. A
// payment whose fields cannot all be read is handled as the route says.
func (x *exchange) judge() bool {
	if x.pay.Read&x.route.required != x.route.required && x.route.Unreadable == "decline" && x.route.mode != gate.Observe {
		x.decline(posture.Verdict{Action: posture.Decline, Reason: posture.Unreadable})
		return false
	}
	v := x.gate.Decide(x.pay, x.route.mode)
	if v.Action != posture.Forward && x.route.mode != gate.Observe {
		x.decline(v)
		return false
	}
	return true
}

func (x *exchange) decline(v posture.Verdict) {
	x.gate.Declined(x.pay, v)
	x.declined(x.ctx, x.route, x.pay.Identity, v)
}

func (x *exchange) connect() (*conn, bool) {
	c, err := x.primary.up.get(x.ctx, x.begun)
	if err != nil {
		x.gate.Passed(x.pay, payment.NotDone, x.primary.now().Sub(x.begun))
		answerNoReach.write(x.ctx, "unreachable", "not-done", "")
		return nil, false
	}
	return c, true
}

// send admits the payment, writes it and answers with what came of it.
func (x *exchange) send(c *conn) {
	deadline := x.primary.now().Add(x.route.Timeout.D())
	x.prepare(deadline)
	resp := &x.ctx.Response
	a, v := x.gate.Admit(x.pay, x.route.mode)
	if v.Action != posture.Forward {
		x.primary.up.put(c, x.primary.now())
		x.decline(v)
		return
	}
	x.ctx.Request.Header.Set("Holdfast-Posture", strconv.FormatUint(a.Posture, 10))
	err := c.send(&x.ctx.Request, resp, deadline)
	if err != nil {
		c.Close()
		x.lost(&a, c.written, err)
		return
	}
	a.Finish(x.route.classify(resp.StatusCode()), "the primary answered with status "+strconv.Itoa(resp.StatusCode()))
	if err := x.primary.up.receive(c, &x.ctx.Request, resp, x.route.Timeout.D(), x.primary.now); err != nil {
		// The status was read, so the outcome stands; the client must ask for the rest.
		answerUnknown.write(x.ctx, "unknown", "unknown", "The answer broke off. Inquire about the payment with the same key.")
		return
	}
	dropHop(&resp.Header)
}

// lost finishes a payment that got no answer.
func (x *exchange) lost(a *gate.Admission, written int64, err error) {
	if written == 0 {
		a.Finish(payment.NotDone, "nothing was written to the primary")
		answerNoReach.write(x.ctx, "unreachable", "not-done", "")
		return
	}
	why := "the connection to the primary broke before an answer"
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		why = "no answer within " + x.route.Timeout.String()
	}
	a.Finish(payment.Unknown, why)
	answerUnknown.write(x.ctx, "unknown", "unknown", "Inquire about the payment before you try again, and try again only with the same key.")
}

// pass sends on a request that moves no money; bodies stream.
func (x *exchange) pass() {
	x.pay = x.route.read(&x.ctx.Request, x.path, nil)
	deadline := x.primary.now().Add(x.route.Timeout.D())
	x.prepare(deadline)
	outcome := payment.Unknown
	defer func() { x.gate.Passed(x.pay, outcome, x.primary.now().Sub(x.begun)) }()
	c, err := x.primary.up.get(x.ctx, x.begun)
	if err != nil {
		outcome = payment.NotDone
		answerNoReach.write(x.ctx, "unreachable", "", "")
		return
	}
	resp := &x.ctx.Response
	if err := c.send(&x.ctx.Request, resp, deadline); err != nil {
		c.Close()
		answerNoReach.write(x.ctx, "unreachable", "", "")
		return
	}
	outcome = x.route.classify(resp.StatusCode())
	if err := x.primary.up.receive(c, &x.ctx.Request, resp, x.route.Timeout.D(), x.primary.now); err != nil {
		answerNoReach.write(x.ctx, "unreachable", "", "")
		return
	}
	dropHop(&resp.Header)
}

// prepare turns the client's request into the one the primary gets.
func (x *exchange) prepare(deadline time.Time) {
	h := &x.ctx.Request.Header
	dropHop(h)
	for _, name := range [...]string{posture.MarkHeader, "Holdfast-Posture", "Holdfast-Deadline"} {
		h.Del(name)
	}
	h.Set("Holdfast-Deadline", deadline.UTC().Format(time.RFC3339Nano))
	h.Add(fasthttp.HeaderXForwardedFor, x.ctx.RemoteIP().String())
}

// dropHop removes what belongs to one connection only (RFC 9110, 7.6.1).
func dropHop(h interface {
	Del(string)
	Peek(string) []byte
}) {
	for name := range bytes.SplitSeq(h.Peek(fasthttp.HeaderConnection), []byte(",")) {
		if name = bytes.TrimSpace(name); len(name) > 0 {
			h.Del(string(name))
		}
	}
	for _, name := range [...]string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Upgrade", "Proxy-Authenticate", "Proxy-Authorization"} {
		h.Del(name)
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
