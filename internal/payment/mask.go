package payment

import (
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sensitive is text that may hold a card number. Printing, logging and encoding
// it give the masked form; [Sensitive.Reveal] is the only way to the value, so
// each use of it can be found and judged. Two ways round it are left in Go
// itself, so do not take them: as the key of a map that encoding/json writes,
// and in an unexported field of a struct that fmt prints.
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

// Mask hides every card number in s: of a run of 12 digits or more the first six
// and the last four stay, as PCI DSS 3.4.1 allows to show. Digits of any script
// count, and what people write between the groups of a number does not end a
// run. A run longer than a card number is hidden whole: it may hold one, and
// where it begins is not known. Text without such a run is returned as it is.
func Mask(s string) string {
	if !mayHoldCard(s) {
		return s
	}
	return starred(s, hidden(s, func(string) bool { return true }))
}

// starred puts a star for each of some parts of a text, in their order; one that begins
// within another is that one.
func starred(s string, parts []span) string {
	var out strings.Builder
	done := 0
	for _, p := range parts {
		if p.from < done {
			continue
		}
		out.WriteString(s[done:p.from])
		out.WriteByte('*')
		done = p.until
	}
	return out.String() + s[done:]
}

// span is a part of a text, in bytes.
type span struct{ from, until int }

// hidden lists the digits that do not show, of runs of 12 digits or more that may be
// card numbers.
func hidden(s string, card func(run string) bool) (list []span) {
	for i := 0; i < len(s); {
		end, digits := run(s, i)
		switch {
		case digits == 0:
			_, size := utf8.DecodeRuneInString(s[i:])
			end = i + size
		case digits >= minCard && card(s[i:end]):
			list = hiddenOf(list, s, span{i, end}, digits)
		}
		i = end
	}
	return list
}

func mayHoldCard(s string) bool {
	n := 0
	for i := range len(s) {
		if c := s[i]; c >= '0' && c <= '9' || c >= utf8.RuneSelf {
			n++
		}
	}
	return n >= minCard
}

// maxBetween is how many characters may stand between two groups of one number:
// " - " has three.
const maxBetween = 3

// run returns the end of the run of digits that begins at i and how many digits
// it has; none if s has no digit at i.
func run(s string, i int) (end, digits int) {
	end = i
	group, between := 0, 0
	for i < len(s) {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsDigit(r):
			if between > 0 {
				group, between = 0, 0
			}
			digits++
			group++
			end = i + size
		case digits > 0 && between < maxBetween && separates(r, group):
			between++
		default:
			return end, digits
		}
		i += size
	}
	return end, digits
}

// separates reports whether a character can stand between the groups of a card
// number: spaces, but not the end of a line, and all that looks like a dash. A
// point does after a group of four or more only, so that an address such as
// 192.168.100.200 stays legible in a log.
func separates(r rune, group int) bool {
	switch r {
	case '\n', '\r', '\v', '\f', '\u0085', '\u2028', '\u2029':
		return false
	case '.', '·', '•', '_', '/':
		return group >= 4
	case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u00ad', '−':
		return true // they have no width, or look like a dash
	}
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r)
}

// hiddenOf lists the digits of a run that do not show.
func hiddenOf(list []span, s string, of span, digits int) []span {
	head, tail := 6, 4
	if digits > maxCard {
		head, tail = 0, 0
	}
	n := 0
	for i, r := range s[of.from:of.until] {
		if !unicode.IsDigit(r) {
			continue
		}
		if n >= head && n < digits-tail {
			list = append(list, span{of.from + i, of.from + i + utf8.RuneLen(r)})
		}
		n++
	}
	return list
}
