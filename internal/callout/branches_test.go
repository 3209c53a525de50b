package callout

import (
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// Those whose consent a branch needs are told at once where to give it, again while
// nobody does, and no more once somebody has; the auditor finds it missing if they are
// not.
func TestApproversAreTold(t *testing.T) {
	t.Parallel()
	run(t, 2, func(w *world) {
		w.record("lin", holdfast.En, "risk-head", mail("lin"), phone)
		w.record("bo", holdfast.En, "recorder", mail("bo"))
		const task = "tell-superiors"
		in := w.confirmBranching(task)
		w.do(func(now time.Time) ([]journal.Draft, error) {
			return incident.TakeBranches(in, expression.Values{}, now.Add(time.Minute), func(when string) *expression.Condition {
				c, _ := expression.CompileCondition(when, map[string]expression.Type{"minutes": expression.Float})
				return c
			}), nil
		})
		told := func() (list []string) {
			for _, n := range w.asked() {
				if strings.HasPrefix(n.Task, "branch-") {
					list = append(list, n.Person)
					if !n.Drill || !strings.Contains(n.Body, "change over") || !strings.Contains(n.Body, "/incidents/"+in.ID+"#task-"+task) {
						t.Errorf("the notice is %+v", n)
					}
				}
			}
			return list
		}
		if got := told(); len(got) != 1 || got[0] != "lin" {
			t.Fatalf("told are %q", got)
		}
		w.wait(askAgain + time.Second)
		if got := told(); len(got) != 2 {
			t.Errorf("after a while, told are %q", got)
		}
		w.do(func(time.Time) ([]journal.Draft, error) {
			return incident.AgreeBranch(in, task, func(role string) bool { return role == "risk-head" })
		})
		w.wait(time.Hour)
		if got := told(); len(got) != 2 {
			t.Errorf("once it is agreed, told are %q", got)
		}
	})
}

// confirmBranching opens a drill of level 1 in which a task has a branch that the head of
// risk control has to agree to.
func (w *world) confirmBranching(task string) *incident.Incident {
	w.Helper()
	var id string
	w.do(func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = incident.Suspect(w.Incidents, incident.SuspectedFact{Title: "payments fail", Drill: true}, now)
		return drafts, err
	})
	w.do(func(now time.Time) ([]journal.Draft, error) {
		rev, _ := w.Plans.Current("", now)
		built, _ := rev.Plan().Procedure(holdfast.Level1)
		p := procedure.Procedure{Level: built.Level, Title: built.Title}
		for _, s := range built.Stages {
			s.Tasks = slices.Clone(s.Tasks)
			for i := range s.Tasks {
				if s.Tasks[i].ID == task {
					s.Tasks[i].Branches = []procedure.Branch{{When: "minutes > 0", Do: holdfast.Text{En: "change over"}, Approval: "risk-head"}}
				}
			}
			p.Stages = append(p.Stages, s)
		}
		return incident.Confirm(w.Incidents.Incident(id), holdfast.Level1, incident.PlanRef{ID: rev.ID, Revision: rev.Number, Hash: rev.Hash}, p, "")
	})
	return w.Incidents.Incident(id)
}

// A consent that is waited for and of which nobody was told is found.
func TestAuditFindsConsent(t *testing.T) {
	t.Parallel()
	run(t, 1, func(w *world) {
		in := &incident.Incident{ID: "2026-9", State: incident.Active, Tasks: map[string]incident.Task{"repair": {Status: procedure.Open, Branch: &incident.Taken{N: 1, At: time.Now()}}}}
		in.Procedure.Stages = []procedure.Stage{{Kind: procedure.Handle, Tasks: []procedure.Task{{ID: "repair", Branches: []procedure.Branch{{Approval: "risk-head"}}}}}}
		w.must(w.people.Record(w.Context(), mei, roster.Person{ID: "lin", Name: "lin", Roles: []string{"risk-head"}, Contacts: []roster.Contact{mail("lin")}}))
		a := &audit{Service: w.Service, people: w.Roster.People(), now: time.Now().Add(time.Hour), tolerance: time.Minute}
		w.State.View(func() { a.consents(in) })
		if len(a.findings) != 1 || a.findings[0].Person != "lin" || a.findings[0].Kind != PageDue {
			t.Errorf("found %+v", a.findings)
		}
	})
}
