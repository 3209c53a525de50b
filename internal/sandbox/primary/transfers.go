package primary

import (
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"holdfast/internal/payment"
	"holdfast/internal/sandbox/truth"
)

// The API of transfers is that of a primary of somebody else: the same money moves, under
// other paths, names and statuses, and a request has no key but its reference.
//
//	POST /v2/transfers              {"reference":"c1-1","value":"12.99","ccy":"CNY","debtor":"acct_000123","creditor":"m_001"}
//	GET  /v2/transfers/{reference}
//	POST /v2/returns                {"reference":"c1-2","transfer":"c1-1","minor":1299}
//	GET  /v2/returns/{reference}
//
//	201  settled     {"number":"trf_000000000001","state":"settled","reference":"c1-1","value":"12.99",…}
//	202  pending     the first request under the reference is still at work
//	409  settled     it was before: the same body
//	422  refused     {"state":"refused","fault":"insufficient-funds","reference":"c1-1"}
//	200, 404         of an inquiry
//	5xx              it says nothing of the money
//
// A value has as many digits behind the point as its currency (ISO 4217). A return is in
// minor units of its transfer's currency.
func (p *Primary) routesOfTransfers() {
	p.mux.HandleFunc("POST /v2/transfers", p.asked(decodeTransfer))
	p.mux.HandleFunc("GET /v2/transfers/{reference}", p.find(truth.Payment))
	p.mux.HandleFunc("POST /v2/returns", p.asked(decodeReturn))
	p.mux.HandleFunc("GET /v2/returns/{reference}", p.find(truth.Refund))
	p.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		p.write(w, refuse(*bad(http.StatusNotFound, "no-such-path", "there is no such path or method here; the paths are /v2/transfers, /v2/returns and /healthz")))
	})
}

// asked takes a request of one kind.
func (p *Primary) asked(decode func([]byte, book) (ask, *problem)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, bad := readBody(w, r)
		var a ask
		if bad == nil {
			a, bad = decode(body, p.book)
		}
		if bad != nil {
			p.write(w, refuse(*bad))
			return
		}
		p.take(w, r, a.reference, a, false)
	}
}

// find answers what became of a reference.
func (p *Primary) find(kind truth.Kind) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		reference := r.PathValue("reference")
		p.lookUp(w, r, reference, func() *item { return p.memory.keys[keyed{kind, reference}] })
	}
}

// decodeTransfer reads and checks the body of a transfer. book is only read for names,
// which never change.
func decodeTransfer(b []byte, book book) (ask, *problem) {
	var body struct{ Reference, Value, Ccy, Debtor, Creditor string }
	if p := decodeInto(b, &body); p != nil {
		return ask{}, p
	}
	minor, ok := parseValue(body.Value, body.Ccy)
	if !ok {
		return ask{}, bad(422, "bad-value", "value: write it with as many digits behind the point as its currency has, such as \"12.99\"")
	}
	a := ask{kind: truth.Payment, amount: minor, currency: body.Ccy, payer: body.Debtor, payee: body.Creditor, reference: body.Reference}
	if p := checkReference(a.reference); p != nil {
		return ask{}, p
	}
	return a, book.check(a)
}

// decodeReturn reads and checks the body of a return, but for the transfer it names.
func decodeReturn(b []byte, _ book) (ask, *problem) {
	var body struct {
		Reference, Transfer string
		Minor               int64
	}
	if p := decodeInto(b, &body); p != nil {
		return ask{}, p
	}
	switch {
	case body.Minor < 1 || body.Minor > payment.MaxAmount:
		return ask{}, bad(422, "bad-minor", "minor: write a whole number of minor units from 1 to %d", int64(payment.MaxAmount))
	case body.Transfer == "" || !visible(body.Transfer):
		return ask{}, bad(422, "unknown-transfer", "transfer: write the reference of a transfer")
	}
	return ask{kind: truth.Refund, payment: body.Transfer, amount: body.Minor, reference: body.Reference}, checkReference(body.Reference)
}

func checkReference(s string) *problem {
	if s == "" || !visible(s) {
		return bad(422, "bad-reference", "reference: write 1 to %d visible ASCII characters", maxText)
	}
	return nil
}

// digits is how many stand behind the point of an amount in a currency.
func digits(code string) int {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	n, _ := currency.Standard.Rounding(unit)
	return n
}

// parseValue reads a decimal as minor units. It must be written as writeValue does.
func parseValue(text, code string) (int64, bool) {
	whole, part, _ := strings.Cut(text, ".")
	minor, err := strconv.ParseInt(whole+part, 10, 64)
	return minor, err == nil && minor > 0 && writeValue(minor, code) == text
}

// writeValue writes minor units, none of them below zero, as a decimal.
func writeValue(minor int64, code string) string {
	n, text := digits(code), strconv.FormatInt(minor, 10)
	if n == 0 {
		return text
	}
	text = strings.Repeat("0", max(0, n+1-len(text))) + text
	return text[:len(text)-n] + "." + text[len(text)-n:]
}

// transfer is the body of every answer.
type transfer struct {
	Number    string `json:"number,omitempty"`
	State     string `json:"state,omitempty"` // settled, refused, pending
	Fault     string `json:"fault,omitempty"`
	Detail    string `json:"detail,omitempty"`
	Reference string `json:"reference,omitempty"`
	Transfer  string `json:"transfer,omitempty"`
	Value     string `json:"value,omitempty"`
	Ccy       string `json:"ccy,omitempty"`
	Debtor    string `json:"debtor,omitempty"`
	Creditor  string `json:"creditor,omitempty"`
}

// states are the words for what became of a request.
var states = map[string]string{"succeeded": "settled", "declined": "refused", "processing": "pending"}

// asTransfer is an answer in the words of this API.
func asTransfer(r reply) reply {
	switch b := r.body.(type) {
	case answer:
		t := transfer{
			Number: b.ID, State: states[b.Status], Fault: b.Code, Reference: b.Key, Transfer: b.Payment, Ccy: b.Currency, Debtor: b.Payer, Creditor: b.Payee,
		}
		if b.Currency != "" {
			t.Value = writeValue(b.Amount, b.Currency)
		}
		r.body = t
		if r.hit {
			r.status, r.hit = http.StatusConflict, false
		}
	case problem:
		t := transfer{Fault: b.Code, Detail: b.Detail}
		switch {
		case b.Outcome == "in-flight":
			r.status, t.State = http.StatusAccepted, states["processing"]
		case b.Outcome == "not-done" && r.status < http.StatusInternalServerError:
			r.status, t.State = http.StatusUnprocessableEntity, states["declined"]
		}
		r.body, r.hit = t, false
	}
	return r
}
