package callout

import (
	"time"

	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/notify"
	"holdfast/internal/procedure"
	"holdfast/internal/roster"
)

// noticeTasks calls f for each task of an incident that tells people and has opened.
func noticeTasks(in *incident.Incident, f func(stage procedure.StageKind, t procedure.Task)) {
	for i, stage := range in.Procedure.Stages {
		if in.Stages[i].Status == procedure.Waiting {
			continue
		}
		for _, t := range stage.Tasks {
			if t.Notice != nil {
				f(stage.Kind, t)
			}
		}
	}
}

// step decides the first thing of all escalations that is due, and says when the
// next will be.
func (s *Service) step(now time.Time) (drafts []journal.Draft, next time.Time) {
	for _, in := range s.Incidents.Open() {
		noticeTasks(in, func(stage procedure.StageKind, t procedure.Task) {
			if len(drafts) > 0 || !Escalating(in, stage, t) {
				return
			}
			st := Stand(s.Book, s.Roster, in, stage, t, now)
			switch at := st.Next.At; {
			case at.IsZero():
			case !at.After(now):
				drafts = escalate(s.Book, s.Roster, in, stage, t, st, now)
			case next.IsZero() || at.Before(next):
				next = at
			}
		})
	}
	return drafts, next
}

// escalate states what is due for a task.
func escalate(b *notify.Book, people *roster.Book, in *incident.Incident, stage procedure.StageKind, t procedure.Task, st Standing, now time.Time) []journal.Draft {
	late := int64(max(0, now.Sub(st.Next.At)) / time.Second)
	told := incident.Told{
		Task: t.ID, Round: in.Escalation(t.ID).Round() + 1, Due: st.Next.At.UTC(), Late: late,
		Acknowledged: st.Acknowledged, Need: st.Need, Why: st.Next.Why,
	}
	switch st.Next.Kind {
	case ToLapse:
		return notify.Lapse(b, in.ID, t.ID, in.Round(), st.Next.Person, st.Next.At.UTC(), now)
	case ToCall:
		return incident.Escalate(in, incident.CallByHand{Task: t.ID, Due: told.Due, Late: late, Acknowledged: st.Acknowledged, Need: st.Need, Why: st.Next.Why})
	case ToEscalate:
		whom(b, people, in, stage, t, st.Steps[st.Step+1], &told, now)
		return incident.Escalate(in, incident.Escalated{Step: st.Step + 1, Told: told})
	default:
		whom(b, people, in, stage, t, st.Steps[st.Step], &told, now)
		return incident.Escalate(in, incident.RePaged{Step: st.Step, Told: told})
	}
}

// whom says who is told in a round: those who answer for the step's roles now and
// have not acknowledged.
func whom(b *notify.Book, people *roster.Book, in *incident.Incident, stage procedure.StageKind, t procedure.Task, step StepStanding, told *incident.Told, now time.Time) {
	told.Roles, told.People = step.To, []incident.Paged{}
	n := procedure.Notice{To: step.To, Everyone: step.Everyone, Acknowledge: step.Acknowledge, Channels: t.Notice.Channels}
	for _, r := range Recipients(people, stage, n, now) {
		if Acknowledged(b, in, t.ID, r.ID) {
			continue
		}
		told.People = append(told.People, incident.Paged{ID: r.ID, Name: r.Name, Why: r.Why})
		if Reachable(r.Person, n) {
			told.Reachable++
		}
	}
}
