// Package ramp brings payments back step by step (R4.8): each step replaces the
// restrictions of an incident by limits that admit a larger share of payers, in
// one append with the incident's record of it. Who is admitted at one step is
// admitted at the next, since the limits share one salt. A step back, down to
// stopped, is always possible; a step forward waits until the present one has
// been held as long as the plan says.
package ramp

import (
	"fmt"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

// HeldUntil returns when the present step of a task's ramp has been held long
// enough.
func HeldUntil(in *incident.Incident, t procedure.Task) time.Time {
	at := in.RampOf(t.ID)
	if t.Ramp == nil || at.Step == 0 || at.Step > len(t.Ramp.Steps) {
		return time.Time{}
	}
	return at.At.Add(t.Ramp.Steps[at.Step-1].Hold.D())
}

// To decides on going to a step: 1 is the plan's first, 0 is stopped. seen is
// the position of the posture that the author looked at; 0 means the present
// one. A step replaces all that the incident holds, so one that admits payments is
// refused if a directive of the incident came in after that.
func To(in *incident.Incident, task string, step int, seen holdfast.Position, b *directive.Book, gates []string, now time.Time) ([]journal.Draft, error) {
	t, err := in.OpenTask(task)
	if err != nil {
		return nil, err
	}
	if t.Ramp == nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "task %s has no ramp", task)
	}
	present := in.RampOf(task).Step
	if until := HeldUntil(in, t); step > present && now.Before(until) {
		return nil, holdfast.Errorf(holdfast.Conflict, "step %d has to be held for another %v", present, until.Sub(now).Round(time.Second))
	}
	if step < 0 || step > len(t.Ramp.Steps) {
		return nil, holdfast.Errorf(holdfast.Invalid, "the ramp has steps 0 to %d", len(t.Ramp.Steps)).At("step")
	}
	held := b.InForce(in.ID)
	if len(held) == 0 && step < len(t.Ramp.Steps) {
		return nil, holdfast.Errorf(holdfast.Conflict, "nothing of incident %s is in force, so there is nothing to bring back in steps: go to the last step, %d", in.ID, len(t.Ramp.Steps)).At("step")
	}
	if len(held) > 0 && step > present+1 {
		return nil, holdfast.Errorf(holdfast.Conflict, "step %d cannot follow step %d of the ramp", step, present)
	}
	for _, d := range held {
		if step > 0 && seen != 0 && d.Position > seen {
			return nil, holdfast.Errorf(holdfast.Conflict, "directive %s came into force since you looked; look again before you go to step %d", d.ID, step)
		}
	}
	ids, drafts, err := directive.Replace(b, proposals(in, t, step, held), gates, idsOf(held), fmt.Sprintf("ramp step %d", step))
	if err != nil {
		return nil, err
	}
	record, err := incident.RampTo(in, task, step, ids)
	if err != nil {
		return nil, err
	}
	return append(drafts, record...), nil
}

// proposals returns the restrictions that hold a step: one for each scope the
// incident restricts now; none for all payers without a cap.
func proposals(in *incident.Incident, t procedure.Task, step int, held []*directive.Directive) []directive.Proposal {
	p := directive.Proposal{Kind: posture.Stop, Incident: in.ID, Task: t.ID, Reason: fmt.Sprintf("incident %s: stopped again during recovery", in.ID)}
	if step > 0 {
		s := t.Ramp.Steps[step-1]
		if s.Percent >= 100 && s.RatePerSecond == 0 {
			return nil
		}
		p.Kind, p.Share, p.Rate, p.Salt = posture.Limit, s.Percent/100, s.RatePerSecond, in.ID
		p.Reason = fmt.Sprintf("incident %s: ramp step %d of %d, %g %% of payers", in.ID, step, len(t.Ramp.Steps), s.Percent)
	}
	var list []directive.Proposal
	seen := map[string]bool{}
	for _, d := range held {
		if !seen[d.Scope] {
			seen[d.Scope] = true
			p.Scope = d.Scope
			list = append(list, p)
		}
	}
	return list
}

func idsOf(held []*directive.Directive) []string {
	var ids []string
	for _, d := range held {
		ids = append(ids, d.ID)
	}
	return ids
}
