package plan_test

import (
	"testing"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Of each change, whether it concerns the officer and the engineer of the small
// plan.
func TestSplitChangesByRole(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name              string
		change            func(p *plan.Plan)
		officer, engineer bool
	}{
		{"the purpose", func(p *plan.Plan) { p.Purpose.En = "Other." }, false, false},
		{"an authority", func(p *plan.Plan) { p.Roles[0].Authority[0].Alone = true }, true, false},
		{"duties", func(p *plan.Plan) { p.Roles[1].Duties.En = "Repairs all." }, false, true},
		{"a limit of a task, in a stage of the engineer's", func(p *plan.Plan) { p.Procedures[0].Stages[5].Tasks[0].Limit *= 2 }, false, true},
		{"a task that passes to another role", func(p *plan.Plan) { p.Procedures[0].Stages[0].Role = "engineer" }, true, true},
		{"who is told", func(p *plan.Plan) { p.Procedures[0].Stages[2].Tasks[0].Notice.Acknowledge = 2 }, true, true},
		{"a task more", func(p *plan.Plan) {
			s := &p.Procedures[0].Stages[1]
			s.Tasks = append(s.Tasks, procedure.Task{ID: "new", Title: holdfast.Text{En: "New"}, Deputy: "engineer"})
		}, true, true},
		{"the team without the officer", func(p *plan.Plan) { p.Team = p.Team[1:] }, true, false},
		{"a reader more", func(p *plan.Plan) { p.Governance.Distribution = []string{"engineer"} }, false, true},
		{"another time to read", func(p *plan.Plan) { p.Governance.AcknowledgeWithin = 1e9 }, false, false},
		{"a step of approval", func(p *plan.Plan) {
			p.Governance.Approval = []plan.ApprovalStep{{ID: "decide", Title: holdfast.Text{En: "Decide"}, Roles: []string{"officer"}}}
		}, true, false},
		{"a leak's procedure with a task inside", func(p *plan.Plan) {
			p.Leak = &procedure.Procedure{Title: holdfast.Text{En: "A leak"}, Stages: []procedure.Stage{{Kind: procedure.Detect, Role: "officer"}}}
		}, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before, _ := plan.Decode("", []byte(small))
			after, _ := plan.Decode("", []byte(small))
			test.change(after)
			changes := plan.Compare(before, after)
			for role, want := range map[string]bool{"officer": test.officer, "engineer": test.engineer} {
				own, others := plan.SplitChanges(before, after, changes, []string{role})
				if (len(own) > 0) != want || len(own)+len(others) != len(changes) {
					t.Errorf("%d of %d changes concern the %s; want any: %t", len(own), len(changes), role, want)
				}
			}
			if own, _ := plan.SplitChanges(before, after, changes, nil); len(own) > 0 {
				t.Errorf("%v concern nobody's roles", own)
			}
		})
	}
}
