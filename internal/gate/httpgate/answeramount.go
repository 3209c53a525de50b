package httpgate

import (
	"github.com/valyala/fasthttp"

	"holdfast/internal/payment"
)

// compare counts whether the answer to a payment that was done names the amount
// that was asked for, where the route says where it stands. It is looked for only
// in an answer that was read whole and is not compressed; one that does not have
// it is not counted. The answer goes to the client as it is, whatever it names.
func (x *exchange) compare(o payment.Outcome, resp *fasthttp.Response) {
	if o != payment.Done || x.route.AnswerAmount.IsZero() || !x.pay.Read.Has(payment.Amount) ||
		resp.IsBodyStream() || len(resp.Header.Peek(fasthttp.HeaderContentEncoding)) > 0 {
		return
	}
	values, err := x.route.answered.read(resp.Body())
	if err != nil || !values[0].ok {
		return
	}
	if amount, err := payment.ParseAmount(values[0].text); err == nil {
		x.gate.Answered(x.pay, x.admission.Judged(), amount != x.pay.Amount)
	}
}
