package reconciliation

import (
	"strings"

	"holdfast/internal/locale"
	"holdfast/internal/standin"
)

// Say tells an alarm of a gate in the printer's language. One of another version, whose
// code or params are not those of this one, is told by its code and the gate's English text;
// a cause that this version does not have stands as the gate tells it.
func Say(p *locale.Printer, a standin.Alarm) string {
	key := "standing-in.alarm." + a.Code
	if p.Has(key) {
		pairs := make([]any, 0, 2*len(a.Params))
		for name, value := range a.Params {
			if cause := "standing-in.cause." + value; name == "cause" && p.Has(cause) {
				value = p.T(cause)
			}
			pairs = append(pairs, name, value)
		}
		if !wanting(p.T(key), a.Params) {
			return p.T(key, pairs...)
		}
	}
	return p.T("standing-in.alarm-other", "code", a.Code, "text", a.Text)
}

// wanting reports whether a text has a place that none of the params fills.
func wanting(text string, params map[string]string) bool {
	for {
		_, after, more := strings.Cut(text, "{")
		if !more {
			return false
		}
		name, rest, _ := strings.Cut(after, "}")
		if _, there := params[name]; !there {
			return true
		}
		text = rest
	}
}
