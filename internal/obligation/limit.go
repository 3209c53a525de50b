package obligation

import (
	"errors"
	"time"

	"holdfast/internal/procedure"
)

// Limit is a length of time as rules state it. At most one of Within, Days,
// BusinessDays and Months is set; At may go with the last three. The zero limit
// means that the rule names no figure: without delay.
type Limit struct {
	// Within is a span of elapsed time: a change of the clocks does not alter it.
	Within procedure.Duration `json:"within,omitzero" yaml:"within,omitempty"`
	// Days, BusinessDays and Months are counted on the recipient's calendar, from the
	// day of the starting moment, which does not count itself. The limit ends on the
	// last of them at the hour of the starting moment, or at At. A month that has no
	// such day ends on its last.
	Days         int `json:"days,omitempty" yaml:"days,omitempty"`
	BusinessDays int `json:"business_days,omitempty" yaml:"business_days,omitempty"`
	Months       int `json:"months,omitempty" yaml:"months,omitempty"`
	// At is the time of day there, as 17:00; 24:00 is the day's end. Alone it is the
	// next such time after the starting moment.
	At string `json:"at,omitempty" yaml:"at,omitempty"`
}

// IsZero reports whether no figure is named.
func (l Limit) IsZero() bool { return l == Limit{} }

func (l Limit) check() error {
	set := 0
	for _, on := range []bool{l.Within != 0, l.Days != 0, l.BusinessDays != 0, l.Months != 0} {
		if on {
			set++
		}
	}
	_, _, clock := l.clock()
	switch {
	case set > 1:
		return errors.New("only one of within, days, business_days and months")
	case l.Within < 0 || l.Within > procedure.MaxDuration || l.Days < 0 || l.Days > 1000 || l.BusinessDays < 0 || l.BusinessDays > 500 || l.Months < 0 || l.Months > 60:
		return errors.New("at most 8784h, 1000 days, 500 business days or 60 months")
	case l.At != "" && (l.Within != 0 || !clock):
		return errors.New("at is a time of day, 00:00 to 24:00, and goes with days")
	}
	return nil
}

// clock returns the hour and minute of At, and whether there is one.
func (l Limit) clock() (hour, minute int, ok bool) {
	if l.At == "24:00" {
		return 24, 0, true
	}
	t, err := time.Parse("15:04", l.At)
	return t.Hour(), t.Minute(), err == nil && len(l.At) == 5
}

// Workday says of a date, at midnight in UTC, whether it is worked, and whether
// that is known or no more than a guess.
type Workday func(date time.Time) (worked, known bool)

// End returns when the limit that starts at a moment ends, by the clocks of a
// zone. guessed says that it rests on days of which the calendar has no data.
func (l Limit) End(start time.Time, zone *time.Location, worked Workday) (end time.Time, guessed bool) {
	if l.Within != 0 {
		return start.Add(l.Within.D()), false
	}
	local := start.In(zone)
	year, month, day := local.Date()
	switch {
	case l.Months != 0:
		month += time.Month(l.Months)
		if last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day(); day > last {
			day = last
		}
	case l.Days != 0:
		day += l.Days
	case l.BusinessDays != 0:
		date := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		for left := l.BusinessDays; left > 0; {
			date = date.AddDate(0, 0, 1)
			yes, known := worked(date)
			guessed = guessed || !known
			if yes {
				left--
			}
		}
		year, month, day = date.Date()
	}
	if hour, minute, ok := l.clock(); ok {
		end = wall(year, month, day, hour, minute, 0, 0, zone)
		if l.Days == 0 && l.BusinessDays == 0 && l.Months == 0 && !end.After(start) {
			end = wall(year, month, day+1, hour, minute, 0, 0, zone)
		}
		return end, guessed
	}
	return wall(year, month, day, local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), zone), guessed
}

// wall is the instant at which the wall clocks of a zone show a time: of an hour
// that comes twice the first, and of one that is skipped the instant of the jump,
// so that no limit is ever later than it could be read.
func wall(year int, month time.Month, day, hour, minute, sec, nsec int, zone *time.Location) time.Time {
	t := time.Date(year, month, day, hour, minute, sec, nsec, zone)
	start, _ := t.ZoneBounds()
	want := time.Date(year, month, day, hour, minute, sec, nsec, time.UTC)
	_, offset := t.Zone()
	if shown := t.Add(time.Duration(offset) * time.Second).UTC(); !shown.Equal(want) {
		// Skipped. time.Date gives a time on either side of the jump.
		if _, end := t.ZoneBounds(); shown.Before(want) && !end.IsZero() {
			return end
		}
		return start
	}
	if !start.IsZero() {
		_, before := start.Add(-time.Second).Zone()
		if earlier := t.Add(time.Duration(offset-before) * time.Second); earlier.Before(start) {
			return earlier
		}
	}
	return t
}
