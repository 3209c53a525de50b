package customers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"

	"holdfast/internal/sandbox/told"
	"holdfast/internal/sandbox/truth"
)

// request makes the request a customer wants to make, and reports whether it was
// answered with any status at all.
func (t *Traffic) request(ctx context.Context, c customer) (h heard, answered bool) {
	ctx, cancel := context.WithTimeout(ctx, t.o.Patience.Timeout)
	defer cancel()
	t.mu.Lock()
	target := t.target
	t.mu.Unlock()
	r, err := compose(ctx, target, c)
	if err != nil {
		return heard{news: nothing, reason: "not sent"}, false
	}
	if c.Kind == truth.Payment && c.next != inquire {
		// Gates count by these; the payment system knows them by itself.
		r.Header.Set("Payer-Bank", t.o.World.Bank(c.Payer))
		r.Header.Set("Merchant-Group", t.o.World.Group(c.Payee))
	}
	w, err := t.client.Do(r)
	if err != nil {
		return heard{news: nothing, reason: "no answer"}, false
	}
	defer w.Body.Close()
	body, err := io.ReadAll(io.LimitReader(w.Body, maxAnswer))
	if err != nil {
		return heard{news: nothing, reason: "answer cut short"}, false
	}
	h = understand(c.next, w.StatusCode, body)
	h.answer.StandIn = w.Header.Get("Holdfast-Stand-In") == "approved"
	h.after = retryAfter(w.Header.Get("Retry-After"))
	return h, true
}

// compose makes the HTTP request of a customer's next act.
func compose(ctx context.Context, target string, c customer) (*http.Request, error) {
	path := "/v1/payments"
	if c.Kind == truth.Refund {
		path = "/v1/refunds"
	}
	if c.next == inquire {
		return http.NewRequestWithContext(ctx, http.MethodGet, target+path+"?key="+url.QueryEscape(c.Identity), nil)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target+path, bytes.NewReader(encode(c.Intention)))
	if err != nil {
		return nil, err
	}
	// net/http sends a request that carries an idempotency key again by itself when
	// a connection breaks, unless it cannot get at the body a second time. Every
	// request here is the customer's own decision.
	r.GetBody = nil
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", c.Identity)
	return r, nil
}

// encode writes the body of a payment or refund. It is the same on every retry.
func encode(i told.Intention) []byte {
	var body any
	if i.Kind == truth.Refund {
		body = struct {
			Payment   string `json:"payment"`
			Amount    int64  `json:"amount"`
			Reference string `json:"reference"`
		}{i.Payment, i.Amount, i.Identity}
	} else {
		body = struct {
			Amount    int64  `json:"amount"`
			Currency  string `json:"currency"`
			Payer     string `json:"payer"`
			Payee     string `json:"payee"`
			Channel   string `json:"channel"`
			Method    string `json:"method"`
			Reference string `json:"reference"`
		}{i.Amount, i.Currency, i.Payer, i.Payee, i.Channel, i.Method, i.Identity}
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic("sandbox: encode an intention: " + err.Error()) // plain structs: cannot fail
	}
	return b
}
