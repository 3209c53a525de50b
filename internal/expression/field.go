package expression

import "holdfast/internal/payment"

// textField is a field of a payment that holds text. Those of package payment
// keep their numbers.
type textField uint8

const (
	route textField = iota + 64
	kind
)

// textFields holds every text field by the name scopes use.
var textFields = map[string]textField{
	"route": route, "kind": kind,
	"identity": textField(payment.Identity), "currency": textField(payment.Currency),
	"payer": textField(payment.Payer), "payee": textField(payment.Payee),
	"channel": textField(payment.Channel), "method": textField(payment.Method),
}

// of returns the field's text, and false if it could not be read.
func (f textField) of(p *payment.Payment) (string, bool) {
	switch f {
	case route:
		return p.Route, true
	case kind:
		if p.Kind > payment.Inquiry {
			return "", false // not a kind: only a fault of the program makes one
		}
		return p.Kind.String(), true
	}
	read := p.Read.Has(payment.Field(f))
	switch payment.Field(f) {
	case payment.Identity:
		return p.Identity, read
	case payment.Currency:
		return p.Currency, read
	case payment.Payer:
		return p.Payer.Reveal(), read
	case payment.Payee:
		return p.Payee.Reveal(), read
	case payment.Channel:
		return p.Channel, read
	case payment.Method:
		return p.Method, read
	}
	return "", false
}
