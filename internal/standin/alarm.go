package standin

import (
	"slices"
	"strings"
	"time"

	"holdfast"
)

// Alarm is something that people have to know of stand-in at a gate. A reader's program
// has its sentence in the reader's language by Code, and fills in Params; a code that it
// does not have, of another version's gate, it tells by Text.
type Alarm struct {
	// Code is a word for programs: one of AlarmCodes, or one of another version.
	Code string `json:"code"`
	// Params are what the sentence names, by name.
	Params map[string]string `json:"params,omitempty"`
	// Text says what it is, in English.
	Text  string    `json:"text"`
	Since time.Time `json:"since"`
}

// Codes of alarms, with their params.
const (
	// AlarmSource: the shards cannot be brought to what the posture says; cause.
	AlarmSource = "source"
	// AlarmPayers: the payer snapshot cannot be read, and the one before stays in use; cause.
	AlarmPayers = "payers"
	// AlarmOpen: stand-in cannot be opened for a directive; directive, cause.
	AlarmOpen = "open"
	// AlarmFigures: shards have too many balances to tell; shards, most.
	AlarmFigures = "figures"
	// AlarmLeft: advices are left to other gates, for want of their route or key; route, key.
	AlarmLeft = "left-to-others"
	// AlarmDoubt: a pack is in doubt and is written again; cause.
	AlarmDoubt = "doubt"
)

// AlarmCodes are the codes of this version.
var AlarmCodes = []string{AlarmSource, AlarmPayers, AlarmOpen, AlarmFigures, AlarmLeft, AlarmDoubt}

// AlarmCauses are the words that the param cause has, of this version: the kind of the
// error behind an alarm. What the error says beyond that stands in the gate's log.
var AlarmCauses = []string{
	string(holdfast.Unavailable), string(holdfast.Doubtful), string(holdfast.Damaged), string(holdfast.Invalid),
	string(holdfast.NotFound), string(holdfast.TooLarge), string(holdfast.Conflict), string(holdfast.Internal),
}

// troubles are the alarms that have a cause, in English.
var troubles = map[string]string{
	AlarmSource: "the shards cannot be brought to what the posture says",
	AlarmPayers: "the payer snapshot cannot be read, and the one before stays in use",
	AlarmOpen:   "stand-in cannot be opened for the directive",
	AlarmDoubt:  "it is not known whether a pack was written, and it is written again",
}

// AlarmOf makes an alarm of an error. One that has a cause tells of the error its kind
// alone: its text may hold what nobody outside the gate's machine should read.
func AlarmOf(code string, err error, since time.Time, pairs ...string) Alarm {
	trouble, there := troubles[code]
	if !there {
		return NewAlarm(code, err.Error(), since, pairs...)
	}
	cause := string(holdfast.CodeOf(err))
	if !slices.Contains(AlarmCauses, cause) {
		cause = string(holdfast.Internal)
	}
	return NewAlarm(code, trouble+": "+cause, since, append(pairs, "cause", cause)...)
}

// Limits on an alarm, in bytes.
const (
	longestAlarm = 300 // its text, and each param
	maxParams    = 4   // by number
)

// NewAlarm makes an alarm. Pairs are names and values of params; what is too long is cut.
func NewAlarm(code, text string, since time.Time, pairs ...string) Alarm {
	a := Alarm{Code: code, Text: cutAlarm(text), Since: since.UTC()}
	for i := 0; i+1 < len(pairs); i += 2 {
		if a.Params == nil {
			a.Params = map[string]string{}
		}
		a.Params[pairs[i]] = cutAlarm(pairs[i+1])
	}
	return a
}

// cutAlarm makes one line of a text, in whole letters.
func cutAlarm(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\n", "; ")
	if len(text) > longestAlarm {
		text = strings.ToValidUTF8(text[:longestAlarm], "")
	}
	return text
}

func (a *Alarm) readable() bool {
	if !holdfast.ValidName(a.Code) || a.Text == "" || len(a.Text) > longestAlarm || len(a.Params) > maxParams {
		return false
	}
	for name, value := range a.Params {
		if !holdfast.ValidName(name) || len(value) > longestAlarm {
			return false
		}
	}
	return true
}
