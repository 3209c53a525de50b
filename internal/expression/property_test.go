package expression

import (
	"fmt"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"pgregory.net/rapid"

	"holdfast/internal/payment"
)

// words are the texts that constants and fields are drawn from: few, so that
// comparisons often hold.
var words = map[string][]string{
	"route": {"pay", "refund", "pay2"}, "kind": {"other", "payment", "refund", "inquiry"},
	"identity": {"", "T-1", "T-12"}, "currency": {"CNY", "CNH", "USD"},
	"payer": {"", "6222021", "6222022", "a"}, "payee": {"6222021", "shop", "a"},
	"channel": {"card", "app", "card2", ""}, "method": {"visa", "VISA", "a"},
}

var textNames = []string{"route", "kind", "identity", "currency", "payer", "payee", "channel", "method"}

// leaf draws a comparison for which there is a matcher in Go.
func leaf(t *rapid.T) string {
	amount := rapid.Int64Range(-3, 12)
	switch rapid.IntRange(0, 6).Draw(t, "leaf") {
	case 0:
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "constant")
	case 1:
		op := rapid.SampledFrom([]string{"==", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
		if rapid.Bool().Draw(t, "mirrored") {
			return fmt.Sprintf("%d %s amount", amount.Draw(t, "n"), op)
		}
		return fmt.Sprintf("amount %s %d", op, amount.Draw(t, "n"))
	case 2:
		if rapid.Bool().Draw(t, "range") {
			return fmt.Sprintf("amount in %d..%d", amount.Draw(t, "low"), amount.Draw(t, "high"))
		}
		return fmt.Sprintf("%d <= amount < %d", amount.Draw(t, "low"), amount.Draw(t, "high"))
	case 3:
		list := rapid.SliceOfN(amount, 1, 12).Draw(t, "list")
		return "amount " + in(t) + strings.ReplaceAll(fmt.Sprint(list), " ", ", ")
	case 4:
		field := rapid.SampledFrom(textNames).Draw(t, "field")
		list := rapid.SliceOfN(rapid.SampledFrom(words[field]), 1, 12).Draw(t, "list")
		return fmt.Sprintf("%s %s[%s]", field, in(t), `"`+strings.Join(list, `", "`)+`"`)
	case 5:
		field, word := text(t)
		op := rapid.SampledFrom([]string{"==", "!="}).Draw(t, "operator")
		if rapid.Bool().Draw(t, "mirrored") {
			return fmt.Sprintf("%q %s %s", word, op, field)
		}
		return fmt.Sprintf("%s %s %q", field, op, word)
	default:
		field, word := text(t)
		op := rapid.SampledFrom([]string{"startsWith", "endsWith", "contains", "not startsWith"}).Draw(t, "operator")
		return fmt.Sprintf("%s %s %q", field, op, word)
	}
}

func in(t *rapid.T) string { return rapid.SampledFrom([]string{"in ", "not in "}).Draw(t, "in") }

func text(t *rapid.T) (field, word string) {
	field = rapid.SampledFrom(textNames).Draw(t, "field")
	return field, rapid.SampledFrom(words[field]).Draw(t, "word")
}

// other draws a condition that needs expr's machine.
func other(t *rapid.T) string {
	field, word := text(t)
	return rapid.SampledFrom([]string{
		fmt.Sprintf("upper(%s) == upper(%q)", field, word),
		fmt.Sprintf("len(%s) > 3", field),
		fmt.Sprintf("%s < %q", field, word),
		fmt.Sprintf("%s matches \"^[a-c]\"", field),
		"payer == payee", "amount % 3 == 1", "amount * 2 - 1 > 4", "amount / 4 <= 1.5",
		`(channel == "card") == (amount > 3)`,
	}).Draw(t, "other")
}

func source(t *rapid.T, depth int, leaf func(*rapid.T) string) string {
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "stop") == 0 {
		return leaf(t)
	}
	switch rapid.IntRange(0, 2).Draw(t, "join") {
	case 0:
		not := rapid.SampledFrom([]string{"not", "!"}).Draw(t, "not")
		return not + "(" + source(t, depth-1, leaf) + ")"
	case 1:
		and := rapid.SampledFrom([]string{"and", "&&"}).Draw(t, "and")
		return "(" + source(t, depth-1, leaf) + " " + and + " " + source(t, depth-1, leaf) + ")"
	default:
		or := rapid.SampledFrom([]string{"or", "||"}).Draw(t, "or")
		return "(" + source(t, depth-1, leaf) + " " + or + " " + source(t, depth-1, leaf) + ")"
	}
}

func anyPayment(t *rapid.T) *payment.Payment {
	word := func(field string) string { return rapid.SampledFrom(words[field]).Draw(t, field) }
	kind, err := payment.ParseKind(word("kind"))
	if err != nil {
		t.Fatal(err)
	}
	return &payment.Payment{
		Route: word("route"), Kind: kind, Read: everything, Identity: word("identity"),
		Amount: rapid.Int64Range(0, 10).Draw(t, "amount"), Currency: word("currency"),
		Payer: payment.Sensitive(word("payer")), Payee: payment.Sensitive(word("payee")),
		Channel: word("channel"), Method: word("method"),
	}
}

// complete draws values for the fields of p that could not be read.
func complete(t *rapid.T, p *payment.Payment) *payment.Payment {
	q := anyPayment(t)
	q.Route, q.Kind = p.Route, p.Kind
	for _, f := range payment.Fields() {
		if !p.Read.Has(f) {
			continue
		}
		switch f {
		case payment.Identity:
			q.Identity = p.Identity
		case payment.Amount:
			q.Amount = p.Amount
		case payment.Currency:
			q.Currency = p.Currency
		case payment.Payer:
			q.Payer = p.Payer
		case payment.Payee:
			q.Payee = p.Payee
		case payment.Channel:
			q.Channel = p.Channel
		case payment.Method:
			q.Method = p.Method
		}
	}
	return q
}

func valuesOf(p *payment.Payment) map[string]any {
	return map[string]any{
		"route": p.Route, "kind": p.Kind.String(), "identity": p.Identity, "amount": int(p.Amount),
		"currency": p.Currency, "payer": p.Payer.Reveal(), "payee": p.Payee.Reveal(),
		"channel": p.Channel, "method": p.Method,
	}
}

// byExpr evaluates src with expr alone, as its authors ship it.
func byExpr(t *rapid.T, src string, p *payment.Payment) Truth {
	program, err := expr.Compile(src, expr.Env(valuesOf(p)), expr.AsBool())
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	out, err := expr.Run(program, valuesOf(p))
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return truth(out.(bool))
}

func compiled(t *rapid.T, src string) *Scope {
	s, err := CompileScope(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return s
}

// What a scope says of a payment that was read whole is what expr says.
func TestScopeAgreesWithExpr(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src, p := source(t, 4, leaf), anyPayment(t)
		s := compiled(t, src)
		if !s.Native() {
			t.Fatalf("%s is not native", src)
		}
		if got, want := s.Match(p), byExpr(t, src, p); got != want {
			t.Fatalf("%s of %+v: got %v, expr says %v", src, *p, got, want)
		}
	})
}

func TestMixedScopeAgreesWithExpr(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src, p := mixed(t), anyPayment(t)
		if got, want := compiled(t, src).Match(p), byExpr(t, src, p); got != want {
			t.Fatalf("%s of %+v: got %v, expr says %v", src, *p, got, want)
		}
	})
}

func mixed(t *rapid.T) string {
	return source(t, 4, func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "mixed") {
			return other(t)
		}
		return leaf(t)
	})
}

// Yes and No hold whatever the fields that could not be read say.
func TestScopeIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := compiled(t, mixed(t))
		p := anyPayment(t)
		p.Read = payment.Set(rapid.Uint8().Draw(t, "read"))
		known := s.Match(p)
		if known == Unknown {
			return
		}
		for range 8 {
			if q := complete(t, p); s.Match(q) != known {
				t.Fatalf("%s: %v of %+v, but %v of %+v", s, known, *p, s.Match(q), *q)
			}
		}
	})
}

// And where every comparison stands alone, Unknown is never said without need:
// the scope decides as soon as the fields that matter are read.
func TestScopeIsKnownWhenItsFieldsAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := mixed(t)
		s := compiled(t, src)
		p := anyPayment(t)
		p.Read = 0
		for _, f := range payment.Fields() {
			if strings.Contains(src, f.String()) {
				p.Read = p.Read.With(f)
			}
		}
		if s.Match(p) == Unknown {
			t.Fatalf("%s is unknown with %s read", src, p.Read)
		}
	})
}
