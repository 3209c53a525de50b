package api

import (
	"encoding/json"
	"strings"
	"testing"

	"holdfast/internal/roster"
	"holdfast/internal/view"
)

func quoted(t *testing.T, in any) string {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// People come as CSV and go as CSV, take turns on duty, cover for each other, and
// what rests on one who left is listed.
func TestRosterOverTheAPI(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	post := func(path string, in any, want int) string {
		t.Helper()
		w := n.call("POST", path, token, quoted(t, in))
		if w.Code != want {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	const sheet = "id,name,roles,channel 1,address 1\nmei,梅,duty-officer,phone,'+886 2 5550 0101\nlin,林,duty-officer,phone,110\n"
	if fault := post("/people", RosterText{Text: strings.Replace(sheet, ",110", ",call me", 1), Format: "csv"}, 400); !strings.Contains(fault, ":3:") {
		t.Errorf("the fault's line is missing: %s", fault)
	}
	post("/people", RosterText{Text: sheet, Format: "csv"}, 204)
	if out := get[RosterText](t, n, token, "/roster/people?format=csv"); !strings.Contains(out.Text, "'+886 2 5550 0101") {
		t.Errorf("exported %q", out.Text)
	}
	post("/duty", RosterText{Text: "format: holdfast-duty/1\nschedules:\n  - {role: duty-officer, zone: Asia/Shanghai, start: 2026-01-05 09:00, calendar: cn, rotations: [{shift: 1d, people: [mei, lin]}]}\n"}, 204)
	week := get[view.DutyWeek](t, n, token, "/duty/duty-officer?from=2026-12-28T01:00:00Z&days=7")
	if len(week.Slots) != 7 || week.Slots[0].Name == "" || week.Slots[6].Until != week.Until || !week.Slots[6].Presumed || week.Slots[0].Presumed {
		t.Errorf("the week is %+v", week.Slots)
	}
	first := week.Slots[0]
	other := map[string]string{"mei": "lin", "lin": "mei"}[first.Person]
	post("/duty/duty-officer/covers", NewCover{Person: other, For: first.Person, From: first.From, Until: first.Until}, 201)
	if on := get[OnDuty](t, n, token, "/duty/duty-officer/now?at=2026-12-28T02:00:00Z"); len(on.People) != 1 || on.People[0] != other {
		t.Errorf("on duty %v, want %s", on.People, other)
	}
	post("/people/mei/reached", ContactRef{Channel: roster.Phone, Address: "+886 2 5550 0101"}, 204)
	if p := get[view.Person](t, n, token, "/people/mei"); len(p.Points) != 1 || p.Points[0].State != "fresh" || p.Points[0].AgeDays != 0 {
		t.Errorf("the contacts are %+v", p.Points)
	}
	post("/people/mei/leave", Reason{"moved"}, 204)
	if h := get[roster.Held](t, n, token, "/people/mei/held"); !h.Left || len(h.Rotations) != 1 || len(h.Roles) != 1 || h.Roles[0].Others != 1 {
		t.Errorf("held %+v", h)
	}
	for _, r := range get[[]view.RoleCover](t, n, token, "/roles") {
		if r.Role == "duty-officer" && r.Covered {
			t.Errorf("one holder is not enough: %+v", r)
		}
	}
	post("/parties", RosterText{Text: "format: holdfast-parties/1\nparties: [{id: acme, name: Acme, kind: acquirer}]\n"}, 204)
	if p := get[[]view.Party](t, n, token, "/parties"); len(p) != 1 || p[0].Name != "Acme" {
		t.Errorf("parties %+v", p)
	}
	post("/calendars", RosterText{Text: "format: holdfast-calendar/1\ncalendar: cn\nyears: [{year: 2027, source: a test}]\n"}, 204)
	if c := get[[]roster.Calendar](t, n, token, "/calendars"); len(c) != 1 || len(c[0].Years) != 4 {
		t.Errorf("calendars %+v", c)
	}
}
