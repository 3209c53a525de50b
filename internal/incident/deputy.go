package incident

import (
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// Deputised says that a task which nobody took in time has passed to its deputy.
type Deputised struct {
	Task string `json:"task"`
	// Role is the deputy role of the plan; empty where the roster's deputies of those
	// who hold the task's role stand in.
	Role string `json:"role,omitempty"`
	// People are ids of the roster; none means that nobody stands in.
	People []string `json:"people,omitempty"`
	// Due is when the task should have been taken.
	Due time.Time `json:"due"`
	// Late is by how many seconds this was noticed late.
	Late int64 `json:"late,omitempty"`
}

func (Deputised) kind() string { return "incident.task-deputised" }

func (e Deputised) fold(in *Incident, _ holdfast.Fact) {
	t := in.Tasks[e.Task]
	t.Deputised = &e
	in.Tasks[e.Task] = t
}

// TakeBy returns when a task has to be taken. It says false for one that needs
// nobody: it tells people by itself, is taken or over, or has neither a time nor a
// deputy.
func (in *Incident) TakeBy(t procedure.Task) (time.Time, bool) {
	s := in.Tasks[t.ID]
	span := t.TakeWithin
	if span == 0 && t.Deputy != "" {
		span = t.Limit
	}
	if span == 0 || t.Notice != nil || s.Status != procedure.Open || s.Owner.ID != "" {
		return time.Time{}, false
	}
	return s.Opened.Add(span.D()), true
}

// Deputise passes on the tasks that nobody has taken in time. Who says who stands in
// for a task of a stage. When is the next instant at which one passes; zero if none
// will.
func Deputise(in *Incident, now time.Time, who func(procedure.Stage, procedure.Task) (role string, people []string)) (drafts []journal.Draft, when time.Time) {
	if in == nil || in.State != Active {
		return nil, time.Time{}
	}
	var events []event
	for _, s := range in.Procedure.Stages {
		for _, t := range s.Tasks {
			by, ok := in.TakeBy(t)
			switch {
			case !ok || in.Tasks[t.ID].Deputised != nil:
			case now.After(by):
				role, people := who(s, t)
				events = append(events, Deputised{t.ID, role, people, by, late(now, by)})
			case when.IsZero() || by.Before(when):
				when = by
			}
		}
	}
	if len(events) == 0 {
		return nil, when
	}
	return in.draft(events...), when
}
