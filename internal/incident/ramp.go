package incident

import (
	"cmp"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// This file brings payments back by a ramp: the steps that were taken, what was judged
// of each, and how the ramp is closed out. Package ramp decides; here is what an incident
// knows of it.

// RampVerdict is what the controller says of a step.
type RampVerdict string

const (
	// Advance: the step is good, the next may be taken.
	Advance RampVerdict = "advance"
	// Hold: the step has not been held for long enough.
	Hold RampVerdict = "hold"
	// StepBack: the step failed; payments fall to where the plan says.
	StepBack RampVerdict = "step-back"
	// StopRamp: a critical check failed, or the step falls to stopped.
	StopRamp RampVerdict = "stop"
	// NoVerdict: too little is known. A person decides.
	NoVerdict RampVerdict = "no-verdict"
)

// RampVerdicts are all verdicts.
var RampVerdicts = []RampVerdict{Advance, Hold, StepBack, StopRamp, NoVerdict}

// Graver reports whether a verdict takes payments back.
func (v RampVerdict) Graver() bool { return v == StepBack || v == StopRamp }

// RampCheck is one share of payments that the plan asks for, with what can be said of
// it: the true share is between Low and High, in [0, 1].
type RampCheck struct {
	// Check is success, unknown or quick.
	Check string  `json:"check"`
	Good  int64   `json:"good"`
	Of    int64   `json:"of"`
	Floor float64 `json:"floor"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	// State is good, bad, or open where the bounds do not tell.
	State string `json:"state"`
}

// RampJudged is one verdict with what it rests on.
type RampJudged struct {
	Task    string      `json:"task"`
	Step    int         `json:"step"`
	Verdict RampVerdict `json:"verdict"`
	// Why lists what led to it: hold, few, unheard, silent:GATE, open:CHECK, bad:CHECK,
	// recent:CHECK, probe:ID, untested:ID, differ, unbalanced:DIRECTIVE,
	// unaccounted:SOURCE, overridden, no-stand-in, deadline.
	Why []string `json:"why,omitempty"`
	// Fall is where payments fall to: previous, stand-in, stopped or freeze.
	Fall string `json:"fall,omitempty"`
	// From and To bound the window, in whole seconds.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Sample is how many admitted payments have an outcome: these are Done, NotDone and
	// Unknown.
	Sample  int64       `json:"sample"`
	Done    int64       `json:"done"`
	NotDone int64       `json:"not_done"`
	Unknown int64       `json:"unknown"`
	Checks  []RampCheck `json:"checks,omitempty"`
	// Differ is how many answers named another amount than was asked for.
	Differ int64 `json:"differ,omitempty"`
	// Heard counts seconds times gates that are known, Expected those that were to be.
	Heard    int64 `json:"heard"`
	Expected int64 `json:"expected"`
	// Deadline is when a person has to have decided.
	Deadline time.Time `json:"deadline,omitzero"`
	// Late is by how many seconds a deadline was noticed late.
	Late int64 `json:"late,omitempty"`
}

// Ramped says that payments were brought to a step of the ramp.
type Ramped struct {
	Task string `json:"task"`
	// Step counts from 1; 0 means stopped again.
	Step    int     `json:"step"`
	Percent float64 `json:"percent"`
	// Directives hold the step; none after the last one, when nothing is held any
	// more.
	Directives []string `json:"directives,omitempty"`
	// StandIn is the stand-in that the step took the place of, or that payments fell
	// back to.
	StandIn string `json:"stand_in,omitempty"`
	// Verdict is the controller's, if it took the step; empty if a person did.
	Verdict RampVerdict `json:"verdict,omitempty"`
}

// RampKept says that a person keeps payments on the step: it is judged anew from then.
type RampKept struct {
	Task   string `json:"task"`
	Step   int    `json:"step"`
	Reason string `json:"reason"`
}

// RampAdded gives the recovery a ramp that the procedure of the level has not, since
// the incident holds a restriction.
type RampAdded struct {
	Task procedure.Task `json:"task"`
}

// RampClosed is a person's signature under the end of a ramp: all payments were back and
// watched, and no outcome is left unknown.
type RampClosed struct {
	Task string `json:"task"`
	// Watched is for how many seconds all payments were back.
	Watched int64  `json:"watched"`
	Note    string `json:"note,omitempty"`
}

// StandsIn reports whether payments fell back to a stand-in.
func (e Ramped) StandsIn() bool {
	return e.Step == 0 && e.StandIn != "" && slices.Contains(e.Directives, e.StandIn)
}

func (Ramped) kind() string     { return "incident.ramped" }
func (RampJudged) kind() string { return "incident.ramp-judged" }
func (RampKept) kind() string   { return "incident.ramp-kept" }
func (RampAdded) kind() string  { return "incident.ramp-added" }
func (RampClosed) kind() string { return "incident.ramp-closed" }

// Ramp is how far payments have been brought back.
type Ramp struct {
	Task string
	// Step counts from 1; 0 means none, or stopped again.
	Step    int
	Percent float64
	At      time.Time
	// Since is when judging begins: At, or when a person last kept the step.
	Since time.Time
	// Directives hold the step.
	Directives []string
	// Judged is the last verdict on this step and JudgedAt when it was said; nil if none
	// was.
	Judged   *RampJudged
	JudgedAt time.Time
	// Failed is the step that payments last fell from by themselves; 0 if none. Only a
	// person goes there again.
	Failed int
	// StandIn is the stand-in that payments can fall back to; empty if there was none.
	StandIn string
}

// StandsIn reports whether payments fell back to a stand-in and no step was taken since.
func (r Ramp) StandsIn() bool {
	return r.Step == 0 && r.StandIn != "" && slices.Contains(r.Directives, r.StandIn)
}

// RampOf returns how far a task's ramp has brought payments back.
func (in *Incident) RampOf(task string) Ramp {
	if in.ramp.Task != task {
		return Ramp{}
	}
	return in.ramp
}

func (e Ramped) fold(in *Incident, f holdfast.Fact) {
	failed, standIn := in.ramp.Failed, cmp.Or(e.StandIn, in.ramp.StandIn)
	if in.ramp.Task != e.Task {
		standIn = e.StandIn
	}
	switch {
	case in.ramp.Task != e.Task, e.Verdict == "" && e.Step >= failed:
		failed = 0
	case e.Verdict.Graver():
		failed = in.ramp.Step
	}
	in.ramp = Ramp{Task: e.Task, Step: e.Step, Percent: e.Percent, At: f.Time, Since: f.Time, Directives: e.Directives, Failed: failed, StandIn: standIn}
}

func (e RampJudged) fold(in *Incident, f holdfast.Fact) {
	if in.ramp.Task == e.Task && in.ramp.Step == e.Step {
		in.ramp.Judged, in.ramp.JudgedAt = &e, f.Time
	}
}

func (e RampKept) fold(in *Incident, f holdfast.Fact) {
	if in.ramp.Task == e.Task && in.ramp.Step == e.Step {
		in.ramp.Since, in.ramp.Judged, in.ramp.JudgedAt = f.Time, nil, time.Time{}
	}
}

func (e RampAdded) fold(in *Incident, f holdfast.Fact) {
	i := in.stage(procedure.Recover)
	in.Procedure.Stages = slices.Clone(in.Procedure.Stages)
	s := &in.Procedure.Stages[i]
	s.Tasks = append(s.Tasks[:len(s.Tasks):len(s.Tasks)], e.Task)
	in.Tasks[e.Task.ID] = Task{Status: procedure.Waiting}
	in.added = append(in.added[:len(in.added):len(in.added)], e.Task.ID)
	if in.Stages[i].Status == procedure.Open {
		in.openTasks(i, f)
	}
}

// AddedRamps lists the tasks that were given to the present procedure.
func (in *Incident) AddedRamps() (ids []string) {
	for _, id := range in.added {
		if _, ok := in.Tasks[id]; ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// PastRamp returns the ramp that payments are on, if only an earlier phase has it.
func (in *Incident) PastRamp() (procedure.Task, bool) {
	for _, p := range slices.Backward(in.Past) {
		for _, s := range p.Procedure.Stages {
			for _, t := range s.Tasks {
				if t.Ramp != nil && (in.ramp.Task == "" || in.ramp.Task == t.ID) {
					return t, true
				}
			}
		}
	}
	return procedure.Task{}, false
}

func (e RampClosed) fold(*Incident, holdfast.Fact) {}

// Rung is what holds a step: its directives, and the stand-in that they take the place
// of or that is among them.
type Rung struct {
	Directives []string
	StandIn    string
}

// RampTo records a step of the ramp: the next one, or one before the present
// one, where 0 is stopped again. The last step ends the task, unless all payments are
// to be watched first. With no directive to hold a step, it may be the last one at once.
// No payment is let in before the functional tests that stand before the ramp in its
// stage have passed (R4.8).
func RampTo(in *Incident, task string, step int, held Rung) ([]journal.Draft, error) {
	e, err := rampTo(in, task, step, held)
	if err != nil {
		return nil, err
	}
	return in.draft(e.ended(in)...), nil
}

// ended is the step with the end of the task, if it is that.
func (e Ramped) ended(in *Incident) []event {
	_, t, _ := in.Procedure.Task(e.Task)
	if e.Step < len(t.Ramp.Steps) || t.Ramp.Soak > 0 && len(e.Directives) > 0 {
		return []event{e}
	}
	return []event{e, TaskDone{Task: e.Task, Note: "payments are back in full"}}
}

func rampTo(in *Incident, task string, step int, held Rung) (Ramped, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return Ramped{}, err
	}
	present := in.RampOf(task).Step
	if t.Ramp == nil || step < 0 || step > len(t.Ramp.Steps) || step == present ||
		step > present+1 && !(step == len(t.Ramp.Steps) && len(held.Directives) == 0) {
		return Ramped{}, holdfast.Errorf(holdfast.Conflict, "step %d cannot follow step %d of the ramp", step, present)
	}
	if test, ok := in.untested(task); ok && step > present {
		return Ramped{}, holdfast.Errorf(holdfast.Conflict, "the functional tests of task %s have to pass before payments are let in", test)
	}
	e := Ramped{Task: task, Step: step, Directives: held.Directives, StandIn: held.StandIn}
	if step > 0 {
		e.Percent = t.Ramp.Steps[step-1].Percent
	}
	return e, nil
}

// untested returns a task with probes that stands before a task in its stage and
// is not done.
func (in *Incident) untested(task string) (test string, ok bool) {
	i, _, _ := in.Procedure.Task(task)
	for _, t := range in.Procedure.Stages[i].Tasks {
		if t.ID == task {
			break
		}
		if len(t.Probes) > 0 && !in.Tasks[t.ID].Status.Closed() {
			return t.ID, true
		}
	}
	return "", false
}

// Judged records a verdict on the present step of a ramp, and where it takes payments:
// to is the step they go to with what holds it, -1 if they stay.
func Judged(in *Incident, j RampJudged, to int, held Rung) ([]journal.Draft, error) {
	if _, err := in.OpenTask(j.Task); err != nil {
		return nil, err
	}
	if to < 0 {
		return in.draft(j), nil
	}
	e, err := rampTo(in, j.Task, to, held)
	if err != nil {
		return nil, err
	}
	e.Verdict = j.Verdict
	return in.draft(append([]event{j}, e.ended(in)...)...), nil
}

// KeepRamp keeps payments on the present step and has it judged anew, for what led to a
// verdict, or to none, is known and accepted.
func KeepRamp(in *Incident, task string, step int, reason string) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	if at := in.RampOf(task).Step; t.Ramp == nil || at == 0 || at != step {
		return nil, holdfast.Errorf(holdfast.Conflict, "payments are at step %d of the ramp, not %d", at, step)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why payments stay on this step")); err != nil {
		return nil, err
	}
	return in.draft(RampKept{task, step, payment.Mask(reason)}), nil
}

// RampProbed records what a probe of the ramp has shown.
func RampProbed(in *Incident, task string, r ProbeRan) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	if t.Ramp == nil || !slices.Contains(t.Ramp.AllProbes(), r.Probe) {
		return nil, holdfast.Errorf(holdfast.Invalid, "task %s has no probe %q", task, r.Probe)
	}
	r.Task, r.Detail = task, cut(payment.Mask(r.Detail), maxText)
	return in.draft(r), nil
}

// AddRamp gives the recovery a ramp. It changes nothing if the procedure has one that is
// not closed, if the recovery is over, or if it has a task of that id.
func AddRamp(in *Incident, t procedure.Task) []journal.Draft {
	if in == nil || in.State != Active || t.Ramp == nil || in.HasRamp() {
		return nil
	}
	i := in.stage(procedure.Recover)
	if _, taken := in.Tasks[t.ID]; taken || i < 0 || in.Stages[i].Status.Closed() {
		return nil
	}
	return in.draft(RampAdded{t})
}

// HasRamp reports whether a ramp can still bring payments back.
func (in *Incident) HasRamp() bool {
	for _, s := range in.Procedure.Stages {
		for _, t := range s.Tasks {
			if t.Ramp != nil && !in.Tasks[t.ID].Status.Closed() {
				return true
			}
		}
	}
	return false
}

// CloseRamp is the end of a ramp whose payments are all back: a person signs it. unknown
// counts the payments whose outcome is not known; unsigned is a stand-in of the incident
// whose close-out nobody has signed, if there is one.
func CloseRamp(in *Incident, task, note string, unknown int, unsigned string, by holdfast.Actor, now time.Time) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	at := in.RampOf(task)
	switch {
	case t.Ramp == nil || at.Step != len(t.Ramp.Steps):
		return nil, holdfast.Errorf(holdfast.Conflict, "task %s is closed out when all payments are back: they are at step %d of the ramp", task, at.Step)
	case by.Kind != holdfast.Account:
		return nil, holdfast.Errorf(holdfast.Forbidden, "a ramp is closed out by a person")
	case now.Before(at.Since.Add(t.Ramp.Soak.D())):
		return nil, holdfast.Errorf(holdfast.Conflict, "all payments are watched for another %v before the ramp is closed out", at.Since.Add(t.Ramp.Soak.D()).Sub(now).Round(time.Second))
	case at.Judged != nil && at.Judged.Verdict != Advance:
		return nil, holdfast.Errorf(holdfast.Conflict, "the last verdict on the ramp is %s: it is closed out when that is %s", at.Judged.Verdict, Advance)
	case t.Ramp.At(at.Step).Checks() && at.Judged == nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "there is no verdict on the last step of the ramp yet")
	case unknown > 0:
		return nil, holdfast.Errorf(holdfast.Conflict, "the outcome of %d payments is not known: settle each before the ramp is closed out", unknown)
	case unsigned != "":
		return nil, holdfast.Errorf(holdfast.Conflict, "the stand-in %s of this incident is not closed out: what it approved has to be delivered or explained, and its figures signed, before the ramp is closed out", unsigned)
	case len(note) > maxText:
		return nil, errLong("note")
	}
	e := RampClosed{Task: task, Watched: int64(now.Sub(at.At) / time.Second), Note: payment.Mask(note)}
	return in.draft(e, TaskDone{Task: task, Note: "payments are back in full"}), nil
}
