package httpgate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	query string
	pay   *payment.Payment
	begun time.Time
	// plain says that no header has to be taken off before the request goes on.
	plain bool
	// open is the payment's admission until it is finished; sent says that there
	// was one.
	open      *gate.Admission
	sent      bool
	admission gate.Admission

	// What is used again by a later exchange: the body, and what is being written.
	body    []byte
	scratch []byte
}

var exchanges = sync.Pool{New: func() any { return &exchange{} }}

func (s *Server) newExchange(ctx *fasthttp.RequestCtx) *exchange {
	x := exchanges.Get().(*exchange)
	*x = exchange{Server: s, ctx: ctx, begun: time.Now(), body: x.body[:0], scratch: x.scratch[:0]}
	return x
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
	x := s.newExchange(ctx)
	defer x.mend()
	if !x.findRoute() {
		return
	}
	if !x.plain {
		dropHop(&ctx.Request.Header)
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

// mend keeps a fault of the program from ending the gate, and with it every
// other payment. What was admitted is unknown: it may have been written.
func (x *exchange) mend() {
	fault := recover()
	if fault == nil {
		exchanges.Put(x)
		return
	}
	x.log.Error("a request could not be handled: a fault of the gate", "path", payment.Mask(x.path), "fault", fault)
	x.ctx.SetConnectionClose()
	if x.open != nil {
		x.finish(payment.Unknown, "a fault of the gate after it was admitted")
	}
	if x.sent {
		answerUnknown.write(x.ctx, "unknown", "unknown", askFirst)
		return
	}
	answerFault.write(x.ctx, "", "", "")
}

// findRoute sets the route. A path that servers read in different ways could
// hide a payment, so it is refused.
func (x *exchange) findRoute() bool {
	h := &x.ctx.Request.Header
	framed, plain := framed(h.RawHeaders())
	x.plain = plain && !h.ConnectionClose() // which HTTP/1.0 means without a header
	if !framed {
		answerHead.write(x.ctx, "", "not-done", "")
		x.ctx.SetConnectionClose()
		return false
	}
	target, host := originForm(string(h.RequestURI()))
	path, query, _ := strings.Cut(target, "?")
	if !cleanPath(path) || strings.Contains(target, "#") {
		answerPath.write(x.ctx, "", "not-done", "")
		return false
	}
	// From here on the target is forwarded as it was read: byte by byte.
	if host != "" {
		h.SetHost(host)
	}
	x.ctx.Request.SetRequestURI(target)
	x.path, x.query = path, query
	method := methodOf(h)
	for _, r := range x.primary.routes {
		if r.match(method, path) {
			x.route = r
			break
		}
	}
	if (x.route == nil || x.route.open && !x.route.kind.MovesMoney()) && x.nearMoney(method) {
		answerPath.write(x.ctx, "", "not-done", "")
		return false
	}
	if x.route == nil {
		answerNoRoute.write(x.ctx, "", "not-done", "")
		return false
	}
	return true
}

// methodOf returns the method; the usual ones cost nothing.
func methodOf(h *fasthttp.RequestHeader) string {
	for _, m := range [...]string{fasthttp.MethodPost, fasthttp.MethodGet} {
		if string(h.Method()) == m {
			return m
		}
	}
	return string(h.Method())
}

// nearMoney reports whether a request that no route or a route for the rest
// takes may be a payment to some servers.
func (x *exchange) nearMoney(method string) bool {
	for _, r := range x.primary.routes {
		if r.kind.MovesMoney() && !r.match(method, x.path) && r.near(method, x.path) {
			return true
		}
	}
	return false
}

// originForm turns a target of the form http://host/path into path and host.
func originForm(target string) (path, host string) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(target) > len(scheme) && strings.EqualFold(target[:len(scheme)], scheme) {
			rest := target[len(scheme):]
			end := strings.IndexAny(rest, "/?")
			if end < 0 {
				return "/", rest
			}
			if rest[end] == '?' {
				return "/" + rest[end:], rest[:end]
			}
			return rest[end:], rest[:end]
		}
	}
	return target, ""
}

// readPayment buffers the body and reads the fields.
func (x *exchange) readPayment() bool {
	req := &x.ctx.Request
	body, err := readAll(req, MaxPayment, &x.body)
	if err != nil {
		x.pay = x.route.read(&req.Header, x.path, x.query, nil)
		x.gate.Declined(x.pay, unreadable)
		x.metrics.count(x.pay, unreadable, payment.NotDone, -1)
		if errors.Is(err, fasthttp.ErrBodyTooLarge) {
			x.notSent(answerLarge, "")
		} else {
			x.notSent(answerBody, "")
		}
		x.ctx.SetConnectionClose()
		return false
	}
	x.pay = x.route.read(&req.Header, x.path, x.query, body)
	if !x.readMark(req) {
		x.gate.Declined(x.pay, unreadable)
		x.metrics.count(x.pay, unreadable, payment.NotDone, -1)
		x.notSent(answerMark, "probe")
		return false
	}
	return true
}

var unreadable = posture.Verdict{Action: posture.Decline, Reason: posture.Unreadable}

// readMark takes a probe's mark off the request, and believes it only for the
// test accounts of this gate. It returns false for a mark that is not valid: a
// probe that is not believed must not become a customer's payment.
func (x *exchange) readMark(req *fasthttp.Request) bool {
	marks := req.Header.PeekAll(posture.MarkHeader)
	if len(marks) == 0 {
		return true
	}
	payer := x.pay.Payer.Reveal()
	if len(marks) > 1 || !x.pay.Read.Has(payment.Payer) || !x.primary.testPayers[payer] {
		return false
	}
	m, err := posture.ReadMark(string(marks[0]), x.gate.ProbeKeys(), payer, x.primary.now())
	if err != nil {
		return false
	}
	x.pay.Probe = m.Incident
	req.Header.Del(posture.MarkHeader)
	return true
}

// errCut is the error of a body that ended before its length.
var errCut = errors.New("the body ended before its length")

// readAll returns the whole body, at most max bytes, in memory of its own or in
// that of buf. Trailers are refused: they could bring a header after the headers
// were read.
func readAll(req *fasthttp.Request, max int, buf *[]byte) ([]byte, error) {
	length := req.Header.ContentLength()
	if length > max {
		return nil, fasthttp.ErrBodyTooLarge
	}
	stream := req.BodyStream()
	if stream == nil {
		return req.Body(), nil
	}
	if length >= 0 {
		*buf = slices.Grow((*buf)[:0], length)[:length]
		if _, err := io.ReadFull(stream, *buf); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errCut
		} else if err != nil {
			return nil, err
		}
		req.SetBodyRaw(*buf)
		return *buf, nil
	}
	var b bytes.Buffer
	n, err := b.ReadFrom(io.LimitReader(stream, int64(max)+1))
	switch {
	case err != nil:
		return nil, err
	case n > int64(max):
		return nil, fasthttp.ErrBodyTooLarge
	case len(req.Header.PeekTrailerKeys()) > 0:
		return nil, errors.New("a payment has no trailers")
	}
	req.SetBodyRaw(b.Bytes())
	return b.Bytes(), nil
}

// judge declines at once what the posture, or the route, does not let pass. A
// payment whose fields cannot all be read is handled as the route says.
func (x *exchange) judge() bool {
	if x.pay.Read&x.route.required != x.route.required && x.route.Unreadable == "decline" && x.route.mode != gate.Observe {
		x.decline(unreadable)
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
	x.metrics.count(x.pay, v, payment.NotDone, -1)
	x.notSent(x.route.decline, v.Reason.String())
}

// notSent answers a payment of which nothing reached the primary. The retry of
// one with no settled outcome is never told a final no: the primary may have
// done it.
func (x *exchange) notSent(a *answer, reason string) {
	if id := x.pay.Identity; id != "" && x.gate.Pending(id) {
		answerPending.write(x.ctx, "pending", "unknown", askFirst)
		return
	}
	a.write(x.ctx, reason, "not-done", "")
}

func (x *exchange) connect() (*conn, bool) {
	c, err := x.primary.up.get(context.Background())
	if err != nil {
		x.passed(payment.NotDone)
		x.notSent(answerNoReach, "unreachable")
		return nil, false
	}
	return c, true
}

// send admits the payment, writes it and answers with what came of it.
func (x *exchange) send(c *conn) {
	deadline := time.Now().Add(x.route.Timeout.D())
	x.prepare(deadline)
	resp := &x.ctx.Response
	a, v := x.gate.Admit(x.pay, x.route.mode)
	if v.Action != posture.Forward {
		x.primary.up.put(c)
		x.decline(v)
		return
	}
	x.admission = a
	x.open, x.sent = &x.admission, true
	x.scratch = strconv.AppendUint(x.scratch[:0], a.Posture, 10)
	x.ctx.Request.Header.SetBytesV(postureHeader, x.scratch)
	err := c.send(&x.ctx.Request, resp, deadline)
	if err != nil {
		c.Close()
		x.lost(c.written, err)
		return
	}
	status := resp.StatusCode()
	x.finish(x.route.classify(status), answered(status))
	if err := x.primary.up.receive(c, x.ctx.IsHead(), resp, x.route.Timeout.D()); err != nil {
		// The status was read, so the outcome stands; the client must ask for the rest.
		answerUnknown.write(x.ctx, "unknown", "unknown", "The answer broke off. Inquire about the payment with the same key.")
		return
	}
	tidy(resp)
}

// answered says in words that the primary answered with a status.
func answered(status int) string {
	if status == fasthttp.StatusOK || status == fasthttp.StatusCreated {
		return usual[status-fasthttp.StatusOK] // no need to build it for each payment
	}
	return fmt.Sprintf("the primary answered with status %d", status)
}

var usual = [...]string{"the primary answered with status 200", "the primary answered with status 201"}

// finish ends the admission.
func (x *exchange) finish(o payment.Outcome, why string) {
	a := x.open
	x.open = nil
	a.Finish(o, why)
	x.metrics.count(x.pay, a.Judged(), o, time.Since(x.begun))
}

// lost finishes a payment that got no answer.
func (x *exchange) lost(written int64, err error) {
	if written == 0 {
		x.finish(payment.NotDone, "nothing was written to the primary")
		x.notSent(answerNoReach, "unreachable")
		return
	}
	why := "the connection to the primary broke before an answer"
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		why = "no answer within " + x.route.Timeout.String()
	}
	x.finish(payment.Unknown, why)
	answerUnknown.write(x.ctx, "unknown", "unknown", askFirst)
}

// pass sends on a request that moves no money; bodies stream.
func (x *exchange) pass() {
	x.pay = x.route.read(&x.ctx.Request.Header, x.path, x.query, nil)
	deadline := time.Now().Add(x.route.Timeout.D())
	x.prepare(deadline)
	c, err := x.primary.up.get(context.Background())
	if err != nil {
		x.passed(payment.NotDone)
		answerNoReach.write(x.ctx, "unreachable", "", "")
		return
	}
	resp := &x.ctx.Response
	if err := c.send(&x.ctx.Request, resp, deadline); err != nil {
		c.Close()
		x.passed(payment.Unknown)
		answerNoReach.write(x.ctx, "unreachable", "", "")
		return
	}
	x.passed(x.route.classify(resp.StatusCode()))
	if err := x.primary.up.receive(c, x.ctx.IsHead(), resp, x.route.Timeout.D()); err != nil {
		answerNoReach.write(x.ctx, "unreachable", "", "")
		return
	}
	tidy(resp)
}

// passed counts a request that was not admitted, or did not need to be.
func (x *exchange) passed(o payment.Outcome) {
	took := time.Since(x.begun)
	x.gate.Passed(x.pay, o, took)
	x.metrics.count(x.pay, posture.Verdict{}, o, took)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
