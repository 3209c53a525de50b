package api

import (
	"encoding/json"
	"testing"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// A document system with the least right tells of a new version; the register and
// an open draft show it.
func TestRegister(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	all, tool := n.all(t), n.token(t, access.OpenTrigger)
	wantProblem(t, "without a plan", n.call("GET", "/plan/register", all, ""), 404, holdfast.NotFound, "")
	text, err := json.Marshal(Publish{Text: string(plan.Builtin())})
	if err != nil {
		t.Fatal(err)
	}
	if w := n.call("POST", "/plan", all, string(text)); w.Code != 201 {
		t.Fatalf("publish: %d %s", w.Code, w.Body)
	}
	reg := get[view.Register](t, n, all, "/plan/register")
	if len(reg.Risks) < 2 || len(reg.Materials) == 0 || reg.Revision != 1 || len(reg.Drafts) != 0 {
		t.Fatalf("%+v", reg)
	}
	for i, r := range reg.Risks {
		if r.Score != r.Likelihood*r.Impact || i > 0 && r.Score > reg.Risks[i-1].Score || r.Days == nil {
			t.Errorf("risk %s: %+v", r.ID, r)
		}
	}
	law, risk := reg.Materials[0].ID, reg.Risks[0]
	path := "/plan/materials/" + law + "/changes"
	wantProblem(t, "nothing new", n.call("POST", path, tool, `{"reason":"r"}`), 400, holdfast.Invalid, "version")
	wantProblem(t, "no right", n.call("POST", path, n.token(t, access.Read), `{"version":"9","reason":"r"}`), 403, holdfast.Forbidden, "")
	id := created(t, n.call("POST", path, tool, `{"version":"new","reason":"amended","source":"documents"}`))
	wantProblem(t, "no such likelihood", n.call("POST", "/plan/risks/"+risk.ID+"/changes", tool, `{"likelihood":9,"impact":1,"reason":"r"}`), 400, holdfast.Invalid, "likelihood")
	created(t, n.call("POST", "/plan/risks/"+risk.ID+"/changes", tool, `{"likelihood":1,"impact":1,"reason":"calmer"}`))
	draft := created(t, n.call("POST", "/drafts", all, `{}`))
	reg = get[view.Register](t, n, all, "/plan/register?draft="+draft)
	if reg.Draft != draft || reg.Revision != 0 || len(reg.Materials[0].Changes) != 1 || reg.Materials[0].Changes[0].ID != id || len(reg.Risks[0].Changes) != 1 {
		t.Errorf("of the draft: %+v", reg.Materials[0])
	}
	if d := get[view.Draft](t, n, all, "/drafts/"+draft); len(d.ToWorkIn) != 2 || d.ToWorkIn[1].ID != id || d.ToWorkIn[1].Done {
		t.Errorf("to work in: %+v", d.ToWorkIn)
	}
	wantProblem(t, "no such draft", n.call("GET", "/plan/register?draft=d9", all, ""), 404, holdfast.NotFound, "")
}
