package reconciliation

import "time"

// CutOffState says how what waits to be delivered stands against the end of the
// operator's day.
type CutOffState string

const (
	// InTime: at the present rate all is delivered before the next cut-off.
	InTime CutOffState = "in-time"
	// TooLate: at the present rate, or even at the whole budget, it is not.
	TooLate CutOffState = "too-late"
	// NotTold: nothing is delivered now, so it cannot be told.
	NotTold CutOffState = "not-told"
	// Passed: a payment was approved before a cut-off that is over, and is not
	// delivered yet.
	Passed CutOffState = "passed"
)

// CutOff is how the backlog of a source stands against the next end of the day.
type CutOff struct {
	// Directive is the one whose profile names it.
	Directive string      `json:"directive"`
	At        time.Time   `json:"at"`
	State     CutOffState `json:"state"`
	// Missed is the latest cut-off that was passed with a payment from before it.
	Missed time.Time `json:"missed,omitzero"`
}

// Late reports whether people have to know of it.
func (c *CutOff) Late() bool { return c != nil && (c.State == TooLate || c.State == Passed) }

const day = 24 * time.Hour

// CutOffAt judges the backlog of a source against a day that ends so long after
// midnight, in a zone so far ahead of UTC.
func (s *Source) CutOffAt(ends, zone time.Duration, now time.Time) CutOff {
	last := now.UTC().Add(zone).Truncate(day).Add(ends - zone)
	for last.After(now) {
		last = last.Add(-day)
	}
	c := CutOff{At: last.Add(day), State: NotTold}
	clears := s.Clears
	if clears.IsZero() && s.Budget > 0 {
		if best := now.Add(seconds(float64(s.Pending.Count) / s.Budget)); best.After(c.At) {
			clears = best
		}
	}
	switch {
	case !s.Oldest.IsZero() && s.Oldest.Before(last):
		c.State, c.Missed = Passed, last
	case clears.After(c.At):
		c.State = TooLate
	case !clears.IsZero():
		c.State = InTime
	}
	return c
}

// seconds is a duration of so many, at most a year.
func seconds(n float64) time.Duration {
	return time.Duration(min(n, (365*day).Seconds()) * float64(time.Second))
}
