// Package incident holds declared emergencies: from suspicion, through the
// stages of the procedure, to the debrief.
//
//	suspected ──▶ active ──▶ closed
//	    └──▶ dismissed ◀─┘             and back again, opened anew with a reason
//	    └──▶ merged ◀────┘             into another, and back again
//
// Confirming an incident copies the procedure of its level out of one published
// plan revision; later revisions do not change it. Stages open in the order
// that package procedure allows, a stage is done when its tasks are done, and
// opening and ending are facts of their own, written in the same append as the
// act that caused them. A stage is skipped only with a reason and the consent
// of a second person. Nothing is edited: a correction is an entry of its own that
// refers to the one it corrects (incident.corrected, with that fact's position).
//
// # Limits
//
// A stage and a task may have a limit, counted from when they opened; the command
// of an incident may have one, counted from when its holder took it. A limit is an
// instant, not a timer: it is at risk from the last fifth on, and breached once it
// has passed with the thing undone. Both are facts, written once for each limit. One
// that could not be written in time is written when it can be, and says how many
// seconds late; a limit found breached is not told as at risk first.
//
//	incident.limit-at-risk  {"of":"task","id":"repair","due":"2026-11-24T04:30:00Z"}
//	incident.limit-breached {"of":"task","id":"repair","due":"2026-11-24T04:30:00Z","late":95}
//
// A task that nobody has taken by its take_within (or, where it has a deputy and no
// take_within, by its limit) passes to the deputy: whoever fills the role that the
// plan names, else those whom the roster has standing in for the holders of the
// task's role. Who took it before that keeps it.
//
//	incident.task-deputised {"task":"repair","role":"technology-head","people":["lin"],"due":"…","late":3}
//
// # Branches
//
// A task's branches are conditions over the plan's measures, the level, the minutes
// since the confirmation and the task's result. The first that holds is recorded with
// what it read: what it says is done instead, once a holder of the role that it names
// has agreed. A task that was tried without success is said to have failed and stays
// open.
//
//	incident.branch-taken  {"task":"repair","n":1,"when":"minutes > 60","values":{"minutes":60.1}}
//	incident.branch-agreed {"task":"repair","n":1}
//	incident.task-failed   {"task":"repair","note":"…"}
//
// # Actions that call, ask and wait
//
// A task may call an endpoint of the operator's automation. The claim of a call is on
// record before its first byte, and its outcome after: done, refused, failed, or unknown
// where there was no answer or the node that called is gone. A call is made again by
// itself only where nothing can be done twice; else a person decides. Every call of a
// task at a level has one key. In a drill nothing is called. The items of a checklist are
// ticked one by one, and a tick is taken back by an entry of its own. A condition that a
// task waits for has to hold without a break; what nobody looked at for two minutes is
// not taken to have held.
//
//	incident.webhook-asked  {"task":"isolate","level":1,"reason":"…"}
//	incident.webhook-began  {"task":"isolate","level":1,"attempt":1,"endpoint":"isolate","key":"…","until":"…","measures":{…}}
//	incident.webhook-ended  {"task":"isolate","level":1,"attempt":1,"result":"done","status":200,"answer":"…","millis":12}
//	incident.item-ticked    {"task":"prepare","n":2,"ticked":true}
//	incident.condition-seen {"task":"steady","holds":true,"since":"…","values":{"success_percent":99.2}}
//
// # Posts
//
// An active incident has six posts: commander, technology, operations, risk,
// communication, scribe. Each is held by one person with an account; who confirms
// commands until somebody else does. The command passes by a hand-over: its holder
// offers it with a text on how things stand, and the record lists the decisions and
// tasks that are open; it passes when the other accepts, with the tasks that the first
// had taken. Without a hand-over it is taken only with a reason. The procedure's shift is
// the limit of a command; it is told as at risk and as breached like any other.
//
//	incident.post-filled        {"post":"commander","holder":{"account":"lin","name":"林"},"reason":"…"}
//	incident.handover-offered   {"n":1,"post":"commander","from":{…},"to":{…},"text":"…","decisions":["D2"],"tasks":["repair"]}
//	incident.handover-accepted  {"n":1}
//	incident.handover-ended     {"n":1,"reason":"…"}       declined, or taken back
//	incident.decision-asked     {"id":"D2","question":"…","options":["…","…"]}
//	incident.decision-made      {"id":"D2","chosen":"…","why":"…","reversible":true}
//
// # Ends and ties
//
// An active incident that was none ends as a false alarm, with a reason and the consent
// of a second person. What is closed or dismissed opens again with a reason, from a stage
// that is worked anew with those after it. An incident that is another one is merged
// into it: its alerts, its open decisions and a list of its open tasks go over, its own
// work stops, and it can be let go again as it was. Nothing is merged into one that runs
// for a lesser level. Links tie two incidents and change neither.
//
//	incident.false-alarm-asked    {"reason":"…"}; -granted with the figures, -refused
//	incident.reopened             {"from":"handle","reason":"…"}
//	incident.merged               {"into":"2026-1","reason":"…"}, and there
//	incident.absorbed             {"from":"2026-2","alerts":["…"],"tasks":["repair"],"decisions":[…]}
//	incident.unmerged, .released  the reverse
//	incident.linked               {"other":"2026-1","reason":"…"}, on both
//
// Facts on subject incident/<id>; ids are the year and a count, 2026-1.
package incident

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/procedure"
)

// State is where an incident stands.
type State string

const (
	Suspected State = "suspected"
	Active    State = "active"
	Closed    State = "closed"
	Dismissed State = "dismissed"
	// Merged: it goes on as part of another.
	Merged State = "merged"
)

// PlanRef names the exact plan revision that an incident runs.
type PlanRef struct {
	ID       string        `json:"id"`
	Revision int           `json:"revision"`
	Hash     holdfast.Hash `json:"hash"`
}

// Incident is one emergency.
type Incident struct {
	ID       string
	Revision holdfast.Revision
	State    State
	// Drill is true for a rehearsal.
	Drill bool
	Title string
	// Titles are the title in each language, if Holdfast says it.
	Titles holdfast.Text
	// Suggested is the level that a rule of the plan suggests while suspected;
	// Unknown asks for triage.
	Suggested holdfast.Level
	Rule      string
	Level     holdfast.Level
	Alerts    []string
	// Cause is what its alerts have in common; empty where they speak of the whole
	// system. LastAlert is when the latest of them came.
	Cause     string
	LastAlert time.Time
	// Tell lists the roles that are told of the suspicion.
	Tell []string

	Opened      time.Time
	OpenedBy    holdfast.Actor
	Confirmed   time.Time
	ConfirmedBy holdfast.Actor
	Ended       time.Time
	EndedBy     holdfast.Actor
	EndReason   string

	Plan      PlanRef
	Procedure procedure.Procedure
	Stages    []Stage // in step with Procedure.Stages
	Tasks     map[string]Task
	probes    map[probeKey]Probe
	ramp      Ramp     // of the task that ramped last
	added     []string // ramps that the procedures did not have
	limits    map[LimitKey]limitState
	// Held says who holds which post.
	Held      map[Post]Held
	Handovers []Handover
	// FalseAlarm is the wish to end it as one, until it was answered.
	FalseAlarm *FalseAlarm
	// Into is what it was merged into, Parts what was merged into it.
	Into  string
	Parts []Absorbed
	Links []Link
	// alone is what it was before it was merged; before counts the limits of stages
	// that were worked anew.
	alone     *Incident
	before    struct{ met, missed int }
	Decisions []Decision
	// Calls are in the order in which they were recorded.
	Calls       []Call
	escalations map[escalationKey]Escalation
	hooks       map[hookKey]Hook
	// Closed holds the figures as they were when the incident was closed.
	Closed *Figures

	Levels
}

// Stage is where a stage stands.
type Stage struct {
	Status procedure.Status
	Opened time.Time
	Ended  time.Time
	Note   string
	// Skip is set once someone has asked to skip the stage.
	Skip *Skip
}

// Skip is the wish to skip a stage.
type Skip struct {
	Reason    string
	By        holdfast.Actor
	At        time.Time
	GrantedBy holdfast.Actor
	Granted   bool
}

// Task is where a task stands.
type Task struct {
	Status   procedure.Status
	Opened   time.Time
	Owner    holdfast.Actor
	Taken    time.Time
	Ended    time.Time
	EndedBy  holdfast.Actor
	Note     string
	Evidence []Evidence
	// Deputised says that nobody took the task in time, and who stands in.
	Deputised *Deputised
	// Branch is the branch that it has come to, if one; Failed is when it was last said
	// to have been tried without success.
	Branch *Taken
	Failed time.Time
	// Items are those of its checklist up to the last that somebody ticked; Watched is
	// what was seen of the condition that it waits for.
	Items   []Tick
	Watched Watched
}

// Evidence is a file kept with an act.
type Evidence struct {
	Name string        `json:"name"`
	Type string        `json:"type"`
	Size int           `json:"size"`
	Hash holdfast.Hash `json:"hash"`
}

// probeKey keeps what a probe shows in one task from counting in another: a test
// that passed before the ramp says nothing of the time after it.
type probeKey struct{ task, probe string }

// Probe returns what a probe has shown in a task.
func (in *Incident) Probe(task, probe string) Probe { return in.probes[probeKey{task, probe}] }

// Probe is what a probe has shown in a task.
type Probe struct {
	// InARow counts the passes since the last failure.
	InARow int
	Last   ProbeRan
	At     time.Time
}

// Debrief is the summary after the emergency as it was before package debrief.
type Debrief struct {
	Summary      string        `json:"summary"`
	Causes       string        `json:"causes"`
	WentWell     string        `json:"went_well,omitempty"`
	Improvements []Improvement `json:"improvements"`
}

// Improvement is what will be changed, by whom, by when.
type Improvement struct {
	What string `json:"what"`
	Who  string `json:"who"`
	// Due is a date, 2026-12-31.
	Due string `json:"due"`
}

func subject(id string) holdfast.Subject { return holdfast.NewSubject("incident", id) }

// stage returns the index of the stage of a kind, or -1.
func (in *Incident) stage(k procedure.StageKind) int {
	return slices.IndexFunc(in.Procedure.Stages, func(s procedure.Stage) bool { return s.Kind == k })
}

// Ongoing reports whether the emergency itself goes on: it is suspected, or a
// stage before the debrief is not closed. What happens after that is another
// emergency, though this incident is still open.
func (in *Incident) Ongoing() bool {
	if in.State != Active {
		return in.State == Suspected
	}
	for i, s := range in.Stages {
		if in.Procedure.Stages[i].Kind != procedure.Review && !s.Status.Closed() {
			return true
		}
	}
	return false
}

// StageOpen reports whether the stage of a kind is open.
func (in *Incident) StageOpen(k procedure.StageKind) bool {
	i := in.stage(k)
	return i >= 0 && in.Stages[i].Status == procedure.Open
}

// OpenTask returns a task that can be worked on now.
func (in *Incident) OpenTask(id string) (procedure.Task, error) {
	if in == nil || in.State != Active {
		return procedure.Task{}, errState(in, Active)
	}
	i, t, ok := in.Procedure.Task(id)
	switch {
	case !ok:
		return procedure.Task{}, holdfast.Errorf(holdfast.NotFound, "the procedure of incident %s has no task %q", in.ID, id)
	case in.Tasks[id].Status.Closed():
		return procedure.Task{}, holdfast.Errorf(holdfast.Conflict, "task %s is %s already", id, in.Tasks[id].Status)
	case in.Tasks[id].Status != procedure.Open && in.Stages[i].Status == procedure.Open:
		return procedure.Task{}, holdfast.Errorf(holdfast.Conflict, "task %s waits for other tasks of its stage", id)
	case in.Tasks[id].Status != procedure.Open:
		return procedure.Task{}, holdfast.Errorf(holdfast.Conflict, "task %s belongs to the stage %q, which is not open yet", id, in.Procedure.Stages[i].Kind)
	}
	return t, nil
}

// event is the body of a fact. Each kind of fact has one type.
type event interface{ kind() string }

// folding is an event that says itself what it changes.
type folding interface {
	event
	fold(in *Incident, f holdfast.Fact)
}

// draft turns events into drafts, followed by what they bring about: stages
// that end and stages that open.
func (in *Incident) draft(events ...event) []journal.Draft {
	c := in.clone()
	c.Alerts = nil // nothing follows from them, and a storm's are too many to copy for each act
	var drafts []journal.Draft
	for i := 0; ; i++ {
		var e event
		if i < len(events) {
			e = events[i]
		} else if e = c.consequence(); e == nil {
			return drafts
		}
		drafts = append(drafts, journal.NewDraft(subject(in.ID), c.Revision, e.kind(), e))
		c.apply(e, holdfast.Fact{Revision: c.Revision + 1})
	}
}

// consequence returns the next stage to end or to open, or nil.
func (in *Incident) consequence() event {
	if in.State != Active {
		return nil
	}
	status := make([]procedure.Status, len(in.Stages))
	for i, s := range in.Stages {
		status[i] = s.Status
		if s.Status == procedure.Open && in.tasksClosed(i) {
			return StageDone{Stage: in.Procedure.Stages[i].Kind}
		}
	}
	for _, i := range in.Procedure.Openable(status) {
		return StageOpened{Stage: in.Procedure.Stages[i].Kind}
	}
	return nil
}

// tasksClosed reports whether a stage has tasks and all are done. A stage
// without tasks ends by an act of its own.
func (in *Incident) tasksClosed(i int) bool {
	tasks := in.Procedure.Stages[i].Tasks
	for _, t := range tasks {
		if !in.Tasks[t.ID].Status.Closed() {
			return false
		}
	}
	return len(tasks) > 0 && in.Procedure.Stages[i].Kind != procedure.Review
}

func (in *Incident) clone() *Incident {
	c := *in
	c.Alerts = slices.Clip(in.Alerts)
	c.Stages = slices.Clone(in.Stages)
	c.Tasks = maps.Clone(in.Tasks)
	c.probes = maps.Clone(in.probes)
	c.limits = maps.Clone(in.limits)
	c.Levels = in.Levels.clone()
	c.Held = maps.Clone(in.Held)
	c.escalations = maps.Clone(in.escalations)
	c.hooks = maps.Clone(in.hooks)
	return &c
}

func errState(in *Incident, want State) error {
	if in == nil {
		return holdfast.Errorf(holdfast.NotFound, "there is no such incident")
	}
	return holdfast.Errorf(holdfast.Conflict, "incident %s is %s, not %s", in.ID, in.State, want)
}

func decode[E event](f holdfast.Fact) (event, error) {
	var e E
	err := f.Decode(&e)
	return e, err
}

// decoders knows the kinds of facts.
var decoders = map[string]func(holdfast.Fact) (event, error){
	SuspectedFact{}.kind(): decode[SuspectedFact],
	AlertAdded{}.kind():    decode[AlertAdded],
	AlertsJoined{}.kind():  decode[AlertsJoined],
	AlertLeft{}.kind():     decode[AlertLeft],
	ConfirmedFact{}.kind(): decode[ConfirmedFact],
	DismissedFact{}.kind(): decode[DismissedFact],
	StageOpened{}.kind():   decode[StageOpened],
	StageDone{}.kind():     decode[StageDone],
	SkipAsked{}.kind():     decode[SkipAsked],
	SkipGranted{}.kind():   decode[SkipGranted],
	SkipRefused{}.kind():   decode[SkipRefused],
	TaskTaken{}.kind():     decode[TaskTaken],
	TaskDone{}.kind():      decode[TaskDone],
	Noted{}.kind():         decode[Noted],
	ProbeRan{}.kind():      decode[ProbeRan],
	Ramped{}.kind():        decode[Ramped],
	DebriefSaved{}.kind():  decode[DebriefSaved],
	ClosedFact{}.kind():    decode[ClosedFact],

	LimitAtRisk{}.kind():   decode[LimitAtRisk],
	LimitBreached{}.kind(): decode[LimitBreached],
	Deputised{}.kind():     decode[Deputised],

	LevelEvaluated{}.kind():   decode[LevelEvaluated],
	MeasureEntered{}.kind():   decode[MeasureEntered],
	LevelChanged{}.kind():     decode[LevelChanged],
	FallAsked{}.kind():        decode[FallAsked],
	FallRefused{}.kind():      decode[FallRefused],
	LevelKept{}.kind():        decode[LevelKept],
	PostFilled{}.kind():       decode[PostFilled],
	HandoverOffered{}.kind():  decode[HandoverOffered],
	HandoverAccepted{}.kind(): decode[HandoverAccepted],
	HandoverEnded{}.kind():    decode[HandoverEnded],
	DecisionAsked{}.kind():    decode[DecisionAsked],
	DecisionMade{}.kind():     decode[DecisionMade],
	Corrected{}.kind():        decode[Corrected],
	Escalated{}.kind():        decode[Escalated],
	RePaged{}.kind():          decode[RePaged],
	CallByHand{}.kind():       decode[CallByHand],
	Called{}.kind():           decode[Called],

	RampJudged{}.kind(): decode[RampJudged],
	RampKept{}.kind():   decode[RampKept],
	RampAdded{}.kind():  decode[RampAdded],
	RampClosed{}.kind(): decode[RampClosed],

	BranchTaken{}.kind():  decode[BranchTaken],
	BranchAgreed{}.kind(): decode[BranchAgreed],
	TaskFailed{}.kind():   decode[TaskFailed],

	WebhookAsked{}.kind():  decode[WebhookAsked],
	WebhookBegan{}.kind():  decode[WebhookBegan],
	WebhookEnded{}.kind():  decode[WebhookEnded],
	ItemTicked{}.kind():    decode[ItemTicked],
	ConditionSeen{}.kind(): decode[ConditionSeen],

	FalseAlarmAsked{}.kind():   decode[FalseAlarmAsked],
	FalseAlarmGranted{}.kind(): decode[FalseAlarmGranted],
	FalseAlarmRefused{}.kind(): decode[FalseAlarmRefused],
	Reopened{}.kind():          decode[Reopened],
	MergedFact{}.kind():        decode[MergedFact],
	Absorbed{}.kind():          decode[Absorbed],
	Unmerged{}.kind():          decode[Unmerged],
	Released{}.kind():          decode[Released],
	Linked{}.kind():            decode[Linked],
}

// Decode returns the body of an incident's fact: one of this package's types.
func Decode(f holdfast.Fact) (any, error) {
	d, ok := decoders[f.Kind]
	if !ok {
		return json.RawMessage(f.Body), nil
	}
	return d(f)
}
