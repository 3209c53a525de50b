package incident

import (
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// BranchTaken says that the condition of a task's branch holds: what the branch says
// is done instead of what the task says.
type BranchTaken struct {
	Task string `json:"task"`
	// N counts the task's branches from 1.
	N    int    `json:"n"`
	When string `json:"when"`
	// Values are what the condition read.
	Values map[string]any `json:"values"`
}

// BranchAgreed is the word of a holder of the role that has to agree first.
type BranchAgreed struct {
	Task string `json:"task"`
	N    int    `json:"n"`
}

// TaskFailed says that a task was tried and did not succeed. It stays open.
type TaskFailed struct {
	Task string `json:"task"`
	Note string `json:"note"`
}

func (BranchTaken) kind() string  { return "incident.branch-taken" }
func (BranchAgreed) kind() string { return "incident.branch-agreed" }
func (TaskFailed) kind() string   { return "incident.task-failed" }

// Taken is the branch that a task has come to.
type Taken struct {
	N  int
	At time.Time
	// Agreed is when a holder of the role agreed that has to.
	Agreed   time.Time
	AgreedBy holdfast.Actor
}

func (e BranchTaken) fold(in *Incident, f holdfast.Fact) {
	t := in.Tasks[e.Task]
	t.Branch = &Taken{N: e.N, At: f.Time}
	in.Tasks[e.Task] = t
}

func (e BranchAgreed) fold(in *Incident, f holdfast.Fact) {
	t := in.Tasks[e.Task]
	t.Branch = &Taken{N: e.N, At: t.Branch.At, Agreed: f.Time, AgreedBy: f.Actor}
	in.Tasks[e.Task] = t
}

func (e TaskFailed) fold(in *Incident, f holdfast.Fact) {
	t := in.Tasks[e.Task]
	t.Failed = f.Time
	in.Tasks[e.Task] = t
}

// Result is how a task has ended, as branches read it: done, skipped, failed while
// it is open and its last test did not pass or a person says so, else empty.
func (in *Incident) Result(t procedure.Task) string {
	s := in.Tasks[t.ID]
	if s.Status.Closed() {
		return string(s.Status)
	}
	for _, p := range t.Probes {
		if shown := in.Probe(t.ID, p); !shown.At.IsZero() && !shown.Last.Passed {
			return "failed"
		}
	}
	if last := in.lastResult(t); !s.Failed.IsZero() || last == HookRefused || last == HookFailed {
		return "failed"
	}
	return ""
}

// Branching reports whether an open task could come to a branch, or to another.
func (in *Incident) Branching() bool {
	if in.State != Active {
		return false
	}
	for _, id := range in.workable() {
		_, t, _ := in.Procedure.Task(id)
		if taken := in.Tasks[id].Branch; len(t.Branches) > 0 && (taken == nil || taken.N > 1) {
			return true
		}
	}
	return false
}

// TakeBranches records the branches of open tasks whose conditions hold. The first of
// a task that holds counts; one that was taken gives way only to one before it. What
// cannot be told does not hold. Values are the plan's measures; the level, the minutes
// since the confirmation and the task's result are added. Compile returns nil for what
// cannot be compiled.
func TakeBranches(in *Incident, v expression.Values, now time.Time, compile func(when string) *expression.Condition) []journal.Draft {
	if in == nil || in.State != Active {
		return nil
	}
	var events []event
	for _, id := range in.workable() {
		_, t, _ := in.Procedure.Task(id)
		for i, b := range t.Branches {
			if taken := in.Tasks[id].Branch; taken != nil && taken.N <= i+1 {
				break
			}
			c := compile(b.When)
			if c == nil {
				continue
			}
			mine := in.branchValues(v, t, now)
			if holds, _ := c.Decide(mine); holds != expression.Yes {
				continue
			}
			read := map[string]any{}
			for _, name := range c.Reads() {
				if value, known := mine.Known[name]; known {
					read[name] = value
				}
			}
			events = append(events, BranchTaken{id, i + 1, b.When, read})
			break
		}
	}
	if len(events) == 0 {
		return nil
	}
	return in.draft(events...)
}

func (in *Incident) branchValues(v expression.Values, t procedure.Task, now time.Time) expression.Values {
	known := map[string]any{}
	for name, value := range v.Known {
		known[name] = value
	}
	known["level"], known["minutes"], known["result"] = int(in.Level), now.Sub(in.Confirmed).Minutes(), in.Result(t)
	return expression.Values{Known: known, AtLeast: v.AtLeast}
}

// AgreeBranch is the consent to the branch that an open task has come to. Holds says
// whether the actor holds a role of the plan.
func AgreeBranch(in *Incident, task string, holds func(role string) bool) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	taken := in.Tasks[task].Branch
	switch {
	case taken == nil || t.Branches[taken.N-1].Approval == "":
		return nil, holdfast.Errorf(holdfast.Conflict, "task %s has come to no branch that needs consent", task)
	case !taken.Agreed.IsZero():
		return nil, nil
	case !holds(t.Branches[taken.N-1].Approval):
		return nil, holdfast.Errorf(holdfast.Forbidden, "the plan asks the role %s to agree, which you do not hold", t.Branches[taken.N-1].Approval)
	}
	return in.draft(BranchAgreed{task, taken.N}), nil
}

// Fail says that an open task was tried and did not succeed.
func Fail(in *Incident, task, note string) ([]journal.Draft, error) {
	if _, err := in.OpenTask(task); err != nil {
		return nil, err
	}
	if err := needText("note", note, holdfast.Errorf(holdfast.Invalid, "write what was tried and what came of it")); err != nil {
		return nil, err
	}
	return in.draft(TaskFailed{task, payment.Mask(strings.TrimSpace(note))}), nil
}
