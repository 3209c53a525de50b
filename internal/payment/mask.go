package payment

import (
	"fmt"
	"log/slog"
	"strings"
)

// Sensitive is text that may hold a card number. Printing, logging and encoding
// it give the masked form; [Sensitive.Reveal] is the only way to the value, so
// each use of it can be found and judged.
type Sensitive string

// Reveal returns the value itself, for matching and hashing.
func (s Sensitive) Reveal() string { return string(s) }

func (s Sensitive) String() string { return Mask(string(s)) }

// GoString keeps %#v from showing the value.
func (s Sensitive) GoString() string { return fmt.Sprintf("payment.Sensitive(%q)", s.String()) }

// Format keeps every verb, %x among them, from showing the value.
func (s Sensitive) Format(f fmt.State, verb rune) {
	text := s.String()
	switch {
	case verb == 'q':
		text = fmt.Sprintf("%q", text)
	case verb == 'v' && f.Flag('#'):
		text = s.GoString()
	}
	fmt.Fprint(f, text)
}

// LogValue gives slog the masked form.
func (s Sensitive) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText encodes the masked form. What must be kept whole is encoded by
// its owner through Reveal.
func (s Sensitive) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Card numbers have 12 to 19 digits (ISO/IEC 7812-1). Some, UnionPay's among
// them, need not pass the Luhn check, so it is not asked for.
const minCard, maxCard = 12, 19

// Mask hides every card number in s: of a run of 12 digits or more, spaces and
// hyphens between digits not ending it, the first six and the last four stay,
// as PCI DSS 3.4.1 allows to show. A run longer than a card number is masked
// too: it may hold one. Text without such a run is returned as it is.
func Mask(s string) string {
	if !mayHoldCard(s) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); {
		if !digit(s[i]) {
			out.WriteByte(s[i])
			i++
			continue
		}
		end, digits := run(s, i)
		if digits < minCard {
			out.WriteString(s[i:end])
		} else {
			maskRun(&out, s[i:end], digits)
		}
		i = end
	}
	return out.String()
}

func mayHoldCard(s string) bool {
	n := 0
	for i := range len(s) {
		if digit(s[i]) {
			n++
		}
	}
	return n >= minCard
}

// run returns the end of the run of digits that begins at i and how many digits
// it has. A single space or hyphen between two digits belongs to the run.
func run(s string, i int) (end, digits int) {
	for i < len(s) {
		switch {
		case digit(s[i]):
			digits++
			i++
		case (s[i] == ' ' || s[i] == '-') && i+1 < len(s) && digit(s[i+1]):
			i++
		default:
			return i, digits
		}
	}
	return i, digits
}

func maskRun(out *strings.Builder, s string, digits int) {
	head, tail := 6, 4
	if digits > maxCard { // not one card number: where it begins is not known
		head, tail = 0, 0
	}
	n := 0
	for i := range len(s) {
		if !digit(s[i]) {
			out.WriteByte(s[i])
			continue
		}
		if n < head || n >= digits-tail {
			out.WriteByte(s[i])
		} else {
			out.WriteByte('*')
		}
		n++
	}
}

func digit(c byte) bool { return c >= '0' && c <= '9' }
