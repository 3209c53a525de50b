package incident

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// This file ends an active incident that turns out to be none, and opens again what
// was over.

// FalseAlarm is the wish to end an active incident as a false alarm.
type FalseAlarm struct {
	Reason string
	By     holdfast.Actor
	At     time.Time
}

// FalseAlarmAsked asks for an active incident to be ended as a false alarm.
type FalseAlarmAsked struct {
	Reason string `json:"reason"`
}

// FalseAlarmGranted is the second person's consent, with the figures as they were.
type FalseAlarmGranted struct {
	Figures Figures `json:"figures"`
}

// FalseAlarmRefused is the second person's refusal.
type FalseAlarmRefused struct {
	Reason string `json:"reason,omitempty"`
}

// Reopened makes an incident that was over go on.
type Reopened struct {
	// From is the stage that is worked anew, with those after it; empty for what was
	// dismissed while suspected.
	From   procedure.StageKind `json:"from,omitempty"`
	Reason string              `json:"reason"`
}

func (FalseAlarmAsked) kind() string   { return "incident.false-alarm-asked" }
func (FalseAlarmGranted) kind() string { return "incident.false-alarm-granted" }
func (FalseAlarmRefused) kind() string { return "incident.false-alarm-refused" }
func (Reopened) kind() string          { return "incident.reopened" }

func (e FalseAlarmAsked) fold(in *Incident, f holdfast.Fact) {
	in.FalseAlarm = &FalseAlarm{e.Reason, f.Actor, f.Time}
}

func (e FalseAlarmRefused) fold(in *Incident, _ holdfast.Fact) { in.FalseAlarm = nil }

func (e FalseAlarmGranted) fold(in *Incident, f holdfast.Fact) {
	in.stopWork(in.FalseAlarm.Reason, f)
	in.State, in.EndReason, in.Ended, in.EndedBy, in.Closed = Dismissed, in.FalseAlarm.Reason, f.Time, f.Actor, &e.Figures
}

// stopWork skips every stage that is not over.
func (in *Incident) stopWork(note string, f holdfast.Fact) {
	for i, s := range in.Stages {
		if !s.Status.Closed() {
			in.endStage(in.Procedure.Stages[i].Kind, procedure.Skipped, note, f)
		}
	}
}

func (e Reopened) fold(in *Incident, _ holdfast.Fact) {
	in.Ended, in.EndedBy, in.EndReason, in.Closed, in.FalseAlarm = time.Time{}, holdfast.Actor{}, "", nil, nil
	if in.Confirmed.IsZero() {
		in.State = Suspected
		return
	}
	in.State = Active
	met, missed := in.LimitCount()
	for i := in.stage(e.From); i >= 0 && i < len(in.Stages); i++ {
		in.Stages[i] = Stage{Status: procedure.Waiting}
		for _, t := range in.Procedure.Stages[i].Tasks {
			in.Tasks[t.ID] = Task{Status: procedure.Waiting}
			for _, p := range t.Probes {
				delete(in.probes, probeKey{t.ID, p})
			}
			in.forgetHook(t.ID)
			if in.ramp.Task == t.ID {
				in.ramp = Ramp{}
			}
		}
	}
	// What was kept and missed the first time stays counted.
	nowMet, nowMissed := in.LimitCount()
	in.before.met, in.before.missed = in.before.met+met-nowMet, in.before.missed+missed-nowMissed
}

// AskFalseAlarm asks for an active incident to be ended as a false alarm.
func AskFalseAlarm(in *Incident, reason string) ([]journal.Draft, error) {
	if in == nil || in.State != Active {
		return nil, errState(in, Active)
	}
	if in.FalseAlarm != nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "%s has called incident %s a false alarm already; a second person has to consent", in.FalseAlarm.By, in.ID)
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why this is no emergency")); err != nil {
		return nil, err
	}
	return in.draft(FalseAlarmAsked{payment.Mask(reason)}), nil
}

// AnswerFalseAlarm is the second person's answer.
func AnswerFalseAlarm(in *Incident, granted bool, reason string, f Figures, by holdfast.Actor) ([]journal.Draft, error) {
	switch {
	case in == nil || in.State != Active:
		return nil, errState(in, Active)
	case in.FalseAlarm == nil:
		return nil, holdfast.Errorf(holdfast.Conflict, "nobody has called incident %s a false alarm", in.ID)
	case !granted && len(reason) > maxText:
		return nil, errLong("reason")
	case !granted:
		return in.draft(FalseAlarmRefused{payment.Mask(reason)}), nil
	case by.SameParty(in.FalseAlarm.By):
		return nil, holdfast.Errorf(holdfast.Forbidden, "you called this a false alarm; a second person has to consent")
	}
	return in.draft(FalseAlarmGranted{f}), nil
}

// Reopen makes a closed or dismissed incident go on: one that was confirmed from a
// stage after the confirmation, which is worked anew with those after it.
func Reopen(in *Incident, from procedure.StageKind, reason string) ([]journal.Draft, error) {
	switch {
	case in == nil || in.State != Closed && in.State != Dismissed:
		return nil, errState(in, Closed)
	case in.Confirmed.IsZero():
		from = ""
	case in.stage(from) < 0 || slices.Contains([]procedure.StageKind{procedure.Detect, procedure.Confirm}, from):
		return nil, holdfast.Errorf(holdfast.Invalid, "name the stage from which incident %s goes on; its procedure has no such stage after the confirmation", in.ID).At("from")
	}
	if err := needText("reason", reason, holdfast.Errorf(holdfast.Invalid, "write why the incident is opened again")); err != nil {
		return nil, err
	}
	return in.draft(Reopened{from, payment.Mask(reason)}), nil
}
