package roster

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return instant
}

func daily(zone, start, shift string, people ...string) Schedule {
	return Schedule{Role: "r", Zone: zone, Start: start, Rotations: []Rotation{{Shift: shift, People: people}}}
}

// Hand-overs keep their hour of the wall clock where clocks are changed: shifts
// are an hour longer or shorter then, and none is lost or doubled.
func TestHandOversWhereClocksChange(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		schedule Schedule
		from     string
		want     []string // person and start of each slot from then on
	}{
		{"Berlin, spring: a day of 23 hours", daily("Europe/Berlin", "2026-03-27 08:00", "1d", "a", "b"), "2026-03-28T08:00:00+01:00",
			[]string{"b 2026-03-28T08:00:00+01:00", "a 2026-03-29T08:00:00+02:00", "b 2026-03-30T08:00:00+02:00"}},
		{"Berlin, autumn: a day of 25 hours", daily("Europe/Berlin", "2026-10-23 08:00", "1d", "a", "b"), "2026-10-24T08:00:00+02:00",
			[]string{"b 2026-10-24T08:00:00+02:00", "a 2026-10-25T08:00:00+01:00", "b 2026-10-26T08:00:00+01:00"}},
		{"Berlin, spring: a hand-over that the clock skips", daily("Europe/Berlin", "2026-03-28 02:30", "1d", "a", "b"), "2026-03-28T02:30:00+01:00",
			[]string{"a 2026-03-28T02:30:00+01:00", "b 2026-03-29T03:00:00+02:00", "a 2026-03-30T02:30:00+02:00"}},
		{"Berlin, autumn: a hand-over that comes twice", daily("Europe/Berlin", "2026-10-24 02:30", "1d", "a", "b"), "2026-10-24T02:30:00+02:00",
			[]string{"a 2026-10-24T02:30:00+02:00", "b 2026-10-25T02:30:00+02:00", "a 2026-10-26T02:30:00+01:00"}},
		{"New York, spring: hours", daily("America/New_York", "2026-03-08 00:00", "1h", "a", "b", "c", "d"), "2026-03-08T00:00:00-05:00",
			[]string{"a 2026-03-08T00:00:00-05:00", "b 2026-03-08T01:00:00-05:00", "d 2026-03-08T03:00:00-04:00", "a 2026-03-08T04:00:00-04:00"}},
		{"New York, autumn: hours", daily("America/New_York", "2026-11-01 00:00", "1h", "a", "b", "c", "d"), "2026-11-01T00:00:00-04:00",
			[]string{"a 2026-11-01T00:00:00-04:00", "b 2026-11-01T01:00:00-04:00", "c 2026-11-01T02:00:00-05:00", "d 2026-11-01T03:00:00-05:00"}},
		{"New York, autumn: a hand-over within the hour that comes twice", daily("America/New_York", "2026-11-01 00:30", "1h", "a", "b", "c"), "2026-11-01T00:30:00-04:00",
			[]string{"a 2026-11-01T00:30:00-04:00", "b 2026-11-01T01:30:00-04:00", "c 2026-11-01T02:30:00-05:00"}},
		{"Shanghai: no change of clocks", daily("Asia/Shanghai", "2026-03-28 08:00", "12h", "a", "b"), "2026-03-28T08:00:00+08:00",
			[]string{"a 2026-03-28T08:00:00+08:00", "b 2026-03-28T20:00:00+08:00", "a 2026-03-29T08:00:00+08:00"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newDuty(tt.schedule, nil)
			from := at(t, tt.from)
			var got []string
			for _, s := range d.slots(from, from.Add(80*time.Hour), nil)[:len(tt.want)] {
				got = append(got, s.Person+" "+s.From.In(d.zone).Format(time.RFC3339))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

func cn() calendar { return NewBook().calendars["cn"] }

func workAndFree() Schedule {
	return Schedule{Role: "r", Zone: "Asia/Shanghai", Start: "2026-01-05 09:00", Calendar: "cn", Rotations: []Rotation{
		{Days: WorkingDays, Shift: "1d", People: []string{"work"}}, {Days: Holidays, Shift: "1d", People: []string{"free"}},
	}}
}

// Holidays and make-up working days of the mainland, as they were published.
func TestDutyByTheCalendarOfTheMainland(t *testing.T) {
	t.Parallel()
	d := newDuty(workAndFree(), nil)
	tests := []struct {
		at, person string
		presumed   bool
	}{
		{"2026-02-13T12:00:00+08:00", "work", false}, // a Friday
		{"2026-02-14T12:00:00+08:00", "work", false}, // a Saturday that is worked for the Spring Festival
		{"2026-02-15T08:59:59+08:00", "work", false}, // the day of duty begins at nine
		{"2026-02-15T09:00:00+08:00", "free", false},
		{"2026-02-23T12:00:00+08:00", "free", false}, // a Monday, the festival's last day
		{"2026-02-24T12:00:00+08:00", "work", false},
		{"2026-02-28T12:00:00+08:00", "work", false}, // worked for it, too
		{"2026-03-01T12:00:00+08:00", "free", false}, // a plain Sunday
		{"2026-09-20T12:00:00+08:00", "work", false},
		{"2026-10-01T12:00:00+08:00", "free", false},
		{"2026-10-10T12:00:00+08:00", "work", false},
		{"2027-01-01T12:00:00+08:00", "work", true}, // no data: a Friday like any other, and said to be a guess
		{"2027-01-02T12:00:00+08:00", "free", true},
	}
	for _, tt := range tests {
		s := d.at(at(t, tt.at), cn())
		if s.Person != tt.person || s.Presumed != tt.presumed || s.Holiday != (tt.person == "free") {
			t.Errorf("%s: %+v", tt.at, s)
		}
	}
}

// The embedded years are whole: each make-up day is a weekend day, each festival
// of the year is there, and outside of them the calendar knows that it does not know.
func TestEmbeddedYears(t *testing.T) {
	t.Parallel()
	var years []int
	for _, c := range Embedded() {
		for _, y := range c.Years {
			years = append(years, y.Year)
			free, c := 0, calendar{}
			c.put(y)
			for _, holiday := range c[y.Year] {
				if holiday {
					free++
				}
			}
			for _, text := range y.Working {
				if d, _ := time.Parse(time.DateOnly, text); d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
					t.Errorf("%s is worked in any case", text)
				}
			}
			if want := map[int]int{2024: 29 - 1, 2025: 28, 2026: 33}[y.Year]; free != want {
				t.Errorf("%d has %d days off that have a name, want %d", y.Year, free, want)
			}
		}
	}
	slices.Sort(years)
	if !slices.Equal(years, []int{2024, 2025, 2026}) {
		t.Errorf("the years are %v; docs/formats/people.md names 2024 to 2026", years)
	}
}

// Every instant from the start on has exactly one person: slots follow each
// other without gap or overlap, and each instant's answer is its slot's.
func TestEveryInstantHasOneHolder(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Berlin", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Pacific/Apia", "UTC"}
	shifts := rapid.SampledFrom([]string{"1h", "5h", "12h", "1d", "3d", "1w", "2w"})
	days := cn()
	rapid.Check(t, func(t *rapid.T) {
		day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 300*24*4).Draw(t, "start")) * 15 * time.Minute)
		s := Schedule{Role: "r", Zone: rapid.SampledFrom(zones).Draw(t, "zone"), Start: day.Format(startLayout)}
		people := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 5)
		if rapid.Bool().Draw(t, "by calendar") {
			s.Calendar = "cn"
			s.Rotations = []Rotation{{Days: WorkingDays, Shift: shifts.Draw(t, "working"), People: people.Draw(t, "p")}, {Days: Holidays, Shift: shifts.Draw(t, "holidays"), People: people.Draw(t, "q")}}
		} else {
			s.Rotations = []Rotation{{Shift: shifts.Draw(t, "shift"), People: people.Draw(t, "p")}}
		}
		if faults := checkSchedule(s, nil); len(faults) > 0 {
			t.Fatal(faults)
		}
		d := newDuty(s, nil)
		start := instantOf(d.start, d.zone)
		for i := range rapid.IntRange(0, 3).Draw(t, "covers") {
			from := start.Add(time.Duration(rapid.IntRange(-50, 500).Draw(t, "from")) * time.Hour)
			d.covers = append(d.covers, Cover{ID: fmt.Sprint(i), Person: "z", For: rapid.SampledFrom([]string{"", "a"}).Draw(t, "for"), From: from, Until: from.Add(30 * time.Hour)})
		}
		from := start.Add(time.Duration(rapid.IntRange(0, 200*24*60).Draw(t, "at")) * time.Minute)
		until := from.Add(14 * 24 * time.Hour)
		next := from
		for _, slot := range d.slots(from, until, days) {
			if !slot.From.Equal(next) || !slot.Until.After(slot.From) || slot.Person == "" {
				t.Fatalf("after %v comes %+v", next, slot)
			}
			for _, inside := range []time.Time{slot.From, slot.From.Add(slot.Until.Sub(slot.From) / 2), slot.Until.Add(-1)} {
				if got := d.at(inside, days); got.Person != slot.Person {
					t.Fatalf("at %v there is %q on duty, in the slot %+v", inside, got.Person, slot)
				}
			}
			next = slot.Until
		}
		if !next.Equal(until) {
			t.Fatalf("the slots end at %v, not %v", next, until)
		}
	})
}

// The wall clock never turns instants round, whatever it skips or repeats.
func TestInstantsRiseWithTheWallClock(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe"} {
		zone, err := loadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, year := range []int{2011, 2026} {
			last := time.Time{}
			for w := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC); w.Year() == year; w = w.Add(30 * time.Minute) {
				instant := instantOf(w, zone)
				if instant.Before(last) {
					t.Fatalf("%s: %v comes before the reading before it", name, w)
				}
				if read := wallOf(instant, zone); read.Before(w) {
					t.Fatalf("%s: at %v the clock reads %v only", name, w, read)
				}
				last = instant
			}
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	d := newDuty(daily("UTC", "2026-11-01 00:00", "1d", "a", "b"), []Cover{
		{ID: "1", Person: "c", For: "a", From: at(t, "2026-11-01T12:00:00Z"), Until: at(t, "2026-11-03T12:00:00Z")},
		{ID: "2", Person: "d", From: at(t, "2026-11-02T06:00:00Z"), Until: at(t, "2026-11-02T07:00:00Z")},
		{ID: "3", Person: "e", For: "c", From: at(t, "2026-11-03T06:00:00Z"), Until: at(t, "2026-11-03T09:00:00Z")},
	})
	var got []string
	for _, s := range d.slots(at(t, "2026-10-31T22:00:00Z"), at(t, "2026-11-04T00:00:00Z"), nil) {
		got = append(got, s.From.Format("02 15")+" "+s.Person+"/"+s.For)
	}
	want := []string{"31 22 /", "01 00 a/", "01 12 c/a", "02 00 b/", "02 06 d/b", "02 07 b/", "03 00 c/a", "03 06 e/a", "03 09 c/a", "03 12 a/"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestDutyFileRefuses(t *testing.T) {
	t.Parallel()
	const head = "format: holdfast-duty/1\nschedules:\n"
	tests := []struct{ name, src, want string }{
		{"zone", head + "  - {role: r, zone: Local, start: 2026-01-05 09:00, rotations: [{shift: 1d, people: [a]}]}\n", "3:21: there is no time zone"},
		{"start", head + "  - {role: r, zone: UTC, start: soon, rotations: [{shift: 1d, people: [a]}]}\n", "3:33: "},
		{"shift", head + "  - {role: r, zone: UTC, start: 2026-01-05 09:00, rotations: [{shift: 0d, people: [a]}]}\n", "3:71: "},
		{"nobody", head + "  - {role: r, zone: UTC, start: 2026-01-05 09:00, rotations: [{shift: 1d, people: []}]}\n", "3:83: a rotation has 1 to"},
		{"working days alone", head + "  - {role: r, zone: UTC, start: 2026-01-05 09:00, rotations: [{days: working, shift: 1d, people: [a]}]}\n", "3:62: a schedule has one rotation"},
		{"no calendar", head + "  - {role: r, zone: UTC, start: 2026-01-05 09:00, rotations: [{days: working, shift: 1d, people: [a]}, {days: holidays, shift: 1d, people: [a]}]}\n", "3:5: say which calendar"},
	}
	for _, tt := range tests {
		_, err := DecodeDuty("d", []byte(tt.src))
		var faults Faults
		if !errors.As(err, &faults) || len(faults) != 1 || !strings.HasPrefix(err.Error(), "d:"+tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestDutyTimesOfARole(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	s.must(t, s.Record(t.Context(), by, mei(), lin(), Person{ID: "zhao", Name: "趙"}))
	rota := daily("Asia/Shanghai", "2026-11-02 09:00", "1d", "mei", "lin")
	rota.Role = "commander"
	wrong := rota.clone()
	wrong.Rotations[0].People[1], wrong.Calendar = "zhao", "mars"
	err := s.Schedule(t.Context(), by, wrong)
	if got := fields(err); got != "schedules[0].rotations[0].people[1] schedules[0].calendar" {
		t.Errorf("fields at fault %q: %v", got, err)
	}
	s.must(t, s.Schedule(t.Context(), by, rota))
	on := func() string {
		var ids []string
		for _, p := range s.OnDuty("commander", now) {
			ids = append(ids, p.ID)
		}
		return strings.Join(ids, " ")
	}
	if got := on(); got != "mei" {
		t.Fatalf("on duty %q", got)
	}
	_, err = s.Cover(t.Context(), by, "commander", Cover{Person: "zhao", For: "mei", From: now, Until: now.Add(time.Hour)})
	wantCode(t, err, holdfast.Invalid)
	id, err := s.Cover(t.Context(), by, "commander", Cover{Person: "lin", For: "mei", From: now, Until: now.Add(time.Hour)})
	s.must(t, err)
	if got := on(); got != "lin" {
		t.Errorf("with a cover %q", got)
	}
	s.must(t, s.Leave(t.Context(), by, "lin", "moved"))
	if got := on(); got != "" {
		t.Errorf("who left is on duty: %q", got)
	}
	h, err := s.Held("lin", now, now.Add(48*time.Hour))
	s.must(t, err)
	if !h.Left || len(h.Duty) == 0 || !slices.Equal(h.Rotations, []string{"commander"}) || h.Account != "lin" || h.Roles[0].Others != 1 {
		t.Errorf("lin holds %+v", h)
	}
	s.must(t, s.Uncover(t.Context(), by, "commander", id, "not needed"))
	if got := on(); got != "mei" {
		t.Errorf("without the cover %q", got)
	}
	s.must(t, s.EndDuty(t.Context(), by, "commander", "no longer"))
	if got := on(); got != "" {
		t.Errorf("after its end %q", got)
	}
}

func (s *Service) must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// An imported year takes the place of a guess, and changes only its own days.
func TestRecordCalendar(t *testing.T) {
	t.Parallel()
	s, _ := newService(t)
	newYear := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	if free, known := s.book.calendars["cn"].holiday(newYear); free || known {
		t.Fatalf("1 January 2027: %v %v", free, known)
	}
	c, err := DecodeCalendar("c", []byte("format: holdfast-calendar/1\ncalendar: cn\nyears:\n  - {year: 2027, source: a test, holidays: [{name: 元旦, from: 2027-01-01, to: 2027-01-03}], working: [2027-01-09]}\n"))
	s.must(t, err)
	s.must(t, s.RecordCalendar(t.Context(), by, c))
	if free, known := s.book.calendars["cn"].holiday(newYear); !free || !known {
		t.Errorf("1 January 2027: %v %v", free, known)
	}
	if _, err := DecodeCalendar("c", []byte("format: holdfast-calendar/1\ncalendar: cn\nyears:\n  - {year: 2027, source: x, holidays: [{name: a, from: 2026-01-01, to: 2027-01-03}], working: [2027-01-09]}\n")); err == nil {
		t.Error("a day of another year is read")
	}
}

// What the decoders of duty, parties and calendars take, they write and take again.
func FuzzDecodeFiles(f *testing.F) {
	f.Add([]byte("format: holdfast-duty/1\nschedules:\n  - {role: r, zone: UTC, start: 2026-01-05 09:00, rotations: [{shift: 1d, people: [a]}]}\n"))
	f.Add([]byte("format: holdfast-parties/1\nparties: [{id: acme, name: Acme, kind: acquirer}]\n"))
	f.Add([]byte("format: holdfast-calendar/1\ncalendar: cn\nyears: [{year: 2027, source: x, working: [2027-01-09]}]\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		schedules, err := DecodeDuty("f", src)
		refusedInWords(t, err)
		if err == nil {
			back, err := DecodeDuty("f", EncodeDuty(schedules))
			if err != nil || !slices.EqualFunc(schedules, back, Schedule.equal) {
				t.Errorf("%+v came back as %+v, %v", schedules, back, err)
			}
			for _, s := range schedules {
				newDuty(s, nil).slots(now, now.Add(24*time.Hour), cn())
			}
		}
		parties, err := DecodeParties("f", src)
		refusedInWords(t, err)
		if err == nil {
			back, err := DecodeParties("f", EncodeParties(parties))
			if err != nil || !slices.EqualFunc(parties, back, Party.equal) {
				t.Errorf("%+v came back as %+v, %v", parties, back, err)
			}
		}
		_, err = DecodeCalendar("f", src)
		refusedInWords(t, err)
	})
}

func refusedInWords(t *testing.T, err error) {
	t.Helper()
	if err != nil && (err.Error() == "" || holdfast.CodeOf(err) == holdfast.Internal) {
		t.Errorf("error without words or code: %v", err)
	}
}
