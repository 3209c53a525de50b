package incident

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/procedure"
)

// clone copies what a fact of levels may change in place.
func (l Levels) clone() Levels {
	l.Entered = maps.Clone(l.Entered)
	return l
}

func (e LevelEvaluated) fold(in *Incident, f holdfast.Fact) {
	in.Evaluations = append(in.Evaluations[:len(in.Evaluations):len(in.Evaluations)], Evaluation{e, f.Time})
	if !Graver(e.Level, in.Level) {
		in.held = holdfast.Unknown
	}
}

func (e MeasureEntered) fold(in *Incident, f holdfast.Fact) {
	if in.Entered == nil {
		in.Entered = map[string]Entry{}
	}
	in.Entered[e.Measure] = Entry{e, f.Actor, f.Time}
}

func (e FallAsked) fold(in *Incident, f holdfast.Fact) { in.Fall = &Fall{e, f.Actor, f.Time} }

func (e FallRefused) fold(in *Incident, _ holdfast.Fact) { in.Fall = nil }

// fold ends the present phase and begins one at another level.
func (e LevelChanged) fold(in *Incident, f holdfast.Fact) {
	met, missed := in.LimitCount()
	for _, p := range in.Past {
		met, missed = met-p.met, missed-p.missed
	}
	in.Past = append(in.Past[:len(in.Past):len(in.Past)], Phase{
		Level: in.Level, Began: in.since, Left: f.Time, Why: e.Reason, Automatic: e.Automatic, By: f.Actor, AskedBy: e.AskedBy,
		Procedure: in.Procedure, Stages: in.Stages, Tasks: in.Tasks, met: met, missed: missed,
	})
	in.before.met, in.before.missed = 0, 0 // they are in the phase
	before := *in
	in.held = holdfast.Unknown
	if last, ok := in.Evaluated(); ok && Graver(in.Level, e.To) && Graver(last.Level, e.To) {
		in.held = last.Level
	}
	in.Level, in.Procedure, in.Fall, in.since = e.To, e.Procedure, nil, f.Time
	in.Stages, in.Tasks = make([]Stage, len(e.Procedure.Stages)), map[string]Task{}
	for i, s := range e.Procedure.Stages {
		in.Stages[i] = before.carryStage(s, e, f.Time)
		for _, t := range s.Tasks {
			in.Tasks[t.ID] = before.carryTask(t, e)
		}
		if in.Stages[i].Status.Closed() {
			in.endStage(s.Kind, in.Stages[i].Status, in.Stages[i].Note, holdfast.Fact{Actor: f.Actor, Time: in.Stages[i].Ended})
		}
	}
	in.carryActions(e)
	in.answered()
}

// carryStage is how a stage of the new procedure begins.
func (in *Incident) carryStage(s procedure.Stage, e LevelChanged, now time.Time) Stage {
	if !slices.Contains(e.Stages, s.Kind) {
		return Stage{Status: procedure.Waiting}
	}
	if i := in.stage(s.Kind); i >= 0 && in.Stages[i].Status.Closed() {
		return in.Stages[i]
	}
	return Stage{Status: procedure.Done, Opened: now, Ended: now}
}

// carryTask is how a task of the new procedure begins: closed as it was, or waiting
// with whoever does it and what was gathered for it.
func (in *Incident) carryTask(t procedure.Task, e LevelChanged) Task {
	if slices.Contains(e.Tasks, t.ID) {
		was, _, _ := in.lastDone(t, e.To)
		return was
	}
	was := in.Tasks[t.ID]
	if was.Status.Closed() {
		return Task{Status: procedure.Waiting}
	}
	carried := Task{Status: procedure.Waiting, Owner: was.Owner, Taken: was.Taken, Evidence: was.Evidence}
	if _, old, ok := in.Procedure.Task(t.ID); ok && old.SameAction(t) {
		carried.Items = was.Items
	}
	return carried
}

// carryActions forgets what tests and the ramp have shown where they have to be
// done again.
func (in *Incident) carryActions(e LevelChanged) {
	maps.DeleteFunc(in.probes, func(k probeKey, _ Probe) bool { return !slices.Contains(e.Tasks, k.task) })
	if Graver(e.To, e.From) {
		in.ramp = Ramp{}
	}
}
