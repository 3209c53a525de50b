package httpgate

import (
	"errors"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// pass sends on a request that moves no money; bodies stream.
func (x *exchange) pass() {
	x.pay = x.route.read(&x.ctx.Request.Header, x.path, x.query, nil)
	if x.route.kind == payment.Inquiry && x.known() {
		x.passed(payment.Done)
		return
	}
	if !x.follows() {
		return
	}
	if !x.leads() {
		x.answer(answerPath, "", notForwarded)
		return
	}
	now := time.Now()
	deadline := now.Add(x.at.Timeout.D())
	var req request = &x.ctx.Request
	if x.pay.Second {
		req = x.translate(deadline)
	} else {
		x.prepare(deadline)
	}
	c, ok := x.connect()
	if !ok {
		return
	}
	resp := &x.ctx.Response
	if err := c.send(req, resp, now, deadline); err != nil {
		x.conn = nil
		c.Close()
		x.passed(payment.Unknown)
		x.broken(err)
		return
	}
	outcome := x.at.classify(resp.StatusCode())
	x.passed(outcome)
	err := x.receiveFrom(c)
	x.conn = nil
	if err != nil {
		x.unreachable()
		return
	}
	x.answerAs(resp)
	tidy(resp)
}

// broken answers a request that moves no money and that broke off: its client
// did not send it whole, or the primary did not answer.
func (x *exchange) broken(err error) {
	var theirs bodyError
	if !errors.As(err, &theirs) {
		x.unreachable()
		return
	}
	x.answer(bodyFault(x.ctx, err), "", nothing)
	x.ctx.SetConnectionClose()
}

// unreachable answers a request that moves no money where the primary cannot be asked.
func (x *exchange) unreachable() {
	if x.owned {
		x.answer(answerPending, "pending", ownersOnly)
		return
	}
	x.answer(answerNoReach, "unreachable", nothing)
}

// passed counts a request that was not admitted, or did not need to be.
func (x *exchange) passed(o payment.Outcome) {
	took := time.Since(x.begun)
	x.gate.Passed(x.pay, o, took)
	x.count(posture.Verdict{}, o, took)
}
