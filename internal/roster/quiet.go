package roster

import (
	"strings"
	"time"

	"holdfast"
)

// Quiet are hours of the day in which a person gets urgent notices only. From and
// Until are times of the wall clock in the person's zone, as 22:00; an Until that
// is not later is the next day's.
type Quiet struct {
	From  string `json:"from" yaml:"from"`
	Until string `json:"until" yaml:"until"`
	// Zone is the IANA name of the zone.
	Zone string `json:"zone" yaml:"zone"`
}

const clockLayout = "15:04"

// String writes quiet hours as 22:00-07:00 Asia/Taipei; none as nothing.
func (q Quiet) String() string {
	if q == (Quiet{}) {
		return ""
	}
	return q.From + "-" + q.Until + " " + q.Zone
}

// quietOf reads what [Quiet.String] writes; what is wrong is for check to say.
func quietOf(text string) (q Quiet) {
	hours, zone, _ := strings.Cut(text, " ")
	q.From, q.Until, _ = strings.Cut(hours, "-")
	q.Zone = strings.TrimSpace(zone)
	return q
}

func (q Quiet) check() (faults []*holdfast.Error) {
	if q == (Quiet{}) {
		return nil
	}
	for _, t := range []struct{ field, text string }{{"quiet.from", q.From}, {"quiet.until", q.Until}} {
		if _, err := time.Parse(clockLayout, t.text); err != nil || len(t.text) != len(clockLayout) {
			faults = append(faults, holdfast.Errorf(holdfast.Invalid, "%q is no time of the day: write it as 22:00", t.text).At(t.field))
		}
	}
	if q.From == q.Until {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, "quiet hours that end when they begin would be the whole day: leave a time in which notices that are not urgent arrive").At("quiet.until"))
	}
	if _, err := loadZone(q.Zone); err != nil {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, "there is no time zone %q; write an IANA name, as Asia/Shanghai", q.Zone).At("quiet.zone"))
	}
	return faults
}

// Ends returns when the quiet hours end in which an instant lies; the zero time if
// it lies in none. Where the clock is put forward over their end they end as it
// jumps; where it is put back, at the first of the two.
func (q Quiet) Ends(t time.Time) time.Time {
	zone, err := loadZone(q.Zone)
	from, err1 := time.Parse(clockLayout, q.From)
	until, err2 := time.Parse(clockLayout, q.Until)
	if q == (Quiet{}) || err != nil || err1 != nil || err2 != nil {
		return time.Time{} // hours that cannot be read keep nobody from being told
	}
	year, month, day := t.In(zone).Date()
	for back := range 2 { // those that began today, or yesterday
		begin := wall(year, month, day-back, from, zone)
		last := day - back
		if !until.After(from) {
			last++
		}
		if end := wall(year, month, last, until, zone); !t.Before(begin) && t.Before(end) {
			return end
		}
	}
	return time.Time{}
}

func wall(year int, month time.Month, day int, clock time.Time, zone *time.Location) time.Time {
	return instantOf(time.Date(year, month, day, clock.Hour(), clock.Minute(), 0, 0, time.UTC), zone)
}

// QuietUntil returns when a person's quiet hours end in which an instant lies; the
// zero time if it lies in none.
func (b *Book) QuietUntil(person string, t time.Time) time.Time {
	return b.people[person].Quiet.Ends(t)
}
