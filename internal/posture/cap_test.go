package posture

import (
	"testing"

	"holdfast/internal/payment"
)

// A cap lets through what it can count: of its currency, with an amount that can be
// read; a gate that has no part of it admits nothing by it.
func TestCap(t *testing.T) {
	t.Parallel()
	all := payment.Set(0).With(payment.Payer).With(payment.Amount).With(payment.Currency)
	d := Directive{ID: "1", Kind: Cap, Scope: "all", Share: 1, Currency: "CNY", Amounts: map[string]float64{"east": 1000}}
	for name, tt := range map[string]struct {
		pay  payment.Payment
		want Verdict
	}{
		"counted":          {payment.Payment{Read: all, Currency: "CNY", Amount: 5}, Verdict{Draw: 1}},
		"another currency": {payment.Payment{Read: all, Currency: "USD", Amount: 5}, Verdict{Action: Decline, Reason: OverRate, Directive: "1"}},
		"no amount":        {payment.Payment{Read: payment.Set(0).With(payment.Payer).With(payment.Currency), Currency: "CNY"}, Verdict{Action: Decline, Reason: OverRate, Directive: "1"}},
		"no currency":      {payment.Payment{Read: payment.Set(0).With(payment.Amount), Amount: 5}, Verdict{Action: Decline, Reason: OverRate, Directive: "1"}},
	} {
		p, err := Compile(Set{Directives: []Directive{d}}, nil, "east")
		if err != nil {
			t.Fatal(err)
		}
		tt.pay.Kind = payment.Pay
		if got := p.Decide(&tt.pay); got != tt.want {
			t.Errorf("%s: %+v, want %+v", name, got, tt.want)
		}
	}
	p, err := Compile(Set{Directives: []Directive{d}}, nil, "west")
	if err != nil || p.Sums()[0] != 0 {
		t.Errorf("a gate without a part has %v, %v", p.Sums(), err)
	}
	for _, bad := range []func(d *Directive){func(d *Directive) { d.Currency = "" }, func(d *Directive) { d.Amounts = map[string]float64{"east": -1} }, func(d *Directive) { d.Share = 2 }} {
		d := d
		bad(&d)
		if p, err := Compile(Set{Directives: []Directive{d}}, nil, "east"); err == nil || !p.IsClosed() {
			t.Errorf("%+v is compiled", d)
		}
	}
}
