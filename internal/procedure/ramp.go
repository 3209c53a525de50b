package procedure

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"holdfast"
)

// Ramp brings payments back step by step: the percentages rise, and the last is
// 100. What it checks holds at every step that does not ask for something else; a check
// that is not given is not made.
type Ramp struct {
	Steps []Step `json:"steps" yaml:"steps"`
	// Success is the least share of admitted payments that are done, in percent, and
	// Unknown the largest whose outcome is not known.
	Success float64 `json:"success,omitempty" yaml:"success,omitempty"`
	Unknown float64 `json:"unknown,omitempty" yaml:"unknown,omitempty"`
	// Quick is the least share of admitted payments, in percent, that are answered
	// within Within, which is one of [Bounds].
	Quick  float64  `json:"quick,omitempty" yaml:"quick,omitempty"`
	Within Duration `json:"within,omitzero" yaml:"within,omitempty"`
	// Probes have to pass, as often in a row as each says, before payments are let in,
	// and to go on passing; each runs once in Every (0 means [UsualEvery]).
	Probes []string `json:"tests,omitempty" yaml:"tests,omitempty"`
	Every  Duration `json:"every,omitzero" yaml:"every,omitempty"`
	// Decide is how long a person has to decide where there is no verdict; then
	// payments fall to where the step says. 0 means without end.
	Decide Duration `json:"decide,omitzero" yaml:"decide,omitempty"`
	// Soak is how long all payments are watched after the last step before a person
	// may close the ramp out. 0 means that the last step ends it.
	Soak Duration `json:"soak,omitzero" yaml:"soak,omitempty"`
	// Currency is that of the steps' amounts.
	Currency string `json:"currency,omitempty" yaml:"currency,omitempty"`
}

// Where payments fall to when a step fails.
const (
	FallPrevious = "previous"
	FallStopped  = "stopped"
	// FallStandIn has the gates stand in again, as they did before the ramp.
	FallStandIn = "stand-in"
	// FallFreeze stays on the step and lets nothing go forward: a person decides.
	FallFreeze = "freeze"
)

// Falls are the places to fall to.
var Falls = []string{FallPrevious, FallStandIn, FallStopped, FallFreeze}

// Step is one rung of a ramp.
type Step struct {
	// Percent of payers whose payments are admitted, in (0, 100].
	Percent float64 `json:"percent" yaml:"percent"`
	// RatePerSecond caps admitted payments over all gates; 0 means no cap.
	RatePerSecond float64 `json:"rate_per_second,omitempty" yaml:"rate_per_second,omitempty"`
	// AmountPerSecond caps the amount admitted over all gates, in minor units of the
	// ramp's currency; 0 means no cap. With it, payments of other currencies wait.
	AmountPerSecond int `json:"amount_per_second,omitempty" yaml:"amount_per_second,omitempty"`
	// Hold is how long to stay on the step before the next is offered.
	Hold Duration `json:"hold,omitzero" yaml:"hold,omitempty"`
	// Sample is how many payments it takes at least to judge the step.
	Sample int `json:"sample,omitempty" yaml:"sample,omitempty"`
	// Auto goes on to the next step as soon as this one is judged good. Without it a
	// person does.
	Auto bool `json:"auto,omitempty" yaml:"auto,omitempty"`
	// Fall is one of [Falls]; empty means the previous step.
	Fall string `json:"fall,omitempty" yaml:"fall,omitempty"`
	// Success, Unknown, Quick and Within stand in the place of the ramp's; 0 leaves those.
	Success float64  `json:"success,omitempty" yaml:"success,omitempty"`
	Unknown float64  `json:"unknown,omitempty" yaml:"unknown,omitempty"`
	Quick   float64  `json:"quick,omitempty" yaml:"quick,omitempty"`
	Within  Duration `json:"within,omitzero" yaml:"within,omitempty"`
	// Probes have to pass besides the ramp's, before the step and on it.
	Probes []string `json:"tests,omitempty" yaml:"tests,omitempty"`
}

// At is what is asked of a step, counted from 1: the ramp's checks, with the step's own
// in their place, and the tests of both. Of step 0 it is what the ramp asks.
func (r Ramp) At(step int) Ramp {
	if step < 1 || step > len(r.Steps) {
		return r
	}
	s := r.Steps[step-1]
	r.Success, r.Unknown = cmp.Or(s.Success, r.Success), cmp.Or(s.Unknown, r.Unknown)
	r.Quick, r.Within = cmp.Or(s.Quick, r.Quick), cmp.Or(s.Within, r.Within)
	r.Probes = union(r.Probes, s.Probes)
	return r
}

// ProbesAt lists the tests that run while payments are on a step, 0 included: those of
// the step, and those that have to pass before the next.
func (r Ramp) ProbesAt(step int) []string { return union(r.At(step).Probes, r.At(step+1).Probes) }

// AllProbes lists the tests of the ramp and of all its steps.
func (r Ramp) AllProbes() []string {
	all := r.Probes
	for _, s := range r.Steps {
		all = union(all, s.Probes)
	}
	return all
}

// union lists what is in either, each once.
func union(a, b []string) []string {
	all := slices.Clone(a)
	for _, id := range b {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// FallsTo is where payments fall to from the step.
func (s Step) FallsTo() string { return cmp.Or(s.Fall, FallPrevious) }

// Open reports whether the step holds nothing back.
func (s Step) Open() bool { return s.Percent >= 100 && s.RatePerSecond == 0 && s.AmountPerSecond == 0 }

// Checks reports whether the ramp asks for anything to be judged, apart from what single
// steps do.
func (r Ramp) Checks() bool {
	return r.Success != 0 || r.Unknown != 0 || r.Quick != 0 || len(r.Probes) > 0
}

// Interval is how often a probe of the ramp runs.
func (r Ramp) Interval() time.Duration { return cmp.Or(r.Every, UsualEvery).D() }

// Bounds are the times of answers that gates tell apart.
var Bounds = []Duration{
	Duration(10 * time.Millisecond), Duration(50 * time.Millisecond), Duration(100 * time.Millisecond), Duration(250 * time.Millisecond),
	Duration(time.Second), Duration(5 * time.Second), Duration(30 * time.Second),
}

// Limits of a ramp.
const (
	// maxSteps bounds a ramp. A ladder that a person can overlook has far fewer.
	maxSteps = 100
	// MaxRampProbes run again and again, so they are few.
	MaxRampProbes = 10
	MaxSample     = 1_000_000
	// MaxAmount is in minor units.
	MaxAmount = 1_000_000_000_000
	// UsualEvery is how often a probe runs that does not say it.
	UsualEvery = Duration(30 * time.Second)
	minEvery   = Duration(time.Second)
	minDecide  = Duration(5 * time.Second)
)

// CheckRamp returns everything that is wrong with a ramp, at paths such as
// steps[1].percent.
func CheckRamp(r Ramp) []Fault {
	c := &checker{}
	c.ramp("", r)
	return c.faults
}

func (c *checker) ramp(path string, r Ramp) {
	if path != "" {
		path += "."
	}
	steps := path + "steps"
	if len(r.Steps) > maxSteps {
		c.add(steps, "P018",
			holdfast.Errorf(holdfast.TooLarge, "%s holds %d entries; %d is the limit", "steps", len(r.Steps), maxSteps))
		return
	}
	if len(r.Steps) == 0 {
		c.add(steps, "P026", holdfast.Errorf(holdfast.Invalid, "the ramp has no steps: give at least one, the last with percent: 100"))
		return
	}
	before := 0.0
	for i, s := range r.Steps {
		at := fmt.Sprintf("%s[%d]", steps, i)
		c.step(at, r, s, r.At(i+1))
		if !validPercent(s.Percent) {
			c.add(at+".percent", "P015", errPercent(s.Percent))
			continue
		}
		if s.Percent <= before {
			c.add(at+".percent", "P026",
				holdfast.Errorf(holdfast.Invalid, "%v %% does not rise above the %v %% of the step before: each step of a ramp admits more than the one before", s.Percent, before))
		}
		before = s.Percent
	}
	last := len(r.Steps) - 1
	if validRate(r.Steps[last].RatePerSecond) && r.Steps[last].RatePerSecond != 0 {
		c.add(fmt.Sprintf("%s[%d].rate_per_second", steps, last), "P026",
			holdfast.Errorf(holdfast.Invalid, "the ramp's last step caps payments at %v per second: it ends the recovery, so it must hold nothing; remove the cap or add a step", r.Steps[last].RatePerSecond))
	}
	if r.Steps[last].AmountPerSecond > 0 {
		c.add(fmt.Sprintf("%s[%d].amount_per_second", steps, last), "P026",
			holdfast.Errorf(holdfast.Invalid, "the ramp's last step caps the amount: it ends the recovery, so it must hold nothing; remove the cap or add a step"))
	}
	if validPercent(r.Steps[last].Percent) && r.Steps[last].Percent != 100 {
		c.add(fmt.Sprintf("%s[%d].percent", steps, last), "P026",
			holdfast.Errorf(holdfast.Invalid, "the ramp ends at %v %%: its last step must be percent: 100, or payments would stay limited", r.Steps[last].Percent))
	}
	c.rampChecks(path, r)
}

// step looks at a step of a ramp; asks is what is asked of it.
func (c *checker) step(at string, r Ramp, s Step, asks Ramp) {
	if !validRate(s.RatePerSecond) {
		c.add(at+".rate_per_second", "P015", errRate(s.RatePerSecond))
	}
	if s.AmountPerSecond < 0 || s.AmountPerSecond > MaxAmount {
		c.add(at+".amount_per_second", "P015", holdfast.Errorf(holdfast.Invalid, "%d is no amount for a second: write minor units, from 0 (no cap) to %d", s.AmountPerSecond, MaxAmount))
	}
	if s.AmountPerSecond > 0 && r.Currency == "" {
		c.add(at+".amount_per_second", "P026", holdfast.Errorf(holdfast.Invalid, "the step caps an amount and the ramp has no currency: add currency to the ramp"))
	}
	if s.Sample < 0 || s.Sample > MaxSample {
		c.add(at+".sample", "P015", holdfast.Errorf(holdfast.Invalid, "a sample is 0 to %d payments, not %d", MaxSample, s.Sample))
	}
	if s.Fall != "" && !slices.Contains(Falls, s.Fall) {
		c.add(at+".fall", "P015", holdfast.Errorf(holdfast.Invalid, "%q is no place to fall to: write previous, stand-in, stopped or freeze", s.Fall))
	}
	if s.Auto && !asks.Checks() {
		c.add(at+".auto", "P026", holdfast.Errorf(holdfast.Invalid, "the step goes on by itself and the ramp checks nothing: add success, unknown, quick or tests, or let a person go on"))
	}
	if s.Auto && asks.counts() && s.Sample == 0 {
		c.add(at+".sample", "P026", holdfast.Errorf(holdfast.Invalid, "the step goes on by itself and asks for no sample: say how many payments it takes at least"))
	}
	c.shares(at+".", s.Success, s.Unknown, s.Quick)
	if s.Quick != 0 || s.Within != 0 {
		c.within(at+".", asks.Quick, asks.Within)
	}
	if len(s.Probes) > 0 && len(asks.Probes) > MaxRampProbes {
		c.add(at+".tests", "P018", holdfast.Errorf(holdfast.TooLarge, "%s holds %d entries; %d is the limit", "tests", len(asks.Probes), MaxRampProbes))
	}
}

// counts reports whether the ramp judges payments.
func (r Ramp) counts() bool { return r.Success != 0 || r.Unknown != 0 || r.Quick != 0 }

// shares looks at the percentages that a ramp or one of its steps asks for.
func (c *checker) shares(path string, success, unknown, quick float64) {
	for _, share := range []struct {
		key   string
		value float64
	}{{"success", success}, {"unknown", unknown}, {"quick", quick}} {
		if share.value != 0 && !(share.value > 0 && share.value < 100) {
			c.add(path+share.key, "P015", holdfast.Errorf(holdfast.Invalid, "%v is no share of payments that can be judged: write a percentage above 0 and below 100", share.value))
		}
	}
}

func (c *checker) within(path string, quick float64, within Duration) {
	if (quick != 0) != (within != 0) {
		c.add(path+"within", "P026", holdfast.Errorf(holdfast.Invalid, "quick says how many payments are answered within which time: give both or neither"))
	} else if within != 0 && !slices.Contains(Bounds, within) {
		c.add(path+"within", "P015", holdfast.Errorf(holdfast.Invalid, "gates do not tell answers within %s apart: write 10ms, 50ms, 100ms, 250ms, 1s, 5s or 30s", within))
	}
}

func (c *checker) rampChecks(path string, r Ramp) {
	c.shares(path, r.Success, r.Unknown, r.Quick)
	c.within(path, r.Quick, r.Within)
	if len(r.Probes) > MaxRampProbes {
		c.add(path+"tests", "P018", holdfast.Errorf(holdfast.TooLarge, "%s holds %d entries; %d is the limit", "tests", len(r.Probes), MaxRampProbes))
	}
	if r.Every != 0 && r.Every < minEvery {
		c.add(path+"every", "P015", holdfast.Errorf(holdfast.Invalid, "probes run at most once in %s, not in %s", minEvery, r.Every))
	}
	if r.Decide != 0 && r.Decide < minDecide {
		c.add(path+"decide", "P015", holdfast.Errorf(holdfast.Invalid, "a person needs at least %s to decide, not %s", minDecide, r.Decide))
	}
	if r.Currency != "" && !validCurrency(r.Currency) {
		c.add(path+"currency", "P015", holdfast.Errorf(holdfast.Invalid, "%q is no currency: write its three letters, as CNY", r.Currency))
	}
}

func validCurrency(s string) bool {
	return len(s) == 3 && !slices.ContainsFunc([]byte(s), func(b byte) bool { return b < 'A' || b > 'Z' })
}
