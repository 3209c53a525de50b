package payment

import (
	"fmt"
	"strconv"
)

// Outcome is what became of a payment at the primary.
type Outcome uint8

const (
	// InFlight: the first byte was, or may have been, written and there is no
	// answer yet.
	InFlight Outcome = iota
	// Done: the primary says that the money moved.
	Done
	// NotDone: the primary says that it did not, or not one byte reached it.
	NotDone
	// Unknown: bytes were written and no answer settles what they did. It is
	// settled by inquiry, never guessed.
	Unknown
)

var outcomeNames = [...]string{"in-flight", "done", "not-done", "unknown"}

func (o Outcome) String() string {
	if int(o) >= len(outcomeNames) {
		return "outcome " + strconv.Itoa(int(o))
	}
	return outcomeNames[o]
}

// Settled reports whether the outcome is final.
func (o Outcome) Settled() bool { return o == Done || o == NotDone }

// MarshalText writes the outcome's name.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads the outcome's name.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if string(text) == name {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("outcome %q: write in-flight, done, not-done or unknown", text)
}
