package httpgate

import (
	"strconv"

	"github.com/valyala/fasthttp"

	"holdfast/internal/payment"
)

// compare counts whether the answer to a payment that was done names the amount
// that was asked for, where the route says where it stands. It is looked for only
// in an answer that was read whole and is not compressed; one that does not have
// it is not counted. The answer goes to the client as it is, whatever it names.
func (x *exchange) compare(o payment.Outcome, resp *fasthttp.Response) {
	if o != payment.Done || x.at.AnswerAmount.IsZero() || !x.pay.Read.Has(payment.Amount) ||
		resp.IsBodyStream() || len(resp.Header.Peek(fasthttp.HeaderContentEncoding)) > 0 {
		return
	}
	if x.at.answered.into(x.said[:], resp.Body()) != nil || !x.said[0].ok {
		return
	}
	if amount, err := payment.ParseAmount(string(x.said[0].text)); err == nil {
		x.gate.Answered(x.pay, x.admission.Judged(), amount != x.pay.Amount)
	}
}

// coded counts the error code of an answer that does not say that the payment was
// done: where the route says that it stands, else the status, as http-503. Why
// there was no answer counts as a code as well.
func (x *exchange) coded(o payment.Outcome, resp *fasthttp.Response) {
	if o == payment.Done {
		return
	}
	switch from := x.at.AnswerCode.From; {
	case from == "header":
		if code := resp.Header.Peek(x.at.AnswerCode.Name); len(code) > 0 && plain(string(code), false) {
			x.gate.Coded(x.pay, o, string(code))
			return
		}
	case from == "json" && !resp.IsBodyStream() && len(resp.Header.Peek(fasthttp.HeaderContentEncoding)) == 0:
		if v := &x.said[0]; x.at.coded.into(x.said[:], resp.Body()) == nil && v.ok && len(v.text) > 0 && plain(string(v.text), v.number) {
			x.gate.Coded(x.pay, o, string(v.text))
			return
		}
	}
	x.gate.Coded(x.pay, o, "http-"+strconv.Itoa(resp.StatusCode()))
}
