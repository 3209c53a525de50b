package cli

import (
	"testing"
	"time"

	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// What is known of an exception stands in its line; what is not is left empty.
func TestExceptionSaid(t *testing.T) {
	t.Parallel()
	terms := &view.ExceptionTerms{Attempts: 6, Inquiries: 2, Expires: time.Date(2026, 11, 30, 3, 0, 0, 0, time.UTC)}
	for name, test := range map[string]struct{ got, want string }{
		"attempts":               {ofAllowed(4, terms, false), "4/6"},
		"inquiries":              {ofAllowed(1, terms, true), "1/2"},
		"attempts without terms": {ofAllowed(4, nil, false), "4"},
		"nothing said":           {replySaid(nil), ""},
		"no answer":              {replySaid(&standin.Reply{Said: standin.Silent}), "silent"},
		"an answer":              {replySaid(&standin.Reply{Said: standin.SaidNotDone, Status: 402}), "not-done (402)"},
		"due":                    {dueOf(view.Exception{Terms: terms}), clock(terms.Expires)},
		"never due":              {dueOf(view.Exception{Terms: &view.ExceptionTerms{}}), ""},
		"not known when due":     {dueOf(view.Exception{}), ""},
		"no file":                {fileSaid(nil), ""},
		"not in the file":        {fileSaid(&view.ExceptionFile{Day: "2026-11-26"}), "2026-11-26 not in it"},
		"done in the file":       {fileSaid(&view.ExceptionFile{Day: "2026-11-26", Line: 7, Amount: 990, Currency: "CNY", Done: true}), "2026-11-26 line 7: done, CNY\u00a09.90"},
		"not done in the file":   {fileSaid(&view.ExceptionFile{Day: "2026-11-26", Line: 8, Amount: 900, Currency: "CNY"}), "2026-11-26 line 8: not done, CNY\u00a09.00"},
	} {
		if test.got != test.want {
			t.Errorf("%s: %q, want %q", name, test.got, test.want)
		}
	}
}
