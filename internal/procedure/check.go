package procedure

import (
	"fmt"
	"math"
	"slices"

	"holdfast"
)

// Fault is one thing wrong with a procedure.
type Fault struct {
	// Path leads to the place, as stages[2].tasks[0].id.
	Path string
	// Rule is one of the ids that docs/formats/plan.md lists.
	Rule string
	*holdfast.Error
}

func (f Fault) String() string { return f.Path + ": " + f.Rule + ": " + f.Message() }

// Check returns everything that is wrong with a procedure by itself, in the
// order of its stages.
func Check(p Procedure) []Fault {
	c := &checker{procedure: p, tasks: map[string]string{}}
	c.order()
	for i, s := range p.Stages {
		c.stage(fmt.Sprintf("stages[%d]", i), s)
	}
	return c.faults
}

type checker struct {
	procedure Procedure
	tasks     map[string]string // task id → path of its first use
	faults    []Fault
}

func (c *checker) add(path, rule string, err *holdfast.Error) {
	c.faults = append(c.faults, Fault{Path: path, Rule: rule, Error: err})
}

// order checks which stages there are and how they follow each other.
func (c *checker) order() {
	place := map[StageKind]int{}
	unread := 0 // stages that may be meant for one that is missing
	for i, s := range c.procedure.Stages {
		if !slices.Contains(Kinds[:], s.Kind) {
			unread++
			continue
		}
		if first, twice := place[s.Kind]; twice {
			c.add(fmt.Sprintf("stages[%d].stage", i), "P023",
				holdfast.Errorf(holdfast.Invalid, "stage %q stands twice: a procedure has each stage once, and this one already at stages[%d]; put the tasks together", s.Kind, first))
			continue
		}
		place[s.Kind] = i
	}
	var missing []StageKind
	var before StageKind
	latest := -1
	for _, kind := range Mandatory(c.procedure.Level) {
		i, found := place[kind]
		switch {
		case !found:
			missing = append(missing, kind)
		case i < latest:
			c.add(fmt.Sprintf("stages[%d].stage", i), "P022",
				holdfast.Errorf(holdfast.Invalid, "stage %q stands before stage %q: at level %s it comes after; move it", kind, before, c.procedure.Level))
		default:
			before, latest = kind, i
		}
	}
	if len(missing) <= unread {
		return
	}
	for _, kind := range missing {
		c.add("stages", "P021",
			holdfast.Errorf(holdfast.Invalid, "the procedure of level %s has no stage %q: it is mandatory at this level; add it", c.procedure.Level, kind))
	}
}

func (c *checker) stage(path string, s Stage) {
	if s.Kind != "" && !slices.Contains(Kinds[:], s.Kind) {
		c.add(path+".stage", "P020",
			holdfast.Errorf(holdfast.Invalid, "stage %q is not known: write detect, confirm, notify, stop, convene, analyse, handle, recover or review", s.Kind))
	}
	if s.Alongside && !mayRunAlongside(s.Kind) {
		c.add(path+".alongside", "P024",
			holdfast.Errorf(holdfast.Invalid, "stage %q cannot run alongside the next: only notify, stop, convene and analyse can; remove the key", s.Kind))
	}
	for i, t := range s.Tasks {
		c.task(fmt.Sprintf("%s.tasks[%d]", path, i), t)
	}
	c.after(path, s)
}

// mayRunAlongside is false for the stages whose result the next one rests on:
// nothing is stopped before an incident is confirmed, and nothing is reopened
// before the fault is handled.
func mayRunAlongside(k StageKind) bool {
	switch k {
	case Detect, Confirm, Handle, Recover, Review:
		return false
	default:
		return true
	}
}

func (c *checker) task(path string, t Task) {
	if t.ID != "" {
		if first, twice := c.tasks[t.ID]; twice {
			c.add(path+".id", "P014",
				holdfast.Errorf(holdfast.Invalid, "id %q is taken by %s: give each its own", t.ID, first))
		} else {
			c.tasks[t.ID] = path
		}
	}
	c.actions(path, t)
	if t.Notice != nil {
		c.escalation(path+".notice", *t.Notice)
	}
	if t.Directive != nil {
		c.directive(path+".directive", *t.Directive)
	}
	if t.Ramp != nil {
		c.ramp(path+".ramp", *t.Ramp)
	}
}

func (c *checker) directive(path string, d Directive) {
	if !validRate(d.RatePerSecond) {
		c.add(path+".rate_per_second", "P015", errRate(d.RatePerSecond))
	}
	if d.Drain < 0 || d.Drain > MaxDrain {
		c.add(path+".drain", "P015", holdfast.Errorf(holdfast.Invalid, "a drain takes at most %s, not %s", MaxDrain, d.Drain))
	}
	for _, reason := range []string{d.Reason.ZhHant, d.Reason.ZhHans, d.Reason.En} {
		if len(reason) > MaxReason {
			c.add(path+".reason", "P018", holdfast.Errorf(holdfast.TooLarge, "the reason has %d bytes in one language; %d is the limit", len(reason), MaxReason))
		}
	}
	if !d.BySolution() && d.Temporary != "" {
		c.add(path, "P027", holdfast.Errorf(holdfast.Invalid, "only a stand-in or a reroute is by a temporary solution: remove temporary, or change the kind"))
	}
	if d.Kind != DirectiveStandIn && d.Planned {
		c.add(path, "P027", holdfast.Errorf(holdfast.Invalid, "only a stand-in has terms for a planned outage: remove planned, or make it a stand-in"))
	}
	switch d.Kind {
	case "": // the plan reports the missing key
	case DirectiveStandIn, DirectiveReroute:
		if d.Scope != "" || d.Percent != 0 || d.RatePerSecond != 0 || d.Drain != 0 {
			c.add(path, "P027",
				holdfast.Errorf(holdfast.Invalid, "a stand-in or a reroute has the scope and the limits of its temporary solution: remove scope, percent, rate_per_second and drain"))
		}
	case DirectiveStop:
		if d.Percent != 0 || d.RatePerSecond != 0 {
			c.add(path, "P027",
				holdfast.Errorf(holdfast.Invalid, "a stop admits nothing: remove percent and rate_per_second, or make it a limit"))
		}
	case DirectiveLimit:
		if !validPercent(d.Percent) {
			c.add(path+".percent", "P015", errPercent(d.Percent))
		}
		if d.Drain != 0 {
			c.add(path+".drain", "P027",
				holdfast.Errorf(holdfast.Invalid, "a limit drains nothing: remove drain, or make it a stop"))
		}
	default:
		c.add(path+".kind", "P015",
			holdfast.Errorf(holdfast.Invalid, "directive %q cannot be proposed by a task: write stop, limit, stand-in or reroute; payments are let in again by a ramp", d.Kind))
	}
}

func validPercent(p float64) bool { return p > 0 && p <= 100 }

func validRate(r float64) bool { return !math.IsNaN(r) && r >= 0 && r <= MaxRate }

func errPercent(p float64) *holdfast.Error {
	return holdfast.Errorf(holdfast.Invalid, "%v is not a percentage of payers: write a number above 0 and up to 100", p)
}

func errRate(r float64) *holdfast.Error {
	return holdfast.Errorf(holdfast.Invalid, "%v is not a rate: write payments per second, from 0 (no cap) to %d", r, MaxRate)
}
