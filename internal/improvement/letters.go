package improvement

import (
	"slices"
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/roster"
)

// NoticeSubject stands where other notices name their incident, in those that
// improvements send: none of them is a notice of the emergency.
const NoticeSubject = "improvements"

// When people are told.
const (
	// RemindBefore is how long before the end of the due day its owner is reminded;
	// of one that was recorded later than that, a day before.
	RemindBefore = 7 * 24 * time.Hour
	lastDay      = 24 * time.Hour
	// EscalateAfter is how long it may be overdue before the commander and the plan's
	// owner are told.
	EscalateAfter = 3 * 24 * time.Hour
	// again is how often that is repeated.
	again = 7 * 24 * time.Hour
)

// Tells is what a letter tells.
type Tells string

const (
	// Begun: it is yours.
	Begun Tells = "begun"
	// Near: its day comes.
	Near Tells = "near"
	// Late: its day is over.
	Late Tells = "late"
	// Unheeded: somebody else's is overdue.
	Unheeded Tells = "unheeded"
)

// Letter is one that is due.
type Letter struct {
	Improvement *Improvement
	Tells       Tells
	To          roster.Person
	// Task tells letters of one improvement apart, Round the repetitions of one.
	Task  string
	Round int
}

// Letters lists the letters that are due, whether they were sent or not, and when
// the next will be. What was missed while nothing ran is not made up for: the latest
// says it all.
func (n Nouns) Letters(now time.Time) (due []Letter, next time.Time) {
	upcoming := func(at time.Time) {
		if at.After(now) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	for _, im := range n.Book.All() {
		if im.End != nil {
			continue
		}
		end, remind := im.Ends(n.Zone), im.remindAt(n.Zone)
		upcoming(end)
		upcoming(remind)
		l := Letter{Improvement: im, Tells: Begun, Task: im.ID}
		switch {
		case !now.Before(end):
			l.Tells, l.Task, l.Round = Late, im.ID+".late."+string(im.Due), int(now.Sub(end)/again)
			upcoming(end.Add(time.Duration(l.Round+1) * again))
		case !remind.IsZero() && !now.Before(remind):
			l.Tells, l.Task = Near, im.ID+".near."+string(im.Due)
		}
		owners := n.named(im)
		if len(owners) == 0 {
			owners = n.overseers(im, now)
		}
		for _, l.To = range owners {
			due = append(due, l)
		}
		first := end.Add(EscalateAfter)
		upcoming(first)
		if now.Before(first) {
			continue
		}
		l.Tells, l.Task, l.Round = Unheeded, im.ID+".unheeded."+string(im.Due), int(now.Sub(first)/again)
		upcoming(first.Add(time.Duration(l.Round+1) * again))
		for _, l.To = range n.overseers(im, now) {
			if !slices.ContainsFunc(owners, func(p roster.Person) bool { return p.ID == l.To.ID }) {
				due = append(due, l)
			}
		}
	}
	return due, next
}

// remindAt is when its owner is reminded; zero for one that was recorded on its last
// day.
func (im *Improvement) remindAt(zone *time.Location) time.Time {
	end := im.Ends(zone)
	for _, before := range []time.Duration{RemindBefore, lastDay} {
		if at := end.Add(-before); at.After(im.At) {
			return at
		}
	}
	return time.Time{}
}

// overseers lists who commanded the incident and who owns the plan.
func (n Nouns) overseers(im *Improvement, now time.Time) (list []roster.Person) {
	if in := n.Incidents.Incident(im.Incident); in != nil {
		for _, p := range n.Roster.People() {
			if account := in.Held[incident.Commander].Holder.Account; account != "" && p.Account == account {
				list = append(list, p)
			}
		}
	}
	for _, p := range n.Roster.Holders(n.plan(now).Governance.Owner) {
		if !slices.ContainsFunc(list, func(q roster.Person) bool { return q.ID == p.ID }) {
			list = append(list, p)
		}
	}
	return list
}
