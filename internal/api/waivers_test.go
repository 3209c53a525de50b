package api

import (
	"testing"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/plan"
	"holdfast/internal/view"
	"holdfast/internal/waiver"
)

func TestWaivers(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	all := n.all(t)
	if w := n.call("POST", "/plan", all, quoted(t, Publish{Text: string(plan.Builtin())})); w.Code != 201 {
		t.Fatalf("publish: %d %s", w.Code, w.Body)
	}
	judged := func() (v Judged) { return get[Judged](t, n, all, "/plan/lint") }
	before := judged()
	if len(before.Findings) == 0 {
		t.Fatal("nothing is found")
	}
	first := before.Findings[0]
	form := `{"rule":"` + first.Rule + `","path":"` + first.Anchor + `","owner":"lin","reason":"Accepted until the new gate stands.","expires":"2026-12-20T00:00:00Z"}`
	wantProblem(t, "without the right", n.call("POST", "/waivers", n.token(t, access.DraftPlan), form), 403, holdfast.Forbidden, "")
	wantProblem(t, "nobody answers for it", n.call("POST", "/waivers", all, form), 400, holdfast.Invalid, "owner")
	if w := n.call("POST", "/people", all, quoted(t, RosterText{Text: "id,name\nlin,林\n", Format: "csv"})); w.Code != 204 {
		t.Fatalf("people: %d %s", w.Code, w.Body)
	}
	id := created(t, n.call("POST", "/waivers", all, form))
	find := func(v Judged) *Fault {
		for i := range v.Findings {
			if v.Findings[i].Rule == first.Rule && v.Findings[i].Anchor == first.Anchor {
				return &v.Findings[i]
			}
		}
		return nil
	}
	if f := find(judged()); f == nil || f.Waived == nil || f.Waived.Owner != "lin" {
		t.Errorf("the finding is not shown as waived: %+v", f)
	}
	if p := get[view.Page[view.Waiver]](t, n, all, "/waivers?active=1"); p.Total != 1 || p.Items[0].State != waiver.Active || p.Items[0].ID != id {
		t.Errorf("%+v", p)
	}
	if w := n.call("POST", "/waivers/"+id+"/revoke", all, `{"reason":"It was mended."}`); w.Code != 204 {
		t.Fatalf("revoke: %d %s", w.Code, w.Body)
	}
	if f := find(judged()); f == nil || f.Waived != nil {
		t.Errorf("after it was revoked: %+v", f)
	}
	if p := get[view.Page[view.Waiver]](t, n, all, "/waivers?active=1"); p.Total != 0 {
		t.Errorf("%+v", p)
	}
}

// A waiver that only the draft needs, or only the revision in force, is not called
// idle by the other; one that neither needs is.
func TestWaiverOfADraftIsNotIdle(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	all := n.all(t)
	if w := n.call("POST", "/plan", all, quoted(t, Publish{Text: string(plan.Builtin())})); w.Code != 201 {
		t.Fatalf("publish: %d %s", w.Code, w.Body)
	}
	if w := n.call("POST", "/people", all, quoted(t, RosterText{Text: "id,name\nlin,林\n", Format: "csv"})); w.Code != 204 {
		t.Fatalf("people: %d %s", w.Code, w.Body)
	}
	draft := created(t, n.call("POST", "/drafts", all, `{"note":"with a manual that nothing cites"}`))
	chapter := "materials:\n  - { id: lonely, title: { en: Manual }, kind: manual }\n"
	if w := n.call("PUT", "/drafts/"+draft+"/chapters/materials", all, quoted(t, SaveChapter{Text: chapter})); w.Code > 204 {
		t.Fatalf("save: %d %s", w.Code, w.Body)
	}
	other := n.all(t) // no author accepts what is wrong in his own text
	for _, path := range []string{"materials/lonely", "materials/nowhere"} {
		created(t, n.call("POST", "/waivers", other, `{"rule":"L124","path":"`+path+`","owner":"lin","reason":"It is cited from next year on.","expires":"2026-12-20T00:00:00Z"}`))
	}
	var idle []string
	for _, f := range get[Judged](t, n, all, "/plan/lint").Findings {
		if f.Rule == "L521" {
			idle = append(idle, f.Path)
		}
	}
	if len(idle) != 1 || idle[0] != "materials/nowhere" {
		t.Errorf("idle: %q", idle)
	}
}
