package roster

import (
	"slices"
	"time"
)

// Clash is why a cover may not do what its author means.
type Clash struct {
	// Kind is cover (another cover lies over it), duty (who covers is on duty for
	// another role), leaving (who covers leaves before it ends) or idle (whom he
	// covers for is not on duty then).
	Kind string `json:"kind"`
	// Role and Cover name the other duty, or the other cover.
	Role   string    `json:"role,omitempty"`
	Cover  string    `json:"cover,omitempty"`
	Person string    `json:"person"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

// Clashes lists what a cover of a role runs into, recorded or not yet: none of it
// forbids the cover.
func (b *Book) Clashes(role string, c Cover) []Clash {
	list := []Clash{}
	d := b.duties[role]
	if d == nil || !c.Until.After(c.From) {
		return list
	}
	for _, o := range d.covers {
		if o.ID != c.ID && o.From.Before(c.Until) && c.From.Before(o.Until) && (c.For == "" || o.For == "" || c.For == o.For) {
			list = append(list, Clash{Kind: "cover", Cover: o.ID, Person: o.Person, From: later(c.From, o.From), Until: earlier(c.Until, o.Until)})
		}
	}
	for _, s := range b.Schedules() {
		if s.Role == role {
			continue
		}
		for _, slot := range b.Slots(s.Role, c.From, c.Until) {
			if slot.Person == c.Person {
				list = append(list, Clash{Kind: "duty", Role: s.Role, Person: c.Person, From: slot.From, Until: slot.Until})
			}
		}
	}
	if l, ok := b.leaving[c.Person]; ok && l.From.Before(c.Until) {
		list = append(list, Clash{Kind: "leaving", Person: c.Person, From: later(l.From, c.From), Until: c.Until})
	}
	trial := newDuty(d.schedule, slices.Clone(d.covers))
	if c.ID == "" {
		c.ID = "0" // of no cover that is recorded
		trial.covers = append(trial.covers, c)
	}
	if !slices.ContainsFunc(trial.slots(c.From, c.Until, b.calendars[d.schedule.Calendar]), func(s Slot) bool { return s.Cover == c.ID }) {
		list = append(list, Clash{Kind: "idle", Person: c.For, From: c.From, Until: c.Until})
	}
	return list
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Day is what a calendar says of a date.
type Day struct {
	// Holiday is whether it is one, MakeUp whether it is worked though a Saturday or a
	// Sunday, Known whether the calendar has its year.
	Holiday bool `json:"holiday"`
	MakeUp  bool `json:"make_up,omitempty"`
	Known   bool `json:"known"`
	// Name is the holiday's.
	Name string `json:"name,omitempty"`
}

// Day returns what a calendar says of a date; it is at midnight in UTC.
func (b *Book) Day(calendar string, date time.Time) (d Day) {
	d.Holiday, d.Known = b.calendars[calendar].holiday(date)
	d.MakeUp = d.Known && !d.Holiday && (date.Weekday() == time.Saturday || date.Weekday() == time.Sunday)
	text := date.Format(time.DateOnly)
	for _, y := range b.years[calendar] {
		for _, h := range y.Holidays {
			if h.From <= text && text <= h.To {
				d.Name = h.Name
			}
		}
	}
	return d
}
