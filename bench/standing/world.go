package standing

import (
	"time"

	"holdfast/internal/standin"
)

// Clock is the machine's, for a decider in the process of the bench.
type Clock struct{ Begun time.Time }

// Boot is the time since an hour before it began.
func (c Clock) Boot() time.Duration { return time.Hour + time.Since(c.Begun) }

// Now is the time of the wall clock.
func (Clock) Now() time.Time { return time.Now() }

// Everybody is a payer snapshot of a time, in which each payer is good for stand-in.
type Everybody struct{ Since time.Time }

// At is when it was true.
func (e Everybody) At() time.Time { return e.Since }

// Find knows each payer, of the class "a".
func (e Everybody) Find(standin.Digest) standin.Payer {
	return standin.Payer{At: e.Since, Class: "a", Seen: e.Since.AddDate(0, 0, -3)}
}
