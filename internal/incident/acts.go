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

// Limits on what a person may write, in bytes.
const (
	maxTitle    = 200
	maxText     = 8000
	maxEvidence = 20
)

// Suspect opens an incident.
func Suspect(b *Book, s SuspectedFact, now time.Time) (string, []journal.Draft, error) {
	if s.clean(); s.Title == "" {
		return "", nil, holdfast.Errorf(holdfast.Invalid, "an incident needs a title").At("title")
	}
	in := &Incident{ID: b.NextID(now)}
	return in.ID, in.draft(s), nil
}

// Graver reports whether level l asks for more than the other. A known level
// says more than one that is still to be judged.
func Graver(l, than holdfast.Level) bool {
	return l != holdfast.Unknown && (than == holdfast.Unknown || l < than)
}

// AddAlert joins an alert to an incident that is not over. While the incident is
// suspected, an alert whose rule suggests a graver level raises the suggestion.
func AddAlert(in *Incident, e AlertAdded) ([]journal.Draft, error) {
	if in == nil || in.Over() {
		return nil, errState(in, Suspected)
	}
	for _, a := range in.Alerts {
		if a == e.Alert {
			return nil, nil
		}
	}
	return in.draft(e), nil
}

// Over reports whether the incident is closed, dismissed or merged into another.
func (in *Incident) Over() bool {
	return in.State == Closed || in.State == Dismissed || in.State == Merged
}

// Confirm sets the level and starts its procedure (R4.2). Seen are the evaluations
// that were before the eyes of whoever confirms: what they say anew is stored with it.
func Confirm(in *Incident, level holdfast.Level, plan PlanRef, p procedure.Procedure, note string, seen ...LevelEvaluated) ([]journal.Draft, error) {
	switch {
	case in == nil || in.State != Suspected:
		return nil, errState(in, Suspected)
	case level == holdfast.Unknown || p.Level != level:
		return nil, holdfast.Errorf(holdfast.Invalid, "the plan in force has no procedure for level %s", level).At("level")
	case len(note) > maxText:
		return nil, errLong("note")
	}
	return in.draft(append(in.unstored(seen), ConfirmedFact{Level: level, Plan: plan, Procedure: p, Note: payment.Mask(note)})...), nil
}

// Dismiss ends a suspicion that was none.
func Dismiss(in *Incident, reason string) ([]journal.Draft, error) {
	if in == nil || in.State != Suspected {
		return nil, errState(in, Suspected)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why this is no emergency")); err != nil {
		return nil, err
	}
	return in.draft(DismissedFact{payment.Mask(reason)}), nil
}

// Take says that the actor does a task, from whoever did it before.
func Take(in *Incident, task string, by holdfast.Actor) ([]journal.Draft, error) {
	if _, err := in.OpenTask(task); err != nil {
		return nil, err
	}
	if in.Tasks[task].Owner.SameParty(by) {
		return nil, nil
	}
	return in.draft(TaskTaken{task}), nil
}

// Done ends a task that a person does. A task with an action ends by what the
// action brings about; a person may still end one that tells people, since they
// can be told by hand.
func Done(in *Incident, task, note string, evidence []Evidence) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	switch {
	case t.Directive != nil || t.Probes != nil || t.Ramp != nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "task %s ends by itself when its action has succeeded; to go on without it, skip the stage", task)
	case in.endsByHand(t, note) != nil:
		return nil, in.endsByHand(t, note)
	case (t.Evidence || t.Notice != nil) && strings.TrimSpace(note) == "" && len(evidence) == 0:
		return nil, holdfast.Errorf(holdfast.Invalid, "task %s needs evidence: write what was done, or add a file", task).At("note")
	case len(note) > maxText:
		return nil, errLong("note")
	case len(evidence) > maxEvidence:
		return nil, holdfast.Errorf(holdfast.TooLarge, "at most %d files at once", maxEvidence).At("evidence")
	}
	return in.draft(TaskDone{Task: task, Note: payment.Mask(note), Evidence: evidence}), nil
}

// Succeed ends a task whose action has succeeded. It changes nothing if the
// task is not open.
func Succeed(in *Incident, task, note string) []journal.Draft {
	if _, err := in.OpenTask(task); err != nil {
		return nil
	}
	return in.draft(TaskDone{Task: task, Note: note})
}

// EndStage ends a stage that has no tasks.
func EndStage(in *Incident, k procedure.StageKind, note string) ([]journal.Draft, error) {
	i, err := in.openStageIndex(k)
	if err != nil {
		return nil, err
	}
	if len(in.Procedure.Stages[i].Tasks) > 0 || k == procedure.Review {
		return nil, holdfast.Errorf(holdfast.Conflict, "stage %s ends when its tasks are done", k)
	}
	if err := needText("note", note, holdfast.Errorf(holdfast.Invalid, "write what was done")); err != nil {
		return nil, err
	}
	return in.draft(StageDone{Stage: k, Note: payment.Mask(note)}), nil
}

func (in *Incident) openStageIndex(k procedure.StageKind) (int, error) {
	if in == nil || in.State != Active {
		return 0, errState(in, Active)
	}
	i := in.stage(k)
	if i < 0 || in.Stages[i].Status != procedure.Open {
		return 0, holdfast.Errorf(holdfast.Conflict, "stage %s is not open", k)
	}
	return i, nil
}

// AskSkip asks for an open stage to be skipped.
func AskSkip(in *Incident, k procedure.StageKind, reason string) ([]journal.Draft, error) {
	i, err := in.openStageIndex(k)
	if err != nil {
		return nil, err
	}
	if in.Stages[i].Skip != nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "%s has asked to skip stage %s already; a second person has to consent", in.Stages[i].Skip.By, k)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the stage is skipped")); err != nil {
		return nil, err
	}
	return in.draft(SkipAsked{Stage: k, Reason: payment.Mask(reason)}), nil
}

// GrantSkip is the consent of a second person.
func GrantSkip(in *Incident, k procedure.StageKind, by holdfast.Actor) ([]journal.Draft, error) {
	skip, err := in.skipAsked(k)
	if err != nil {
		return nil, err
	}
	if by.SameParty(skip.By) {
		return nil, holdfast.Errorf(holdfast.Forbidden, "you asked to skip stage %s; a second person has to consent", k)
	}
	return in.draft(SkipGranted{k}), nil
}

// RefuseSkip ends the wish to skip a stage.
func RefuseSkip(in *Incident, k procedure.StageKind, reason string) ([]journal.Draft, error) {
	if _, err := in.skipAsked(k); err != nil {
		return nil, err
	}
	if len(reason) > maxText {
		return nil, errLong("reason")
	}
	return in.draft(SkipRefused{k, payment.Mask(reason)}), nil
}

func (in *Incident) skipAsked(k procedure.StageKind) (*Skip, error) {
	i, err := in.openStageIndex(k)
	if err != nil {
		return nil, err
	}
	if in.Stages[i].Skip == nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "nobody has asked to skip stage %s", k)
	}
	return in.Stages[i].Skip, nil
}

// Note adds to the timeline of an incident that is not over; task may be empty.
func Note(in *Incident, task, text string, evidence []Evidence) ([]journal.Draft, error) {
	if in == nil || in.Over() {
		return nil, errState(in, Active)
	}
	if _, ok := in.Tasks[task]; task != "" && !ok {
		return nil, holdfast.Errorf(holdfast.NotFound, "the procedure of incident %s has no task %q", in.ID, task)
	}
	if len(evidence) > maxEvidence {
		return nil, holdfast.Errorf(holdfast.TooLarge, "at most %d files at once", maxEvidence).At("evidence")
	}
	if len(evidence) == 0 {
		if err := needText("text", text, holdfast.Errorf(holdfast.Invalid, "write the note")); err != nil {
			return nil, err
		}
	}
	if len(text) > maxText {
		return nil, errLong("text")
	}
	return in.draft(Noted{Task: task, Text: payment.Mask(text), Evidence: evidence}), nil
}

// Probed records a probe's result in a task and ends the task when every probe
// of it has passed as often in a row as it must.
func Probed(in *Incident, task string, r ProbeRan, times func(probe string) int) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(t.Probes, r.Probe) {
		return nil, holdfast.Errorf(holdfast.Invalid, "task %s has no probe %q", task, r.Probe)
	}
	r.Task, r.Detail = task, cut(payment.Mask(r.Detail), maxText)
	events := []event{r}
	after := in.clone()
	after.apply(r, holdfast.Fact{Revision: in.Revision + 1})
	passed := true
	for _, p := range t.Probes {
		passed = passed && after.Probe(task, p).InARow >= max(1, times(p))
	}
	if passed {
		events = append(events, TaskDone{Task: task, Note: "all probes passed"})
	}
	return in.draft(events...), nil
}

// Close ends an incident whose stages are all closed; where the procedure has a
// review, debriefed says what the debrief wants, nil if nothing.
func Close(in *Incident, f Figures, debriefed func(*Incident) error) ([]journal.Draft, error) {
	if in == nil || in.State != Active {
		return nil, errState(in, Active)
	}
	var events []event
	for i, s := range in.Stages {
		kind := in.Procedure.Stages[i].Kind
		switch {
		case s.Status.Closed():
		case kind == procedure.Review && s.Status == procedure.Open:
			if err := debriefed(in); err != nil {
				return nil, err
			}
			for _, t := range in.Procedure.Stages[i].Tasks {
				if status := in.Tasks[t.ID].Status; !status.Closed() {
					return nil, holdfast.Errorf(holdfast.Conflict, "incident %s cannot be closed: task %s is %s", in.ID, t.ID, status)
				}
			}
			events = append(events, StageDone{Stage: kind})
		default:
			return nil, holdfast.Errorf(holdfast.Conflict, "incident %s cannot be closed: stage %s is %s", in.ID, kind, s.Status)
		}
	}
	return in.draft(append(events, ClosedFact{f})...), nil
}

func needText(field, text string, ask *holdfast.Error) error {
	if strings.TrimSpace(text) == "" {
		return ask.At(field)
	}
	if len(text) > maxText {
		return errLong(field)
	}
	return nil
}

func errLong(field string) error {
	return holdfast.Errorf(holdfast.TooLarge, "the text is longer than %d bytes", maxText).At(field)
}

// cut shortens a text to at most n bytes without breaking a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
