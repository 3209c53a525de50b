package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/plan"
	"holdfast/internal/trigger"
	"holdfast/internal/view"
)

// A deployment tool with the least right tells of a change; an author answers it;
// the plan is current again.
func TestTriggers(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	all, tool := n.all(t), n.token(t, access.OpenTrigger)
	report := `{"kind":"system","title":"Core 7.2","source":"deploy","reference":"CHG-1","role":"commander","due":"2026-12-01T00:00:00Z"}`
	wantProblem(t, "without a plan", n.call("POST", "/triggers", tool, report), 404, holdfast.NotFound, "")
	if got := get[view.Current](t, n, all, "/plan/current"); got.Current || got.Plan != "" {
		t.Errorf("without a plan: %+v", got)
	}
	text, err := json.Marshal(Publish{Text: string(plan.Builtin())})
	if err != nil {
		t.Fatal(err)
	}
	if w := n.call("POST", "/plan", all, string(text)); w.Code != 201 {
		t.Fatalf("publish: %d %s", w.Code, w.Body)
	}
	id := created(t, n.call("POST", "/triggers", tool, report))
	if again := created(t, n.call("POST", "/triggers", tool, report)); again != id {
		t.Errorf("told again: %s, not %s", again, id)
	}
	wantProblem(t, "no owner", n.call("POST", "/triggers", tool, `{"kind":"law","title":"x","source":"y","due":"2026-12-01T00:00:00Z"}`), 400, holdfast.Invalid, "role")
	wantProblem(t, "a tool that disposes", n.call("POST", "/triggers/"+id+"/dispose", tool, `{"reason":"fine"}`), 403, holdfast.Forbidden, "")
	got := get[view.Current](t, n, all, "/plan/current")
	if got.Current || len(got.Triggers) != 1 || got.Triggers[0].ID != id || got.Triggers[0].OwnerName.En == "" || got.Triggers[0].Late {
		t.Errorf("while it is open: %+v", got)
	}
	judged := func() int {
		return strings.Count(n.call("GET", "/plan/lint", all, "").Body.String(), `"L518"`)
	}
	if judged() != 1 {
		t.Error("lint does not tell of the open trigger")
	}
	wantProblem(t, "no answer", n.call("POST", "/triggers/"+id+"/dispose", all, `{}`), 400, holdfast.Invalid, "reason")
	if w := n.call("POST", "/triggers/"+id+"/dispose", all, `{"reason":"The plan names no version"}`); w.Code != 204 {
		t.Fatalf("dispose: %d %s", w.Code, w.Body)
	}
	if judged() != 0 {
		t.Error("lint tells of a trigger that was disposed of")
	}
	if got := get[view.Current](t, n, all, "/plan/current"); !got.Current || got.Revision != 1 {
		t.Errorf("once it is settled: %+v", got)
	}
	for query, want := range map[string]int{"": 1, "?unsettled=1": 0} {
		if p := get[view.Page[view.Trigger]](t, n, all, "/triggers"+query); p.Total != want || want > 0 && p.Items[0].State != trigger.Unchanged {
			t.Errorf("triggers%s: %+v", query, p)
		}
	}
}

func TestFilings(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	all := n.all(t)
	text, err := json.Marshal(Publish{Text: string(plan.Builtin())})
	if err != nil {
		t.Fatal(err)
	}
	if w := n.call("POST", "/plan", all, string(text)); w.Code != 201 {
		t.Fatalf("publish: %d %s", w.Code, w.Body)
	}
	form := `{"kind":"plan","revision":%d,"title":"Plan","recipient":"FSC","filed":"2026-11-24T03:00:00Z","again":"2027-11-24T00:00:00Z"}`
	wantProblem(t, "no such revision", n.call("POST", "/filings", all, fmt.Sprintf(form, 2)), 404, holdfast.NotFound, "revision")
	id := created(t, n.call("POST", "/filings", all, fmt.Sprintf(form, 1)))
	if w := n.call("POST", "/filings/"+id+"/receipt", all, `{"number":"R-7","at":"2026-11-24T03:00:00Z"}`); w.Code != 204 {
		t.Fatalf("receipt: %d %s", w.Code, w.Body)
	}
	wantProblem(t, "another receipt", n.call("POST", "/filings/"+id+"/receipt", all, `{"number":"R-8","at":"2026-11-24T03:00:00Z"}`), 409, holdfast.Conflict, "")
	p := get[view.Page[view.Filing]](t, n, all, "/filings")
	if p.Total != 1 || p.Items[0].Receipt.Number != "R-7" || !p.Items[0].InForce || p.Items[0].Overdue {
		t.Errorf("%+v", p)
	}
	if p := get[view.Page[view.Filing]](t, n, all, "/filings?overdue=1"); p.Total != 0 {
		t.Errorf("overdue: %+v", p)
	}
}
