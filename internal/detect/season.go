package detect

import "time"

const (
	hours = 7 * 24
	// enoughOfHour is how many seconds of an hour it takes to learn from it.
	enoughOfHour = 1800
	// week is how many seconds a season must span before it is believed.
	week = 7 * 24 * 3600
	// newWeek is the weight of an hour against those of the weeks before.
	newWeek = 0.3
)

// Season is the volume of a scope by the hours of a week in the operator's zone.
// An hour is known once it was learned from and a week has passed since the first
// one was; between the middles of two hours the volume is between theirs.
type Season struct {
	// First is the first second that was learned from.
	First int64 `json:"first"`
	// Rates are payments per second, Monday from midnight first; 0 is not known.
	Rates [hours]float32 `json:"rates"`
	// Now is the hour that is being learned.
	Now  int  `json:"now"`
	Open mean `json:"open"`
}

// hour is a moment in the hours of a week.
type hour struct {
	at   int64
	n    int     // 0 to 167
	part float64 // how much of the hour is over, 0 to 1
	day  int64   // since 1970 by the zone's calendar
}

func hourOf(at int64, zone *time.Location) hour {
	t := time.Unix(at, 0).In(zone)
	day := (int(t.Weekday()) + 6) % 7
	_, offset := t.Zone()
	return hour{at, day*24 + t.Hour(), (float64(t.Minute())*60 + float64(t.Second())) / 3600, (at + int64(offset)) / (24 * 3600)}
}

// learn takes in one second.
func (s *Season) learn(at hour, payments float64) {
	if s == nil {
		return
	}
	if s.First == 0 {
		s.First, s.Now = at.at, at.n
	}
	if s.Now != at.n {
		s.close()
		s.Now = at.n
	}
	s.Open.add(payments, 1, 1)
}

// close enters the hour that is over.
func (s *Season) close() {
	if s.Open.Weight >= enoughOfHour {
		rate := s.Open.Sum / s.Open.Weight
		if had := float64(s.Rates[s.Now]); had > 0 {
			rate = had + newWeek*(rate-had)
		}
		s.Rates[s.Now] = float32(max(rate, 0.001))
	}
	s.Open = mean{}
}

// rate returns the usual volume of a moment, in payments per second.
func (s *Season) rate(at hour) (rate float64, known bool) {
	if s == nil || s.First == 0 || at.at-s.First < week {
		return 0, false
	}
	other, share := (at.n+1)%hours, at.part-0.5
	if share < 0 {
		other, share = (at.n+hours-1)%hours, -share
	}
	this, that := float64(s.Rates[at.n]), float64(s.Rates[other])
	if this == 0 || that == 0 {
		return 0, false
	}
	return this + (that-this)*share, true
}

// enoughDays is how many days it takes to tell of another: one may have had a burst.
const enoughDays = 2

// daily returns the least volume that other days of the same sort, working days or
// the end of the week, had at this hour and those around it, before a week is known:
// a burst that comes every day may end within an hour.
func (s *Season) daily(at hour) (rate float64, known bool) {
	if s == nil || s.First == 0 || at.at-s.First >= week {
		return 0, false
	}
	first, last := 0, 4
	if at.n/24 > 4 {
		first, last = 5, 6
	}
	days := 0
	for day := first; day <= last; day++ {
		if day == at.n/24 {
			continue
		}
		n := day*24 + at.n%24
		if r := float64(min(s.Rates[(n+hours-1)%hours], s.Rates[n], s.Rates[(n+1)%hours])); r > 0 {
			if days++; days == 1 || r < rate {
				rate = r
			}
		}
	}
	return rate, days >= enoughDays
}

// slowly returns the usual volume against which drops are found however slowly they
// come.
func (s *Season) slowly(at hour) (rate float64, known bool) {
	if rate, known = s.rate(at); known {
		return rate, true
	}
	return s.daily(at)
}
