package incident

import (
	"time"

	"holdfast"
	"holdfast/internal/procedure"
)

// SuspectedFact opens an incident.
type SuspectedFact struct {
	Title string `json:"title"`
	// Titles are the title in each language, where Holdfast says it; what a person or
	// another system writes stands in Title alone.
	Titles holdfast.Text  `json:"titles,omitzero"`
	Level  holdfast.Level `json:"level,omitempty"`
	Rule   string         `json:"rule,omitempty"`
	Alerts []string       `json:"alerts,omitempty"`
	Drill  bool           `json:"drill,omitempty"`
	// Cause is what its alerts have in common, and Tell the roles that its rule tells
	// of the suspicion.
	Cause string   `json:"cause,omitempty"`
	Tell  []string `json:"tell,omitempty"`
}

// AlertAdded joins an alert to an open incident.
type AlertAdded struct {
	Alert string `json:"alert"`
	// Level and Rule: what a rule of the plan suggests for the alert, if one does.
	Level holdfast.Level `json:"level,omitempty"`
	Rule  string         `json:"rule,omitempty"`
}

// ConfirmedFact sets the level and starts its procedure.
type ConfirmedFact struct {
	Level     holdfast.Level      `json:"level"`
	Plan      PlanRef             `json:"plan"`
	Procedure procedure.Procedure `json:"procedure"`
	Note      string              `json:"note,omitempty"`
	// Automatic means that the plan pre-authorised it by the level's criteria.
	Automatic bool `json:"automatic,omitempty"`
}

// DismissedFact ends a suspicion that was none.
type DismissedFact struct {
	Reason string `json:"reason"`
}

// StageOpened and StageDone mark a stage's begin and end.
type StageOpened struct {
	Stage procedure.StageKind `json:"stage"`
}

// StageDone ends a stage.
type StageDone struct {
	Stage procedure.StageKind `json:"stage"`
	Note  string              `json:"note,omitempty"`
}

// SkipAsked asks for a stage to be skipped.
type SkipAsked struct {
	Stage  procedure.StageKind `json:"stage"`
	Reason string              `json:"reason"`
}

// SkipGranted is the second person's consent.
type SkipGranted struct {
	Stage procedure.StageKind `json:"stage"`
}

// SkipRefused is the second person's refusal, or the first one's withdrawal.
type SkipRefused struct {
	Stage  procedure.StageKind `json:"stage"`
	Reason string              `json:"reason,omitempty"`
}

// TaskTaken says who does a task.
type TaskTaken struct {
	Task string `json:"task"`
}

// TaskDone ends a task.
type TaskDone struct {
	Task     string     `json:"task"`
	Note     string     `json:"note,omitempty"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Noted adds to the timeline.
type Noted struct {
	Task     string     `json:"task,omitempty"`
	Text     string     `json:"text"`
	Evidence []Evidence `json:"evidence,omitempty"`
}

// ProbeRan is the result of one probe.
type ProbeRan struct {
	Task   string `json:"task,omitempty"`
	Probe  string `json:"probe"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail"`
	// Millis is how long it took, in milliseconds.
	Millis int64 `json:"millis"`
}

// DebriefKind is the kind of fact that held a debrief before package debrief did.
const DebriefKind = "incident.debrief-saved"

// DebriefSaved holds the debrief as it was then written.
type DebriefSaved struct {
	Debrief
}

// ClosedFact ends an incident, with the figures as they were then.
type ClosedFact struct {
	Figures Figures `json:"figures"`
}

// Figures are the measured facts of an incident. Zero times mean "did not
// happen".
type Figures struct {
	Detected      time.Time `json:"detected"`
	Confirmed     time.Time `json:"confirmed"`
	Notified      time.Time `json:"notified,omitzero"`
	Stopped       time.Time `json:"stopped,omitzero"`
	StopConfirmed time.Time `json:"stop_confirmed,omitzero"`
	Convened      time.Time `json:"convened,omitzero"`
	Handled       time.Time `json:"handled,omitzero"`
	Recovered     time.Time `json:"recovered,omitzero"`
	// Declined counts payments and refunds declined by directives between the
	// stop and the recovery; DeclinedAmount sums them by currency in minor units.
	Declined int64 `json:"declined"`
	// DeclinedAtLeast means that counts of part of the time are missing.
	DeclinedAtLeast bool             `json:"declined_at_least,omitempty"`
	DeclinedAmount  map[string]int64 `json:"declined_amount,omitempty"`
	// Untraced is how many payments that gates approved were lost track of, at least, with
	// an advice source that is gone for good: nothing explains them. UntracedAmount sums
	// them by currency in minor units.
	Untraced       int64            `json:"untraced,omitempty"`
	UntracedAmount map[string]int64 `json:"untraced_amount,omitempty"`
	// SourcesLost is of how many stand-ins the source is gone.
	SourcesLost int `json:"sources_lost,omitempty"`
	// InFlight, Done, NotDone, Unknown and NotKnown are the stops' totals.
	InFlight int `json:"in_flight"`
	Done     int `json:"done"`
	NotDone  int `json:"not_done"`
	Unknown  int `json:"unknown"`
	NotKnown int `json:"not_known"`
	// Told and Acknowledged count people.
	Told         int `json:"told"`
	Acknowledged int `json:"acknowledged"`
	// LimitsMet and LimitsMissed count the limits of stages and tasks.
	LimitsMet    int `json:"limits_met,omitempty"`
	LimitsMissed int `json:"limits_missed,omitempty"`
}

func (SuspectedFact) kind() string { return "incident.suspected" }
func (AlertAdded) kind() string    { return "incident.alert-added" }
func (ConfirmedFact) kind() string { return "incident.confirmed" }
func (DismissedFact) kind() string { return "incident.dismissed" }
func (StageOpened) kind() string   { return "incident.stage-opened" }
func (StageDone) kind() string     { return "incident.stage-done" }
func (SkipAsked) kind() string     { return "incident.skip-asked" }
func (SkipGranted) kind() string   { return "incident.skip-granted" }
func (SkipRefused) kind() string   { return "incident.skip-refused" }
func (TaskTaken) kind() string     { return "incident.task-taken" }
func (TaskDone) kind() string      { return "incident.task-done" }
func (Noted) kind() string         { return "incident.noted" }
func (ProbeRan) kind() string      { return "incident.probe-ran" }
func (DebriefSaved) kind() string  { return DebriefKind }
func (ClosedFact) kind() string    { return "incident.closed" }
