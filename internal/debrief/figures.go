package debrief

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
)

// Figures is what the record shows of an incident.
type Figures struct {
	// Position is that of the last fact that was read, At when.
	Position holdfast.Position `json:"position"`
	At       time.Time         `json:"at"`
	// Record follows from the incident's facts alone, so whoever has them works it
	// out again; see [Work].
	Record Record `json:"record"`
	// Counts and Owed were read when the figures were taken: the gates' counts are
	// kept for two days, and a due time rests on rules and calendars.
	Counts Counts `json:"counts"`
	Owed   []Owed `json:"owed,omitempty"`
}

// Record is what the facts of an incident say.
type Record struct {
	Level  holdfast.Level   `json:"level"`
	Drill  bool             `json:"drill,omitempty"`
	Plan   incident.PlanRef `json:"plan"`
	Times  []Span           `json:"times"`
	People []Told           `json:"people,omitempty"`
	Limits []Limit          `json:"limits,omitempty"`
	// LimitsMet and LimitsMissed count over all, those of stages that were worked anew
	// among them.
	LimitsMet    int                `json:"limits_met"`
	LimitsMissed int                `json:"limits_missed"`
	Steps        []Step             `json:"steps,omitempty"`
	Evaluations  Evaluations        `json:"evaluations"`
	Changes      []LevelChange      `json:"changes,omitempty"`
	Stated       []Stated           `json:"stated,omitempty"`
	Decisions    []Decision         `json:"decisions,omitempty"`
	Directives   []DirectiveSummary `json:"directives,omitempty"`
}

// The spans that are measured, in this order.
const (
	ToDetect        = "detect"
	ToConfirm       = "confirm"
	ToNotify        = "notify"
	ToStop          = "stop"
	ToStopConfirmed = "stop-confirmed"
	ToConvene       = "convene"
	ToRecover       = "recover"
)

// Spans lists them.
var Spans = [...]string{ToDetect, ToConfirm, ToNotify, ToStop, ToStopConfirmed, ToConvene, ToRecover}

// Where an instant comes from.
const (
	// FromAlert: the start that the sender of an alert told; Ref is the alert.
	FromAlert = "alert"
	// FromPerson: a person corrected a moment of the incident.
	FromPerson    = "person"
	FromOpened    = "opened"
	FromConfirmed = "confirmed"
	// FromStage: the stage Ref ended.
	FromStage = "stage"
	// FromIssued and FromAcknowledged: the directive Ref went into force, and every
	// gate was accounted for.
	FromIssued       = "issued"
	FromAcknowledged = "acknowledged"
)

// Why an instant is missing.
const (
	// NoStart: nothing says that it began before it was noticed.
	NoStart = "no-start"
	// NoStage: the procedure has no such stage.
	NoStage = "no-stage"
	// NotEnded and Skipped: of the stage.
	NotEnded     = "not-ended"
	StageSkipped = "skipped"
	// NoStop: payments were not stopped.
	NoStop = "no-stop"
	// NotConfirmed: some gate was not accounted for, or there is no confirmation.
	NotConfirmed = "not-confirmed"
)

// Instant is one end of a span.
type Instant struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	Ref    string    `json:"ref,omitempty"`
	// Position is that of the fact that says so; 0 where none of the incident's does.
	Position holdfast.Position `json:"position,omitempty"`
}

// Span is one measured time.
type Span struct {
	Name string   `json:"name"`
	From *Instant `json:"from,omitempty"`
	To   *Instant `json:"to,omitempty"`
	// Missing says why From or To is.
	Missing string `json:"missing,omitempty"`
}

// Took is how long it took. It is not known where an end is missing, and negative
// where the end came first: a stop that was in force before the confirmation.
func (s Span) Took() (took time.Duration, known bool) {
	if s.From == nil || s.To == nil {
		return 0, false
	}
	return s.To.At.Sub(s.From.At), true
}

// Span returns one by its name.
func (r Record) Span(name string) Span {
	for _, s := range r.Times {
		if s.Name == name {
			return s
		}
	}
	return Span{Name: name}
}

// Told is one person, over all tasks.
type Told struct {
	Person string `json:"person"`
	Name   string `json:"name"`
	// Asked is when the first notice to him was made.
	Asked time.Time `json:"asked,omitzero"`
	// Reached is when the first one was delivered, or he answered a call, and Channel
	// over what.
	Reached time.Time `json:"reached,omitzero"`
	Channel string    `json:"channel,omitempty"`
	// Acknowledged is when he first did, How in which way.
	Acknowledged time.Time `json:"acknowledged,omitzero"`
	How          string    `json:"how,omitempty"`
	// Notices and Calls count, Failed those notices that were given up.
	Notices int `json:"notices,omitempty"`
	Failed  int `json:"failed,omitempty"`
	Calls   int `json:"calls,omitempty"`
}

// Limit is one limit of a stage, a task or a command that has run.
type Limit struct {
	Level holdfast.Level   `json:"level"`
	Of    incident.LimitOf `json:"of"`
	ID    string           `json:"id"`
	Title holdfast.Text    `json:"title,omitzero"`
	Due   time.Time        `json:"due"`
	// Ended is when the thing was done; missing where it was not.
	Ended time.Time `json:"ended,omitzero"`
	// Result is met, missed, skipped or open.
	Result string `json:"result"`
}

// What became of a limit.
const (
	Met     = "met"
	Missed  = "missed"
	Skipped = "skipped"
	Open    = "open"
)

// Late is by how much a limit was missed, as far as is known.
func (l Limit) Late() time.Duration {
	if l.Result != Missed || l.Ended.IsZero() {
		return 0
	}
	return l.Ended.Sub(l.Due)
}

// Step is a stage of the plan, or with Task a task of it, at one level.
type Step struct {
	Level holdfast.Level `json:"level"`
	Stage string         `json:"stage"`
	Task  string         `json:"task,omitempty"`
	Title holdfast.Text  `json:"title,omitzero"`
	// Status is done, skipped, open or waiting.
	Status string    `json:"status"`
	Opened time.Time `json:"opened,omitzero"`
	Ended  time.Time `json:"ended,omitzero"`
	By     string    `json:"by,omitempty"`
	// Why is what was noted at its end: of what was skipped, the reason.
	Why string `json:"why,omitempty"`
	// Consent is who agreed to skip it.
	Consent string `json:"consent,omitempty"`
}

// Evaluations is how the plan's criteria judged the level.
type Evaluations struct {
	// Stored counts those on the timeline; Turns are those whose result differs from
	// the one before, with their inputs.
	Stored int    `json:"stored"`
	Turns  []Turn `json:"turns,omitempty"`
	// Left counts turns that are on the timeline and, being too many, not here.
	Left int `json:"left,omitempty"`
}

// Turn is an evaluation that said another thing than the one before.
type Turn struct {
	Judged time.Time `json:"at"`
	incident.LevelEvaluated
}

// LevelChange is a change of the level while the incident ran.
type LevelChange struct {
	At        time.Time      `json:"at"`
	From      holdfast.Level `json:"from"`
	To        holdfast.Level `json:"to"`
	Why       string         `json:"why,omitempty"`
	By        string         `json:"by,omitempty"`
	AskedBy   string         `json:"asked_by,omitempty"`
	Automatic bool           `json:"automatic,omitempty"`
}

// Stated is a measure as a person entered it last: what no gate counts.
type Stated struct {
	Measure string    `json:"measure"`
	Value   any       `json:"value"`
	Note    string    `json:"note,omitempty"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// Decision is one on the incident.
type Decision struct {
	ID         string    `json:"id"`
	Question   string    `json:"question"`
	Options    []string  `json:"options"`
	Asked      time.Time `json:"asked"`
	Made       time.Time `json:"made,omitzero"`
	By         string    `json:"by,omitempty"`
	Chosen     string    `json:"chosen,omitempty"`
	Why        string    `json:"why,omitempty"`
	Reversible bool      `json:"reversible,omitempty"`
}

// DirectiveSummary is one directive that was issued, or asked for and not.
type DirectiveSummary struct {
	ID            string    `json:"id"`
	Kind          string    `json:"kind"`
	Scope         string    `json:"scope"`
	Share         float64   `json:"share,omitempty"`
	State         string    `json:"state"`
	ProposedBy    string    `json:"proposed_by"`
	ApprovedBy    string    `json:"approved_by,omitempty"`
	PreAuthorised bool      `json:"pre_authorised,omitempty"`
	Issued        time.Time `json:"issued,omitzero"`
	// Confirmed is missing where some gate was never accounted for.
	Confirmed time.Time `json:"confirmed,omitzero"`
	Gates     int       `json:"gates,omitempty"`
	Ended     time.Time `json:"ended,omitzero"`
	EndedBy   string    `json:"ended_by,omitempty"`
	EndReason string    `json:"end_reason,omitempty"`
}

// Counts is what the gates counted from when it began until payments were back.
type Counts struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Known is false where no gate said anything of the time; the numbers are then
	// missing, not zero. AtLeast means that counts of a part are missing.
	Known   bool `json:"known"`
	AtLeast bool `json:"at_least,omitempty"`
	// Declined by directives, Failed at the primary, and Unknown are attempts: who
	// tries again is counted again.
	Declined Sum `json:"declined"`
	Failed   Sum `json:"failed"`
	Unknown  Sum `json:"unknown"`
	// StoodIn was approved by gates in the primary's place; nil in figures of before
	// there was stand-in.
	StoodIn *Sum `json:"stood_in,omitempty"`
	// Untraced was approved by gates, and lost track of with an advice source that is gone
	// for good: at least so much. Nil if none is.
	Untraced *Sum `json:"untraced,omitempty"`
	// Payers is about how many distinct payers these are of; nil in figures of before
	// they were counted.
	Payers *Payers `json:"payers,omitempty"`
	// Stop is what was in flight when payments were stopped.
	Stop *InFlight `json:"stop,omitempty"`
	// Outcomes is what became of payments that were left unknown; nil in figures of before
	// it was taken, and of a drill.
	Outcomes *Outcomes `json:"outcomes,omitempty"`
}

// Payers are distinct payers, with a standard error of traffic.PayersError, in the
// minutes that the time touches. Who met several is in each, and once in All. AtLeast
// means that some could not be counted.
type Payers struct {
	Declined int64 `json:"declined"`
	Failed   int64 `json:"failed"`
	Unknown  int64 `json:"unknown"`
	All      int64 `json:"all"`
	AtLeast  bool  `json:"at_least,omitempty"`
}

// Sum is a number of payments and their amounts, in minor units by currency.
type Sum struct {
	Count   int64            `json:"count"`
	Amounts map[string]int64 `json:"amounts,omitempty"`
}

// InFlight is what became of the payments in flight at the stops.
type InFlight struct {
	Payments int `json:"payments"`
	Done     int `json:"done"`
	NotDone  int `json:"not_done"`
	Unknown  int `json:"unknown"`
	// NotKnown counts gates that have not said what they had in flight.
	NotKnown int `json:"not_known"`
}

// Owed is one report that a regulator was to get.
type Owed struct {
	Clock     string        `json:"clock"`
	Title     holdfast.Text `json:"title"`
	Recipient holdfast.Text `json:"recipient"`
	// Applies is yes or unknown.
	Applies   string    `json:"applies"`
	State     string    `json:"state"`
	Due       time.Time `json:"due,omitzero"`
	Submitted time.Time `json:"submitted,omitzero"`
	Late      bool      `json:"late,omitempty"`
	Explained string    `json:"explained,omitempty"`
}
