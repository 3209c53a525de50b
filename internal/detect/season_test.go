package detect

import (
	"math"
	"testing"
	"time"
)

// weekly is a week with a shop that is closed at night and on Sundays, and closes
// at once.
func weekly(at int64) float64 {
	h := hourOf(noon+at, time.UTC)
	if of := h.n % 24; h.n >= 6*24 || of < 8 || of >= 20 {
		return 2
	}
	return 20
}

func TestSeason(t *testing.T) {
	t.Parallel()
	var s Season
	const weeks = 2
	for at := int64(0); at < weeks*week; at += 1 {
		if _, known := s.rate(hourOf(noon+at, time.UTC)); at%3600 == 1800 && known != (at >= week) {
			t.Fatalf("known %v after %d hours", known, at/3600)
		}
		s.learn(hourOf(noon+at, time.UTC), weekly(at))
	}
	for at := int64(1800); at < week; at += 3600 {
		got, known := s.rate(hourOf(noon+weeks*week+at, time.UTC))
		if want := weekly(at); !known || math.Abs(got-want) > 0.01 {
			t.Fatalf("hour %d: %v, %v; want %v", at/3600, got, known, want)
		}
	}
	// Between the middles of two hours it is between theirs.
	if got, _ := s.rate(hourOf(noon+weeks*week+8*3600, time.UTC)); math.Abs(got-11) > 0.01 {
		t.Errorf("at eight: %v", got)
	}
	if _, known := (*Season)(nil).rate(hour{}); known {
		t.Error("no season knows something")
	}
}

// Knowing the week, a volume that has slowly become a tenth of what it is at this
// hour is found; without it nobody can tell it from an evening.
func TestSlowDropAgainstTheSeason(t *testing.T) {
	t.Parallel()
	for _, knows := range []bool{true, false} {
		w, d := newWorld(15, 20), New(time.UTC)
		fall := func(at int64) float64 { return 20 * max(0.1, 1-float64(max(0, at-began))/7200) }
		w.rate = fall
		w.run(d, 0, began, nil)
		if knows {
			for _, scope := range d.order {
				if s := d.watches[scope].base.Season; s != nil {
					s.First = noon - 2*week
					for i := range s.Rates {
						s.Rates[i] = 20 * float32(share(scope))
					}
				}
			}
		}
		changes := w.run(d, began, began+3*3600, nil)
		if found := len(changes) > 0 && changes[0].Kind == Drop && changes[0].Scope == (Scope{}); found != knows {
			t.Errorf("with a season %v: %v", knows, changes)
		}
	}
}

// share is the part of all payments that a scope has in these tests.
func share(s Scope) float64 {
	if s.Channel != "" {
		return 0.2
	}
	return 1
}
