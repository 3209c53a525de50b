package expression

import (
	"testing"

	"holdfast/internal/payment"
)

var seeds = []string{
	`all`, `channel == "card" and amount > 100`, `payer startsWith "6222" or payee in ["a", "b"]`,
	`not (amount in 1..9)`, `1 < amount <= 5`, `lower(method) == "visa"`, `amount % 100 == 0`,
	`payer matches "^6[0-9]+$"`, `(channel == "a") == true`, `channel | upper() == "A"`, `amount / 0 > 1`,
	`;`, `1;`, `((`, `all(`, `let x = 1; x`, `if true {1} else {2}`, `#`, `a?.b[1:2]`, `{(1): 2}`, `b"x"`, "`",
	`"\u{110000}"`, `not in`, `::x`, `a ?? b`, `-9223372036854775808 == amount`, `0x7f == amount /* c */`,
}

func FuzzCompileScope(f *testing.F) {
	for _, src := range seeds {
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src string) {
		s, err := CompileScope(src)
		if (s == nil) == (err == nil) {
			t.Fatalf("scope %v and error %v", s, err)
		}
	})
}

// FuzzMatch holds that no payment makes Match panic, that reading more never
// turns a known answer into another, and that the scope says of a whole payment
// what the same source says as an Expression, which runs on expr's machine alone.
func FuzzMatch(f *testing.F) {
	for i, src := range seeds {
		f.Add(src, "pay", byte(i), byte(37*i), int64(i*100), "T-1", "CNY", "6222021234567890123", "a", "card", "Visa")
	}
	f.Fuzz(func(t *testing.T, src, route string, kind, read byte, amount int64, identity, currency, payer, payee, channel, method string) {
		s, err := CompileScope(src)
		if err != nil {
			return
		}
		p := payment.Payment{
			Route: route, Kind: payment.Kind(kind), Read: payment.Set(read), Identity: identity, Amount: amount, Currency: currency,
			Payer: payment.Sensitive(payer), Payee: payment.Sensitive(payee), Channel: channel, Method: method,
		}
		known := s.Match(&p)
		if p.Kind > payment.Inquiry || s == All {
			return
		}
		p.Read = everything
		whole := s.Match(&p)
		if known != Unknown && known != whole {
			t.Fatalf("%s: %v with %s read, %v with all read", src, known, payment.Set(read), whole)
		}
		x, err := Compile(src, scopeFields)
		if err != nil {
			t.Fatalf("%s is a scope and no expression: %v", src, err)
		}
		if yes, err := x.Eval(valuesOf(&p)); err == nil && whole != Unknown && truth(yes) != whole {
			t.Fatalf("%s: %v as a scope, %v as an expression", src, whole, yes)
		}
	})
}

func FuzzCompile(f *testing.F) {
	for _, src := range append(seeds, `labels["a"] == "b"`, `labels.x in ["y"]`, `int(labels["n"]) > share`, `fresh`) {
		f.Add(src, "text", 5, 0.5, true)
	}
	f.Fuzz(func(t *testing.T, src, text string, n int, share float64, fresh bool) {
		x, err := Compile(src, answer)
		if err != nil {
			return
		}
		given := map[string]any{
			"status": n, "millis": n, "body": text, "share": share, "fresh": fresh, "labels": map[string]string{text: text, "n": "7"},
		}
		first, err := x.Eval(given)
		if second, err2 := x.Eval(given); second != first || (err == nil) != (err2 == nil) {
			t.Fatalf("%s: %v, %v and then %v, %v", src, first, err, second, err2)
		}
	})
}
