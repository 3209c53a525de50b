package roster

import (
	"slices"
	"time"
	_ "time/tzdata" // a machine without zones must not change who is on duty

	"holdfast"
)

// loadZone finds a zone by its IANA name. "Local" differs between machines and
// is none.
func loadZone(name string) (*time.Location, error) {
	if name == "" || name == "Local" || len(name) > maxName {
		return nil, holdfast.Errorf(holdfast.Invalid, "there is no time zone %q; write an IANA name, as Asia/Shanghai", name).At("zone")
	}
	return time.LoadLocation(name)
}

// wallOf reads the wall clock of a zone. A reading is a time in UTC that stands
// for no instant.
func wallOf(t time.Time, zone *time.Location) time.Time {
	_, offset := t.In(zone).Zone()
	return t.UTC().Add(time.Duration(offset) * time.Second)
}

// instantOf returns the instant at which the wall clock of a zone reads w: the
// first, if it does so twice; the moment of the jump, if it skips w. It never
// falls as w rises.
func instantOf(w time.Time, zone *time.Location) time.Time {
	t := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), w.Nanosecond(), zone)
	start, end := t.ZoneBounds()
	switch read := wallOf(t, zone); {
	case read.After(w): // skipped, and t lies after the jump
		return start
	case read.Before(w): // skipped, and t lies before it
		return end
	}
	if !start.IsZero() {
		_, before := start.Add(-1).In(zone).Zone()
		if first := w.Add(-time.Duration(before) * time.Second); first.Before(start) {
			return first
		}
	}
	return t
}

// turn returns which turn of a length runs at t, counted from the start's, and
// when it ends.
func turn(start time.Time, length time.Duration, zone *time.Location, t time.Time) (n int64, end time.Time) {
	passed := wallOf(t, zone).Sub(start)
	n = int64(passed / length)
	if passed < 0 && passed%length != 0 {
		n--
	}
	begin := func(n int64) time.Time { return instantOf(start.Add(time.Duration(n)*length), zone) }
	// A wall clock set back reads a time whose turn may be over already.
	for !begin(n + 1).After(t) {
		n++
	}
	for begin(n).After(t) {
		n--
	}
	return n, begin(n + 1)
}

// Cover puts one person on duty in place of another for some time.
type Cover struct {
	ID string `json:"id"`
	// Person is on duty whenever the rotation, and the covers recorded before,
	// give it to For; For left out means whoever it is.
	Person string    `json:"person"`
	For    string    `json:"for,omitempty"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason,omitempty"`
}

func (c Cover) at(t time.Time) bool { return !t.Before(c.From) && t.Before(c.Until) }

// Slot is a span of time with one person on duty.
type Slot struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Person is empty before the schedule's start.
	Person string `json:"person,omitempty"`
	// For is the person of the rotation, if another covers for him by Cover.
	For   string `json:"for,omitempty"`
	Cover string `json:"cover,omitempty"`
	// Holiday is whether the calendar calls the day of duty one; Presumed, that
	// the calendar has no data for its year, and it is only told from a weekend.
	Holiday  bool `json:"holiday,omitempty"`
	Presumed bool `json:"presumed,omitempty"`
}

// duty is a role's schedule with its covers, made ready.
type duty struct {
	schedule Schedule
	covers   []Cover

	zone  *time.Location
	start time.Time // reading of the wall clock
}

// newDuty makes a schedule ready. One that cannot be is kept and has nobody on
// duty: a fact must fold.
func newDuty(s Schedule, covers []Cover) *duty {
	d := &duty{schedule: s, covers: covers}
	zone, err := loadZone(s.Zone)
	start, bad := time.Parse(startLayout, s.Start)
	if err == nil && bad == nil && len(checkSchedule(s, nil)) == 0 {
		d.zone, d.start = zone, start
	}
	return d
}

// never is later than any shift.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// at returns the slot at an instant; it begins there, whenever the shift did, and
// ends when something may change.
func (d *duty) at(t time.Time, days calendar) Slot {
	s := Slot{From: t, Until: never}
	if d.zone == nil {
		return s
	}
	if first := instantOf(d.start, d.zone); t.Before(first) {
		s.Until = first
		return s
	}
	const day = 24 * time.Hour
	want := AllDays
	if d.schedule.Calendar != "" {
		n, end := turn(d.start, day, d.zone, t)
		holiday, known := days.holiday(d.start.Add(time.Duration(n) * day))
		s.Until, s.Holiday, s.Presumed = end, holiday, !known
		if want = WorkingDays; holiday {
			want = Holidays
		}
	}
	for _, r := range d.schedule.Rotations {
		if r.days() != want && r.days() != AllDays {
			continue
		}
		n, end := turn(d.start, r.shift(), d.zone, t)
		s.Person = r.People[n%int64(len(r.People))]
		s.Until = earlier(s.Until, end)
	}
	d.applyCovers(&s, t)
	return s
}

func (d *duty) applyCovers(s *Slot, t time.Time) {
	planned := s.Person
	for _, c := range d.covers {
		for _, edge := range []time.Time{c.From, c.Until} {
			if edge.After(t) {
				s.Until = earlier(s.Until, edge)
			}
		}
		if c.at(t) && (c.For == "" || c.For == s.Person) {
			s.Person, s.Cover = c.Person, c.ID
		}
	}
	if s.Person != planned {
		s.For = planned
	} else {
		s.Cover = ""
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// maxSlots bounds one answer.
const maxSlots = 5000

// slots lists who is on duty from one instant to another, without gap or overlap.
func (d *duty) slots(from, until time.Time, days calendar) []Slot {
	var list []Slot
	for t := from; t.Before(until) && len(list) < maxSlots; {
		s := d.at(t, days)
		s.Until = earlier(s.Until, until)
		t = s.Until
		if n := len(list); n > 0 && joins(list[n-1], s) {
			list[n-1].Until = s.Until
			continue
		}
		list = append(list, s)
	}
	return slices.Clip(list)
}

// joins reports whether two adjoining slots differ in time only.
func joins(a, b Slot) bool {
	a.From, a.Until = b.From, b.Until
	return a == b
}
