package lint

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/procedure"
)

func (j *judge) worstCase() {
	for i, l := range j.Plan.Levels {
		p, found := j.Plan.Procedure(l.Level)
		if !found || l.RecoverWithin == 0 {
			continue
		}
		if t := ResponseTimeline(p); t.Worst > l.RecoverWithin.D() {
			j.add(at("levels", i)+".recover_within", "the worst case of procedure %s takes %s from the confirmation to the end of the recovery, and its objective is %s: shorten limits on the critical path, or the objective is not one",
				l.Level, short(t.Worst), short(l.RecoverWithin.D()))
		}
	}
}

func (j *judge) worstRecovery() {
	within := j.Plan.Recovery.Within
	p, found := j.Plan.Procedure(holdfast.Level1)
	if !found || within == 0 {
		return
	}
	if t := ResponseTimeline(p); t.Worst > within.D() {
		j.add("recovery.within", "the worst case of procedure 1 takes %s from the confirmation to the end of the recovery, and the recovery plan promises %s", short(t.Worst), short(within.D()))
	}
}

// short writes a time without the units that are zero: 1h30m, not 1h30m0s.
func short(d time.Duration) string {
	s := d.String()
	if d >= time.Minute && d%time.Minute == 0 {
		s = s[:len(s)-len("0s")]
		if d%time.Hour == 0 {
			s = s[:len(s)-len("0m")]
		}
	}
	return s
}

func (j *judge) objectiveMissing() {
	for i, l := range j.Plan.Levels {
		if l.RecoverWithin == 0 {
			j.add(at("levels", i), "level %s has no recovery objective: write within what time business is back", l.Level)
		}
	}
}

func (j *judge) taskUnlimited() {
	for _, t := range j.tasks {
		if t.limit() == 0 && !t.waits() { // escalationUnlimited reports those that wait
			j.add(t.path, "neither task %q nor its stage has a limit: nobody is ever late with it", t.ID)
		}
	}
}

// waits reports whether the task waits for what other people do.
func (t task) waits() bool {
	return t.Notice != nil && t.Notice.Acknowledge > 0 ||
		slices.ContainsFunc(t.Branches, func(b procedure.Branch) bool { return b.Approval != "" })
}

func (j *judge) takesTooLong() {
	for _, t := range j.tasks {
		if limit := t.limit(); limit > 0 && t.Takes > limit {
			j.add(t.path+".takes", "task %q is expected to take %s, and its limit is %s: it will always be late", t.ID, short(t.Takes.D()), short(limit.D()))
		}
	}
}

func (j *judge) taskOverStage() {
	for _, t := range j.tasks {
		if t.stage.Limit > 0 && t.Limit > t.stage.Limit {
			j.add(t.path+".limit", "task %q may take %s, and its stage only %s: one of the two is wrong", t.ID, short(t.Limit.D()), short(t.stage.Limit.D()))
		}
	}
}

func (j *judge) stageTooShort() {
	for _, f := range j.flows {
		for i, s := range f.Stages {
			t := timeline(procedure.Procedure{Stages: []procedure.Stage{s}}, 0, 1)
			single := slices.ContainsFunc(s.Tasks, func(t procedure.Task) bool { return fastest(t) > s.Limit.D() })
			if s.Limit > 0 && t.Best > s.Limit.D() && !single {
				j.add(at(f.path+".stages", i)+".limit", "even if all goes as expected, the tasks of the stage %s take %s one after the other, and its limit is %s", s.Kind, short(t.Best), short(s.Limit.D()))
			}
		}
	}
}

func (j *judge) escalationUnlimited() {
	for _, t := range j.tasks {
		if t.limit() > 0 {
			continue
		}
		if t.Notice != nil && t.Notice.Acknowledge > 0 {
			j.add(t.path+".notice", "task %q waits for acknowledgements without a limit: nobody is told when they do not come; give it a limit", t.ID)
		}
		if t.Wait != nil {
			j.add(t.path+".wait", "task %q waits for a condition without a limit: nobody is told when it does not come; give it a limit", t.ID)
		}
		for i, b := range t.Branches {
			if b.Approval != "" {
				j.add(at(t.path+".branches", i)+".approval", "task %q waits for the agreement of %q without a limit: give it a limit", t.ID, b.Approval)
			}
		}
	}
}

func (j *judge) recoveryStepsTooLong() {
	r := j.Plan.Recovery
	var sum procedure.Duration
	for _, s := range r.Steps {
		sum += max(s.Limit, s.Takes)
	}
	if r.Within > 0 && sum > r.Within {
		j.add("recovery.steps", "the recovery steps may take %s together, and the recovery plan promises %s", short(sum.D()), short(r.Within.D()))
	}
}

// obligationTooSoon finds deadlines that run from before the confirmation and
// may pass before it: until then nobody knows that a report is owed.
func (j *judge) obligationTooSoon() {
	for i, o := range j.Plan.Obligations {
		if o.From != "occurred" && o.From != "detected" {
			continue
		}
		for _, f := range j.flows {
			if f.leak && !o.Leak || !f.leak && !slices.Contains(o.Levels, f.Level) {
				continue
			}
			var until procedure.Duration
			for _, s := range f.Stages {
				if s.Kind == procedure.Detect || s.Kind == procedure.Confirm {
					until += s.Limit
				}
			}
			if o.Within > 0 && until >= o.Within {
				j.add(at("obligations", i)+".within", "the report %q is due %s after the event is %s, and procedure %s takes up to %s to confirm it: the deadline may pass before anybody knows of it",
					o.ID, short(o.Within.D()), o.From, f.name(), short(until.D()))
			}
		}
	}
}

func (j *judge) temporaryTooShort() {
	for i, t := range j.Plan.Temporary {
		if within := j.Plan.Recovery.Within; t.Longest > 0 && within > 0 && t.Longest < within {
			j.add(at("temporary", i)+".longest", "the temporary solution %q may last %s, and the recovery %s: say what comes in between", t.ID, short(t.Longest.D()), short(within.D()))
		}
	}
}

// graverIsSlower compares the first stages of the levels: a graver event must
// not wait longer.
func (j *judge) graverIsSlower() {
	limit := map[procedure.StageKind]map[holdfast.Level]procedure.Duration{}
	for _, kind := range []procedure.StageKind{procedure.Detect, procedure.Confirm, procedure.Notify} {
		limit[kind] = map[holdfast.Level]procedure.Duration{}
		j.stages(kind, func(f flow, s *procedure.Stage, path string) {
			if f.leak || s.Limit == 0 {
				return
			}
			limit[kind][f.Level] = s.Limit
		})
		j.stages(kind, func(f flow, s *procedure.Stage, path string) {
			if lighter := limit[kind][f.Level+1]; !f.leak && lighter > 0 && s.Limit > lighter {
				j.add(path+".limit", "the stage %s has %s at level %s and %s at level %s: the graver event must not wait longer", kind, short(s.Limit.D()), f.Level, short(lighter.D()), f.Level+1)
			}
		})
	}
}

func (j *judge) rampStepUnreachable() {
	for _, t := range j.tasks {
		if t.Ramp == nil || t.limit() == 0 {
			continue
		}
		var held procedure.Duration
		for i, s := range t.Ramp.Steps {
			if held > t.limit() {
				j.add(at(t.path+".ramp.steps", i), "the ramp holds for %s before its step of %v %%, and the task's limit is %s: the step is not reached in time", short(held.D()), s.Percent, short(t.limit().D()))
				break
			}
			held += s.Hold
		}
	}
}

func (j *judge) bestCaseUnknown() {
	for _, f := range j.flows {
		if len(f.Stages) > 0 && !slices.ContainsFunc(f.Stages, func(s procedure.Stage) bool {
			return slices.ContainsFunc(s.Tasks, func(t procedure.Task) bool { return t.Takes > 0 })
		}) {
			j.add(f.path, "no task of procedure %s says how long it is expected to take: its best case is not known", f.name())
		}
	}
}
