package ramp

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

// An incident that holds payments and has no ramp is given the plan's, once, whichever
// node is first; when nothing is held any more it ends by itself.
func TestRampIsGivenAndTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{T: t, store: journal.NewMemory("test"), done: 50, heard: true, passes: true}
		defer f.end()
		f.first = f.newNode(false)
		f.do(func(time.Time) ([]journal.Draft, error) {
			return enrolment.Enrol(f.first.Gates.Gate("east"), "east", enrolment.Enrolled{Boot: "b"})
		})
		f.do(func(now time.Time) (drafts []journal.Draft, err error) {
			_, drafts, err = plan.Publish(f.first.Plans, "payment-system", plan.Builtin(), "", now)
			return drafts, err
		})
		f.do(func(now time.Time) (drafts []journal.Draft, err error) {
			f.id, drafts, err = incident.Suspect(f.first.Incidents, incident.SuspectedFact{Title: "payments fail"}, now)
			return drafts, err
		})
		f.do(func(time.Time) ([]journal.Draft, error) {
			// The id that the plan's ramp has is taken by something else.
			tasks := []procedure.Task{{ID: "reopen"}, {ID: builtinRamp(t).ID}}
			p := procedure.Procedure{Level: holdfast.Level2, Stages: []procedure.Stage{{Kind: procedure.Recover, Tasks: slices.CompactFunc(tasks, func(a, b procedure.Task) bool { return a.ID == b.ID })}}}
			return incident.Confirm(f.in(), holdfast.Level2, incident.PlanRef{ID: "payment-system", Revision: 1}, p, "")
		})
		for i := range f.nodes {
			f.nodes[i] = f.newNode(true)
		}
		f.pass(20)
		if got := f.added(); len(got) != 0 {
			t.Fatalf("a ramp for payments that nothing holds: %v", got)
		}
		var stop string
		f.do(func(time.Time) (drafts []journal.Draft, err error) {
			stop, drafts, err = directive.Propose(f.first.Directives, directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "it fails", Incident: f.id}, true, nil)
			return drafts, err
		})
		f.pass(20)
		want := builtinRamp(t).ID + "-2"
		if got := f.added(); !slices.Equal(got, []string{want}) {
			t.Fatalf("added %v, want %s", got, want)
		}
		f.do(func(time.Time) ([]journal.Draft, error) {
			return directive.Lift(f.first.Directives.Directive(stop), 0, "it is mended")
		})
		f.pass(20)
		f.first.Desk.State.View(func() {
			if task := f.in().Tasks[want]; !task.Status.Closed() {
				t.Errorf("the ramp is %s though nothing is held", task.Status)
			}
		})
	})
}

func (f *fleet) added() (ids []string) {
	f.first.Desk.State.View(func() { ids = f.in().AddedRamps() })
	return ids
}

func builtinRamp(t *testing.T) procedure.Task {
	p, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	task, ok := ladderOf(p)
	if !ok {
		t.Fatal("the built-in plan has no ramp")
	}
	return task
}

// The gravest procedure's ramp comes first, whatever the order of the file, then the
// recovery plan's.
func TestLadderOfThePlan(t *testing.T) {
	t.Parallel()
	with := func(l holdfast.Level, id string) procedure.Procedure {
		return procedure.Procedure{Level: l, Stages: []procedure.Stage{{Tasks: []procedure.Task{{ID: "other"}, {ID: id, Ramp: &procedure.Ramp{}}}}}}
	}
	recovery := plan.Recovery{Ramp: &procedure.Ramp{}}
	for id, p := range map[string]plan.Plan{
		"one":        {Procedures: []procedure.Procedure{with(2, "two"), with(1, "one")}, Recovery: recovery},
		"three":      {Procedures: []procedure.Procedure{{Level: 1}, with(3, "three")}, Recovery: recovery},
		"bring-back": {Procedures: []procedure.Procedure{{Level: 1}}, Recovery: recovery},
	} {
		if got, ok := ladderOf(&p); !ok || got.ID != id || got.Ramp == nil {
			t.Errorf("got %q, want %q", got.ID, id)
		}
	}
	if _, ok := ladderOf(&plan.Plan{}); ok {
		t.Error("a plan without a ramp has one")
	}
}
