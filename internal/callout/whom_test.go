package callout

import (
	"strings"
	"testing"
	"time"

	"holdfast/internal/journal"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// onCall is a roster: ana and bo take turns as superior, with cy for ana's deputy;
// li and mo are both recorder, without duty times.
func onCall(t *testing.T, schedules ...roster.Schedule) (*roster.Book, *folder) {
	t.Helper()
	b := roster.NewBook()
	f := &folder{t: t, projections: []journal.Projection{b}}
	person := func(id, role string, contact roster.Contact, deputies ...roster.Deputy) {
		f.fold("person/"+id, "person.recorded", roster.Person{ID: id, Name: id, Roles: strings.Fields(role), Contacts: []roster.Contact{contact}, Deputies: deputies})
	}
	person("ana", "superior", mail("ana"), roster.Deputy{Person: "cy"})
	person("bo", "superior", mail("bo"))
	person("cy", "", mail("cy"))
	person("li", "recorder", mail("li"), roster.Deputy{Person: "cy", Role: "recorder"})
	person("mo", "recorder", phone)
	for _, s := range schedules {
		f.fold("duty/"+s.Role, "duty.scheduled", s)
	}
	return b, f
}

func names(list []Recipient) string {
	var words []string
	for _, r := range list {
		words = append(words, strings.TrimSuffix(r.ID+":"+r.Why, ":"))
	}
	return strings.Join(words, " ")
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func daily(zone string) roster.Schedule {
	return roster.Schedule{Role: "superior", Zone: zone, Start: "2026-03-01 09:00", Rotations: []roster.Rotation{{Shift: "1d", People: []string{"ana", "bo"}}}}
}

// Whom a notice tells, by who is on duty, can be reached and stands in.
func TestRecipients(t *testing.T) {
	t.Parallel()
	const noon = "2026-03-03T12:00:00Z" // the third day: ana
	away := func(id string) func(*folder) {
		return func(f *folder) {
			f.fold("person/"+id, "person.recorded", roster.Person{ID: id, Name: id, Roles: []string{"superior"}, Contacts: []roster.Contact{phone}, Deputies: []roster.Deputy{{Person: "cy"}}})
		}
	}
	left := func(id string) func(*folder) {
		return func(f *folder) { f.fold("person/"+id, "person.left", map[string]string{"reason": "moved on"}) }
	}
	for _, tt := range []struct {
		name   string
		stage  procedure.StageKind
		notice procedure.Notice
		change func(*folder)
		at     string
		want   string
	}{
		{"who is on duty", procedure.Notify, procedure.Notice{To: []string{"superior"}}, nil, noon, "ana:on-duty"},
		{"a day later", procedure.Notify, procedure.Notice{To: []string{"superior"}}, nil, "2026-03-04T12:00:00Z", "bo:on-duty"},
		{"everyone, as the notice says", procedure.Notify, procedure.Notice{To: []string{"superior"}, Everyone: true}, nil, noon, "ana bo"},
		{"the whole team is convened", procedure.Convene, procedure.Notice{To: []string{"superior"}}, nil, noon, "ana bo"},
		{"as many as must acknowledge", procedure.Notify, procedure.Notice{To: []string{"superior"}, Acknowledge: 2}, nil, noon, "ana bo"},
		{"no duty times, and one by phone alone", procedure.Notify, procedure.Notice{To: []string{"recorder"}}, nil, noon, "li mo"},
		{"two roles", procedure.Notify, procedure.Notice{To: []string{"recorder", "superior"}}, nil, noon, "li mo ana:on-duty"},
		{"before the schedule begins", procedure.Notify, procedure.Notice{To: []string{"superior"}}, nil, "2026-03-01T08:59:59Z", "ana:nobody-on-duty bo:nobody-on-duty"},
		{"who is due has left", procedure.Notify, procedure.Notice{To: []string{"superior"}}, left("ana"), noon, "bo:nobody-on-duty"},
		{"who is due cannot be reached, and has a deputy", procedure.Notify, procedure.Notice{To: []string{"superior"}}, away("ana"), noon, "cy:deputy"},
		{"who is due cannot be reached, and has none", procedure.Notify, procedure.Notice{To: []string{"superior"}}, func(f *folder) {
			away("ana")(f)
			left("cy")(f)
		}, noon, "ana:nobody-on-duty bo:nobody-on-duty"},
		{"over a channel that nobody has", procedure.Notify, procedure.Notice{To: []string{"superior"}, Channels: []string{"webhook"}}, nil, noon, "ana:nobody-on-duty bo:nobody-on-duty"},
		{"a cover", procedure.Notify, procedure.Notice{To: []string{"superior"}}, func(f *folder) {
			f.fold("duty/superior", "duty.covered", roster.Cover{ID: "2", Person: "bo", For: "ana", From: at(t, "2026-03-03T11:00:00Z"), Until: at(t, "2026-03-03T13:00:00Z"), Reason: "leave"})
		}, noon, "bo:on-duty"},
		{"after the cover", procedure.Notify, procedure.Notice{To: []string{"superior"}}, func(f *folder) {
			f.fold("duty/superior", "duty.covered", roster.Cover{ID: "2", Person: "bo", For: "ana", From: at(t, "2026-03-03T11:00:00Z"), Until: at(t, "2026-03-03T13:00:00Z"), Reason: "leave"})
		}, "2026-03-03T13:00:00Z", "ana:on-duty"},
		{"a role that nobody holds", procedure.Notify, procedure.Notice{To: []string{"commander"}}, nil, noon, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, f := onCall(t, daily("UTC"))
			if tt.change != nil {
				f.t = t
				tt.change(f)
			}
			if got := names(Recipients(b, tt.stage, tt.notice, at(t, tt.at))); got != tt.want {
				t.Errorf("told are %q, want %q", got, tt.want)
			}
		})
	}
}

// The hand-over stands at the same hour of the wall clock when clocks change, and on
// holidays and make-up working days the other rotation is told.
func TestRecipientsByClockAndCalendar(t *testing.T) {
	t.Parallel()
	berlin := daily("Europe/Berlin") // clocks go forward on 2026-03-29 at 02:00, back on 2026-10-25 at 03:00
	china := roster.Schedule{Role: "superior", Zone: "Asia/Shanghai", Start: "2026-01-05 09:00", Calendar: "cn", Rotations: []roster.Rotation{
		{Days: roster.WorkingDays, Shift: "1w", People: []string{"ana"}}, {Days: roster.Holidays, Shift: "1w", People: []string{"bo"}},
	}}
	for _, tt := range []struct {
		name     string
		schedule roster.Schedule
		at, want string
	}{
		{"the day before clocks go forward", berlin, "2026-03-28T07:59:59Z", "ana:on-duty"},
		{"the hand-over of that day", berlin, "2026-03-28T08:00:00Z", "bo:on-duty"},
		{"the hand-over after, an hour sooner", berlin, "2026-03-29T07:00:00Z", "ana:on-duty"},
		{"just before it", berlin, "2026-03-29T06:59:59Z", "bo:on-duty"},
		{"after clocks went back, the last second", berlin, "2026-10-25T07:59:59Z", "bo:on-duty"},
		{"after clocks went back, the hand-over", berlin, "2026-10-25T08:00:00Z", "ana:on-duty"},
		{"a working day", china, "2026-09-30T04:00:00Z", "ana:on-duty"},
		{"the national day", china, "2026-10-01T04:00:00Z", "bo:on-duty"},
		{"the national day before nine, still the day before", china, "2026-10-01T00:30:00Z", "ana:on-duty"},
		{"a Saturday", china, "2026-11-21T04:00:00Z", "bo:on-duty"},
		{"a Saturday on which people work to make up", china, "2026-10-10T04:00:00Z", "ana:on-duty"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, _ := onCall(t, tt.schedule)
			if got := names(Recipients(b, procedure.Notify, procedure.Notice{To: []string{"superior"}}, at(t, tt.at))); got != tt.want {
				t.Errorf("told are %q, want %q", got, tt.want)
			}
		})
	}
}
