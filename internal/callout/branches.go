package callout

import (
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// consents calls f for each branch of an open task that waits for consent, with the role
// that gives it and since when.
func consents(in *incident.Incident, f func(about string, t procedure.Task, b procedure.Branch, since time.Time)) {
	if in.State != incident.Active {
		return
	}
	for _, stage := range in.Procedure.Stages {
		for _, t := range stage.Tasks {
			st := in.Tasks[t.ID]
			if taken := st.Branch; st.Status == procedure.Open && taken != nil && taken.N <= len(t.Branches) && taken.Agreed.IsZero() {
				if b := t.Branches[taken.N-1]; b.Approval != "" {
					f(fmt.Sprintf("branch-%s-%d-%d", t.ID, taken.N, taken.At.UnixMilli()), t, b, taken.At)
				}
			}
		}
	}
}

// approvers lists those whose consent to a branch counts.
func (s *Service) approvers(role string) (list []roster.Person) {
	for _, person := range s.Roster.People() {
		if s.Authority.Has(person, role, s.Now()) {
			list = append(list, person)
		}
	}
	return list
}

// branches writes the notices to those whose consent a task waits for: at once, and
// again while nobody has given it.
func (s *Service) branches(in *incident.Incident) (list []notify.Notice) {
	if s.Authority.Book == nil {
		return nil
	}
	consents(in, func(task string, t procedure.Task, b procedure.Branch, since time.Time) {
		about := notify.Notice{
			Incident: in.ID, Task: task, Urgent: in.Level == holdfast.Level1, Drill: in.Drill, Round: min(lastRound, max(0, int(s.Now().Sub(since)/askAgain))),
		}
		for _, person := range s.approvers(b.Approval) {
			list = append(list, letters(about, s.speaking(person), func(p *locale.Printer) (subject, body string) {
				args := s.words(in, p.Lang(), "task", t.Title.In(p.Lang()), "do", b.Do.In(p.Lang()), "when", b.When, "at", s.Link(in.ID)+"#task-"+t.ID)
				return p.T("notice.branch.subject", args...), p.T("notice.branch.body", args...)
			})...)
		}
	})
	return list
}

// consents looks whether those were told whose consent a task waits for.
func (a *audit) consents(in *incident.Incident) {
	if a.Authority.Book == nil {
		return
	}
	consents(in, func(task string, _ procedure.Task, b procedure.Branch, since time.Time) {
		for _, p := range a.approvers(b.Approval) {
			if usable(p, nil) {
				a.page(account{incident: in.ID, task: task}, p.ID, since)
			}
		}
	})
}
