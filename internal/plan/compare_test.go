package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(p *plan.Plan)
		want   []string
	}{
		{"nothing", func(*plan.Plan) {}, nil},
		{"a text", func(p *plan.Plan) { p.Purpose.En = "To live with." }, []string{"general purpose changed purpose  (To test with. → To live with.)"}},
		{"a text in another language", func(p *plan.Plan) { p.Purpose.ZhHans = "试" }, []string{"general purpose changed purpose  ( → 试)"}},
		{"a role more", func(p *plan.Plan) {
			p.Roles = append([]plan.Role{{ID: "new", Name: holdfast.Text{En: "New"}}}, p.Roles...)
		}, []string{"organisation roles[0] added role New ( → id: new, name: New)"}},
		{"a role less", func(p *plan.Plan) { p.Roles = p.Roles[1:] }, []string{"organisation roles[0] removed role Officer (id: officer, name: Officer, department: operations, duties: Everything., authority: directives: stop, lift, level: 1 → )"}},
		{"an authority", func(p *plan.Plan) { p.Roles[0].Authority[0].Alone = true },
			[]string{"organisation roles[0].authority changed authority Officer (directives: stop, lift, level: 1 → directives: stop, lift, level: 1, alone: true)"}},
		{"the order of roles", func(p *plan.Plan) { p.Roles[0], p.Roles[1] = p.Roles[1], p.Roles[0] },
			[]string{"organisation roles[0] moved role Engineer ( → )"}},
		{"the team", func(p *plan.Plan) { p.Team = p.Team[:1] }, []string{"organisation team changed team  (officer, engineer → officer)"}},
		{"a limit", func(p *plan.Plan) { p.Procedures[0].Stages[5].Tasks[0].Limit *= 2 },
			[]string{"procedure-1 procedures[0].stages[5].tasks[0].limit changed limit Repair (1h0m0s → 2h0m0s)"}},
		{"a step of the ramp", func(p *plan.Plan) { p.Procedures[0].Stages[6].Tasks[1].Ramp.Steps[1].Percent = 20 },
			[]string{"procedure-1 procedures[0].stages[6].tasks[1].ramp changed ramp Reopen (steps: percent: 1, hold: 2m0s; percent: 12.5, rate_per_second: 50; percent: 100 → steps: percent: 1, hold: 2m0s; percent: 20, rate_per_second: 50; percent: 100)"}},
		{"a task to another stage", func(p *plan.Plan) {
			s := p.Procedures[0].Stages
			task := s[5].Tasks[0]
			task.Evidence = false
			s[5].Tasks, s[6].Tasks = nil, append(s[6].Tasks, task)
		}, []string{
			"procedure-1 procedures[0].stages[6].tasks[2] moved task Repair (handle → recover)",
			"procedure-1 procedures[0].stages[6].tasks[2].evidence changed evidence Repair (true → false)",
		}},
		{"a leak's procedure", func(p *plan.Plan) { p.Leak = &procedure.Procedure{Title: holdfast.Text{En: "A leak"}} },
			[]string{"leak leak added leak A leak ( → title: A leak)"}},
		{"who approves", func(p *plan.Plan) {
			p.Governance.Approval = []plan.ApprovalStep{{ID: "decide", Title: holdfast.Text{En: "Decide"}}}
		}, []string{"governance governance.approval[0] added approval Decide ( → id: decide, title: Decide)"}},
		{"when a level is entered", func(p *plan.Plan) { p.Levels[1].Enter = "failed > 10" },
			[]string{"levels levels[1].enter changed enter Two ( → failed > 10)"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before, _ := plan.Decode("", []byte(small))
			after, _ := plan.Decode("", []byte(small))
			test.change(after)
			var got []string
			for _, c := range plan.Compare(before, after) {
				got = append(got, fmt.Sprintf("%s %s %s %s %s (%s → %s)", c.Chapter, c.Path, c.Kind, c.What, c.Name.En, c.Old, c.New))
			}
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

// Whatever is removed by one comparison is added by the other way round, and a
// plan is never different from itself.
func TestCompareBothWays(t *testing.T) {
	t.Parallel()
	a, _ := plan.Decode("", []byte(small))
	b, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, p := range []*plan.Plan{a, b} {
		if c := plan.Compare(p, p); len(c) > 0 {
			t.Errorf("a plan differs from itself: %v", c)
		}
	}
	count := func(changes []plan.Change, kind plan.ChangeKind) (n int) {
		for _, c := range changes {
			if c.Chapter == "" || c.Path == "" || c.What == "" {
				t.Errorf("a change that says too little: %+v", c)
			}
			if c.Kind == kind {
				n++
			}
		}
		return n
	}
	there, back := plan.Compare(a, b), plan.Compare(b, a)
	for kind, other := range map[plan.ChangeKind]plan.ChangeKind{plan.Added: plan.Removed, plan.Removed: plan.Added, plan.Changed: plan.Changed} {
		if count(there, kind) != count(back, other) || count(there, kind) == 0 {
			t.Errorf("%d %s one way, %d %s the other", count(there, kind), kind, count(back, other), other)
		}
	}
}

// What was added or removed is told key by key, and what is inside it as well; the
// texts of what is gone stand in the language of the plan that had them.
func TestCompareTellsContent(t *testing.T) {
	t.Parallel()
	before, _ := plan.Decode("", []byte(small))
	after, _ := plan.Decode("", []byte(small))
	before.Language = holdfast.ZhHant
	before.Risks = []plan.Risk{{ID: "power", Title: holdfast.Text{ZhHant: "停電", En: "Power"}, Likelihood: 2, Impact: 5, Treatment: holdfast.Text{ZhHant: "電池", En: "Batteries"}}}
	stage := &after.Procedures[1].Stages[0]
	*stage = procedure.Stage{Kind: procedure.Review, Title: holdfast.Text{En: "Look back"}, Role: "officer", Tasks: []procedure.Task{
		{ID: "write", Title: holdfast.Text{En: "Write"}, Role: "engineer"},
	}}
	got := map[plan.ChangeKind][]string{}
	for _, c := range plan.Compare(before, after) {
		for _, part := range c.Parts {
			got[c.Kind] = append(got[c.Kind], fmt.Sprintf("%d %s.%s=%s", part.Depth, part.Of, part.Key, part.Text))
		}
	}
	if want := "0 risk.id=power 0 risk.likelihood=2 0 risk.impact=5 0 risk.treatment=電池"; !strings.HasPrefix(strings.Join(got[plan.Removed], " "), want) {
		t.Errorf("removed: %s", got[plan.Removed])
	}
	if want := "0 stage.stage=review 0 stage.role=officer 0 .task=Write 1 task.id=write 1 task.role=engineer"; strings.Join(got[plan.Added], " ") != want {
		t.Errorf("added: %s", got[plan.Added])
	}
}
