package detect

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// In the morning's rise a channel that rises no more is found by those beside it: one
// that has nearly stopped on the first day, one that has lost more than half once a
// day is known. Two that are in trouble say nothing of the others, and all that rise
// together are no finding.
func TestMorningRise(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		lost  float64
		knows bool
		want  bool
	}{
		{"nearly stopped, on the first day", 0.9, false, true}, {"half, on the first day", 0.5, false, false},
		{"more than half, a day being known", 0.6, true, true}, {"nothing", 0, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, d := newWorld(31, 30), New(time.UTC)
			const rise = 5400
			w.rate = func(at int64) float64 { return 20 + 100*min(1, float64(max(0, at-began))/rise) }
			w.faults = []fault{{from: began + 900, until: math.MaxInt64, channel: "qr", gone: true, share: always(c.lost)}}
			w.run(d, 0, began, nil)
			if c.knows {
				for _, scope := range d.order {
					d.watches[scope].base.Course = Course{Before: 0.1, Begun: true, Known: true, Day: noon / 86400}
				}
			}
			var found bool
			for _, ch := range w.run(d, began, began+rise, nil) {
				if ch.Kind != Drop || ch.Scope != qr || ch.At.Before(after(began+900)) {
					t.Errorf("found %s", describe(ch))
				}
				if ch.Ended.IsZero() && !found && ch.At.After(after(began+900+1800)) {
					t.Errorf("found late: %s", describe(ch))
				}
				found = found || ch.Ended.IsZero()
			}
			if found != c.want {
				t.Errorf("found: %v", found)
			}
		})
	}
}

// What a scope may fall behind is never less than what it fell behind yesterday, but
// for what a day takes, and is taken to be strange until a day was seen whole.
func TestCourse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c Course
		before, today := 0.0, 0.0
		for day := int64(100); day < 110; day++ {
			before, today = max(before*fades, today), 0
			for range rapid.IntRange(1, 5).Draw(t, "times") {
				behind := rapid.Float64Range(0, 3).Draw(t, "behind")
				c.learn(day, behind)
				today = max(today, behind)
			}
			if c.may() < max(today, before)+more-1e-9 {
				t.Fatalf("day %d: it may be %.3f behind, and was %.3f", day, c.may(), max(today, before))
			}
			if day < 102 && c.may() < strange+more {
				t.Fatalf("day %d is known already", day)
			}
			if day >= 102 && c.may() > max(today, before)+more+1e-9 {
				t.Fatalf("day %d: it may be %.3f behind", day, c.may())
			}
		}
	})
}

// Of the days before, those of the same sort say what to expect, once there are two,
// and the least of them: a burst is no measure. After a week it is that hour's.
func TestDaily(t *testing.T) {
	t.Parallel()
	s := &Season{First: noon}
	at := func(day, hour int) hour { // noon is a Wednesday
		return hourOf(noon+int64(day*24+hour)*3600+1800, time.UTC)
	}
	set := func(day int, rate float32) {
		for h := range 24 {
			s.Rates[day*24+h] = rate
		}
	}
	if _, known := s.daily(at(1, 9)); known {
		t.Error("known on the second day")
	}
	set(2, 40)
	if _, known := s.daily(at(1, 9)); known {
		t.Error("one day is enough")
	}
	set(3, 10)
	if rate, known := s.daily(at(2, 9)); !known || rate != 10 {
		t.Errorf("on Friday: %v, %v", rate, known)
	}
	s.Rates[2*24+9], s.Rates[3*24+9] = 90, 80 // a burst of every morning, which ends within the hour
	if rate, _ := s.daily(at(2, 9)); rate != 10 {
		t.Errorf("in a burst: %v", rate)
	}
	if _, known := s.daily(at(3, 9)); known {
		t.Error("a Saturday is taken for a working day")
	}
	if _, known := s.daily(at(8, 9)); known {
		t.Error("days are compared though a week is known")
	}
	if _, known := s.slowly(at(2, 9)); !known {
		t.Error("the days before do not count")
	}
}
