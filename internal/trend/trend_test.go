package trend

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
)

var (
	east = time.FixedZone("UTC+8", 8*3600)
	from = time.Date(2026, 1, 1, 0, 0, 0, 0, east)
	to   = time.Date(2027, 1, 1, 0, 0, 0, 0, east)
)

func on(month time.Month, day int) time.Time { return time.Date(2026, month, day, 9, 0, 0, 0, east) }

func keys(list []Count) string {
	var parts []string
	for _, n := range list {
		parts = append(parts, n.Key+":"+strings.Join(n.Incidents, "+"))
	}
	return strings.Join(parts, " ")
}

func TestCounts(t *testing.T) {
	t.Parallel()
	cases := []Case{
		{ID: "9", Level: holdfast.Level1, Opened: to},                     // the next year's
		{ID: "8", Level: holdfast.Level1, Opened: on(12, 3), Drill: true}, // a drill
		{ID: "7", Opened: on(11, 3), FalseAlarm: true, Cause: "db", Roots: []string{"change"}},
		{ID: "6", Opened: on(11, 2)},
		{ID: "5", Level: holdfast.Level1, Opened: on(11, 1), Cause: "db", Roots: []string{"change", "capacity", "change"}, Met: 4, Missed: 2},
		{ID: "4", Level: holdfast.Level3, Opened: on(5, 1), Cause: "db", Met: 3},
		{ID: "3", Level: holdfast.Level1, Opened: on(3, 1), Cause: "bank A", Roots: []string{"change"}, Missed: 1},
		// New year's morning where the operator is, the old year in UTC.
		{ID: "2", Level: holdfast.Level1, Opened: from},
		{ID: "1", Level: holdfast.Level1, Opened: from.Add(-1)},
	}
	f := Of(cases, from, to, east)
	for what, pair := range map[string][2]string{
		"levels":  {keys(f.Real.Levels), "1:5+3+2 2: 3:4 0:6"},
		"causes":  {keys(f.Real.Causes), ":6+2 db:5+4 bank A:3"},
		"roots":   {keys(f.Real.Roots), "change:5+3 capacity:5"},
		"repeats": {keys(f.Real.Repeats), "db:5+4"},
		"missing": {strings.Join(f.Real.Missing.Incidents, "+"), "5+3"},
		"alarms":  {strings.Join(f.Real.FalseAlarms.Incidents, "+"), "7"},
		"drills":  {keys(f.Drills.Levels), "1:8 2: 3:"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
		}
	}
	if f.Real.Incidents != 5 || f.Real.LimitsMet != 7 || f.Real.LimitsMissed != 3 {
		t.Errorf("%+v", f.Real)
	}
	months := f.Real.Months
	if len(months) != 12 || months[0].Month != "2026-01" || months[0].Levels != [4]int{0, 1, 0, 0} || months[10].Levels != [4]int{1, 1, 0, 0} || months[10].FalseAlarms != 1 || !slices.Equal(months[10].Incidents, []string{"7", "6", "5"}) {
		t.Errorf("months: %+v", months)
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	minutes := func(list ...int) (cases []Case) {
		for _, n := range list {
			cases = append(cases, Case{ID: "x", Level: holdfast.Level1, Opened: on(2, 1), Took: map[string]time.Duration{"stop": time.Duration(n) * time.Minute}})
		}
		return append(cases, Case{ID: "unknown", Level: holdfast.Level1, Opened: on(2, 1)})
	}
	const none = -1 * time.Minute
	for name, test := range map[string]struct {
		took                  []Case
		n                     int
		median, p25, p75, max time.Duration
	}{
		"none known":       {minutes(), 0, none, none, none, none},
		"too few":          {minutes(1, 9), 2, none, none, none, 9 * time.Minute},
		"no quartiles":     {minutes(9, 1, 3), 3, 3 * time.Minute, none, none, 9 * time.Minute},
		"between":          {minutes(1, 2, 4, 9), 4, 3 * time.Minute, none, none, 9 * time.Minute},
		"odd":              {minutes(5, 1, 4, 2, 3), 5, 3 * time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute},
		"even":             {minutes(1, 2, 3, 4, 5, 6), 6, 210 * time.Second, 135 * time.Second, 285 * time.Second, 6 * time.Minute},
		"before its start": {minutes(-5, -1, 3), 3, 0, none, none, 3 * time.Minute},
	} {
		f := Of(test.took, from, to, east).Real
		s := f.Spans[slices.Index(Spans[:], "stop")]
		if s.N != test.n || len(f.Spans) != len(Spans) {
			t.Errorf("%s: %d of %d spans", name, s.N, len(f.Spans))
		}
		for what, pair := range map[string]struct {
			got  *time.Duration
			want time.Duration
		}{"median": {s.Median, test.median}, "p25": {s.P25, test.p25}, "p75": {s.P75, test.p75}, "max": {s.Max, test.max}} {
			if (pair.got == nil) != (pair.want == none) || pair.got != nil && *pair.got != pair.want {
				t.Errorf("%s: %s is %v, want %v", name, what, pair.got, pair.want)
			}
		}
	}
}

// Quantiles are in order and within what was seen, whatever the times.
func TestQuantilesInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var cases []Case
		for _, n := range rapid.SliceOfN(rapid.Int64Range(-10, 1<<50), FewestSpread, 40).Draw(t, "took") {
			cases = append(cases, Case{Level: holdfast.Level1, Opened: on(2, 1), Took: map[string]time.Duration{"stop": time.Duration(n)}})
		}
		s := span(cases, "stop")
		least := s.Incidents[len(s.Incidents)-1].Took
		if *s.P25 < least || *s.Median < *s.P25 || *s.P75 < *s.Median || *s.Max < *s.P75 {
			t.Errorf("%v ≤ %v ≤ %v ≤ %v ≤ %v does not hold", least, *s.P25, *s.Median, *s.P75, *s.Max)
		}
	})
}

func TestYear(t *testing.T) {
	t.Parallel()
	// In UTC it is still November.
	begin, end := Year(time.Date(2026, 11, 30, 18, 0, 0, 0, time.UTC), east)
	if !begin.Equal(from) || !end.Equal(to) {
		t.Errorf("%s to %s", begin, end)
	}
}
