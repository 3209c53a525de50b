package httpgate

import (
	"encoding/json"
	"strings"
)

// fillIn returns a body with what its places stand for: words in braces of which value
// knows something. What is filled in is not looked at again.
func fillIn(body string, value func(word string) (string, bool)) []byte {
	b := make([]byte, 0, 2*len(body))
	for {
		at := strings.IndexByte(body, '{')
		if at < 0 {
			return append(b, body...)
		}
		b, body = append(b, body[:at]...), body[at+1:]
		word, rest, closed := strings.Cut(body, "}")
		if text, known := value(word); closed && known {
			b, body = append(b, text...), rest
		} else {
			b = append(b, '{') // a brace of the body's own
		}
	}
}

// jsonText is a text as it stands between quotation marks in JSON.
func jsonText(s string) string {
	if plainJSON(s) {
		return s
	}
	quoted, err := json.Marshal(s)
	if err != nil {
		return "" // a text: cannot fail
	}
	return string(quoted[1 : len(quoted)-1])
}

// plainJSON reports whether a text stands in JSON as it is.
func plainJSON(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&':
			return false
		}
	}
	return true
}
