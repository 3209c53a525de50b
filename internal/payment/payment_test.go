package payment

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestKind(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind  Kind
		name  string
		moves bool
	}{
		{Other, "other", false}, {Pay, "payment", true}, {Refund, "refund", true}, {Inquiry, "inquiry", false},
	} {
		if test.kind.String() != test.name || test.kind.MovesMoney() != test.moves {
			t.Errorf("%s: moves money %v, want %s and %v", test.kind, test.kind.MovesMoney(), test.name, test.moves)
		}
		if k, err := ParseKind(test.name); err != nil || k != test.kind {
			t.Errorf("ParseKind(%s) = %v, %v", test.name, k, err)
		}
	}
	for _, bad := range []string{"", "Payment", "pay", "refund ", "退款"} {
		if k, err := ParseKind(bad); err == nil || k != Other {
			t.Errorf("ParseKind(%q) = %v, %v; want an error and no kind that moves money", bad, k, err)
		}
	}
	if unknown := Kind(9); unknown.String() != "kind 9" || unknown.MovesMoney() {
		t.Errorf("Kind(9) = %s", unknown)
	}
}

func TestFieldsAndSets(t *testing.T) {
	t.Parallel()
	var s Set
	for i, f := range Fields() {
		if got, err := ParseField(f.String()); err != nil || got != f {
			t.Errorf("ParseField(%s) = %v, %v", f, got, err)
		}
		if s.Has(f) {
			t.Errorf("a set of %d fields has %s already", i, f)
		}
		s = s.With(f)
		if !s.Has(f) || s.With(f) != s {
			t.Errorf("%s cannot be added to a set, or not twice", f)
		}
	}
	if s.String() != "identity, amount, currency, payer, payee, channel, method" {
		t.Errorf("all fields: %s", s)
	}
	if got := Set(0).With(Payer).String(); got != "payer" {
		t.Errorf("payer alone: %s", got)
	}
	if _, err := ParseField("Payer"); err == nil || !strings.Contains(err.Error(), "identity, amount") {
		t.Errorf("ParseField(Payer): %v, want the list of fields", err)
	}
}

func TestParseAmount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		want int64
		ok   bool
	}{
		{"0", 0, true},
		{"1299", 1299, true},
		{"0007", 7, true},
		{"1000000000000000", MaxAmount, true},
		{"1000000000000001", 0, false},
		{"9999999999999999", 0, false},
		{"00000000000000001", 0, false},
		{"99999999999999999999", 0, false},
		{"", 0, false},
		{"-1", 0, false},
		{"+5", 0, false},
		{"12.99", 0, false},
		{"1e3", 0, false},
		{"1_000", 0, false},
		{"1,000", 0, false},
		{" 5", 0, false},
		{"5\n", 0, false},
		{"0x10", 0, false},
		{"１２", 0, false},
	} {
		got, err := ParseAmount(test.in)
		if got != test.want || (err == nil) != test.ok || (err != nil && !errors.Is(err, ErrAmount)) {
			t.Errorf("ParseAmount(%q) = %d, %v; want %d, read %v", test.in, got, err, test.want, test.ok)
		}
	}
	if !strings.Contains(ErrAmount.Error(), strconv.Itoa(MaxAmount)) {
		t.Errorf("the message does not name the limit: %v", ErrAmount)
	}
}

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	if c, err := ParseCurrency("CNY"); err != nil || c != "CNY" {
		t.Errorf("CNY: %q, %v", c, err)
	}
	for _, bad := range []string{"", "cny", "CN", "CNYY", "CN1", "¥¥", "C Y", "ＣＮ"} {
		if c, err := ParseCurrency(bad); err == nil || c != "" {
			t.Errorf("ParseCurrency(%q) = %q, %v", bad, c, err)
		}
	}
}

func FuzzParsers(f *testing.F) {
	for _, s := range []string{"", "0", "1299", "1000000000000001", "CNY", "payment", "unknown", "payer", "-1", "１"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseAmount(s); err == nil {
			if n < 0 || n > MaxAmount || strings.TrimLeft(s, "0") != strings.TrimLeft(strconv.FormatInt(n, 10), "0") {
				t.Errorf("ParseAmount(%q) = %d", s, n)
			}
		} else if n != 0 {
			t.Errorf("ParseAmount(%q) = %d and an error", s, n)
		}
		if c, err := ParseCurrency(s); err == nil && (c != s || len(c) != 3 || c != strings.ToUpper(c)) {
			t.Errorf("ParseCurrency(%q) = %q", s, c)
		}
		if k, err := ParseKind(s); err == nil && k.String() != s {
			t.Errorf("ParseKind(%q) = %s", s, k)
		}
		if field, err := ParseField(s); err == nil && field.String() != s {
			t.Errorf("ParseField(%q) = %s", s, field)
		}
		var o Outcome
		if err := o.UnmarshalText([]byte(s)); err == nil && o.String() != s {
			t.Errorf("outcome %q was read as %s", s, o)
		}
	})
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		outcome Outcome
		name    string
		settled bool
	}{
		{InFlight, "in-flight", false}, {Done, "done", true}, {NotDone, "not-done", true}, {Unknown, "unknown", false},
	} {
		text, err := json.Marshal(test.outcome)
		if err != nil || string(text) != `"`+test.name+`"` || test.outcome.Settled() != test.settled {
			t.Errorf("%s is written %s (%v), settled %v", test.name, text, err, test.outcome.Settled())
		}
		got := Outcome(9)
		if err := json.Unmarshal(text, &got); err != nil || got != test.outcome {
			t.Errorf("%s is read as %v, %v", text, got, err)
		}
	}
	// A number is not an outcome: 1 must not come to mean "done".
	for _, bad := range []string{`1`, `""`, `"Done"`, `"done "`, `null `, `{}`} {
		got := Unknown
		err := json.Unmarshal([]byte(bad), &got)
		if got != Unknown || err == nil && strings.TrimSpace(bad) != "null" {
			t.Errorf("%s is read as %v, %v", bad, got, err)
		}
	}
	if o := Outcome(9); o.String() != "outcome 9" || o.Settled() {
		t.Errorf("Outcome(9) = %s, settled %v", o, o.Settled())
	}
}

// What is kept of a payment has no field that could hold a payer or a card.
func TestRecordKeepsNoParty(t *testing.T) {
	t.Parallel()
	for f := range reflect.TypeFor[Record]().Fields() {
		if f.Type == reflect.TypeFor[Sensitive]() || f.Name == "Payer" || f.Name == "Payee" {
			t.Errorf("Record.%s is kept", f.Name)
		}
	}
}
