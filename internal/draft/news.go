package draft

import (
	"time"

	"holdfast"
)

// News counts what others have said on the draft after a moment: comments, replies,
// and answers to comments of one's own. What somebody did himself says that he had seen
// what was there before it.
func (d *Draft) News(by holdfast.Actor, since time.Time) (n int) {
	if last := d.lastWord(by); last.After(since) {
		since = last
	}
	is := func(who holdfast.Actor, at time.Time) {
		if at.After(since) && !who.SameParty(by) {
			n++
		}
	}
	for _, c := range d.Comments {
		is(c.By, c.At)
		for _, r := range c.Replies {
			is(r.By, r.At)
		}
		if c.Resolved != nil && c.By.SameParty(by) {
			is(c.Resolved.By, c.Resolved.At)
		}
	}
	return n
}

// lastWord is when somebody last said something on the draft, or was invited to.
func (d *Draft) lastWord(by holdfast.Actor) (last time.Time) {
	later := func(who holdfast.Actor, at time.Time) {
		if who.SameParty(by) && at.After(last) {
			last = at
		}
	}
	for _, c := range d.Comments {
		later(c.By, c.At)
		for _, r := range c.Replies {
			later(r.By, r.At)
		}
		if c.Resolved != nil {
			later(c.Resolved.By, c.Resolved.At)
		}
	}
	for _, r := range d.Reviewers {
		if r.Is(d.ID, by) && r.At.After(last) {
			last = r.At
		}
	}
	return last
}
