package httpgate

import (
	"encoding/json"
	"strings"
)

// place is a word of a body that stands for something of the payment, in braces.
type place struct{ word, value string }

// fillIn returns a body with what its places stand for. What is filled in is not looked
// at again.
func fillIn(body string, places []place) []byte {
	b := make([]byte, 0, 2*len(body))
	for {
		at := strings.IndexByte(body, '{')
		if at < 0 {
			return append(b, body...)
		}
		b, body = append(b, body[:at]...), body[at:]
		value, taken := body[:1], 1 // a brace of the body's own
		for _, p := range places {
			if strings.HasPrefix(body, p.word) {
				value, taken = p.value, len(p.word)
				break
			}
		}
		b, body = append(b, value...), body[taken:]
	}
}

// jsonText is a text as it stands between quotation marks in JSON.
func jsonText(s string) string {
	if !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' || strings.ContainsRune(`"\<>&`, c) }) {
		return s
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return "" // a text: cannot fail
	}
	return string(quoted[1 : len(quoted)-1])
}
