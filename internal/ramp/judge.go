package ramp

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/procedure"
	"holdfast/internal/traffic"
)

// How sure a verdict is, in standard deviations of a share. A step is good if its shares
// are with 95 % confidence. It is bad only beyond three deviations, since that is looked
// at again and again, each second.
const (
	sureGood = 1.96
	sureBad  = 3.0
	// fewest is how many payments it takes to find a step bad.
	fewest = 10
	// lately is the end of the window that is judged by itself too: what fails after a
	// good while must not hide in it.
	lately = 15 * time.Second
	// covered is the share of gate-seconds that has to be known.
	covered = 0.98
	// silentAfter is when a gate that sends nothing counts as silent, in seconds.
	silentAfter = 10
	// stale is after how many intervals a probe that did not run is not taken to pass.
	stale = 3
)

// Evidence is what is known of a step, from when it was taken until now.
type Evidence struct {
	From, To time.Time
	Whole    traffic.Outcomes
	// Lately is the end of it.
	Lately traffic.Outcomes
	// Silent lists gates in service that are not heard.
	Silent []string
	// Unbalanced lists directives whose stand-in figures do not add up, Unaccounted
	// sources whose figures are not complete.
	Unbalanced, Unaccounted []string
	// StandIn means that payments can fall back to a stand-in.
	StandIn bool
	// Overridden means that the incident holds other directives than the step's.
	Overridden bool
	// Times is how often in a row a probe has to pass.
	Times func(probe string) int
}

// Judge gives the verdict on the present step of a task's ramp. It is graver the more
// is known to be wrong, and never better than what is known: what is missing is not
// taken to be well. A critical check, that of the money, outranks all others: an answer
// that names another amount, and stand-in figures that do not add up.
func Judge(in *incident.Incident, t procedure.Task, e Evidence, now time.Time) incident.RampJudged {
	at := in.RampOf(t.ID)
	step, asks := t.Ramp.Steps[at.Step-1], t.Ramp.At(at.Step)
	j := incident.RampJudged{
		Task: t.ID, Step: at.Step, From: e.From.UTC(), To: e.To.UTC(), Differ: e.Whole.Differ,
		Sample: e.Whole.Sample(), Done: e.Whole.Done, NotDone: e.Whole.NotDone, Unknown: e.Whole.Unknown,
		Heard: e.Whole.Heard, Expected: e.Whole.Expected, Checks: checks(asks, e.Whole),
	}
	if j.Why = critical(e); len(j.Why) > 0 {
		j.Verdict, j.Fall = incident.StopRamp, procedure.FallStopped
		return j
	}
	if j.Why = failures(in, asks, e, j, at.Since); len(j.Why) > 0 {
		fails(&j, step, e)
		return j
	}
	until := held(t, at)
	missing := unknowns(in, asks, e, j, step, until, now)
	switch {
	case e.Overridden:
		j.Verdict, j.Why = incident.Hold, []string{"overridden"}
	case len(missing) > 0:
		j.Verdict, j.Why = incident.NoVerdict, missing
		undecided(&j, asks, step, at, e, now)
	case now.Before(until):
		j.Verdict, j.Why = incident.Hold, []string{"hold"}
	default:
		j.Verdict = incident.Advance
	}
	return j
}

// critical lists what is wrong with the money.
func critical(e Evidence) (why []string) {
	if e.Whole.Differ > 0 {
		why = append(why, "differ")
	}
	for _, directive := range e.Unbalanced {
		why = append(why, "unbalanced:"+directive)
	}
	return why
}

// fails says where payments fall to. One whose restrictions are others' work is only
// made stricter: it is stopped. So is one that has no stand-in to fall to.
func fails(j *incident.RampJudged, step procedure.Step, e Evidence) {
	j.Verdict, j.Fall = incident.StepBack, step.FallsTo()
	if j.Fall == procedure.FallStandIn && !e.StandIn {
		j.Fall, j.Why = procedure.FallStopped, append(j.Why, "no-stand-in")
	}
	if e.Overridden && j.Fall != procedure.FallFreeze {
		j.Fall = procedure.FallStopped
	}
	if j.Fall == procedure.FallStopped {
		j.Verdict = incident.StopRamp
	}
}

// undecided sets when a person has to have decided, and falls when that is past.
func undecided(j *incident.RampJudged, r procedure.Ramp, step procedure.Step, at incident.Ramp, e Evidence, now time.Time) {
	if r.Decide == 0 {
		return
	}
	j.Deadline = now.Add(r.Decide.D()).UTC()
	if at.Judged != nil && at.Judged.Verdict == incident.NoVerdict && !at.Judged.Deadline.IsZero() {
		j.Deadline = at.Judged.Deadline
	}
	if now.Before(j.Deadline) || step.FallsTo() == procedure.FallFreeze {
		return
	}
	j.Late = int64(now.Sub(j.Deadline) / time.Second)
	j.Why = append(j.Why, "deadline")
	fails(j, step, e)
}

// held is when a step has been held for long enough; the last for as long as all
// payments are watched.
func held(t procedure.Task, at incident.Ramp) time.Time {
	if at.Step == len(t.Ramp.Steps) {
		return at.Since.Add(t.Ramp.Soak.D())
	}
	return at.At.Add(t.Ramp.Steps[at.Step-1].Hold.D())
}

// failures lists what is known to be wrong.
func failures(in *incident.Incident, asks procedure.Ramp, e Evidence, j incident.RampJudged, since time.Time) (why []string) {
	for _, id := range asks.Probes {
		if p := in.Probe(j.Task, id); !p.At.IsZero() && !p.Last.Passed && p.At.After(since) {
			why = append(why, "probe:"+id)
		}
	}
	for _, c := range j.Checks {
		if c.State == "bad" {
			why = append(why, "bad:"+c.Check)
		}
	}
	for _, c := range checks(asks, e.Lately) {
		if c.State == "bad" && !slices.Contains(why, "bad:"+c.Check) {
			why = append(why, "recent:"+c.Check)
		}
	}
	return why
}

// unknowns lists what is missing for a verdict.
func unknowns(in *incident.Incident, asks procedure.Ramp, e Evidence, j incident.RampJudged, step procedure.Step, until, now time.Time) (why []string) {
	for _, gate := range e.Silent {
		why = append(why, "silent:"+gate)
	}
	if j.Heard == 0 || float64(j.Heard) < covered*float64(j.Expected) {
		why = append(why, "unheard")
	}
	for _, source := range e.Unaccounted {
		why = append(why, "unaccounted:"+source)
	}
	for _, id := range asks.Probes {
		if p := in.Probe(j.Task, id); p.InARow < max(1, e.Times(id)) || now.Sub(p.At) > stale*asks.Interval() {
			why = append(why, "untested:"+id)
		}
	}
	if now.Before(until) {
		return why
	}
	if j.Sample < int64(step.Sample) {
		return append(why, "few")
	}
	for _, c := range j.Checks {
		if c.State == "open" {
			why = append(why, "open:"+c.Check)
		}
	}
	return why
}

// checks judges the shares that the plan asks for.
func checks(r procedure.Ramp, o traffic.Outcomes) (list []incident.RampCheck) {
	add := func(check string, good, of int64, percent float64) {
		list = append(list, share(check, good, of, percent/100))
	}
	if r.Success != 0 {
		add("success", o.Done, o.Sample(), r.Success)
	}
	if r.Unknown != 0 {
		add("unknown", o.Sample()-o.Unknown, o.Sample(), 100-r.Unknown)
	}
	if r.Quick != 0 {
		add("quick", o.Within(r.Within.D()), o.Measured, r.Quick)
	}
	return list
}

func share(check string, good, of int64, floor float64) incident.RampCheck {
	c := incident.RampCheck{Check: check, Good: good, Of: of, Floor: floor, State: "open"}
	c.Low, c.High = traffic.Wilson(good, of, sureGood)
	if _, most := traffic.Wilson(good, of, sureBad); of >= fewest && most < floor {
		c.State = "bad"
	} else if c.Low >= floor {
		c.State = "good"
	}
	return c
}

// Ready says why no payment may be let in by the next step yet: the present one failed, or
// a probe of it or of the next does not pass.
func Ready(in *incident.Incident, t procedure.Task, times func(probe string) int) error {
	at := in.RampOf(t.ID)
	if at.Judged != nil && at.Judged.Verdict.Graver() {
		return holdfast.Errorf(holdfast.Conflict, "step %d of the ramp has failed: step back, or keep payments on it with a reason and have it judged anew", at.Step)
	}
	for _, id := range t.Ramp.ProbesAt(at.Step) {
		if p := in.Probe(t.ID, id); p.InARow < max(1, times(id)) {
			return holdfast.Errorf(holdfast.Conflict, "probe %s has passed %d times in a row and has to pass %d times before payments are let in", id, p.InARow, max(1, times(id)))
		}
	}
	return nil
}
