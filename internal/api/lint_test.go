package api

import (
	"encoding/json"
	"testing"

	"holdfast/internal/lint"
	"holdfast/internal/plan"
)

func TestLintOfThePlanInForce(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	token := n.all(t)
	body, err := json.Marshal(Publish{Text: string(plan.Builtin())})
	if err != nil {
		t.Fatal(err)
	}
	if w := n.call("POST", "/plan", token, string(body)); w.Code != 201 {
		t.Fatalf("publish: %d %s", w.Code, w.Body)
	}
	w := n.call("GET", "/plan/lint", token, "")
	var v Judged
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil || w.Code != 200 || v.Revision != 1 || v.Errors == 0 || len(v.Findings) < v.Errors {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
	d := n.document(t)
	var answer any
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	for _, fault := range d.faults(d.Paths["/plan/lint"]["get"].Responses["200"].Content["application/json"].Schema, answer, "/plan/lint") {
		t.Error(fault)
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	var list []lint.Explanation
	w := n.call("GET", "/plan/rules", n.all(t), "")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != len(lint.Rules()) || list[0].Fails == "" || list[0].Title == "" {
		t.Errorf("%d %s: %v", w.Code, w.Body, err)
	}
}
