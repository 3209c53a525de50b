package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// dutyForm is the form of a role's duty schedule.
type dutyForm struct {
	draftForm
	Schedule roster.Schedule
	// Day and Hour are the schedule's start.
	Day, Hour string
	// Split is whether holidays have a rotation of their own.
	Split     bool
	Rotations []rotationForm
	// Roles may be chosen for a new schedule, People for the role that was chosen.
	Roles     []view.RoleCover
	People    []view.StandIn
	Calendars []roster.Calendar
	Zones     []string
	Units     []string
}

// rotationForm is one of the two lists of people; N and Unit are how long a turn
// lasts.
type rotationForm struct {
	Key    string
	Days   roster.Days
	N      string
	Unit   string
	People []string
}

// zones are offered in the form; any other IANA name can be written.
var zones = []string{"Asia/Shanghai", "Asia/Taipei", "Asia/Hong_Kong", "Asia/Singapore", "Asia/Tokyo", "Europe/London", "Europe/Berlin", "America/New_York", "UTC"}

func (c *Console) dutyNew(v *visit) error {
	zone := c.Zone.String()
	if zone == "UTC" {
		zone = v.zone.String()
	}
	s := roster.Schedule{
		Role: v.query("role"), Zone: zone, Start: c.Desk.Now().In(v.zone).Format(time.DateOnly) + " 09:00", Calendar: "cn",
		Rotations: []roster.Rotation{{Shift: "1d", People: []string{""}}},
	}
	return c.dutyForm(v, c.newDraftForm(v, true, "", "/duty/-new", "/duty"), s)
}

func (c *Console) dutyEdit(v *visit) error {
	id := v.path("role")
	week, err := c.View.DutyWeek(id, c.Desk.Now(), 1)
	if err != nil {
		return err
	}
	f := c.newDraftForm(v, false, holdfast.NewSubject("duty", id), "/duty/"+id+"/edit", "/duty/"+id)
	if overtaken(v) {
		f.Overtaken = roster.Compare(week.Schedule, trimmed(scheduleOf(v)))
	}
	return c.dutyForm(v, f, week.Schedule)
}

func (c *Console) dutyForm(v *visit, f draftForm, s roster.Schedule) error {
	if typed(v) {
		s = scheduleOf(v)
	}
	own := dutyForm{draftForm: f, Schedule: s, Calendars: c.View.Calendars(), Zones: zones, Units: []string{"h", "d", "w"}, Split: len(s.Rotations) > 1}
	own.Day, own.Hour, _ = strings.Cut(s.Start, " ")
	for _, r := range c.View.Roles() {
		if r.Role == s.Role {
			own.People = slices.Concat(r.HeldBy, r.StandIns)
		}
		own.Roles = append(own.Roles, r)
	}
	for i, key := range []string{"first", "second"} {
		r := roster.Rotation{Shift: "1d", Days: roster.Holidays, People: []string{""}}
		if i < len(s.Rotations) {
			r = s.Rotations[i]
		}
		if len(r.People) == 0 {
			r.People = []string{""}
		}
		n, unit := r.Shift, "d"
		if len(n) > 1 {
			n, unit = n[:len(n)-1], n[len(n)-1:]
		}
		own.Rotations = append(own.Rotations, rotationForm{key, r.Days, n, unit, r.People})
		for _, id := range r.People {
			known := func(o view.StandIn) bool { return o.ID == id }
			if id != "" && !slices.ContainsFunc(own.People, known) {
				own.People = append(own.People, view.StandIn{ID: id, Name: c.Roster.NameOf(holdfast.NewSubject("person", id))})
			}
		}
	}
	return c.show(v, "dutyform", v.words.T("staff.duty-form"), false, own)
}

// scheduleOf reads the form of a schedule, blank rows too.
func scheduleOf(v *visit) roster.Schedule {
	field := func(name string) string { return strings.TrimSpace(v.form(name)) }
	s := roster.Schedule{Role: cmp.Or(v.path("role"), field("role")), Zone: field("zone"), Start: field("day") + " " + field("hour"), Calendar: field("calendar")}
	split := field("split") != ""
	for i, key := range []string{"first", "second"} {
		if i == 1 && !split {
			break
		}
		r := roster.Rotation{Shift: field(key+".n") + field(key+".unit")}
		if r.Shift == "" { // the form had no second list yet
			r.Shift = "1d"
		}
		if split {
			r.Days = []roster.Days{roster.WorkingDays, roster.Holidays}[i]
		}
		v.rows(key, "person", func(at string) { r.People = append(r.People, v.form(at+"person")) })
		r.People = rearranged(v, key, r.People)
		s.Rotations = append(s.Rotations, r)
	}
	return s
}

// trimmed leaves out rows in which nobody was chosen.
func trimmed(s roster.Schedule) roster.Schedule {
	for i := range s.Rotations {
		s.Rotations[i].People = slices.DeleteFunc(slices.Clone(s.Rotations[i].People), func(id string) bool { return id == "" })
	}
	return s
}

func (c *Console) saveDuty(v *visit) error {
	if verb, _, _ := v.pressed(); verb != "save" {
		if v.path("role") == "" {
			return c.dutyNew(v)
		}
		return c.dutyEdit(v)
	}
	base, err := v.revisionOf("base")
	if err != nil {
		return err
	}
	s := trimmed(scheduleOf(v))
	if err := c.Roster.SaveSchedule(v.r.Context(), v.by(), s, base); err != nil {
		return err
	}
	return v.seeOther("/duty/"+s.Role, "saved")
}
