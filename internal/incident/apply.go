package incident

import (
	"slices"

	"holdfast"
	"holdfast/internal/procedure"
)

// apply changes the incident as a fact says. It takes every fact as true: the
// decisions in this package refuse what must not become one.
func (in *Incident) apply(e event, f holdfast.Fact) {
	in.Revision = f.Revision
	switch e := e.(type) {
	case SuspectedFact:
		in.State, in.Title, in.Suggested, in.Rule = Suspected, e.Title, e.Level, e.Rule
		in.Titles, in.Alerts, in.Drill = e.Titles, e.Alerts, e.Drill
		in.Cause, in.Tell = e.Cause, e.Tell
		in.Opened, in.OpenedBy = f.Time, f.Actor
		if len(e.Alerts) > 0 {
			in.LastAlert = f.Time
		}
	case AlertAdded:
		in.Alerts = append(in.Alerts, e.Alert)
		in.LastAlert = f.Time
		in.suggest(e.Level, e.Rule)
	case AlertsJoined:
		in.join(e, f)
	case AlertLeft:
		in.leave(e)
	case ConfirmedFact:
		in.confirm(e, f)
	case DismissedFact:
		in.State, in.EndReason, in.Ended, in.EndedBy = Dismissed, e.Reason, f.Time, f.Actor
	case StageOpened:
		in.openStage(in.stage(e.Stage), f)
	case StageDone:
		in.endStage(e.Stage, procedure.Done, e.Note, f)
	case SkipAsked:
		in.Stages[in.stage(e.Stage)].Skip = &Skip{Reason: e.Reason, By: f.Actor, At: f.Time}
	case SkipGranted:
		i := in.stage(e.Stage)
		skip := *in.Stages[i].Skip
		skip.Granted, skip.GrantedBy = true, f.Actor
		in.Stages[i].Skip = &skip
		in.endStage(e.Stage, procedure.Skipped, skip.Reason, f)
	case SkipRefused:
		in.Stages[in.stage(e.Stage)].Skip = nil
	case TaskTaken:
		t := in.Tasks[e.Task]
		t.Owner, t.Taken = f.Actor, f.Time
		in.Tasks[e.Task] = t
	case TaskDone:
		t := in.Tasks[e.Task]
		t.Status, t.Ended, t.EndedBy, t.Note = procedure.Done, f.Time, f.Actor, e.Note
		t.Evidence = append(t.Evidence[:len(t.Evidence):len(t.Evidence)], e.Evidence...)
		in.Tasks[e.Task] = t
		if i, _, ok := in.Procedure.Task(e.Task); ok && in.Stages[i].Status == procedure.Open {
			in.openTasks(i, f)
		}
	case Noted:
		if t, ok := in.Tasks[e.Task]; ok {
			t.Evidence = append(t.Evidence[:len(t.Evidence):len(t.Evidence)], e.Evidence...)
			in.Tasks[e.Task] = t
		}
	case ProbeRan:
		key := probeKey{e.Task, e.Probe}
		p := in.probes[key]
		p.InARow++
		if !e.Passed {
			p.InARow = 0
		}
		p.Last, p.At = e, f.Time
		in.probes[key] = p
	case ClosedFact:
		in.State, in.Closed, in.Ended, in.EndedBy = Closed, &e.Figures, f.Time, f.Actor
	case folding:
		e.fold(in, f)
	}
}

func (in *Incident) confirm(e ConfirmedFact, f holdfast.Fact) {
	in.State, in.Level, in.Plan, in.Procedure = Active, e.Level, e.Plan, e.Procedure
	in.Confirmed, in.ConfirmedBy = f.Time, f.Actor
	in.First, in.since = e.Level, f.Time
	if f.Actor.Kind == holdfast.Account {
		in.fill(Commander, Holder{Account: f.Actor.ID, Name: f.Actor.Name}, f.Time)
	}
	in.Stages = make([]Stage, len(e.Procedure.Stages))
	in.Tasks = map[string]Task{}
	in.probes = map[probeKey]Probe{}
	for i, s := range e.Procedure.Stages {
		in.Stages[i].Status = procedure.Waiting
		for _, t := range s.Tasks {
			in.Tasks[t.ID] = Task{Status: procedure.Waiting}
		}
		// What has led here is done: it was detected, and now it is confirmed.
		if s.Kind == procedure.Detect || s.Kind == procedure.Confirm {
			in.openStage(i, holdfast.Fact{Time: in.Opened})
			in.endStage(s.Kind, procedure.Done, e.Note, f)
		}
	}
}

func (in *Incident) openStage(i int, f holdfast.Fact) {
	in.Stages[i].Status, in.Stages[i].Opened = procedure.Open, f.Time
	in.openTasks(i, f)
}

// openTasks opens the tasks of an open stage that wait for no other any more.
func (in *Incident) openTasks(i int, f holdfast.Fact) {
	for _, t := range in.Procedure.Stages[i].Tasks {
		task := in.Tasks[t.ID]
		waits := slices.ContainsFunc(t.After, func(id string) bool { return !in.Tasks[id].Status.Closed() })
		if task.Status == procedure.Waiting && !waits {
			task.Status, task.Opened = procedure.Open, f.Time
			in.Tasks[t.ID] = task
		}
	}
}

func (in *Incident) endStage(k procedure.StageKind, status procedure.Status, note string, f holdfast.Fact) {
	i := in.stage(k)
	s := &in.Stages[i]
	s.Status, s.Ended, s.Note = status, f.Time, note
	for _, t := range in.Procedure.Stages[i].Tasks {
		if task := in.Tasks[t.ID]; !task.Status.Closed() {
			task.Status, task.Ended, task.EndedBy = status, f.Time, f.Actor
			in.Tasks[t.ID] = task
		}
	}
}
