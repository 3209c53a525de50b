package roster

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v4"

	"holdfast"
)

// DutyFormat is the first key's value in a file of duty schedules:
//
//	format: holdfast-duty/1
//	schedules:
//	  - role: duty-officer
//	    zone: Asia/Shanghai        # IANA name
//	    start: 2026-01-05 09:00    # wall clock there; hand-overs stand at this hour
//	    calendar: cn               # needed if days are told apart
//	    rotations:
//	      - {days: working, shift: 1d, people: [chen.wei, lin.fang]}
//	      - {days: holidays, shift: 1w, people: [lin.fang, chen.wei, wu.jun]}
const DutyFormat = "holdfast-duty/1"

// Days says on which days a rotation is on duty. A day of duty begins at the
// hour of the schedule's start and is what the calendar says of its date.
type Days string

const (
	AllDays     Days = "all"
	WorkingDays Days = "working"
	Holidays    Days = "holidays"
)

// Schedule says who is on duty for a role, from its start without end.
type Schedule struct {
	Role string `json:"role" yaml:"role"`
	Zone string `json:"zone" yaml:"zone"`
	// Start is a time on the zone's wall clock, as 2026-01-05 09:00.
	Start string `json:"start" yaml:"start"`
	// Calendar tells working days and holidays apart; it may be left out if every
	// day is alike.
	Calendar string `json:"calendar,omitempty" yaml:"calendar,omitempty"`
	// Rotations is one for all days, or one for working days and one for holidays.
	Rotations []Rotation `json:"rotations" yaml:"rotations"`
}

// Rotation is people who take turns.
type Rotation struct {
	// Days left out means all.
	Days Days `json:"days,omitempty" yaml:"days,omitempty"`
	// Shift is how long a turn lasts on the wall clock: hours, days or weeks, as
	// 12h, 1d, 2w.
	Shift  string   `json:"shift" yaml:"shift"`
	People []string `json:"people" yaml:"people"`
}

const (
	maxSchedules = 200
	maxRotation  = 100 // people
	longestShift = 12 * 7 * 24 * time.Hour
	startLayout  = "2006-01-02 15:04"
)

var shiftText = regexp.MustCompile(`^([1-9][0-9]{0,3})([hdw])$`)

// shift returns how long a turn lasts on the wall clock, 0 if the text is none.
func (r Rotation) shift() time.Duration {
	m := shiftText.FindStringSubmatch(r.Shift)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	unit := map[string]time.Duration{"h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}[m[2]]
	if span := time.Duration(n) * unit; err == nil && span <= longestShift {
		return span
	}
	return 0
}

func (r Rotation) days() Days {
	if r.Days == "" {
		return AllDays
	}
	return r.Days
}

func (s Schedule) clone() Schedule {
	s.Rotations = slices.Clone(s.Rotations)
	for i := range s.Rotations {
		s.Rotations[i].People = slices.Clone(s.Rotations[i].People)
	}
	return s
}

func (s Schedule) equal(o Schedule) bool {
	return s.Role == o.Role && s.Zone == o.Zone && s.Start == o.Start && s.Calendar == o.Calendar &&
		slices.EqualFunc(s.Rotations, o.Rotations, func(a, b Rotation) bool {
			return a.days() == b.days() && a.Shift == b.Shift && slices.Equal(a.People, b.People)
		})
}

type dutyDocument struct {
	Format    string     `yaml:"format"`
	Schedules []Schedule `yaml:"schedules"`
}

// DecodeDuty reads a file of duty schedules; name is what faults call it. The
// error is a [Faults]. Whether it agrees with the roster is for [Service.Schedule].
func DecodeDuty(name string, src []byte) ([]Schedule, error) {
	var file dutyDocument
	r, err := open(name, src, DutyFormat, &file)
	if err != nil {
		return nil, err
	}
	if len(file.Schedules) > maxSchedules {
		return nil, r.whole(holdfast.TooLarge, "the file has %d schedules; %d is the limit", len(file.Schedules), maxSchedules)
	}
	for i, s := range file.Schedules {
		r.check(fmt.Sprintf("schedules[%d]", i), func() []*holdfast.Error { return checkSchedule(s, file.Schedules[:i]) })
	}
	if err := r.result(); err != nil {
		return nil, err
	}
	return file.Schedules, nil
}

// EncodeDuty writes schedules as [DecodeDuty] reads them.
func EncodeDuty(schedules []Schedule) []byte {
	b, err := yaml.Dump(dutyDocument{Format: DutyFormat, Schedules: schedules}, yaml.WithIndent(2))
	if err != nil {
		panic("roster: schedules in YAML: " + err.Error()) // they are our own types
	}
	return b
}

// checkSchedule returns what is wrong with a schedule by itself, in a list after
// others.
func checkSchedule(s Schedule, before []Schedule) []*holdfast.Error {
	var faults []*holdfast.Error
	invalid := func(field, format string, args ...any) {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, format, args...).At(field))
	}
	if !holdfast.ValidName(s.Role) {
		faults = append(faults, notName(s.Role).At("role"))
	}
	if slices.ContainsFunc(before, func(o Schedule) bool { return o.Role == s.Role }) {
		invalid("role", "the role %q has two schedules in this list", s.Role)
	}
	if _, err := loadZone(s.Zone); err != nil {
		invalid("zone", "there is no time zone %q; write an IANA name, as Asia/Shanghai", s.Zone)
	}
	if start, err := time.Parse(startLayout, s.Start); err != nil || start.Year() < 2000 || start.Year() > 2200 {
		invalid("start", "%q is not when the first shift begins; write day and time, as 2026-01-05 09:00", s.Start)
	}
	var days []Days
	for i, r := range s.Rotations {
		faults = append(faults, checkRotation(r, fmt.Sprintf("rotations[%d]", i))...)
		days = append(days, r.days())
	}
	slices.Sort(days)
	switch {
	case slices.Equal(days, []Days{AllDays}):
	case !slices.Equal(days, []Days{Holidays, WorkingDays}):
		invalid("rotations", "a schedule has one rotation for all days, or one for working days and one for holidays")
	case s.Calendar == "":
		invalid("calendar", "say which calendar tells working days from holidays, as cn")
	}
	if s.Calendar != "" && !holdfast.ValidName(s.Calendar) {
		faults = append(faults, notName(s.Calendar).At("calendar"))
	}
	return faults
}

func checkRotation(r Rotation, at string) []*holdfast.Error {
	var faults []*holdfast.Error
	invalid := func(field, format string, args ...any) {
		faults = append(faults, holdfast.Errorf(holdfast.Invalid, format, args...).At(at+"."+field))
	}
	if !slices.Contains([]Days{AllDays, WorkingDays, Holidays}, r.days()) {
		invalid("days", "there are no days %q; write all, working or holidays", r.Days)
	}
	if r.shift() == 0 {
		invalid("shift", "%q is not how long a shift lasts; write hours, days or weeks up to 12 weeks, as 12h, 1d or 2w", r.Shift)
	}
	if len(r.People) == 0 || len(r.People) > maxRotation {
		invalid("people", "a rotation has 1 to %d people, not %d", maxRotation, len(r.People))
	}
	for i, id := range r.People {
		if !holdfast.ValidName(id) {
			faults = append(faults, notName(id).At(fmt.Sprintf("%s.people[%d]", at, i)))
		}
	}
	return faults
}
