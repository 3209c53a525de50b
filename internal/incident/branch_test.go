package incident

import (
	"fmt"
	"testing"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

var branchTestFields = map[string]expression.Type{
	"level": expression.Int, "minutes": expression.Float, "result": expression.String, "leaked": expression.Bool,
}

func branching(t *testing.T) (*stage, *Incident) {
	s, in := limited(t)
	in.Procedure.Stages[2].Tasks[0].Branches = []procedure.Branch{
		{When: "leaked", Do: holdfast.Text{En: "start the leak's procedure"}, Approval: "superior"},
		{When: `minutes > 60 or result == "failed"`, Do: holdfast.Text{En: "change over"}},
	}
	return s, in
}

// take records the branches that hold at a minute, and shows them.
func (s *stage) take(in *Incident, minute int, known map[string]any) (taken string) {
	s.t.Helper()
	drafts := TakeBranches(in, expression.Values{Known: known}, at(minute), func(when string) *expression.Condition {
		c, err := expression.CompileCondition(when, branchTestFields)
		if err != nil {
			s.t.Fatal(err)
		}
		return c
	})
	for _, f := range s.append(holdfast.Self("response"), at(minute), drafts) {
		var b BranchTaken
		if err := f.Decode(&b); err != nil {
			s.t.Fatal(err)
		}
		taken += fmt.Sprint(b.Task, " ", b.N, " ", b.Values)
	}
	return taken
}

func TestBranches(t *testing.T) {
	t.Parallel()
	s, in := branching(t)
	fail := func() []journal.Draft {
		drafts, err := Fail(in, "repair", "it broke again")
		if err != nil {
			t.Fatal(err)
		}
		return drafts
	}
	if got := s.take(in, 10, nil); got != "" { // whether data leaked is not known: it does not hold
		t.Errorf("taken %q", got)
	}
	s.append(person("mei"), at(11), fail())
	if got := s.take(in, 12, nil); got != "repair 2 map[minutes:12 result:failed]" {
		t.Errorf("taken %q", got)
	}
	if got := s.take(in, 70, map[string]any{"leaked": false}); got != "" { // once is enough
		t.Errorf("taken %q", got)
	}
	if got := s.take(in, 71, map[string]any{"leaked": true}); got != "repair 1 map[leaked:true]" { // the first counts
		t.Errorf("taken %q", got)
	}
	agree := func(role string) holdfast.Code {
		drafts, err := AgreeBranch(in, "repair", func(r string) bool { return r == role })
		return s.play("lin", 72, drafts, err)
	}
	if got := agree("commander"); got != holdfast.Forbidden {
		t.Errorf("another role agreed: %q", got)
	}
	if got := agree("superior"); got != "" || !in.Tasks["repair"].Branch.Agreed.Equal(at(72)) || in.Tasks["repair"].Branch.AgreedBy.ID != "lin" {
		t.Errorf("agreed: %q, %+v", got, in.Tasks["repair"].Branch)
	}
	if drafts, err := AgreeBranch(in, "repair", func(string) bool { return true }); err != nil || drafts != nil {
		t.Errorf("agreed twice: %v, %v", drafts, err)
	}
	for _, task := range []string{"look", "nothing"} {
		if _, err := AgreeBranch(in, task, func(string) bool { return true }); err == nil {
			t.Errorf("%s came to no branch", task)
		}
	}
}

func TestResult(t *testing.T) {
	t.Parallel()
	s, in := branching(t)
	repair := in.Procedure.Stages[2].Tasks[0]
	if got := in.Result(repair); got != "" {
		t.Errorf("an open task's result is %q", got)
	}
	if _, err := Fail(in, "repair", " "); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("failed without a word: %v", err)
	}
	drafts, err := Fail(in, "repair", "x")
	if s.play("mei", 1, drafts, err); in.Result(repair) != "failed" {
		t.Errorf("it is %q", in.Result(repair))
	}
	drafts, err = Done(in, "repair", "x", nil)
	if s.play("mei", 2, drafts, err); in.Result(repair) != "done" {
		t.Errorf("it is %q", in.Result(repair))
	}
	if got := s.take(in, 200, nil); got != "" { // what is done needs nothing else
		t.Errorf("taken %q", got)
	}
}
