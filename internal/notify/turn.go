package notify

import (
	"slices"
	"time"
)

// span is the time over which the notices of one person are counted.
const span = 10 * time.Minute

// within drops the instants that count no more, and those of before the clock was set
// back.
func within(list []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(list), func(t time.Time) bool { return !t.After(now.Add(-span)) || t.After(now.Add(skew)) })
}

// turn returns when a person may get another notice that is not urgent; the zero
// time if it is now.
func (b *Book) turn(person string, most int, now time.Time) time.Time {
	recent := within(b.begun[person], now)
	if len(recent) < most {
		return time.Time{}
	}
	return recent[len(recent)-most].Add(span)
}

// notBefore returns until when a notice has to wait, for its person's sake; the zero
// time if it need not. What is urgent never waits, and what has begun waits for the
// quiet hours only.
func (c *Courier) notBefore(d *Delivery, now time.Time) (until time.Time) {
	if d.Urgent {
		return until
	}
	if c.Quiet != nil {
		until = c.Quiet(d.Person, now)
	}
	if d.Attempts == 0 {
		if turn := c.Book.turn(d.Person, c.PerPerson, now); turn.After(until) {
			until = turn
		}
	}
	return until
}
