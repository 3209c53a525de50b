package httpgate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/internal/gate"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
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
	conn  *conn // while it is held
	marks marks
	// open is the payment's admission until it is finished; sent says that there
	// was one.
	open      *gate.Admission
	sent      bool
	admission gate.Admission
	trail     trail
	sound     bool // no fault of the program was met
	judged    gate.Judgement
	// at is the route as the primary sees it that the request goes to. claims says that it is
	// sent to neither without its claim; other is the request to the second.
	at     *route
	claims bool
	other  *fasthttp.Request
	// owned says that the payment that is asked about was claimed for a primary.
	owned bool
	// falls says that stand-in may answer if the primary fails before the first byte.
	falls bool
	// lists says that others are told of it if its outcome is not known.
	lists bool
	many  bool // others come at the same time

	// said is what the answer has at the place that is looked at.
	said [1]value

	// What is used again by a later exchange: the body, and what is being written.
	body    []byte
	scratch []byte
}

// trail is what is written down about a request.
type trail struct {
	proto   string
	id      string // of the request
	trace   string // the id of its trace
	reason  string // of the gate's own answer
	word    word
	verdict posture.Verdict
	outcome payment.Outcome
	counted bool // verdict and outcome are set
	primary string
}

var exchanges = sync.Pool{New: func() any { return &exchange{} }}

func (s *Server) newExchange(ctx *fasthttp.RequestCtx, proto string) *exchange {
	x := exchanges.Get().(*exchange)
	now := time.Now()
	*x = exchange{Server: s, ctx: ctx, begun: now, many: s.crowd.enter(now), trail: trail{proto: proto}, body: x.body[:0], scratch: x.scratch[:0]}
	return x
}

func (s *Server) handle(ctx *fasthttp.RequestCtx) { s.serve(ctx, "HTTP/1.1") }

// serve takes a request through the stages.
func (s *Server) serve(ctx *fasthttp.RequestCtx, proto string) {
	x := s.newExchange(ctx, proto)
	defer x.end()
	defer x.mend()
	if !x.clean() || x.queueStatus() || !x.findRoute() {
		return
	}
	if !x.marks.plain {
		dropHop(&ctx.Request.Header)
	}
	if !x.route.kind.MovesMoney() {
		x.pass()
		return
	}
	if !x.onTime() || !x.readPayment() || !x.judge() {
		return
	}
	if x.falls && x.primary.up.broken() && x.instead(standin.CircuitOpen) {
		return
	}
	c, ok := x.connect()
	if !ok {
		return
	}
	x.send(c)
}

// end writes the request down, when its answer's head is known.
func (x *exchange) end() {
	if x.leaving.Load() || passed(x.ctx) {
		x.ctx.SetConnectionClose()
	}
	if x.access != nil {
		x.access.Write(x.line())
	}
	if x.other != nil && x.sound {
		fasthttp.ReleaseRequest(x.other)
	}
	if x.sound {
		exchanges.Put(x)
	}
}

// mend keeps a fault of the program from ending the gate, and with it every
// other payment. What was admitted is unknown: it may have been written.
func (x *exchange) mend() {
	fault := recover()
	if fault == nil {
		x.sound = true
		return
	}
	x.log.Error("a request could not be handled: a fault of the gate", "path", payment.Mask(x.path), "fault", payment.Mask(fmt.Sprint(fault)))
	x.ctx.SetConnectionClose()
	if x.conn != nil {
		x.conn.Close()
	}
	if x.open != nil {
		x.finish(payment.Unknown, "a fault of the gate after it was admitted")
	}
	if x.sent {
		x.answer(answerUnknown, "unknown", notKnown)
		return
	}
	x.answer(answerFault, "", nothing)
}

// findRoute sets the route. A path that servers read in different ways could
// hide a payment, so it is refused.
func (x *exchange) findRoute() bool {
	h := &x.ctx.Request.Header
	method := methodOf(h)
	for _, r := range x.primary.routes {
		if r.match(method, x.path) {
			x.route = r
			break
		}
	}
	switch {
	case (x.route == nil || x.route.open && !x.route.kind.MovesMoney()) && x.nearMoney(method):
		x.answer(answerPath, "", notForwarded)
		return false
	case x.route == nil:
		x.answer(answerNoRoute, "", notForwarded)
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
		if r.kind.MovesMoney() && !r.match(method, x.path) && (r.near(method, x.path) || x.overridden(r, method)) {
			return true
		}
	}
	return false
}

// readPayment buffers the body and reads the fields.
func (x *exchange) readPayment() bool {
	req := &x.ctx.Request
	body, err := readAll(req, MaxPayment, &x.body)
	if err != nil {
		x.pay = x.route.read(&req.Header, x.path, x.query, nil)
		x.gate.Declined(x.pay, unreadable)
		x.count(unreadable, payment.NotDone, -1)
		x.notSent(bodyFault(x.ctx, err), "")
		x.ctx.SetConnectionClose()
		return false
	}
	x.pay = x.route.read(&req.Header, x.path, x.query, body)
	if !x.readMark(req) {
		x.gate.Declined(x.pay, unreadable)
		x.count(unreadable, payment.NotDone, -1)
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
	var v posture.Verdict
	v, x.judged = x.gate.Judge(x.pay, x.route.mode)
	switch {
	case x.route.mode == gate.Observe:
		return x.aim(posture.Verdict{})
	case v.Action == posture.Decline:
		x.decline(v)
		return false
	case v.Action == posture.Substitute:
		return x.substitute()
	case v.Directive != "" && x.alone():
		x.falls, x.lists = true, true
		return (!x.stand.Holds(context.Background(), x.pay) || x.substitute()) && x.aim(v)
	case x.stand != nil && x.stand.Concerns(x.pay):
		by, err := x.passesBy(v)
		return err == nil && (by || x.substitute()) && x.aim(v)
	}
	return x.aim(v)
}

func (x *exchange) decline(v posture.Verdict) {
	x.gate.Declined(x.pay, v)
	x.count(v, payment.NotDone, -1)
	x.notSent(x.route.decline, v.Reason.String())
}

// notSent answers a payment of which nothing reached the primary. The retry of
// one with no settled outcome is never told a final no: the primary may have
// done it. What stand-in has answered keeps its answer.
func (x *exchange) notSent(a *answer, reason string) {
	if x.known() {
		return
	}
	if id := x.pay.Identity; id != "" && x.pay.Kind.MovesMoney() && x.gate.Pending(id) {
		x.answer(answerPending, "pending", stillOpen)
		return
	}
	x.answer(a, reason, notForwarded)
}

// noReach is the answer where no connection was had.
func noReach(err error) (a *answer, reason string) {
	if errors.Is(err, errBusy) {
		return answerBusy, "busy"
	}
	return answerNoReach, "unreachable"
}

func (x *exchange) connect() (*conn, bool) {
	c, err := x.pool().get(context.Background())
	if err != nil {
		if cause := causeOf(err); cause != 0 && x.instead(cause) {
			return nil, false
		}
		x.passed(payment.NotDone)
		if x.owned {
			x.unreachable()
			return nil, false
		}
		a, reason := noReach(err)
		x.gate.Coded(x.pay, payment.NotDone, reason)
		x.notSent(a, reason)
		return nil, false
	}
	x.hold(c)
	return c, true
}

// hold notes the connection that the request goes by.
func (x *exchange) hold(c *conn) {
	x.conn, x.trail.primary = c, c.up.addr
	c.many = x.many
}

// send admits the payment, writes it and answers with what came of it.
func (x *exchange) send(c *conn) {
	if !x.leads() {
		x.conn = nil
		c.up.put(c)
		x.decline(notHere)
		return
	}
	now := time.Now()
	deadline := now.Add(x.at.Timeout.D())
	var req request
	if !x.claims && !x.pay.Second {
		req = x.request(deadline)
	}
	resp := &x.ctx.Response
	giveWay(x.many)
	a, v := x.gate.AdmitJudged(x.pay, x.route.mode, x.judged)
	if v.Action != posture.Forward {
		x.conn = nil
		c.up.put(c)
		x.decline(v)
		return
	}
	x.admission = a
	x.open, x.sent = &x.admission, true
	if req == nil {
		if x.claims && !x.claim(c) {
			return
		}
		now = time.Now()
		deadline = now.Add(x.at.Timeout.D())
		if x.pay.Second {
			req = x.translate(deadline)
		} else {
			req = x.request(deadline)
		}
	}
	err := c.send(req, resp, now, deadline)
	if err != nil {
		x.conn = nil
		c.Close()
		x.lost(c.written, err)
		return
	}
	status := resp.StatusCode()
	outcome := x.at.classify(status)
	x.finish(outcome, answered(status))
	x.tried(outcome)
	err = x.receiveFrom(c)
	x.conn = nil
	if err != nil {
		// The status was read, so the outcome stands; the client must ask for the rest.
		x.answer(answerUnknown, "unknown", brokeOff)
		return
	}
	x.compare(outcome, resp)
	x.coded(outcome, resp)
	x.answerAs(resp)
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
	x.count(a.Judged(), o, time.Since(x.begun))
	if o == payment.Unknown && x.lists {
		x.exclude()
	}
}

// tried has a payment tried in shadow, now that it is known what the primary said. A route
// that nothing stands in for has nothing to be tried, and the second primary is not meant.
func (x *exchange) tried(o payment.Outcome) {
	if x.shadow != nil && x.route.StandIn != nil && !x.pay.Second {
		x.shadow.Seen(x.pay, o, x.begun)
	}
}

// lost finishes a payment that got no answer.
func (x *exchange) lost(written int64, err error) {
	if written == 0 {
		if x.falls {
			x.open.Undo()
			x.open, x.sent = nil, false
			if x.instead(standin.NothingWritten) {
				return
			}
			x.passed(payment.NotDone)
			x.gate.Coded(x.pay, payment.NotDone, "unreachable")
			x.notSent(answerNoReach, "unreachable")
			return
		}
		x.finish(payment.NotDone, "nothing was written to the primary")
		x.gate.Coded(x.pay, payment.NotDone, "unreachable")
		x.notSent(answerNoReach, "unreachable")
		return
	}
	why, code := "the connection to the primary broke before an answer", "broken-off"
	if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
		why, code = "no answer within "+x.at.Timeout.String(), "no-answer"
	}
	x.finish(payment.Unknown, why)
	x.tried(payment.Unknown)
	x.gate.Coded(x.pay, payment.Unknown, code)
	x.answer(answerUnknown, "unknown", notKnown)
}

func (x *exchange) count(v posture.Verdict, o payment.Outcome, took time.Duration) {
	x.trail.verdict, x.trail.outcome, x.trail.counted = v, o, true
	x.metrics.count(x.pay, v, o, took)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
