package incident

import (
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// This file changes the level of an incident that goes on: up at once, by one
// person or by what the plan pre-authorises; down only with the consent of a second
// person. The procedure of the new level, of the same plan revision, takes the place
// of the old one and keeps what was done.
//
//   - A task that a person does stays done wherever the new procedure has one of the
//     same id.
//   - A notice is of its level: what was sent at a level is not sent again when the
//     incident comes back to it, and what another level says to whom is told anew.
//   - A directive's task stays done while the directive is in force; a stop that was
//     lifted is proposed again.
//   - Tests, the ramp and conditions waited for stay done only when the level falls and
//     the new procedure leaves nothing to handle: at a graver level payments are stopped,
//     and have to be tested and let in again.
//   - Ticks on a checklist stay where the new procedure has the same checklist.
//
// A stage stays closed where all its tasks do. What stands in the old procedure only
// is kept with its phase.

// LevelChanged puts another procedure in place.
type LevelChanged struct {
	From      holdfast.Level      `json:"from"`
	To        holdfast.Level      `json:"to"`
	Procedure procedure.Procedure `json:"procedure"`
	Reason    string              `json:"reason,omitempty"`
	// Automatic means that the plan pre-authorised it.
	Automatic bool `json:"automatic,omitempty"`
	// AskedBy asked for a fall; the fact's actor has consented.
	AskedBy *holdfast.Actor `json:"asked_by,omitempty"`
	// Tasks and Stages stay closed.
	Tasks  []string              `json:"tasks,omitempty"`
	Stages []procedure.StageKind `json:"stages,omitempty"`
}

// FallAsked asks for a lesser level.
type FallAsked struct {
	To     holdfast.Level `json:"to"`
	Reason string         `json:"reason"`
}

// FallRefused is the second person's refusal, or the first one's withdrawal.
type FallRefused struct {
	To     holdfast.Level `json:"to"`
	Reason string         `json:"reason,omitempty"`
}

func (LevelChanged) kind() string { return "incident.level-changed" }
func (FallAsked) kind() string    { return "incident.fall-asked" }
func (FallRefused) kind() string  { return "incident.fall-refused" }

// Levels is what an incident knows of its levels.
type Levels struct {
	// Evaluations are those stored, oldest first; Entered holds the measures that
	// people entered last.
	Evaluations []Evaluation
	Entered     map[string]Entry
	// Fall is the wish for a lesser level that waits for a second person.
	Fall *Fall
	// First is the level that the incident was confirmed at; Past are the phases at
	// levels that it has left, oldest first.
	First holdfast.Level
	Past  []Phase
	// since is when the present level began. held is the level that the criteria said
	// when people let the incident fall all the same: the plan's pre-authorisation does
	// not undo that until the criteria have let go of it.
	since time.Time
	held  holdfast.Level
	// Ask is what an alert asks for that nobody has decided on; kept is what somebody
	// has, and left the level as it is.
	Ask  *LevelAsk
	kept *holdfast.Level
}

// Fall is the wish for a lesser level.
type Fall struct {
	FallAsked
	By holdfast.Actor
	At time.Time
}

// Phase is the time that an incident spent at one level, with what was done in it.
type Phase struct {
	Level       holdfast.Level
	Began, Left time.Time
	// Why and By are of the change that ended it.
	Why       string
	Automatic bool
	By        holdfast.Actor
	AskedBy   *holdfast.Actor
	Procedure procedure.Procedure
	Stages    []Stage
	Tasks     map[string]Task
	// met and missed count the limits of this phase.
	met, missed int
}

// LevelSince returns when the incident came to its level.
func (in *Incident) LevelSince() time.Time { return in.since }

// carried reports whether what ended was closed at a level that the incident has
// left: the present level's limit is none of it.
func (in *Incident) carried(ended time.Time) bool {
	return len(in.Past) > 0 && !ended.IsZero() && !ended.After(in.since)
}

// Round tells apart the notices of one task at different levels: 0 at the level the
// incident was confirmed at, else the level. Coming back to a level is the same round.
func (in *Incident) Round() int {
	if in.Level == in.First {
		return 0
	}
	return int(in.Level)
}

// Flow is the procedure that an incident would run at a level, and what of it
// still holds outside the incident.
type Flow struct {
	Plan      PlanRef
	Procedure procedure.Procedure
	// Holds reports whether a directive that a task proposed is still in force.
	Holds func(task string) bool
}

// Judge stores an evaluation if it says something new, and takes the level that the
// plan pre-authorises. Flow returns the procedure of a level.
func Judge(in *Incident, e LevelEvaluated, now time.Time, flow func(holdfast.Level) (Flow, bool)) []journal.Draft {
	if in == nil || !in.Ongoing() {
		return nil
	}
	var events []event
	if in.noteworthy(e, now) {
		events = append(events, e)
	}
	// It rises only on what the journal holds, and by a change of level that an
	// incident can still carry out.
	if f, known := flow(e.Level); known && e.preAuthorised() && (in.State == Suspected || Graver(e.Level, in.Level)) && !in.isHeld(e.Level) {
		events = []event{e, in.changed(f, LevelChanged{To: e.Level, Automatic: true})}
		if in.State == Suspected {
			events[1] = ConfirmedFact{Level: e.Level, Plan: f.Plan, Procedure: f.Procedure, Automatic: true}
		}
	}
	if len(events) == 0 {
		return nil
	}
	return in.draft(events...)
}

func (in *Incident) isHeld(l holdfast.Level) bool {
	return in.held != holdfast.Unknown && !Graver(l, in.held)
}

// Rise brings an incident to a graver level at once. Seen are the evaluations that
// it rests on, as Confirm has them; with one that says the level no reason is needed.
func Rise(in *Incident, f Flow, reason string, seen ...LevelEvaluated) ([]journal.Draft, error) {
	if err := in.mayChange(); err != nil {
		return nil, err
	}
	to := f.Procedure.Level
	if !Graver(to, in.Level) {
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s is at level %s already; to a lesser one it falls with the consent of a second person", in.ID, in.Level).At("level")
	}
	says := in.Ask != nil && in.Ask.Level == to || slices.ContainsFunc(seen, func(e LevelEvaluated) bool { return e.Level == to })
	if !says || reason != "" {
		if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "the criteria do not say level %s: write why it is", to)); err != nil {
			return nil, err
		}
	}
	return in.draft(append(in.unstored(seen), in.changed(f, LevelChanged{To: to, Reason: payment.Mask(strings.TrimSpace(reason))}))...), nil
}

// unstored returns the evaluations that say something else than the last on record.
func (in *Incident) unstored(seen []LevelEvaluated) (events []event) {
	for _, e := range seen {
		if last, ok := in.Evaluated(); !ok || !e.SameResult(last.LevelEvaluated) || !e.sameInputs(last.LevelEvaluated) {
			events = append(events, e)
		}
	}
	return events
}

// AskFall asks for a lesser level.
func AskFall(in *Incident, to holdfast.Level, reason string) ([]journal.Draft, error) {
	if err := in.mayChange(); err != nil {
		return nil, err
	}
	if to > holdfast.Level3 || !Graver(in.Level, to) || to == holdfast.Unknown {
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s is at level %s; only a lesser one needs a second person", in.ID, in.Level).At("level")
	}
	if in.Fall != nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "%s has asked for level %s already; a second person has to answer first", in.Fall.By, in.Fall.To)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the level may be lesser now")); err != nil {
		return nil, err
	}
	return in.draft(FallAsked{To: to, Reason: payment.Mask(reason)}), nil
}

// GrantFall is the consent of a second person to a lesser level.
func GrantFall(in *Incident, f Flow, by holdfast.Actor) ([]journal.Draft, error) {
	fall, err := in.fallAsked()
	if err != nil {
		return nil, err
	}
	if by.SameParty(fall.By) {
		return nil, holdfast.Errorf(holdfast.Forbidden, "you asked for level %s; a second person has to consent", fall.To)
	}
	if f.Procedure.Level != fall.To {
		return nil, holdfast.Errorf(holdfast.Invalid, "the plan in force has no procedure for level %s", fall.To).At("level")
	}
	return in.draft(in.changed(f, LevelChanged{To: fall.To, Reason: fall.Reason, AskedBy: &fall.By})), nil
}

// RefuseFall ends the wish for a lesser level. Whoever did not ask says why.
func RefuseFall(in *Incident, by holdfast.Actor, reason string) ([]journal.Draft, error) {
	fall, err := in.fallAsked()
	if err != nil {
		return nil, err
	}
	if !by.SameParty(fall.By) {
		if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the level stays")); err != nil {
			return nil, err
		}
	}
	if len(reason) > maxText {
		return nil, errLong("reason")
	}
	return in.draft(FallRefused{To: fall.To, Reason: payment.Mask(reason)}), nil
}

func (in *Incident) fallAsked() (*Fall, error) {
	if err := in.mayChange(); err != nil {
		return nil, err
	}
	if in.Fall == nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "nobody has asked for a lesser level of incident %s", in.ID)
	}
	return in.Fall, nil
}

func (in *Incident) mayChange() error {
	if in == nil || in.State != Active {
		return errState(in, Active)
	}
	if !in.Ongoing() {
		return holdfast.Errorf(holdfast.Conflict, "incident %s only awaits its debrief; what happens now is another incident", in.ID)
	}
	return nil
}

// changed completes a change with what stays closed.
func (in *Incident) changed(f Flow, e LevelChanged) LevelChanged {
	e.From, e.Procedure = in.Level, f.Procedure
	kept := map[string]bool{}
	handled := true // whether nothing is left to analyse or to handle
	for _, s := range f.Procedure.Stages {
		for _, t := range s.Tasks {
			if kept[t.ID] = in.stays(t, e.To, f, handled); kept[t.ID] {
				e.Tasks = append(e.Tasks, t.ID)
			}
		}
		if in.stageStays(s, kept) {
			e.Stages = append(e.Stages, s.Kind)
		} else if s.Kind == procedure.Analyse || s.Kind == procedure.Handle {
			handled = false
		}
	}
	return e
}

// stays reports whether a task of the new procedure is closed by what was done.
func (in *Incident) stays(t procedure.Task, to holdfast.Level, f Flow, handled bool) bool {
	rising := Graver(to, in.Level)
	done, was, level := in.lastDone(t, to)
	if !was || done.Status == procedure.Skipped && rising {
		return false
	}
	old, _ := in.defined(t.ID, level)
	switch {
	case !old.SameAction(t):
		return false
	case t.Directive != nil:
		return f.Holds != nil && f.Holds(t.ID)
	case len(t.Probes) > 0 || t.Ramp != nil || t.Wait != nil:
		return !rising && handled
	default:
		return true
	}
}

// lastDone finds how a task was closed, and at which level: now, or in an earlier
// phase. A notice counts only at the level it was sent at.
func (in *Incident) lastDone(t procedure.Task, to holdfast.Level) (Task, bool, holdfast.Level) {
	if was, known := in.Tasks[t.ID]; known && was.Status.Closed() && t.Notice == nil {
		return was, true, in.Level
	}
	for _, p := range slices.Backward(in.Past) {
		if was, known := p.Tasks[t.ID]; known && was.Status.Closed() && (t.Notice == nil || p.Level == to) {
			return was, true, p.Level
		}
	}
	return Task{}, false, 0
}

// defined returns what a task was at a level.
func (in *Incident) defined(id string, level holdfast.Level) (procedure.Task, bool) {
	if level == in.Level {
		_, t, ok := in.Procedure.Task(id)
		return t, ok
	}
	for _, p := range slices.Backward(in.Past) {
		if p.Level == level {
			_, t, ok := p.Procedure.Task(id)
			return t, ok
		}
	}
	return procedure.Task{}, false
}

// stageStays reports whether a stage of the new procedure is closed by what was
// done: what led here always is.
func (in *Incident) stageStays(s procedure.Stage, kept map[string]bool) bool {
	switch s.Kind {
	case procedure.Detect, procedure.Confirm:
		return true
	case procedure.Review:
		return false
	}
	for _, t := range s.Tasks {
		if !kept[t.ID] {
			return false
		}
	}
	if len(s.Tasks) > 0 {
		return true
	}
	i := in.stage(s.Kind)
	return i >= 0 && in.Stages[i].Status == procedure.Done && len(in.Procedure.Stages[i].Tasks) == 0
}

// After is what an incident would look like once it has come to the level of a
// flow: what stays done, what opens at once, what waits.
func After(in *Incident, f Flow, now time.Time) *Incident {
	c := in.clone()
	var e event = in.changed(f, LevelChanged{To: f.Procedure.Level})
	for ; e != nil; e = c.consequence() {
		c.apply(e, holdfast.Fact{Revision: c.Revision + 1, Time: now})
	}
	return c
}
