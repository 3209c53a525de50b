package primary

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

// maxText bounds an idempotency key and a reference, in bytes.
const maxText = 128

var discard = log.New(io.Discard, "", 0)

// answer is the body of a payment or refund, done, declined or under way.
type answer struct {
	ID       string     `json:"id,omitempty"`
	Status   string     `json:"status"` // succeeded, declined, processing
	Code     string     `json:"code,omitempty"`
	Payment  string     `json:"payment,omitempty"`
	Amount   int64      `json:"amount"`
	Currency string     `json:"currency,omitempty"`
	Payer    string     `json:"payer,omitempty"`
	Payee    string     `json:"payee,omitempty"`
	Channel  string     `json:"channel,omitempty"`
	Method   string     `json:"method,omitempty"`
	Bank     string     `json:"bank,omitempty"`
	Key      string     `json:"key"`
	Refer    string     `json:"reference,omitempty"`
	Refunded int64      `json:"refunded,omitempty"`
	Created  *time.Time `json:"created,omitempty"`
}

// answerOf describes an item. The caller holds the primary's mutex.
func answerOf(i *item) answer {
	a := answer{
		ID: i.id, Status: "processing", Payment: i.ask.payment, Amount: i.ask.amount, Currency: i.ask.currency, Payer: i.ask.payer,
		Payee: i.ask.payee, Channel: i.ask.channel, Method: i.ask.method, Bank: i.bank, Key: i.key, Refer: i.ask.reference,
		Refunded: i.refunded,
	}
	switch {
	case i.done:
		a.Status = "succeeded"
		created := i.settled.UTC()
		a.Created = &created
	case i.decline != nil:
		a.Status, a.Code = "declined", i.decline.Code
	}
	return a
}

// problem is the body of every answer that is not 2xx (RFC 9457).
type problem struct {
	status int
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
	// Outcome is what became of the payment, where that is settled.
	Outcome string `json:"outcome,omitempty"`
}

// reply is an answer that is not yet on the wire.
type reply struct {
	status     int
	body       any // answer, problem, or what health says
	hit        bool
	retryAfter int // seconds; 0 for none
}

func refuse(p problem) reply {
	r := reply{status: p.status, body: p}
	if p.status == http.StatusConflict || p.status == http.StatusServiceUnavailable {
		r.retryAfter = 1
	}
	return r
}

// encode returns the header and the body.
func (r reply) encode() (http.Header, []byte) {
	h := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}}
	body := r.body
	if p, ok := body.(problem); ok {
		h.Set("Content-Type", "application/problem+json")
		p.Type, p.Title, p.Status = "urn:holdfast:sandbox:"+p.Code, http.StatusText(r.status), r.status
		body = p
	}
	if r.hit {
		h.Set("Idempotency-Hit", "true")
	}
	if r.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(r.retryAfter))
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic("sandbox: encode an answer: " + err.Error()) // plain structs: cannot fail
	}
	b = append(b, '\n')
	h.Set("Content-Length", strconv.Itoa(len(b)))
	return h, b
}

func write(w http.ResponseWriter, r reply) {
	h, b := r.encode()
	for k, v := range h {
		w.Header()[k] = v
	}
	w.WriteHeader(r.status)
	w.Write(b) // an error means that the client has gone
}

// raw returns the whole answer as bytes of HTTP/1.1.
func (r reply) raw() []byte {
	h, b := r.encode()
	var out bytes.Buffer
	fmt.Fprintf(&out, "HTTP/1.1 %d %s\r\n", r.status, http.StatusText(r.status))
	h.Write(&out)
	out.WriteString("\r\n")
	out.Write(b)
	return out.Bytes()
}

func bad(status int, code, format string, args ...any) *problem {
	return &problem{status: status, Code: code, Detail: fmt.Sprintf(format, args...), Outcome: "not-done"}
}

// readKey returns the idempotency key.
func readKey(r *http.Request) (string, *problem) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) != 1 || !visible(keys[0]) || keys[0] == "" {
		return "", bad(400, "bad-key", "send one Idempotency-Key header of 1 to %d visible ASCII characters", maxText)
	}
	return keys[0], nil
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxText
}

// readBody returns the body of a request that says it is JSON.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *problem) {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return nil, bad(415, "not-json", "send the body as application/json")
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return nil, bad(413, "too-large", "the body is over %d bytes", maxBody)
	}
	if err != nil {
		return nil, bad(400, "cut-short", "the body ended too early")
	}
	return b, nil
}

// decodeInto reads exactly one JSON object.
func decodeInto(b []byte, v any) *problem {
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(v); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) && kind.Field != "" {
			return bad(422, "bad-field", "%s: a JSON %s is not what belongs there; amounts are whole numbers of minor units", kind.Field, kind.Value)
		}
		return bad(400, "bad-json", "the body is not one JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return bad(400, "bad-json", "there is something after the JSON object")
	}
	return nil
}

// decodePayment reads and checks the body of a payment. book and world are only
// read for names, which never change.
func decodePayment(b []byte, book book) (ask, *problem) {
	var body struct {
		Amount                                             int64
		Currency, Payer, Payee, Channel, Method, Reference string
	}
	if p := decodeInto(b, &body); p != nil {
		return ask{}, p
	}
	a := ask{
		kind: truth.Payment, amount: body.Amount, currency: body.Currency, payer: body.Payer, payee: body.Payee,
		channel: body.Channel, method: body.Method, reference: body.Reference,
	}
	if p := book.check(a); p != nil {
		return ask{}, p
	}
	switch {
	case body.Channel != "" && !slices.Contains(world.Channels[:], body.Channel):
		return ask{}, bad(422, "bad-channel", "channel %s: write one of %s", quote(body.Channel), strings.Join(world.Channels[:], ", "))
	case body.Method != "" && !slices.Contains(world.Methods[:], body.Method):
		return ask{}, bad(422, "bad-method", "method %s: write one of %s", quote(body.Method), strings.Join(world.Methods[:], ", "))
	case !visible(body.Reference):
		return ask{}, bad(422, "bad-reference", "reference: write at most %d visible ASCII characters", maxText)
	}
	return a, nil
}

// check says what is wrong with the amount, the currency or the parties of a payment.
func (b book) check(a ask) *problem {
	_, currency := b.currencies[a.currency]
	switch {
	case a.amount < 1 || a.amount > payment.MaxAmount:
		return bad(422, "bad-amount", "amount: write a whole number of minor units from 1 to %d", int64(payment.MaxAmount))
	case !currency:
		return bad(422, "bad-currency", "currency %s is not one of this world", quote(a.currency))
	case b.account(a.payer) == nil:
		return bad(422, "unknown-payer", "payer %s is not an account; accounts are acct_000001 and on", quote(a.payer))
	case !b.merchant(a.payee):
		return bad(422, "unknown-payee", "payee %s is not a merchant; merchants are m_001 and on", quote(a.payee))
	}
	return nil
}

// decodeRefund reads and checks the body of a refund, but for the payment it
// names.
func decodeRefund(b []byte) (ask, *problem) {
	var body struct {
		Payment, Reference string
		Amount             int64
	}
	if p := decodeInto(b, &body); p != nil {
		return ask{}, p
	}
	switch {
	case body.Amount < 1 || body.Amount > payment.MaxAmount:
		return ask{}, bad(422, "bad-amount", "amount: write a whole number of minor units from 1 to %d", int64(payment.MaxAmount))
	case body.Payment == "" || !visible(body.Payment):
		return ask{}, bad(422, "unknown-payment", "payment: write the id of a payment, pay_…")
	case !visible(body.Reference):
		return ask{}, bad(422, "bad-reference", "reference: write at most %d visible ASCII characters", maxText)
	}
	return ask{kind: truth.Refund, payment: body.Payment, amount: body.Amount, reference: body.Reference}, nil
}

// quote shows a value in an error, shortened, and a card number masked.
func quote(s string) string {
	s = payment.Mask(s)
	if len(s) > 40 {
		s = s[:40] + "…"
	}
	return strconv.Quote(s)
}
