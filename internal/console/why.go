package console

import (
	"strings"

	"holdfast/internal/locale"
)

// sentences are what gates write about an outcome, in English for the journal
// and the CSV, each by its beginning with the text of the screens.
var sentences = [...]struct{ begins, key string }{
	{"no answer within ", "unknown.why.timed-out"},
	{"no answer by the drain's deadline", "unknown.why.deadline"},
	{"the connection to the primary broke ", "unknown.why.lost"},
	{"the gate was killed ", "unknown.why.killed"},
	{"a fault of the gate ", "unknown.why.fault"},
	{"the primary answered ", "unknown.how.answered"},
	{"nothing was written to the primary", "unknown.how.unsent"},
	{"inquiry: the primary says it is done ", "unknown.how.done"},
	{"inquiry: the primary says it is not done ", "unknown.how.not-done"},
	{"inquiry: the primary does not know it ", "unknown.how.absent"},
	{"the primary's settlement file ", "unknown.how.filed"},
	{"a person said so, in resolution ", "unknown.how.person"},
	{"inquiry: the primary cannot say yet ", "unknown.said.not-yet"},
}

// gateWords says in the reader's language what a gate wrote, or what it wrote if
// that is none of the sentences known here, as a newer gate's may be.
func gateWords(p *locale.Printer, wrote string) string {
	for _, s := range sentences {
		if strings.HasPrefix(wrote, s.begins) {
			return p.T(s.key)
		}
	}
	return wrote
}
