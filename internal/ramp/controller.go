package ramp

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/reconciliation"
	"holdfast/internal/traffic"
)

// Prober runs one probe of a plan for an incident.
type Prober interface {
	Probe(ctx context.Context, p plan.Probe, incident string) incident.ProbeRan
}

// Controller carries out the ladders of all incidents. All it knows is folded from the
// journal: it goes on where it or another node was. Any number of nodes may run one; the
// journal takes each step once.
type Controller struct {
	Desk       *journal.Desk
	Incidents  *incident.Book
	Directives *directive.Book
	Gates      *enrolment.Book
	Plans      *plan.Book
	Series     *traffic.Series
	Prober     Prober
	// Sources are the figures of stand-in; nil where no gate stands in. It is called under
	// the state's lock.
	Sources func(now time.Time) []reconciliation.Source
	// Barred says why nobody may stand in now; nil where nothing is.
	Barred func(now time.Time) error
	Log    *slog.Logger
}

const (
	// judgeEvery is how often a step is judged.
	judgeEvery = time.Second
	// listening is how long a node that has begun hears the gates before it judges.
	listening = 5 * time.Second
	// renewed is how often a verdict that stays is stored again, with new figures, and
	// settled how long one that takes payments nowhere stands at least.
	renewed = time.Minute
	settled = 5 * time.Second
)

// Self is who the controller is in the journal.
var Self = holdfast.Self("ramp")

// Run judges the steps of all ramps until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	begun := c.Desk.Now()
	return c.each(ctx, "the ramps cannot be judged now", func() error {
		if c.Desk.Now().Sub(begun) < listening {
			return nil
		}
		for range c.judgeable() {
			if _, err := c.Desk.Do(ctx, Self, c.judgeNext); err != nil {
				return err
			}
		}
		_, err := c.Desk.Do(ctx, Self, c.tidy)
		return err
	})
}

// RunProbes runs the probes of all ramps until ctx ends.
func (c *Controller) RunProbes(ctx context.Context) error {
	return c.each(ctx, "the probes of a ramp cannot be recorded now", func() error { return c.probe(ctx) })
}

func (c *Controller) each(ctx context.Context, trouble string, act func() error) error {
	for {
		if err := act(); err != nil && ctx.Err() == nil {
			c.Log.Warn(trouble, "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(judgeEvery):
		}
	}
}

// climbing is a ramp that is being climbed.
type climbing struct {
	in   *incident.Incident
	task procedure.Task
}

// climbing lists the ramps whose task is open.
func (c *Controller) climbing() (list []climbing) {
	for _, in := range c.Incidents.Open() {
		for i, stage := range in.Procedure.Stages {
			for _, t := range stage.Tasks {
				if t.Ramp != nil && in.State == incident.Active && in.Stages[i].Status == procedure.Open && in.Tasks[t.ID].Status == procedure.Open {
					list = append(list, climbing{in, t})
				}
			}
		}
	}
	return list
}

func (c *Controller) judgeable() (n int) {
	c.Desk.State.View(func() { n = len(c.climbing()) })
	return n
}

// judgeNext stores the first verdict that is due, with the step it takes.
func (c *Controller) judgeNext(now time.Time) ([]journal.Draft, error) {
	for _, r := range c.climbing() {
		at := r.in.RampOf(r.task.ID)
		if at.Step == 0 || at.Step > len(r.task.Ramp.Steps) || len(c.Directives.Restricting(r.in.ID)) == 0 {
			continue
		}
		j := Judge(r.in, r.task, c.evidence(r, now), now)
		if !r.task.Ramp.At(at.Step).Checks() && !slices.ContainsFunc(j.Why, outranks) {
			continue // people climb it alone, but for the money
		}
		if drafts, err := Follow(c.hands(r.in), r.in, r.task, j, now); err != nil || len(drafts) > 0 {
			return drafts, err
		}
	}
	return nil, nil
}

// Follow decides what a verdict brings about: a step, a record of the verdict, or
// nothing if it stands already.
func Follow(h Hands, in *incident.Incident, t procedure.Task, j incident.RampJudged, now time.Time) ([]journal.Draft, error) {
	at := in.RampOf(t.ID)
	to := -1
	switch {
	case j.Verdict == incident.StopRamp:
		to = 0
	case j.Verdict == incident.StepBack && j.Fall == procedure.FallPrevious:
		to = at.Step - 1
	case j.Verdict == incident.StepBack && j.Fall == procedure.FallStandIn:
		to = 0
	case j.Verdict == incident.Advance && goes(t, at):
		to = at.Step + 1
	}
	if to < 0 {
		if !worthStoring(at, j, now) {
			return nil, nil
		}
		return incident.Judged(in, j, to, incident.Rung{})
	}
	put := func() (incident.Rung, []journal.Draft, error) { return h.replace(in, t, to) }
	if j.Fall == procedure.FallStandIn {
		put = func() (incident.Rung, []journal.Draft, error) { return h.fallToStandIn(in, t, now) }
	}
	holds, drafts, err := put()
	if err != nil {
		return nil, err
	}
	record, err := incident.Judged(in, j, to, holds)
	return append(drafts, record...), err
}

// outranks reports whether a reason is of the money.
func outranks(why string) bool {
	return why == "differ" || strings.HasPrefix(why, "unbalanced:")
}

// goes reports whether the plan lets payments go on by themselves: not beyond the last
// step, and not to where they have fallen from.
func goes(t procedure.Task, at incident.Ramp) bool {
	next := at.Step + 1
	return t.Ramp.Steps[at.Step-1].Auto && next <= len(t.Ramp.Steps) && (at.Failed == 0 || next < at.Failed)
}

// worthStoring reports whether a verdict that moves nothing says anything new.
func worthStoring(at incident.Ramp, j incident.RampJudged, now time.Time) bool {
	was := at.Judged
	if was == nil {
		return true
	}
	since := now.Sub(at.JudgedAt)
	changed := was.Verdict != j.Verdict || !slices.Equal(was.Why, j.Why)
	return changed && (since >= settled || j.Verdict.Graver() && !was.Verdict.Graver()) || since >= renewed
}

func (c *Controller) hands(in *incident.Incident) Hands {
	return Hands{Directives: c.Directives, Gates: (&directive.Service{Gates: c.Gates}).GateProcesses(), Times: Times(c.Plans, in)}
}

// Times says how often in a row a probe of the incident's plan has to pass.
func Times(plans *plan.Book, in *incident.Incident) func(probe string) int {
	return func(id string) int {
		if rev, ok := plans.Revision(in.Plan.ID, in.Plan.Revision); ok {
			if p, ok := rev.Plan().Probe(id); ok {
				return p.Times
			}
		}
		return 1
	}
}

// evidence gathers what gates counted on the present step, from when all that are in
// service are heard.
func (c *Controller) evidence(r climbing, now time.Time) Evidence {
	at := r.in.RampOf(r.task.ID)
	e := Evidence{Times: Times(c.Plans, r.in), Overridden: !same(idsOf(c.Directives.Restricting(r.in.ID)), at.Directives)}
	e.StandIn = standsInAgain(c.Directives, at, now) != nil && (c.Barred == nil || c.Barred(now) == nil)
	if c.Sources != nil {
		b := audit(c.Sources(now), func(id string) bool { d := c.Directives.Directive(id); return d != nil && d.Incident == r.in.ID })
		e.Unbalanced, e.Unaccounted = b.unbalanced, b.unaccounted
	}
	from, to := at.Since.Unix()+1, now.Unix()-traffic.Settle
	seen := map[string]traffic.GateSeen{}
	for _, g := range c.Series.Gates() {
		seen[g.Gate] = g
	}
	gates := (&directive.Service{Gates: c.Gates}).GateProcesses()
	for _, name := range slices.Compact(slices.Sorted(slices.Values(gates))) {
		g, heard := seen[name]
		if !heard || g.Gone || g.Last < now.Unix()-silentAfter {
			e.Silent = append(e.Silent, name)
			continue
		}
		from = max(from, g.Since)
	}
	if len(gates) == 0 {
		e.Silent = []string{"*"}
	}
	e.From, e.To = time.Unix(from, 0), time.Unix(max(from, to), 0)
	if to <= from {
		return e
	}
	e.Whole = c.outcomes(from, to)
	e.Lately = c.outcomes(max(from, to-int64(lately/time.Second)), to)
	return e
}

func (c *Controller) outcomes(from, to int64) traffic.Outcomes {
	o, err := c.Series.Outcomes(traffic.Query{From: from, To: to, Where: letThrough})
	if err != nil {
		return traffic.Outcomes{} // a span that is too long is as if nothing were known
	}
	return o
}

// letThrough picks what the gates admitted. Payments of probes are not among it.
func letThrough(k traffic.Key) bool {
	return k.Verdict == "forward" && k.Reason != traffic.Rerouted && k.Kind.MovesMoney()
}
