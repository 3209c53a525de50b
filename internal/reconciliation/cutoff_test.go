package reconciliation

import (
	"testing"
	"time"

	"holdfast/internal/standin"
)

func TestCutOff(t *testing.T) {
	t.Parallel()
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	now := at("2026-11-26T20:00:00+08:00")
	for _, c := range []struct {
		what           string
		ends           time.Duration
		oldest, clears string
		pending        int64
		budget         float64
		next           string
		state          CutOffState
		missed         string
	}{
		{"clear before 23 h", 23 * time.Hour, "2026-11-26T09:00:00+08:00", "2026-11-26T22:59:00+08:00", 10, 1, "2026-11-26T23:00:00+08:00", InTime, ""},
		{"clear after 23 h", 23 * time.Hour, "2026-11-26T09:00:00+08:00", "2026-11-26T23:01:00+08:00", 10, 1, "2026-11-26T23:00:00+08:00", TooLate, ""},
		{"nothing is delivered", 23 * time.Hour, "2026-11-26T09:00:00+08:00", "", 10, 1, "2026-11-26T23:00:00+08:00", NotTold, ""},
		{"the budget is too small", 23 * time.Hour, "2026-11-26T09:00:00+08:00", "", 20000, 1, "2026-11-26T23:00:00+08:00", TooLate, ""},
		{"more than anybody counts", 23 * time.Hour, "2026-11-26T09:00:00+08:00", "", 1 << 40, 1, "2026-11-26T23:00:00+08:00", TooLate, ""},
		{"no gate is heard", 23 * time.Hour, "2026-11-26T09:00:00+08:00", "", 20000, 0, "2026-11-26T23:00:00+08:00", NotTold, ""},
		{"18 h was passed", 18 * time.Hour, "2026-11-26T09:00:00+08:00", "2026-11-26T20:01:00+08:00", 10, 1, "2026-11-27T18:00:00+08:00", Passed, "2026-11-26T18:00:00+08:00"},
		{"approved after 18 h", 18 * time.Hour, "2026-11-26T18:00:00+08:00", "2026-11-26T20:01:00+08:00", 10, 1, "2026-11-27T18:00:00+08:00", InTime, ""},
		{"the day ends at midnight", 24 * time.Hour, "2026-11-26T09:00:00+08:00", "2026-11-27T00:00:00+08:00", 10, 1, "2026-11-27T00:00:00+08:00", InTime, ""},
		{"yesterday's", 24 * time.Hour, "2026-11-25T23:59:59+08:00", "2026-11-26T20:01:00+08:00", 10, 1, "2026-11-27T00:00:00+08:00", Passed, "2026-11-26T00:00:00+08:00"},
	} {
		s := Source{Pending: standin.Tally{Count: c.pending}, Oldest: at(c.oldest), Budget: c.budget}
		if c.clears != "" {
			s.Clears = at(c.clears)
		}
		got := s.CutOffAt(c.ends, 8*time.Hour, now)
		if !got.At.Equal(at(c.next)) || got.State != c.state || got.Missed.IsZero() != (c.missed == "") || c.missed != "" && !got.Missed.Equal(at(c.missed)) {
			t.Errorf("%s: %+v, want %s at %s", c.what, got, c.state, c.next)
		}
		if late := c.state == TooLate || c.state == Passed; got.Late() != late {
			t.Errorf("%s: late %v", c.what, got.Late())
		}
	}
	if west := (&Source{}).CutOffAt(time.Hour, -5*time.Hour, at("2026-11-26T05:30:00Z")); !west.At.Equal(at("2026-11-26T06:00:00Z")) {
		t.Errorf("one o'clock five hours west of UTC is %v", west.At)
	}
}
