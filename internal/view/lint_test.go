package view

import (
	"slices"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/roster"
)

func (w *world) finds(rule string) (list []lint.Finding) {
	w.Helper()
	v, err := w.Lint()
	if err != nil {
		w.Fatal(err)
	}
	for _, f := range v.Findings {
		if f.Rule == rule {
			list = append(list, f)
		}
	}
	return list
}

// A channel renamed at the gate, and a person who leaves, turn the plan in force
// red as soon as the control plane knows.
func TestLintOfThePlanInForce(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		if _, err := w.Lint(); holdfast.CodeOf(err) != holdfast.NotFound {
			t.Errorf("no plan: %v", err)
		}
		text := strings.Replace(string(plan.Builtin()), "scope: all\n", "scope: channel == \"app\"\n", 1)
		w.must(ignore(w.plans.Publish(w.Context(), mei, []byte(text), "")))
		boots := []string{}
		enrol := func(boot, channel string) {
			e := gate.Enrolment{Gate: "east", Boot: boot, Account: "acc", Before: slices.Clone(boots), Routes: []gate.Route{
				{Name: "pay", Kind: "payment", Mode: gate.Strict, Fields: []string{"route", "kind", "channel"}, Channels: []string{channel, "card"}},
			}}
			w.must(ignore(w.Node.Enrol(w.Context(), e)))
			boots = append(boots, boot)
		}
		enrol("b1", "app")
		if found := w.finds("L401"); found != nil {
			t.Errorf("before: %v", found)
		}
		enrol("b2", "app-new")
		if found := w.finds("L401"); len(found) != 1 || found[0].Severity != lint.Error || found[0].Line == 0 || !strings.Contains(found[0].Message(), `"app"`) {
			t.Errorf("after the renaming: %v", found)
		}

		holder := roster.Person{ID: "lin", Name: "林", Roles: []string{"commander"}}
		vacant := func() bool {
			return slices.ContainsFunc(w.finds("L301"), func(f lint.Finding) bool { return f.Anchor == "roles/commander" })
		}
		w.must(w.people.Record(w.Context(), mei, holder))
		if vacant() {
			t.Error("the commander is there")
		}
		w.must(w.people.Leave(w.Context(), mei, "lin", "moved"))
		if !vacant() {
			t.Error("the commander has left")
		}
		first, _ := w.Lint()
		again, _ := w.Lint()
		if &first.Findings[0] != &again.Findings[0] {
			t.Error("nothing was written, and it was judged anew")
		}
	})
}
