package payment

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// MaskLink is [Mask] for an address of the web: what is escaped in it counts as what
// it stands for, and a number that begins with a day, as a ticket's does, stays. Where
// a card number is hidden the link leads nowhere.
func MaskLink(link string) string {
	if !mayHoldCard(link) {
		return link
	}
	card := func(run string) bool { return !dated(run) }
	parts := hidden(link, card) // as it is written
	plain, at := unescaped(link)
	for _, p := range hidden(plain, card) { // and as it is meant
		parts = append(parts, span{at[p.from], at[p.until]})
	}
	slices.SortFunc(parts, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.until, a.until)) })
	return starred(link, parts)
}

// dated reports whether a number begins with a day of this century, such as
// 202611260001, and is too short for a card: those of 12 digits begin with 5 or 6
// (Maestro), of 13 with 4 (Visa), of 14 with 3 (Diners Club).
func dated(run string) bool {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, run)
	if len(digits) < 12 || len(digits) > 14 || !strings.HasPrefix(digits, "20") {
		return false
	}
	_, err := time.Parse("20060102", digits[:8])
	return err == nil
}

// unescaped returns what an address says, and where each byte of it stands in the
// address; one more is the end.
func unescaped(link string) (plain string, at []int) {
	b := make([]byte, 0, len(link))
	for i := 0; i < len(link); i++ {
		at = append(at, i)
		switch c := link[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(link):
			if decoded, err := hex.DecodeString(link[i+1 : i+3]); err == nil {
				b = append(b, decoded[0])
				i += 2
				continue
			}
			fallthrough
		default:
			b = append(b, c)
		}
	}
	return string(b), append(at, len(link))
}
