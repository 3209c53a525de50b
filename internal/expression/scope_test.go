package expression

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"holdfast"
	"holdfast/internal/payment"
)

func set(fields ...payment.Field) payment.Set {
	var s payment.Set
	for _, f := range fields {
		s = s.With(f)
	}
	return s
}

var everything = set(payment.Fields()...)

// card returns a payment of which every field was read.
func card() *payment.Payment {
	return &payment.Payment{
		Route: "pay", Kind: payment.Pay, Read: everything, Identity: "T-1001",
		Amount: 12_50, Currency: "CNY", Payer: "6222021234567890123", Payee: "shop-7",
		Channel: "card", Method: "Visa",
	}
}

// unread returns p as if the fields could not be read.
func unread(p *payment.Payment, fields ...payment.Field) *payment.Payment {
	q := *p
	for _, f := range fields {
		q.Read &^= set(f)
	}
	return &q
}

func scope(t testing.TB, src string) *Scope {
	t.Helper()
	s, err := CompileScope(src)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return s
}

func TestMatch(t *testing.T) {
	p := card()
	app := *p
	app.Channel = "app"
	for _, c := range []struct {
		src    string
		p      *payment.Payment
		want   Truth
		native bool
	}{
		{`all`, p, Yes, true},
		{" all\n", p, Yes, true},
		{`true`, p, Yes, true},
		{`false`, p, No, true},
		{`route == "pay" and kind == "payment"`, p, Yes, true},
		{`kind != "refund"`, p, Yes, true},
		{`payer == "6222021234567890123"`, p, Yes, true},
		{`payer == "622202*********0123"`, p, No, true},
		{`payee startsWith "shop-"`, p, Yes, true},
		{`identity endsWith "1"`, p, Yes, true},
		{`method contains "is"`, p, Yes, true},
		{`"card" == channel`, p, Yes, true},
		{`channel in ["app", "card"]`, p, Yes, true},
		{`channel not in ["app", "card"]`, p, No, true},
		{`channel in ["1","2","3","4","5","6","7","8","card"]`, p, Yes, true},
		{`channel in ["1","2","3","4","5","6","7","8","9"]`, p, No, true},
		{`currency in ["CNY"]`, p, Yes, true},
		{`amount == 1250`, p, Yes, true},
		{`amount != 1250`, p, No, true},
		{`amount in [5, 1250, 7]`, p, Yes, true},
		{`amount in [5, 7]`, p, No, true},
		{`amount in 1250..1251`, p, Yes, true},
		{`amount in 1249..1250`, p, Yes, true},
		{`amount in 1251..1260`, p, No, true},
		{`amount in 1240..1249`, p, No, true},
		{`1000 < amount < 2000`, p, Yes, true},
		{`1250 >= amount`, p, Yes, true},
		{`amount > -5 && !(amount <= 1249) || false`, p, Yes, true},
		{`amount < 9223372036854775807 and amount > -9223372036854775807`, p, Yes, true},
		{"channel == `card` // a comment\n", p, Yes, true},

		{`lower(method) == "visa"`, p, Yes, false},
		{`upper(channel) in ["CARD"]`, p, Yes, false},
		{`trim(channel) == channel`, p, Yes, false},
		{`len(payer) == 19`, p, Yes, false},
		{`payer == payee`, p, No, false},
		{`payer matches "^6222[0-9]{15}$"`, p, Yes, false},
		{`payer not matches "^6222"`, p, No, false},
		{`amount % 50 == 0`, p, Yes, false},
		{`amount / 100 > 12.49`, p, Yes, false},
		{`amount - 250 == 1000 and amount + 1 == 1251`, p, Yes, false},
		{`channel < "d"`, p, Yes, false},
		{`(channel == "card") == (amount > 5)`, p, Yes, false},
		{`int("7") in 5..9`, p, Yes, false},
		{`float("0.5") < 1`, p, Yes, false},
		{`"y" in ["x", "y"]`, p, Yes, false},

		// What cannot be read.
		{`channel == "card" and amount > 100`, unread(&app, payment.Amount), No, true},
		{`amount > 100 and channel == "card"`, unread(&app, payment.Amount), No, true},
		{`channel == "card" and amount > 100`, unread(p, payment.Amount), Unknown, true},
		{`channel == "card" or amount > 100`, unread(p, payment.Amount), Yes, true},
		{`channel == "app" or amount > 100`, unread(p, payment.Amount), Unknown, true},
		{`not (amount > 100)`, unread(p, payment.Amount), Unknown, true},
		{`amount in [1, 2]`, unread(p, payment.Amount), Unknown, true},
		{`channel in ["a"]`, unread(p, payment.Channel), Unknown, true},
		{`channel == ""`, unread(p, payment.Channel), Unknown, true},
		{`payer == payer`, unread(p, payment.Payer), Unknown, false},
		{`amount % 2 == 0`, unread(p, payment.Amount), Unknown, false},
		{`(channel == "card" or amount > 5) == true`, unread(p, payment.Amount), Unknown, false},
		{`amount % 2 == 1 and channel == "app"`, unread(p, payment.Amount), No, false},
		{`route == "pay" and kind == "payment"`, unread(p, payment.Fields()...), Yes, true},
		{`kind == "other"`, &payment.Payment{Kind: 200}, Unknown, true},
		{`lower(kind) == "other"`, &payment.Payment{Kind: 200}, Unknown, false},

		// What cannot be evaluated.
		{`amount % (amount - 1250) == 0`, p, Unknown, false},
		{`amount * 9223372036854775807 > 0`, p, Unknown, false},
		{`not (amount * 9223372036854775807 > 0)`, p, Unknown, false},
		{`int(method) > 0`, p, Unknown, false},
		{`float("inf") > 0`, p, Unknown, false},
		{`1 / (amount - 1250) > 0`, p, Unknown, false},
		{`len(method) > 0`, &payment.Payment{Read: everything, Method: strings.Repeat("m", maxFieldText+1)}, Unknown, false},
		{`len(method) == 1024`, &payment.Payment{Read: everything, Method: strings.Repeat("m", maxFieldText)}, Yes, false},
	} {
		s, err := CompileScope(c.src)
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if got := s.Match(c.p); got != c.want {
			t.Errorf("%s = %v, want %v", c.src, got, c.want)
		}
		if s.Native() != c.native {
			t.Errorf("%s: native is %v", c.src, s.Native())
		}
	}
}

func TestScopeErrors(t *testing.T) {
	for _, c := range []struct {
		src          string
		line, column int
		says         string
	}{
		{`channel = "x"`, 1, 9, "write =="},
		{`channel ==`, 1, 10, "too early"},
		{"channel == \"card\"\n  and amont > 5", 2, 7, "no field amont"},
		{`channel == "é" and ü == 1`, 1, 20, "no field ü"},
		{`Route == "x"`, 1, 1, "no field Route"},
		{`amount == "x"`, 1, 8, "compares a number with a text"},
		{`amount`, 1, 1, "true or false"},
		{`amount + channel > 1`, 1, 8, "two numbers"},
		{`amount % 1.5 == 0`, 1, 8, "two numbers"},
		{`lower(amount) == "x"`, 1, 1, "one text"},
		{`lower(channel, method) == "x"`, 1, 1, "one text"},
		{`channel in []`, 1, 12, "empty"},
		{`channel in [1]`, 1, 9, "another type"},
		{`amount in [1, "a"]`, 1, 15, "one type"},
		{`channel in [lower(method)]`, 1, 13, "texts or numbers"},
		{`channel in method`, 1, 9, "list of constants"},
		{`amount in 1..amount`, 1, 14, "whole numbers"},
		{`amount in 1 + 2`, 1, 8, "list of constants"},
		{`1..2 == 5`, 1, 2, "no operator .."},
		{`["a"] == channel`, 1, 1, "only after in"},
		{`-amount > 5`, 1, 1, "sign"},
		{`amount ** 2 > 5`, 1, 8, "no operator **"},
		{`channel matches method`, 1, 9, "in quotes"},
		{`channel matches "("`, 1, 17, `at its character 1: a bracket that opens here is not closed ("missing closing ): (")`},
		{`channel matches "支付a)b"`, 1, 17, "at its character 4: a bracket is closed here that none opens"},
		{`channel matches "[(]\\()))"`, 1, 17, "at its character 6: a bracket is closed"},
		{`channel matches "x[z-a]"`, 1, 17, "at its character 3: this is no range"},
		{`channel matches "a|*"`, 1, 17, "at its character 3: before the sign of repetition"},
		{`channel matches "a**"`, 1, 17, "at its character 2: two signs of repetition"},
		{`channel matches "a{2,1}"`, 1, 17, "at its character 2: it is repeated too often"},
		{`channel matches "a\\y"`, 1, 17, "at its character 2: what stands behind the backslash"},
		{`channel matches "ab\\"`, 1, 17, "at its character 3: nothing stands behind the backslash"},
		{`channel matches "(?=a)"`, 1, 17, "at its character 1: there is no such group"},
		{`channel matches "[a"`, 1, 17, "at its character 1: a set of characters that begins here has no ]"},
		{`channel matches "a{1000}"`, 1, 17, "too large"},
		{`channel matches "a{300}" and method matches "b{300}"`, 1, 45, "too large"},
		{`now() > 1`, 1, 1, "no function now"},
		{`any([1], true)`, 1, 1, "no function any"},
		{`channel.lower()`, 1, 9, "no such function"},
		{`channel.x == "1"`, 1, 9, "map of texts"},
		{`channel[0:1] == "c"`, 1, 8, "not part of the language"},
		{`let x = 1; x == 1`, 1, 5, "not part of the language"},
		{`amount == 1; true`, 1, 8, "not part of the language"},
		{`true ? true : false`, 1, 19, "not part of the language"},
		{`$env == 1`, 1, 1, "no field $env"},
		{`channel == nil`, 1, 12, "no nil"},
		{`not all`, 1, 5, "no field all"},
		{`kind == "pay"`, 1, 9, "no payment has this kind"},
		{`"cny" != currency`, 1, 1, "no payment has this currency"},
		{`(currency not in ["CNY", "usd"]) == true`, 1, 26, "no payment has this currency"},
		{`amount > 12.50`, 1, 10, "minor units"},
		{`amount in [12.50]`, 1, 12, "minor units"},
	} {
		_, err := CompileScope(c.src)
		var at *Error
		if !errors.As(err, &at) || holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: got error %v", c.src, err)
			continue
		}
		if at.Line != c.line || at.Column != c.column || !strings.Contains(at.Message, c.says) {
			t.Errorf("%s: got %d:%d %s; want %d:%d …%s…", c.src, at.Line, at.Column, at.Message, c.line, c.column, c.says)
		}
	}
}

func TestErrorPointsAtThePlaceAndHidesCards(t *testing.T) {
	_, err := CompileScope("channel == \"app\" or\npayer == \"6222021234567890123\" amount")
	want := "line 2, column 32: amount is not expected here: join conditions with and, or; put commas between the entries of a list\n" +
		"payer == \"622202*********0123\" amount\n" +
		"...............................^"
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if _, err = CompileScope(`"6222021234567890123" "x"`); err == nil || strings.Contains(fmt.Sprintf("%+v", err), "6222021") {
		t.Errorf("a card number shows: %v", err)
	}
	s := scope(t, `payer == "6222021234567890123"`)
	if got := fmt.Sprintf("%v %+v %s", s, s, s); strings.Contains(got, "6222021") {
		t.Errorf("a card number shows: %s", got)
	}
	if s.Source() != `payer == "6222021234567890123"` {
		t.Errorf("Source() = %s", s.Source())
	}
}

func TestScopeLimits(t *testing.T) {
	fits := `channel == "` + strings.Repeat("x", MaxSource-len(`channel == ""`)) + `"`
	if _, err := CompileScope(fits); err != nil {
		t.Errorf("a source of %d bytes: %v", len(fits), err)
	}
	for what, c := range map[string]struct {
		src  string
		code holdfast.Code
	}{
		"one byte too long": {fits + " ", holdfast.TooLarge},
		"too many parts":    {"amount in [" + strings.Repeat("1,", MaxNodes) + "1]", holdfast.Invalid},
		"empty":             {" \n", holdfast.Invalid},
		"not UTF-8":         {"channel == \"\xff\"", holdfast.Invalid},
		"deep":              {strings.Repeat("(", MaxSource), holdfast.Invalid},
	} {
		if _, err := CompileScope(c.src); holdfast.CodeOf(err) != c.code {
			t.Errorf("%s: got %v, want code %s", what, err, c.code)
		}
	}
	if got := scope(t, strings.Repeat("not ", MaxNodes-3)+`(channel == "x")`).Match(card()); got != Yes {
		t.Errorf("an odd number of nots before what is false: %v", got)
	}
}

func TestScopeWithoutExpressionIsUnknown(t *testing.T) {
	var none *Scope
	if none.Match(card()) != Unknown || new(Scope).Match(card()) != Unknown {
		t.Error("a scope that was never compiled must not say No")
	}
}

func TestNativeMatchDoesNotAllocate(t *testing.T) {
	s := scope(t, `not (channel in ["1","2","3","4","5","6","7","8","9"]) and
		payer startsWith "6222" and 1 <= amount <= 5000 and (method == "none" or amount in [1, 1250])`)
	p := card()
	if n := testing.AllocsPerRun(100, func() {
		if s.Match(p) != Yes {
			t.Error("want yes")
		}
	}); n != 0 || !s.Native() {
		t.Errorf("%v allocations, native %v", n, s.Native())
	}
}

// A machine that waits for its next use holds no value of the last one.
func TestMachineForgets(t *testing.T) {
	s := scope(t, `upper(payer) == "6222021234567890123"`)
	m := &machine{env: map[string]any{"payer": "6222021234567890123"}}
	if yes, err := m.run(s.root.(*residual).program); !yes || err != nil {
		t.Fatalf("%v, %v", yes, err)
	}
	m.release()
	if len(m.env) != 0 {
		t.Errorf("it holds %v", m.env)
	}
	for _, v := range m.vm.Stack[:cap(m.vm.Stack)] {
		if v != nil {
			t.Errorf("its stack holds %v", v)
		}
	}
}

func TestMatchFromManyGoroutines(t *testing.T) {
	s := scope(t, `lower(method) == "visa" and amount % 2 == 0`)
	var wg sync.WaitGroup
	for i := range int64(8) {
		wg.Go(func() {
			p := card()
			p.Amount = i
			for range 200 {
				if got, want := s.Match(p), truth(i%2 == 0); got != want {
					t.Errorf("amount %d: %v, want %v", i, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
