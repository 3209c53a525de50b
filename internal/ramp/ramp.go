// Package ramp brings payments back step by step (R4.8): each step replaces the
// restrictions of an incident by limits that admit a larger share of payers, in
// one append with the incident's record of it. Who is admitted at one step is
// admitted at the next, since the limits share one salt. A step back, down to
// stopped, is always possible; a step forward waits until the present one has
// been held as long as the plan says.
//
// A [Controller] judges the present step again and again by what the plan asks for:
//
//	advance     the step was held, enough is known, and all checks are good
//	hold        it has not been held for long enough
//	step-back   a check or a probe failed: payments fall to where the step says
//	stop        the money is wrong, or the step says so: payments are stopped
//	no-verdict  too little is known; a person has to decide, or payments fall
//
// It takes payments back by itself, and forward only where the step says so. What
// it judged by is on record with each verdict; docs/formats/ramp.md has the formats.
package ramp

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

// Hands are what a step is taken with: the directives, the gate of each process in
// service, and how often in a row a probe of the incident's plan has to pass.
type Hands struct {
	Directives *directive.Book
	Gates      []string
	Times      func(probe string) int
	// Unsigned lists the stand-ins of an incident whose close-out nobody has signed.
	Unsigned func(incident string) []string
}

// HeldUntil returns when the present step of a task's ramp has been held long
// enough; of the last, when all payments have been watched for long enough.
func HeldUntil(in *incident.Incident, t procedure.Task) time.Time {
	at := in.RampOf(t.ID)
	if t.Ramp == nil || at.Step == 0 || at.Step > len(t.Ramp.Steps) {
		return time.Time{}
	}
	return held(t, at)
}

// To decides on a person's going to a step: 1 is the plan's first, 0 is stopped. seen is
// the position of the posture that the author looked at; 0 means the present
// one. A step replaces all that the incident holds, so one that admits payments is
// refused if a directive of the incident came in after that.
func To(h Hands, in *incident.Incident, task string, step int, seen holdfast.Position, now time.Time) ([]journal.Draft, error) {
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
	held := h.Directives.Restricting(in.ID)
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
	if step > present && len(held) > 0 {
		if err := Ready(in, t, h.Times); err != nil {
			return nil, err
		}
	}
	holds, drafts, err := h.replace(in, t, step)
	if err != nil {
		return nil, err
	}
	record, err := incident.RampTo(in, task, step, holds)
	if err != nil {
		return nil, err
	}
	return append(drafts, record...), nil
}

// replace puts the restrictions of a step in the place of all that the incident holds.
func (h Hands) replace(in *incident.Incident, t procedure.Task, step int) (holds incident.Rung, drafts []journal.Draft, err error) {
	held := h.Directives.Restricting(in.ID)
	for _, d := range held {
		if d.StandIn != nil {
			holds.StandIn = d.ID
		}
	}
	holds.Directives, drafts, err = directive.Replace(h.Directives, proposals(in, t, step, held), h.Gates, idsOf(held), fmt.Sprintf("ramp step %d", step))
	return holds, drafts, err
}

// CloseOut is a person's signature under the end of a ramp. unknown counts the payments
// whose outcome is not known.
func CloseOut(h Hands, in *incident.Incident, task, note string, unknown int, by holdfast.Actor, now time.Time) ([]journal.Draft, error) {
	unsigned := ""
	if h.Unsigned != nil {
		unsigned = strings.Join(h.Unsigned(in.ID), ", ")
	}
	record, err := incident.CloseRamp(in, task, note, unknown, unsigned, by, now)
	if err != nil {
		return nil, err
	}
	held := h.Directives.Restricting(in.ID)
	if at := in.RampOf(task); !same(idsOf(held), at.Directives) {
		return nil, holdfast.Errorf(holdfast.Conflict, "incident %s holds other directives than the last step of the ramp: lift them first", in.ID)
	}
	_, drafts, err := directive.Replace(h.Directives, nil, h.Gates, idsOf(held), "ramp closed out")
	return append(drafts, record...), err
}

// proposals returns the restrictions that hold a step: one for each scope the
// incident restricts now; none for all payers without a cap, unless they are watched.
func proposals(in *incident.Incident, t procedure.Task, step int, held []*directive.Directive) []directive.Proposal {
	p := directive.Proposal{Kind: posture.Stop, Incident: in.ID, Task: t.ID, Reason: fmt.Sprintf("incident %s: stopped again during recovery", in.ID)}
	if step > 0 {
		s := t.Ramp.Steps[step-1]
		if s.Open() && t.Ramp.Soak == 0 {
			return nil
		}
		p.Kind, p.Share, p.Rate, p.Salt = posture.Limit, s.Percent/100, s.RatePerSecond, in.ID
		if s.AmountPerSecond > 0 {
			p.Kind, p.Amount, p.Currency = posture.Cap, int64(s.AmountPerSecond), t.Ramp.Currency
		}
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

// same reports whether two lists hold the same ids.
func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func idsOf(held []*directive.Directive) []string {
	var ids []string
	for _, d := range held {
		ids = append(ids, d.ID)
	}
	return ids
}
