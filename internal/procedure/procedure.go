// Package procedure holds the flow of one level: stages in order, each with
// tasks. A plan embeds procedures as data, an incident runs one, a drill counts
// what was exercised. The package knows which stages requirement R4 makes
// mandatory, in which order, and when a stage may open; everything else about a
// flow is the plan's. [Check] says what is wrong with a procedure taken by
// itself; whether the roles, templates and probes it names exist is for the plan
// to say.
//
// Stages open in order. A stage opens when every earlier stage is done or
// skipped; a stage marked alongside does not hold up the ones after it, so
// telling superiors never delays the stop.
package procedure

import (
	"time"

	"holdfast"
)

// StageKind is one of the steps that R4 names.
type StageKind string

const (
	Detect  StageKind = "detect"
	Confirm StageKind = "confirm"
	Notify  StageKind = "notify"
	Stop    StageKind = "stop"
	Convene StageKind = "convene"
	Analyse StageKind = "analyse"
	Handle  StageKind = "handle"
	Recover StageKind = "recover"
	Review  StageKind = "review"
)

// Kinds lists the stage kinds in the order of R4.
var Kinds = [...]StageKind{Detect, Confirm, Notify, Stop, Convene, Analyse, Handle, Recover, Review}

// Mandatory returns the stages a procedure of this level must have, in this
// order (R4.1–R4.9). A plan may not leave one out or change the order.
func Mandatory(l holdfast.Level) []StageKind {
	switch l {
	case holdfast.Level1:
		return []StageKind{Detect, Confirm, Notify, Stop, Convene, Handle, Recover, Review}
	case holdfast.Level2, holdfast.Level3:
		return []StageKind{Detect, Confirm, Notify, Analyse, Handle, Recover}
	default:
		return nil
	}
}

// Procedure is the flow of one level.
type Procedure struct {
	Level holdfast.Level `json:"level" yaml:"level"`
	Title holdfast.Text  `json:"title" yaml:"title"`
	// Shift is the longest that one person commands before he hands over; zero
	// means no limit.
	Shift Duration `json:"shift,omitzero" yaml:"shift,omitempty"`
	// Debrief says who signs the debrief, and by when.
	Debrief *Debrief `json:"debrief,omitempty" yaml:"debrief,omitempty"`
	Stages  []Stage  `json:"stages" yaml:"stages"`
}

// Debrief is what the plan asks of the debrief of an incident at a level.
type Debrief struct {
	// Sign lists the roles of which a holder each signs it; with none it is accepted
	// when it is presented.
	Sign []string `json:"sign,omitempty" yaml:"sign,omitempty"`
	// Within is the time from the end of the emergency by which it is accepted; zero
	// means no limit.
	Within Duration `json:"within,omitzero" yaml:"within,omitempty"`
}

// Signers lists the roles of which a holder each signs the debrief.
func (p Procedure) Signers() []string {
	if p.Debrief == nil {
		return nil
	}
	return p.Debrief.Sign
}

// Stage is one step of a procedure.
type Stage struct {
	Kind  StageKind     `json:"stage" yaml:"stage"`
	Title holdfast.Text `json:"title" yaml:"title"`
	Guide holdfast.Text `json:"guide,omitzero" yaml:"guide,omitempty"`
	// Role answers for the stage.
	Role string `json:"role" yaml:"role"`
	// Limit is the time from opening by which the stage should be done; zero
	// means none.
	Limit Duration `json:"limit,omitzero" yaml:"limit,omitempty"`
	// Alongside lets the next stage open with this one instead of after it. Only
	// notify, stop, convene and analyse may have it.
	Alongside bool   `json:"alongside,omitempty" yaml:"alongside,omitempty"`
	Tasks     []Task `json:"tasks,omitempty" yaml:"tasks,omitempty"`
}

// Task is what a role does inside a stage. At most one of Notice, Directive,
// Probes, Ramp, Webhook, Checklist and Wait is set; with none, a person does it and
// says so.
type Task struct {
	// ID is unique in the procedure.
	ID    string        `json:"id" yaml:"id"`
	Title holdfast.Text `json:"title" yaml:"title"`
	Guide holdfast.Text `json:"guide,omitzero" yaml:"guide,omitempty"`
	// Role does the task; empty means the stage's role.
	Role string `json:"role,omitempty" yaml:"role,omitempty"`
	// Deputy is the role that does it when no holder of Role can.
	Deputy string `json:"deputy,omitempty" yaml:"deputy,omitempty"`
	// TakeWithin is the time from opening by which somebody has to take the task;
	// then its deputy takes over. Without it a task that has a deputy passes to him
	// at its limit.
	TakeWithin Duration `json:"take_within,omitzero" yaml:"take_within,omitempty"`
	Limit      Duration `json:"limit,omitzero" yaml:"limit,omitempty"`
	// Takes is the time the task is expected to take; Limit is the longest.
	Takes Duration `json:"takes,omitzero" yaml:"takes,omitempty"`
	// Means says with what it is done: systems, documents, numbers.
	Means holdfast.Text `json:"means,omitzero" yaml:"means,omitempty"`
	// After lists tasks of the same stage that must be done before; without it
	// the stage's tasks may be done side by side.
	After []string `json:"after,omitempty" yaml:"after,omitempty"`
	// Branches say what else to do under conditions; the first that holds counts.
	Branches []Branch `json:"branches,omitempty" yaml:"branches,omitempty"`
	// Evidence means the task cannot be done without a note or a file.
	Evidence  bool       `json:"evidence,omitempty" yaml:"evidence,omitempty"`
	Notice    *Notice    `json:"notice,omitempty" yaml:"notice,omitempty"`
	Directive *Directive `json:"directive,omitempty" yaml:"directive,omitempty"`
	Probes    []string   `json:"probes,omitempty" yaml:"probes,omitempty"`
	Ramp      *Ramp      `json:"ramp,omitempty" yaml:"ramp,omitempty"`
	Webhook   *Webhook   `json:"webhook,omitempty" yaml:"webhook,omitempty"`
	// Checklist are things to make sure of; the task is done when all are ticked.
	Checklist []holdfast.Text `json:"checklist,omitempty" yaml:"checklist,omitempty"`
	Wait      *Wait           `json:"wait,omitempty" yaml:"wait,omitempty"`
}

// Branch says what to do instead if a condition holds.
type Branch struct {
	// When is an expression over the plan's measures and level, minutes (since the
	// incident was confirmed) and result (done, skipped or failed: of the task).
	When string        `json:"when" yaml:"when"`
	Do   holdfast.Text `json:"do" yaml:"do"`
	// Approval is the role that must agree first, if any.
	Approval string `json:"approval,omitempty" yaml:"approval,omitempty"`
}

// Notice tells those who answer for roles something as soon as the stage opens.
type Notice struct {
	// Template names one of the plan's notice templates.
	Template string `json:"template" yaml:"template"`
	// To lists roles.
	To []string `json:"to" yaml:"to"`
	// Everyone tells all who hold the roles, on duty or not. Without it, a role with duty
	// times is told through who is on duty. A stage that convenes tells everyone.
	Everyone bool `json:"everyone,omitempty" yaml:"everyone,omitempty"`
	// Channels are tried together; empty means all that a person has.
	Channels []string `json:"channels,omitempty" yaml:"channels,omitempty"`
	// Acknowledge is how many of those told must acknowledge before the task is
	// done; 0 means it is done when each has been reached on one channel.
	Acknowledge int `json:"acknowledge,omitempty" yaml:"acknowledge,omitempty"`
	// Within is how long those told have to acknowledge before the first step of
	// Escalate begins; 0 means without end.
	Within Duration `json:"within,omitzero" yaml:"within,omitempty"`
	// Again is after how long they are told again while too few have acknowledged; 0
	// means that they are not.
	Again Duration `json:"again,omitzero" yaml:"again,omitempty"`
	// Lapse is how long an acknowledgement counts of somebody with an account who
	// takes no task of the incident; 0 means for good.
	Lapse Duration `json:"lapse,omitzero" yaml:"lapse,omitempty"`
	// Escalate says whom to tell next, step by step, the superior last.
	Escalate []EscalationStep `json:"escalate,omitempty" yaml:"escalate,omitempty"`
}

// The kinds of directive a task may propose. Payments are let in again by a
// ramp, so no task proposes a lift.
const (
	DirectiveStop    = "stop"
	DirectiveLimit   = "limit"
	DirectiveStandIn = "stand-in"
	DirectiveReroute = "reroute"
)

// Limits of a directive that a task proposes: a plan that passes must not be
// refused in the emergency.
const (
	MaxDrain = Duration(10 * time.Minute)
	// MaxReason is in bytes, for each language.
	MaxReason = 600
	// MaxRate is in payments per second.
	MaxRate = 1_000_000
)

// Directive proposes a directive to the gates.
type Directive struct {
	// Kind is stop, limit, stand-in or reroute.
	Kind string `json:"kind" yaml:"kind"`
	// Scope is "all" or an expression over payment fields. A stand-in
	// and a reroute have that of their temporary solution.
	Scope string `json:"scope,omitempty" yaml:"scope,omitempty"`
	// Temporary is the solution of the plan that a stand-in or a reroute is by. Planned
	// chooses the terms of a stand-in for an outage that was announced.
	Temporary string `json:"temporary,omitempty" yaml:"temporary,omitempty"`
	Planned   bool   `json:"planned,omitempty" yaml:"planned,omitempty"`
	// PreAuthorised means one person, or the procedure itself, may put it in
	// force; otherwise a second person approves.
	PreAuthorised bool `json:"pre_authorised,omitempty" yaml:"pre_authorised,omitempty"`
	// Drain is how long payments in flight at the stop may take to answer before
	// they are counted as unknown. Only a stop has it.
	Drain Duration `json:"drain,omitzero" yaml:"drain,omitempty"`
	// Percent of payers whose payments a limit admits, in (0, 100]. Only a limit
	// has it.
	Percent float64 `json:"percent,omitempty" yaml:"percent,omitempty"`
	// RatePerSecond caps the payments a limit admits over all gates; 0 means no
	// cap.
	RatePerSecond float64 `json:"rate_per_second,omitempty" yaml:"rate_per_second,omitempty"`
	// Reason is recorded with the directive and told to those who ask.
	Reason holdfast.Text `json:"reason" yaml:"reason"`
}

// BySolution reports whether the directive is by a temporary solution of the plan.
func (d Directive) BySolution() bool { return d.Kind == DirectiveStandIn || d.Kind == DirectiveReroute }

// Tasks counts the procedure's tasks.
func (p Procedure) Tasks() int {
	n := 0
	for _, s := range p.Stages {
		n += len(s.Tasks)
	}
	return n
}

// Task finds a task and the index of its stage.
func (p Procedure) Task(id string) (stage int, task Task, ok bool) {
	for i, s := range p.Stages {
		for _, t := range s.Tasks {
			if t.ID == id {
				return i, t, true
			}
		}
	}
	return 0, Task{}, false
}

// Status is where a stage or a task stands in one incident.
type Status string

const (
	Waiting Status = "waiting"
	Open    Status = "open"
	Done    Status = "done"
	Skipped Status = "skipped"
)

// Closed reports whether the stage or task needs nothing more.
func (s Status) Closed() bool { return s == Done || s == Skipped }

// Openable returns the indexes of the stages that are waiting and may open now,
// given the status of each stage: status has one entry per stage.
func (p Procedure) Openable(status []Status) []int {
	var open []int
	for i, s := range p.Stages {
		if status[i] == Waiting {
			open = append(open, i)
		}
		// What holds up the later stages: one that is not closed, unless it runs
		// alongside and has opened, or is opening now.
		if !status[i].Closed() && !s.Alongside {
			break
		}
	}
	return open
}
