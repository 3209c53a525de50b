// Package trend says what incidents of a period have in common (R4.9): how many of
// which level and cause, how long it took to detect, to stop, to recover, and which
// causes come back. It reads cases and decides nothing.
//
// # What counts
//
// An incident belongs to the period in which it was opened. Real ones and drills are
// never mixed. One that was merged into another is that other. One that was dismissed
// is a false alarm: it counts as such and in no other figure.
//
// # Figures
//
// A median is worked out from [FewestMedian] known times on, quartiles from
// [FewestSpread] on; with fewer the figure says so, and does not guess. Quantiles lie
// between the two nearest times, in proportion. A time whose end came before its
// beginning, such as a stop that was in force before anybody confirmed, counts as none
// at all: it took zero.
//
// The times of an incident are those that people signed in its debrief, once it is
// accepted; until then those that its record shows now. The figures say of how many
// incidents, and of each time, which it is.
package trend

import (
	"cmp"
	"math"
	"slices"
	"time"

	"holdfast"
)

// Spans are the times that are measured, in this order.
var Spans = [...]string{"detect", "confirm", "notify", "stop", "stop-confirmed", "convene", "recover"}

// How many known times a figure needs.
const (
	FewestMedian = 3
	FewestSpread = 5
)

// Case is what trends read of one incident.
type Case struct {
	ID, Title string
	Drill     bool
	// Level is Unknown while nobody has confirmed it.
	Level  holdfast.Level
	Opened time.Time
	// FalseAlarm: it was dismissed.
	FalseAlarm bool
	// Cause is what its alerts have in common, or what people said; empty for the
	// whole system. Roots are the classes of the root causes of its debrief.
	Cause string
	Roots []string
	// Debriefed says that the times and limits are those of an accepted debrief.
	Debriefed bool
	// Took has the times that are known, by the names in [Spans].
	Took map[string]time.Duration
	// Met and Missed count its limits.
	Met, Missed int
}

// Trends are the figures of a period.
type Trends struct {
	// From and To bound it: From is in it, To is not.
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Real   Figures   `json:"real"`
	Drills Figures   `json:"drills"`
}

// Figures are those of the real incidents, or of the drills, of a period.
type Figures struct {
	// Incidents counts those that were no false alarms.
	Incidents   int     `json:"incidents"`
	FalseAlarms Count   `json:"false_alarms"`
	Levels      []Count `json:"levels"`
	// Causes and Roots begin with the commonest; Repeats are the causes of more than
	// one incident.
	Causes  []Count `json:"causes"`
	Roots   []Count `json:"roots"`
	Repeats []Count `json:"repeats"`
	Months  []Month `json:"months"`
	Spans   []Span  `json:"spans"`
	// Debriefed are the incidents whose times are those of an accepted debrief.
	Debriefed Count `json:"debriefed"`
	// LimitsMet and LimitsMissed count limits; Missing are the incidents that missed
	// one.
	LimitsMet    int   `json:"limits_met"`
	LimitsMissed int   `json:"limits_missed"`
	Missing      Count `json:"missing"`
}

// Count is how many incidents have something, and which.
type Count struct {
	// Key is the level, the cause or the class; empty where it says the whole system.
	Key       string   `json:"key"`
	N         int      `json:"n"`
	Incidents []string `json:"incidents"`
}

// Month counts the incidents of a month of the operator's calendar.
type Month struct {
	// Month is 2026-11.
	Month string `json:"month"`
	// Levels counts by level; 0 are those that nobody has confirmed.
	Levels      [4]int   `json:"levels"`
	FalseAlarms int      `json:"false_alarms"`
	Incidents   []string `json:"incidents"`
}

// Span is how long something took, over the incidents of which it is known.
type Span struct {
	Name string `json:"name"`
	N    int    `json:"n"`
	// The median is missing where fewer than [FewestMedian] are known, the quartiles
	// where fewer than [FewestSpread] are. Nanoseconds.
	Median *time.Duration `json:"median,omitempty"`
	P25    *time.Duration `json:"p25,omitempty"`
	P75    *time.Duration `json:"p75,omitempty"`
	Max    *time.Duration `json:"max,omitempty"`
	// Incidents begin with the longest.
	Incidents []Took `json:"incidents"`
}

// Took is how long it took in one incident.
type Took struct {
	Incident string        `json:"incident"`
	Took     time.Duration `json:"took"`
	// Debriefed says that an accepted debrief has it.
	Debriefed bool `json:"debriefed,omitempty"`
}

// Of works out the trends of the cases that were opened in a period, months by the
// calendar of a zone. Cases begin with the newest, and so does each list of them.
func Of(cases []Case, from, to time.Time, zone *time.Location) Trends {
	t := Trends{From: from.UTC(), To: to.UTC()}
	var actual, drills []Case
	for _, c := range cases {
		switch {
		case c.Opened.Before(from) || !c.Opened.Before(to):
		case c.Drill:
			drills = append(drills, c)
		default:
			actual = append(actual, c)
		}
	}
	t.Real, t.Drills = figures(actual, from, to, zone), figures(drills, from, to, zone)
	return t
}

func figures(all []Case, from, to time.Time, zone *time.Location) Figures {
	f := Figures{Months: months(all, from, to, zone), FalseAlarms: Count{Incidents: []string{}}, Missing: Count{Incidents: []string{}}, Debriefed: Count{Incidents: []string{}}, Repeats: []Count{}}
	var cases []Case
	for _, c := range all {
		if c.FalseAlarm {
			f.FalseAlarms.add(c)
			continue
		}
		cases = append(cases, c)
		f.LimitsMet, f.LimitsMissed = f.LimitsMet+c.Met, f.LimitsMissed+c.Missed
		if c.Missed > 0 {
			f.Missing.add(c)
		}
		if c.Debriefed {
			f.Debriefed.add(c)
		}
	}
	f.Incidents = len(cases)
	f.Levels = levels(cases)
	f.Causes = by(cases, func(c Case) []string { return []string{c.Cause} })
	f.Roots = by(cases, func(c Case) []string { return c.Roots })
	for _, c := range f.Causes {
		if c.N > 1 && c.Key != "" {
			f.Repeats = append(f.Repeats, c)
		}
	}
	for _, name := range Spans {
		f.Spans = append(f.Spans, span(cases, name))
	}
	return f
}

func (n *Count) add(c Case) { n.N, n.Incidents = n.N+1, append(n.Incidents, c.ID) }

// levels counts by level, the gravest first; those without one only if there are any.
func levels(cases []Case) (list []Count) {
	for _, l := range []holdfast.Level{holdfast.Level1, holdfast.Level2, holdfast.Level3, holdfast.Unknown} {
		n := Count{Key: string(rune('0' + l)), Incidents: []string{}}
		for _, c := range cases {
			if c.Level == l {
				n.add(c)
			}
		}
		if l != holdfast.Unknown || n.N > 0 {
			list = append(list, n)
		}
	}
	return list
}

// by counts cases by keys that each has, the commonest first.
func by(cases []Case, keys func(Case) []string) []Count {
	list := []Count{}
	for _, c := range cases {
		own := slices.Clone(keys(c))
		slices.Sort(own)
		for _, key := range slices.Compact(own) {
			i := slices.IndexFunc(list, func(n Count) bool { return n.Key == key })
			if i < 0 {
				i, list = len(list), append(list, Count{Key: key})
			}
			list[i].add(c)
		}
	}
	slices.SortStableFunc(list, func(a, b Count) int { return cmp.Or(b.N-a.N, cmp.Compare(a.Key, b.Key)) })
	return list
}

// mostMonths bounds a period.
const mostMonths = 122

// months counts by month, empty ones too.
func months(cases []Case, from, to time.Time, zone *time.Location) []Month {
	list := []Month{}
	for at := monthOf(from.In(zone)); at.Before(to) && len(list) < mostMonths; at = at.AddDate(0, 1, 0) {
		m := Month{Month: at.Format("2006-01"), Incidents: []string{}}
		for _, c := range cases {
			switch {
			case c.Opened.In(zone).Format("2006-01") != m.Month:
				continue
			case c.FalseAlarm:
				m.FalseAlarms++
			default:
				m.Levels[c.Level]++
			}
			m.Incidents = append(m.Incidents, c.ID)
		}
		list = append(list, m)
	}
	return list
}

func monthOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, t.Location())
}

// Year is the period that is shown unless another is asked for: the twelve months of
// the calendar that end with the present one.
func Year(now time.Time, zone *time.Location) (from, to time.Time) {
	this := monthOf(now.In(zone))
	return this.AddDate(0, -11, 0), this.AddDate(0, 1, 0)
}

func span(cases []Case, name string) Span {
	s := Span{Name: name, Incidents: []Took{}}
	for _, c := range cases {
		if took, known := c.Took[name]; known {
			s.Incidents = append(s.Incidents, Took{c.ID, max(0, took), c.Debriefed})
		}
	}
	slices.SortStableFunc(s.Incidents, func(a, b Took) int { return cmp.Compare(b.Took, a.Took) })
	s.N = len(s.Incidents)
	if s.N >= 1 {
		s.Max = &s.Incidents[0].Took
	}
	if s.N >= FewestMedian {
		s.Median = s.quantile(0.5)
	}
	if s.N >= FewestSpread {
		s.P25, s.P75 = s.quantile(0.25), s.quantile(0.75)
	}
	return s
}

// quantile interpolates between the two nearest times.
func (s Span) quantile(share float64) *time.Duration {
	at := share * float64(s.N-1)
	low := int(math.Floor(at))
	nth := func(i int) float64 { return float64(s.Incidents[s.N-1-min(i, s.N-1)].Took) }
	q := time.Duration(math.Round(nth(low) + (nth(low+1)-nth(low))*(at-float64(low))))
	return &q
}
