package console

import (
	"holdfast"
	"holdfast/internal/lint"
	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// pointSamples are contacts in every state.
var pointSamples = []view.ContactPoint{
	{Contact: roster.Contact{Channel: roster.SMTP, Address: "mei@example.com", Label: "label", Verified: past}, State: "fresh", Asked: past, Delivery: "delivered", Tested: &view.Tested{At: past, State: "delivered", Detail: "250 OK"}},
	{Contact: roster.Contact{Channel: roster.Webhook, Address: "https://example.com/1"}, State: "asked", Asked: past, Expires: future, Tested: &view.Tested{At: past, State: "gave-up", Detail: "404"}},
	{Contact: roster.Contact{Channel: roster.Phone, Address: "110", Verified: past}, State: "stale"},
	{Contact: roster.Contact{Channel: roster.Phone, Address: "111"}, State: "never"},
}

func historySample() record {
	change := func(kind string, whole, now bool) view.Change {
		c := view.Change{At: past, By: mei, Kind: kind, Text: "why", Whole: whole, Now: now}
		if whole {
			for _, field := range []string{"name", "names", "department", "roles", "lang", "account", "quiet", "deputies", "contacts", "kind", "contract", "zone", "start", "calendar", "rotations"} {
				c.Differences = append(c.Differences, roster.Difference{Field: field, Old: "a", New: "b"})
			}
			c.Differences = append(c.Differences, roster.Difference{Field: "name", Old: "a"})
		}
		return c
	}
	r := record{At: "/people/mei", Base: 3}
	for i, kind := range []string{
		"person.recorded", "person.recorded", "person.leaving", "person.staying", "person.left", "party.recorded", "party.removed", "contact.asked", "contact.verified",
		"duty.scheduled", "duty.ended", "duty.covered", "duty.uncovered",
	} {
		c := change(kind, i < 2 || kind == "party.recorded" || kind == "duty.scheduled", i == 0)
		c.Revision = holdfast.Revision(i + 1)
		r.Changes = append(r.Changes, c)
	}
	return r
}

// staffSamples are filled structs of the roster's screens.
func staffSamples() map[string][]any {
	who := view.StandIn{ID: "mei", Name: "Mei"}
	left := view.StandIn{ID: "tan", Left: true, Role: "duty"}
	one := roster.Person{ID: "mei", Name: "Mei", Account: "mei", Department: "ops", Roles: []string{"commander", "own"}, Lang: holdfast.En, Deputies: []roster.Deputy{{Person: "tan", Role: "commander"}, {}}}
	for _, p := range pointSamples {
		one.Contacts = append(one.Contacts, p.Contact)
	}
	mei := view.Person{
		Person: one, RoleNames: []view.Named{role}, DepartmentName: word, Points: pointSamples, StandIns: []view.StandIn{who, left}, StandsInFor: []view.StandIn{left}, OnDuty: []view.Named{role},
		Leaving: &roster.Leaving{From: future, Reason: "why"},
	}
	tan := view.Person{Person: roster.Person{ID: "tan", Name: "Tan"}, Left: true}
	held := roster.Held{
		Person: "mei", Roles: []roster.HeldRole{{Role: "a", Last: true}, {Role: "b", Others: 1}, {Role: "c", Others: 2}}, DeputyOf: []roster.HeldDeputy{{Person: "tan", Role: "duty"}},
		Rotations: []string{"duty"}, Duty: []roster.HeldSlot{{Role: "duty", Slot: roster.Slot{From: past, Until: future}}},
	}
	roles := []view.RoleCover{
		{RoleCover: roster.RoleCover{Role: "r", Holders: []string{"a", "b"}}, Name: word, Planned: true, Covered: true, OnDuty: []view.StandIn{who}, HeldBy: []view.StandIn{who, left}, StandIns: []view.StandIn{who}, Chapters: []string{"risks", "procedure-1"}},
		{RoleCover: roster.RoleCover{Role: "s"}, Planned: true}, {RoleCover: roster.RoleCover{Role: "own"}},
	}
	departments := []view.Department{{Named: view.Named{ID: "ops", Name: word}, Planned: true, People: []view.StandIn{who}}, {Named: view.Named{ID: "own"}}}
	problems := map[string]string{"id": "no", "name": "no", "contacts[0].address": "no", "deputies[0].person": "no", "rotations[0].people[0]": "no", "start": "no"}
	form := func(isNew bool) draftForm {
		f := draftForm{Action: "/people/-new", Back: "/people", New: isNew, Base: 3, Problems: problems, Channels: roster.Channels[:], Langs: holdfast.Langs[:]}
		if !isNew {
			f.Overtaken = []roster.Difference{{Field: "name", Old: "a", New: "b"}}
		}
		return f
	}
	choices := []roleChoice{{role, true}, {view.Named{ID: "own"}, false}}
	party := view.Party{
		Party: roster.Party{ID: "bank", Name: "Bank", Kind: "acquirer", Lang: holdfast.En, Contract: "2026-17", Contacts: one.Contacts}, Points: pointSamples,
		Cited: []view.Citation{{Chapter: "temporary", Title: word}},
	}
	return map[string][]any{
		"people": {
			peoplePage{}, peoplePage{Filtered: true},
			peoplePage{
				List: view.Page[view.Person]{Items: []view.Person{mei, tan}, Total: 2}, Pages: listed, Query: view.PeopleQuery{Text: "mei", Department: "ops", Role: "r", State: "left"}, Departments: departments,
				Roles: roles, Vacant: []view.Named{role, {ID: "duty"}}, Filtered: true,
			},
		},
		"person":     {personPage{Person: mei, Held: held, History: historySample()}, personPage{Person: tan, Held: roster.Held{}}},
		"personform": {personForm{draftForm: form(true), Roles: choices}, personForm{draftForm: form(false), Person: one, Roles: choices, Other: "x", Departments: departments, People: []view.Person{mei, tan}}},
		"leave": {
			leavePage{Person: mei, From: "2026-12-01"},
			leavePage{Person: mei, From: "2026-12-01", Now: true, Findings: []finding{{Severity: "error", Rule: "L301", Message: "message"}, {Severity: "note", Rule: "L302", Message: "message"}}, Departure: view.Departure{
				Held: held, Short: []view.RoleLeft{{Named: role, Others: 1}, {Named: view.Named{ID: "s"}}}, Vacant: held.Duty, Approvals: []view.Named{role}, Drafts: []string{"d1"},
				Tasks: []view.HeldTask{{Incident: "INC-1", Task: "t", Title: word, Taken: true}, {Incident: "INC-1", Task: "u", Title: word}}, Findings: []lint.Finding{{}},
			}},
		},
		"roles":       {rolesPage{}, rolesPage{Roles: roles, Departments: departments, Draft: "d1"}},
		"parties":     {partiesPage{}, partiesPage{[]view.Party{party, {Party: roster.Party{ID: "x", Name: "X", Kind: "other"}}}}},
		"party":       {partyPage{Party: party, History: historySample()}, partyPage{Party: view.Party{Party: roster.Party{ID: "x", Name: "X", Kind: "other"}}}},
		"partyform":   {partyForm{draftForm: form(true), Kinds: roster.PartyKinds[:]}, partyForm{draftForm: form(false), Party: party.Party, Kinds: roster.PartyKinds[:]}},
		"staffimport": importSamples(),
		"duty":        dutySamples(roles)["duty"],
		"dutyrole":    dutySamples(roles)["dutyrole"],
		"dutyform":    dutySamples(roles)["dutyform"],
		"calendars": {calendarsPage{}, calendarsPage{
			Calendars: []roster.Calendar{{Name: "own", Years: []roster.Year{{Year: 2026, Source: "a source", Holidays: []roster.Holiday{{Name: "day", From: "2026-01-01", To: "2026-01-02"}, {Name: "day", From: "2026-05-01", To: "2026-05-01"}}, Working: []string{"2026-01-04"}}}}},
			Missing:   []string{"own 2027"}, Text: "x",
		}},
	}
}

func importSamples() []any {
	own := importPage{What: "people", Text: "x", Format: "csv", Seen: true, Faults: []string{"a fault"}, RefusedN: 1, Added: 1, Rows: []importRow{
		{Row: roster.Row{Line: 2, ID: "a", Name: "A", Act: roster.RowAdded}}, {Row: roster.Row{Line: 3, ID: "b", Name: "B", Act: roster.RowChanged, Differences: []roster.Difference{{Field: "name", Old: "a", New: "b"}}}},
		{Row: roster.Row{Line: 4, ID: "c", Name: "C", Act: roster.RowSame}}, {Row: roster.Row{Line: 5, ID: "d", Name: "D", Act: roster.RowRefused}, Faults: []lineFault{{5, "a fault"}}},
	}}
	fit := importPage{What: "parties", Text: "x", Seen: true, Digest: "d", Preview: roster.Preview{Rows: []roster.Row{{Act: roster.RowAdded}}, Kept: []string{"names", "account"}}}
	return []any{importPage{What: "people"}, own, fit}
}

func dutySamples(roles []view.RoleCover) map[string][]any {
	now := &view.DutySlot{Slot: roster.Slot{From: past, Until: future, Holiday: true, Presumed: true}, Name: "Mei", ForName: "Tan"}
	next := &view.DutySlot{Slot: roster.Slot{From: future, Until: future}, Name: "Tan", Vacant: true}
	duty := dutyNow{Role: role, Now: now, Next: next}
	people := []view.StandIn{{ID: "mei", Name: "Mei"}, {ID: "tan", Name: "Tan"}}
	var clashes []view.Clash
	for _, kind := range []string{"cover", "duty", "leaving", "idle"} {
		clashes = append(clashes, view.Clash{Clash: roster.Clash{Kind: kind, Person: "mei", From: past, Until: future}, Name: "Mei", RoleName: role})
	}
	week := view.DutyWeek{
		Role: role, Schedule: roster.Schedule{Role: "commander", Zone: "Asia/Shanghai", Start: "2026-01-05 09:00", Calendar: "cn"},
		Covers: []view.DutyCover{{Cover: roster.Cover{ID: "4", Person: "mei", From: past, Until: future, Reason: "why"}, Name: "Mei", Clashes: clashes}, {Cover: roster.Cover{ID: "5", For: "tan", From: past, Until: future}, Name: "Mei", ForName: "Tan"}},
	}
	day := func(d roster.Day, today bool) dayCell {
		return dayCell{DutyDay: view.DutyDay{Date: past, Day: d}, Today: today, Slots: []slotCell{{*now, "00:00", "09:00"}, {*next, "09:00", "24:00"}}}
	}
	own := dutyRolePage{
		dutyNow: duty, Week: week, Month: true, Title: "2026-11", Before: "/duty/commander?from=2026-10-01", After: "/duty/commander?from=2026-12-01", Weekdays: []int{1, 2, 3, 4, 5, 6, 7},
		Days: []dayCell{day(roster.Day{Holiday: true, Known: true, Name: "day"}, false), day(roster.Day{MakeUp: true, Known: true}, true), day(roster.Day{Holiday: true}, false)}, Blank: make([]struct{}, 2),
		People: people, Named: people, Clashes: clashes, History: historySample(),
	}
	own.History.At = "/duty/commander"
	for _, days := range []roster.Days{roster.AllDays, roster.WorkingDays, roster.Holidays} {
		own.Rotations = append(own.Rotations, rotationView{roster.Rotation{Days: days, Shift: "1d"}, []string{"Mei", "Tan"}})
	}
	thin := []view.RoleCover{roles[0], roles[1]}
	form := draftForm{Action: "/duty/-new", Back: "/duty", New: true, Problems: map[string]string{"start": "no"}}
	rotations := []rotationForm{{"first", roster.WorkingDays, "1", "d", []string{"mei", ""}}, {"second", roster.Holidays, "1", "w", []string{"tan"}}}
	filled := dutyForm{
		draftForm: form, Schedule: week.Schedule, Day: "2026-01-05", Hour: "09:00", Rotations: rotations, People: people,
		Calendars: []roster.Calendar{{Name: "cn"}}, Zones: zones, Units: []string{"h", "d", "w"},
	}
	split := filled
	split.Split = true
	return map[string][]any{
		"duty": {dutyPage{}, dutyPage{Duties: []dutyNow{duty, {Role: role}}, Thin: thin}},
		// A reader may look at a schedule without a right to change it.
		"dutyrole": {own, dutyRolePage{Week: view.DutyWeek{Role: role}, History: record{At: "/duty/commander"}}},
		"dutyform": {dutyForm{draftForm: form, Roles: roles}, filled, split},
	}
}
