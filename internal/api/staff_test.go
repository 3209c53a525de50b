package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"holdfast/internal/roster"
	"holdfast/internal/view"
)

// One person is edited over what was seen, leaves from a day, and is restored; a file
// is previewed and imported as previewed.
func TestStaffOverTheAPI(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	send := func(method, path string, in any, want int) string {
		t.Helper()
		w := n.call(method, path, token, quoted(t, in))
		if w.Code != want {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	one := roster.Person{ID: "new.one", Name: "新一", Roles: []string{"duty-officer"}}
	send("PUT", "/people/new.one", EditPerson{Person: one}, 204)
	send("PUT", "/people/new.one", EditPerson{Person: one}, 409)
	send("PUT", "/people/other", EditPerson{Person: one}, 400)
	base := get[view.Person](t, n, token, "/people/new.one").Revision
	one.Name = "新二"
	send("PUT", "/people/new.one", EditPerson{Person: one, Revision: base}, 204)
	h := get[History](t, n, token, "/people/new.one/history")
	if len(h.Changes) != 2 || h.Changes[0].Differences[0].Field != "name" || h.Revision == base {
		t.Errorf("history %+v", h)
	}
	send("POST", "/people/new.one/restore", Restore{To: base, Revision: base}, 409)
	send("POST", "/people/new.one/restore", Restore{To: base, Revision: h.Revision}, 204)
	d := get[Departure](t, n, token, "/people/new.one/departure")
	if len(d.Short) != 1 || d.Short[0].ID != "duty-officer" {
		t.Errorf("departure %+v", d)
	}
	send("POST", "/people/new.one/leave", Leave{Reason: "moves", From: n.api.Desk.Now().Add(time.Hour)}, 204)
	if p := get[view.Person](t, n, token, "/people/new.one"); p.Name != "新一" || p.Leaving == nil || p.Left {
		t.Errorf("%+v", p)
	}
	if w := n.call("POST", "/people/new.one/stay", token, ""); w.Code != 204 {
		t.Errorf("stay: %d %s", w.Code, w.Body)
	}

	send("PUT", "/parties/bank", EditParty{Party: roster.Party{ID: "bank", Name: "Bank", Kind: "other", Contract: "2026-17"}}, 204)
	schedule := roster.Schedule{Role: "duty-officer", Zone: "UTC", Start: "2026-01-05 09:00", Rotations: []roster.Rotation{{Shift: "1d", People: []string{"new.one"}}}}
	send("PUT", "/duty/duty-officer", EditDuty{Schedule: schedule}, 204)
	for _, path := range []string{"/parties/bank", "/duty/duty-officer"} {
		if h := get[History](t, n, token, path+"/history"); len(h.Changes) != 1 || !h.Changes[0].Now {
			t.Errorf("%s: %+v", path, h)
		}
	}
	if w := n.call("GET", "/people/nobody/history", token, ""); w.Code != 404 {
		t.Errorf("nobody's history: %d", w.Code)
	}

	text := get[RosterText](t, n, token, "/roster/parties?format=csv").Text
	in := RosterText{Format: "csv", Text: strings.Replace(text, "2026-17", "2027-1", 1) + "bad one,B,other\n"}
	decode := func(text string) (p ImportPreview) {
		t.Helper()
		if err := json.Unmarshal([]byte(text), &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := decode(send("POST", "/roster/parties/preview", in, 200))
	if p.Fit || len(p.Rows) != 2 || p.Rows[0].Act != roster.RowChanged || p.Rows[1].Act != roster.RowRefused || p.Rows[1].Faults[0].Line != 3 {
		t.Errorf("preview %+v", p)
	}
	in.Text = strings.TrimSuffix(in.Text, "bad one,B,other\n")
	p = decode(send("POST", "/roster/parties/preview", in, 200))
	in.Digest = "another"
	send("POST", "/parties", in, 409)
	in.Digest = p.Digest
	send("POST", "/parties", in, 204)
	if bank := get[view.Party](t, n, token, "/parties/bank"); bank.Contract != "2027-1" {
		t.Errorf("%+v", bank)
	}
	if list := get[[]view.Department](t, n, token, "/departments"); list == nil {
		t.Error("departments are null")
	}
	send("POST", "/roster/duty/preview", in, 404)
}
