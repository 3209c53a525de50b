package roster

import (
	"embed"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.yaml.in/yaml/v4"

	"holdfast"
	"holdfast/internal/journal"
)

// CalendarFormat is the first key's value in a file of a calendar:
//
//	format: holdfast-calendar/1
//	calendar: cn
//	years:
//	  - year: 2026
//	    source: 国办发明电〔2025〕7号
//	    holidays:
//	      - {name: 元旦, from: 2026-01-01, to: 2026-01-03}
//	    working: [2026-01-04]      # weekend days that are worked
//
// Days that a year does not name are holidays on Saturday and Sunday and worked
// else. So is every day of a year without data, and each slot of duty that rests
// on such a guess says so. The program brings the calendar cn, holidays and
// make-up working days of the Chinese mainland as its State Council published
// them, for the years of [Embedded]; the years that follow, and calendars of
// other places, are imported as they are published.
const CalendarFormat = "holdfast-calendar/1"

const kindCalendarRecorded = "calendar.recorded"

// Year is one year of a calendar.
type Year struct {
	Year int `json:"year" yaml:"year"`
	// Source says where the data were published.
	Source   string    `json:"source" yaml:"source"`
	Holidays []Holiday `json:"holidays,omitempty" yaml:"holidays,omitempty"`
	// Working are days that are worked though they would be free.
	Working []string `json:"working,omitempty" yaml:"working,omitempty"`
}

// Holiday is days off, the first and the last of them as 2026-01-01.
type Holiday struct {
	Name string `json:"name" yaml:"name"`
	From string `json:"from" yaml:"from"`
	To   string `json:"to" yaml:"to"`
}

// Calendar is a named calendar with the years it has data for.
type Calendar struct {
	Name  string `json:"name"`
	Years []Year `json:"years"`
}

const (
	maxYears    = 50
	maxHolidays = 100
)

type calendarDocument struct {
	Format   string `yaml:"format"`
	Calendar string `yaml:"calendar"`
	Years    []Year `yaml:"years"`
}

// DecodeCalendar reads a file of a calendar; name is what faults call it. The
// error is a [Faults].
func DecodeCalendar(name string, src []byte) (Calendar, error) {
	var file calendarDocument
	r, err := open(name, src, CalendarFormat, &file)
	if err != nil {
		return Calendar{}, err
	}
	if len(file.Years) > maxYears {
		return Calendar{}, r.whole(holdfast.TooLarge, "the file has %d years; %d is the limit", len(file.Years), maxYears)
	}
	if !holdfast.ValidName(file.Calendar) && len(r.loading) == 0 {
		r.at("calendar", notName(file.Calendar))
	}
	for i, y := range file.Years {
		r.check(fmt.Sprintf("years[%d]", i), func() []*holdfast.Error { return checkYear(y, file.Years[:i]) })
	}
	if err := r.result(); err != nil {
		return Calendar{}, err
	}
	return Calendar{Name: file.Calendar, Years: file.Years}, nil
}

// EncodeCalendar writes a calendar as [DecodeCalendar] reads it.
func EncodeCalendar(c Calendar) []byte {
	b, err := yaml.Dump(calendarDocument{Format: CalendarFormat, Calendar: c.Name, Years: c.Years}, yaml.WithIndent(2))
	if err != nil {
		panic("roster: calendar in YAML: " + err.Error()) // it is our own type
	}
	return b
}

func checkYear(y Year, before []Year) []*holdfast.Error {
	var faults []*holdfast.Error
	invalid := func(field, format string, args ...any) {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, format, args...).At(field))
	}
	day := func(field, text string) time.Time {
		d, err := time.Parse(time.DateOnly, text)
		if err != nil || d.Year() != y.Year {
			invalid(field, "%q is not a day of the year %d; write it as 2026-01-01", text, y.Year)
			return time.Time{}
		}
		return d
	}
	if y.Year < 2000 || y.Year > 2200 {
		invalid("year", "the year %d cannot be; write 2000 to 2200", y.Year)
		return faults
	}
	if slices.ContainsFunc(before, func(o Year) bool { return o.Year == y.Year }) {
		invalid("year", "the year %d stands in the list twice", y.Year)
	}
	if y.Source == "" || !line(y.Source, maxReason) {
		invalid("source", "say in one line of up to %d characters where the year's days were published", maxReason)
	}
	if len(y.Holidays) > maxHolidays || len(y.Working) > maxHolidays {
		invalid("holidays", "a year has at most %d holidays and as many working days", maxHolidays)
		return faults
	}
	free := map[time.Time]bool{}
	for i, h := range y.Holidays {
		at := fmt.Sprintf("holidays[%d]", i)
		if h.Name == "" || !line(h.Name, maxName) {
			invalid(at+".name", "a holiday needs a name in one line of up to %d characters", maxName)
		}
		from, to := day(at+".from", h.From), day(at+".to", h.To)
		if !from.IsZero() && to.Before(from) && !to.IsZero() {
			invalid(at+".to", "the holiday ends on %s, before it begins", h.To)
		}
		for d := from; !from.IsZero() && !d.After(to); d = d.AddDate(0, 0, 1) {
			free[d] = true
		}
	}
	for i, text := range y.Working {
		at := fmt.Sprintf("working[%d]", i)
		if d := day(at, text); free[d] {
			invalid(at, "%s is a holiday and a working day; it can be only one", text)
		}
	}
	return faults
}

//go:embed calendars/*.yaml
var calendarFiles embed.FS

// Embedded returns the calendars that the program brings.
var Embedded = sync.OnceValue(func() []Calendar {
	files, err := calendarFiles.ReadDir("calendars")
	if err != nil {
		panic("roster: " + err.Error()) // they are part of the program; a test reads them
	}
	var list []Calendar
	for _, f := range files {
		src, err := calendarFiles.ReadFile("calendars/" + f.Name())
		if err != nil {
			panic("roster: " + err.Error())
		}
		c, err := DecodeCalendar(f.Name(), src)
		if err != nil {
			panic("roster: " + err.Error())
		}
		if i := slices.IndexFunc(list, func(o Calendar) bool { return o.Name == c.Name }); i >= 0 {
			list[i].Years = append(list[i].Years, c.Years...)
		} else {
			list = append(list, c)
		}
	}
	return list
})

// calendar is one calendar made ready, by year.
type calendar map[int]map[string]bool

// put adds or replaces a year: for each day it names, whether it is a holiday.
func (c calendar) put(y Year) {
	days := map[string]bool{}
	for _, h := range y.Holidays {
		from, _ := time.Parse(time.DateOnly, h.From)
		to, _ := time.Parse(time.DateOnly, h.To)
		for d := from; !d.After(to) && d.Year() == from.Year(); d = d.AddDate(0, 0, 1) {
			days[d.Format(time.DateOnly)] = true
		}
	}
	for _, d := range y.Working {
		days[d] = false
	}
	c[y.Year] = days
}

// holiday reports whether a date is one, and whether the calendar has its year.
func (c calendar) holiday(date time.Time) (free, known bool) {
	days, known := c[date.Year()]
	if free, named := days[date.Format(time.DateOnly)]; named {
		return free, known
	}
	return date.Weekday() == time.Saturday || date.Weekday() == time.Sunday, known
}

func calendarSubject(name string, year int) holdfast.Subject {
	return holdfast.NewSubject("calendar", name+"-"+strconv.Itoa(year))
}

// calendarYear is the body of calendar.recorded.
type calendarYear struct {
	Calendar string `json:"calendar"`
	Year
}

// recordCalendar states the years of a calendar that are not so already.
func recordCalendar(b *Book, c Calendar) []journal.Draft {
	var drafts []journal.Draft
	for _, y := range c.Years {
		if i := slices.IndexFunc(b.years[c.Name], func(o Year) bool { return o.Year == y.Year }); i >= 0 && b.years[c.Name][i].equal(y) {
			continue
		}
		s := calendarSubject(c.Name, y.Year)
		drafts = append(drafts, journal.NewDraft(s, b.revisionOf(s), kindCalendarRecorded, calendarYear{c.Name, y}))
	}
	return drafts
}

func (y Year) equal(o Year) bool {
	return y.Year == o.Year && y.Source == o.Source && slices.Equal(y.Holidays, o.Holidays) && slices.Equal(y.Working, o.Working)
}

// putYear makes a year part of the book.
func (b *Book) putYear(name string, y Year) {
	years := slices.DeleteFunc(slices.Clone(b.years[name]), func(o Year) bool { return o.Year == y.Year })
	years = append(years, y)
	slices.SortFunc(years, func(a, b Year) int { return a.Year - b.Year })
	b.years[name] = years
	if b.calendars[name] == nil {
		b.calendars[name] = calendar{}
	}
	b.calendars[name].put(y)
}

// Calendars lists the calendars by name, each with its years.
func (b *Book) Calendars() []Calendar {
	list := []Calendar{}
	for name, years := range b.years {
		list = append(list, Calendar{Name: name, Years: slices.Clone(years)})
	}
	slices.SortFunc(list, func(a, b Calendar) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return list
}
