package console

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/roster"
	"holdfast/internal/view"
	"holdfast/internal/web"
)

// The screens of duty times: who is on duty now and next, the month, covers,
// calendars.

type dutyPage struct {
	Duties []dutyNow
	// Thin are roles of the plan that fewer than two people hold.
	Thin []view.RoleCover
}

// dutyNow is a role's turn that runs and the one after it.
type dutyNow struct {
	Role      view.Named
	Now, Next *view.DutySlot
}

func nowAndNext(w view.DutyWeek) dutyNow {
	d := dutyNow{Role: w.Role}
	if len(w.Slots) > 0 {
		d.Now = &w.Slots[0]
	}
	if len(w.Slots) > 1 {
		d.Next = &w.Slots[1]
	}
	return d
}

func (c *Console) duty(v *visit) error {
	var own dutyPage
	for _, w := range c.View.DutyWeeks() {
		own.Duties = append(own.Duties, nowAndNext(w))
	}
	for _, r := range c.View.Roles() {
		if r.Planned && !r.Covered {
			own.Thin = append(own.Thin, r)
		}
	}
	return c.show(v, "duty", v.words.T("duty.title"), true, own)
}

// dutyRolePage is the duty of one role by days.
type dutyRolePage struct {
	dutyNow
	Week view.DutyWeek
	// Rotations have the names of those who take turns.
	Rotations []rotationView
	Days      []dayCell
	// Blank is how many days of the first week come before the first day shown.
	Blank         []struct{}
	Month         bool
	Title         string
	Before, After string
	Weekdays      []int
	// People may cover; Named stand in the rotation.
	People []view.StandIn
	Named  []view.StandIn
	// Clashes are what the cover that was filled in runs into.
	Clashes []view.Clash
	History record
}

type rotationView struct {
	roster.Rotation
	Names []string
}

type dayCell struct {
	view.DutyDay
	Today bool
	Slots []slotCell
}

// slotCell is a turn with its hours on the wall clock of the schedule's zone.
type slotCell struct {
	view.DutySlot
	From, Until string
}

func (c *Console) dutyRole(v *visit) error {
	id := v.path("role")
	week, err := c.View.DutyWeek(id, c.Desk.Now(), view.DutyDays)
	if err != nil {
		return err
	}
	own := dutyRolePage{
		dutyNow: nowAndNext(week), Week: week, Month: v.query("view") != "week", Weekdays: []int{1, 2, 3, 4, 5, 6, 7},
		History: c.historyOf(holdfast.NewSubject("duty", id), "/duty/"+id),
	}
	zone, err := time.LoadLocation(week.Schedule.Zone)
	if err != nil {
		zone = time.UTC
	}
	if err := c.dutyDays(v, &own, zone); err != nil {
		return err
	}
	own.People, _ = c.mayServe(id)
	for _, r := range week.Schedule.Rotations {
		one := rotationView{Rotation: r}
		for _, person := range r.People {
			name := c.Roster.NameOf(holdfast.NewSubject("person", person))
			one.Names = append(one.Names, name)
			if !slices.ContainsFunc(own.Named, func(n view.StandIn) bool { return n.ID == person }) {
				own.Named = append(own.Named, view.StandIn{ID: person, Name: name})
			}
		}
		own.Rotations = append(own.Rotations, one)
	}
	if typed(v) && v.form("person") != "" {
		if cover, err := v.cover(zone); err == nil {
			own.Clashes = c.View.Clashes(id, cover)
		}
	}
	return c.show(v, "dutyrole", v.words.T("duty.title"), false, own)
}

// dutyDays fills in the days of the week or the month that is shown.
func (c *Console) dutyDays(v *visit, own *dutyRolePage, zone *time.Location) error {
	today := c.Desk.Now().In(zone)
	from, err := time.ParseInLocation(time.DateOnly, v.query("from"), zone)
	if err != nil || from.Year() < 2000 || from.Year() > 2200 {
		from = today
	}
	monday := func(t time.Time) int { return (int(t.Weekday()) + 6) % 7 }
	begin, days := from.AddDate(0, 0, -monday(from)), 7
	prev, next := begin.AddDate(0, 0, -7), begin.AddDate(0, 0, 7)
	own.Title = begin.Format(time.DateOnly) + " – " + begin.AddDate(0, 0, 6).Format(time.DateOnly)
	kind := "week"
	if own.Month {
		begin = time.Date(from.Year(), from.Month(), 1, 0, 0, 0, 0, zone)
		days = begin.AddDate(0, 1, -1).Day()
		prev, next, kind = begin.AddDate(0, -1, 0), begin.AddDate(0, 1, 0), "month"
		own.Title, own.Blank = begin.Format("2006-01"), make([]struct{}, monday(begin))
	}
	at := func(t time.Time) string {
		return "/duty/" + own.Week.Role.ID + "?" + url.Values{"view": {kind}, "from": {t.Format(time.DateOnly)}}.Encode() + "#days"
	}
	own.Before, own.After = at(prev), at(next)
	list, err := c.View.DutyCalendar(own.Week.Role.ID, begin, days)
	if err != nil {
		return err
	}
	for _, d := range list {
		cell := dayCell{DutyDay: d, Today: d.Date.Format(time.DateOnly) == today.Format(time.DateOnly)}
		for _, s := range d.Slots {
			until := s.Until.In(zone).Format("15:04")
			if until == "00:00" {
				until = "24:00"
			}
			cell.Slots = append(cell.Slots, slotCell{s, s.From.In(zone).Format("15:04"), until})
		}
		own.Days = append(own.Days, cell)
	}
	return nil
}

// mayServe lists who may be on duty for a role: its holders, then their deputies.
func (c *Console) mayServe(role string) (people []view.StandIn, known bool) {
	for _, r := range c.View.Roles() {
		if r.Role == role {
			return slices.Concat(r.HeldBy, r.StandIns), true
		}
	}
	return nil, false
}

// instant reads a day and an hour of a form on a zone's wall clock.
func (v *visit) instant(field string, zone *time.Location) (time.Time, error) {
	t, err := time.ParseInLocation("2006-01-02T15:04", v.form(field), zone)
	if err != nil {
		return t, holdfast.Errorf(holdfast.Invalid, "%q is not a time: write day and hour, as 2026-11-25T09:00", v.form(field)).At(field)
	}
	return t, nil
}

// cover reads the form of a cover.
func (v *visit) cover(zone *time.Location) (roster.Cover, error) {
	k := roster.Cover{Person: v.form("person"), For: v.form("for"), Reason: v.form("reason")}
	var err error
	if k.From, err = v.instant("from", zone); err != nil {
		return k, err
	}
	k.Until, err = v.instant("until", zone)
	return k, err
}

func (c *Console) scheduleZone(role string) *time.Location {
	week, err := c.View.DutyWeek(role, c.Desk.Now(), 1)
	if err == nil {
		if zone, err := time.LoadLocation(week.Schedule.Zone); err == nil {
			return zone
		}
	}
	return c.Zone
}

// cover records a cover; one that runs into something is first shown with what it
// runs into.
func (c *Console) cover(v *visit) error {
	role := v.path("role")
	k, err := v.cover(c.scheduleZone(role))
	if err != nil {
		return err
	}
	if clashes := c.View.Clashes(role, k); len(clashes) > 0 && v.form("even-so") == "" {
		return holdfast.Errorf(holdfast.Conflict, "the cover runs into what is shown beside the form; nothing is recorded yet: change it, or record it even so")
	}
	if _, err := c.Roster.Cover(v.r.Context(), v.by(), role, k); err != nil {
		return err
	}
	return v.seeOther("/duty/"+role, "covered")
}

func (c *Console) uncover(v *visit) error {
	if err := c.Roster.Uncover(v.r.Context(), v.by(), v.path("role"), v.path("id"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/duty/"+v.path("role"), "uncovered")
}

func (c *Console) endDuty(v *visit) error {
	if err := c.Roster.EndDuty(v.r.Context(), v.by(), v.path("role"), v.form("reason")); err != nil {
		return err
	}
	return v.seeOther("/duty", "ended")
}

func (c *Console) restoreDuty(v *visit) error {
	return c.restoreAt(v, holdfast.NewSubject("duty", v.path("role")), "/duty/"+v.path("role"))
}

type calendarsPage struct {
	Calendars []roster.Calendar
	// Missing are the years, this one or the next, that a calendar has no data for.
	Missing []string
	Text    string
}

func (c *Console) calendars(v *visit) error {
	own := calendarsPage{Calendars: c.View.Calendars(), Text: v.form("text")}
	year := c.Desk.Now().Year()
	for _, k := range own.Calendars {
		for y := year; y <= year+1; y++ {
			if !slices.ContainsFunc(k.Years, func(o roster.Year) bool { return o.Year == y }) {
				own.Missing = append(own.Missing, fmt.Sprintf("%s %d", k.Name, y))
			}
		}
	}
	return c.show(v, "calendars", v.words.T("staff.calendars"), false, own)
}

func (c *Console) importCalendar(v *visit) error {
	name, content, err := uploaded(v)
	if err != nil {
		return err
	}
	calendar, err := roster.DecodeCalendar(cmp.Or(name, "calendar"), content)
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "%v", err).At("text")
	}
	if err := c.Roster.RecordCalendar(v.r.Context(), v.by(), calendar); err != nil {
		return err
	}
	return v.seeOther("/calendars", "calendar")
}

func (c *Console) calendarTemplate(v *visit) error {
	return web.WriteFile(v.w, "calendar-template.yaml", roster.EncodeCalendar(roster.Calendar{Name: "cn", Years: []roster.Year{{
		Year: c.Desk.Now().Year() + 1, Source: "where the days were published", Holidays: []roster.Holiday{{
			Name: "元旦", From: fmt.Sprintf("%d-01-01", c.Desk.Now().Year()+1), To: fmt.Sprintf("%d-01-03", c.Desk.Now().Year()+1),
		}}, Working: []string{fmt.Sprintf("%d-01-04", c.Desk.Now().Year()+1)},
	}}}))
}
