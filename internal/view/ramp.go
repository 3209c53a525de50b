package view

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
	"holdfast/internal/ramp"
)

// Ramp is the ladder, where payments stand on it, and what was judged of it.
type Ramp struct {
	Steps []procedure.Step `json:"steps"`
	// Asks is what the plan asks of every step.
	Asks procedure.Ramp `json:"asks"`
	// Step counts from 1; 0 means stopped, or with StandsIn that gates stand in again.
	Step     int       `json:"step"`
	StandsIn bool      `json:"stands_in,omitempty"`
	At       time.Time `json:"at,omitzero"`
	// HeldUntil is when the next step may be taken; at the last one, when the ramp may be
	// closed out.
	HeldUntil time.Time `json:"held_until,omitzero"`
	// Posture is the position of the posture shown: a step names it, so that it
	// cannot undo a directive that its author has not seen.
	Posture holdfast.Position `json:"posture"`
	// Watched means that all payments are back and watched, until a person closes the
	// ramp out.
	Watched bool `json:"watched,omitempty"`
	// Unknown is how many payments have an outcome that is not known.
	Unknown int `json:"unknown"`
	// Unsigned lists the stand-ins of the incident whose close-out has to be signed before
	// the ramp is closed out.
	Unsigned []string `json:"unsigned,omitempty"`
	// Backlog is what was stood in for and is forwarded beside the steps, by a budget of
	// its own; nil where no gate stood in for the incident.
	Backlog *RampBacklog `json:"backlog,omitempty"`
	// Judged is the last verdict on the present step.
	Judged *RampVerdict `json:"judged,omitempty"`
	Tests  []Probe      `json:"tests,omitempty"`
	// Moves are the steps that were taken, Verdicts what was judged, both oldest first;
	// of the verdicts, the last [VerdictsShown].
	Moves    []RampMove    `json:"moves,omitempty"`
	Verdicts []RampVerdict `json:"verdicts,omitempty"`
}

// RampBacklog is what waits to be forwarded at the gates of all sources: how many advices
// are settled in a second, how many may be sent, and when the rest will be at that rate;
// zero if it cannot be told.
type RampBacklog struct {
	Pending int64     `json:"pending"`
	Rate    float64   `json:"rate"`
	Budget  float64   `json:"budget"`
	Clears  time.Time `json:"clears,omitzero"`
}

// VerdictsShown bounds the verdicts of a ramp that are shown.
const VerdictsShown = 200

// RampVerdict is a verdict and when it was said.
type RampVerdict struct {
	At time.Time `json:"at"`
	incident.RampJudged
}

// RampMove is a step that was taken, or one that a person kept with a reason.
type RampMove struct {
	At      time.Time            `json:"at"`
	Step    int                  `json:"step"`
	Percent float64              `json:"percent"`
	By      *Actor               `json:"by"`
	Verdict incident.RampVerdict `json:"verdict,omitempty"`
	Kept    string               `json:"kept,omitempty"`
	// StandIn is the stand-in that the step took the place of; with StandsIn, the one
	// that payments fell back to.
	StandIn  string `json:"stand_in,omitempty"`
	StandsIn bool   `json:"stands_in,omitempty"`
}

func (s *Source) ramp(in *incident.Incident, t procedure.Task, p *plan.Plan) *Ramp {
	at := in.RampOf(t.ID)
	v := &Ramp{
		Steps: t.Ramp.Steps, Asks: *t.Ramp, Step: at.Step, At: at.At, HeldUntil: ramp.HeldUntil(in, t),
		Posture: s.Directives.Head().Position, Unknown: s.Gates.UnresolvedCount(),
		Tests: probes(in, procedure.Task{ID: t.ID, Probes: t.Ramp.ProbesAt(at.Step)}, p), StandsIn: at.StandsIn(),
	}
	v.Asks.Steps = []procedure.Step{}
	v.Watched = at.Step == len(t.Ramp.Steps) && in.Tasks[t.ID].Status == procedure.Open
	stoodIn := s.stoodIn(in)
	if len(stoodIn) > 0 {
		v.Backlog = s.rampBacklog()
	}
	for _, stood := range stoodIn {
		if v.Watched && !stood.Signed && !stood.Untouched {
			v.Unsigned = append(v.Unsigned, stood.Directive)
		}
	}
	if at.Judged != nil {
		v.Judged = &RampVerdict{at.JudgedAt, *at.Judged}
	}
	facts, _ := s.Timeline.Of(in.ID)
	for _, f := range facts {
		v.tell(f, t.ID)
	}
	v.Verdicts = v.Verdicts[max(0, len(v.Verdicts)-VerdictsShown):]
	return v
}

func (s *Source) rampBacklog() *RampBacklog {
	b := &RampBacklog{}
	for _, of := range s.Reconciliation.Sources(s.Now()) {
		b.Pending += of.Pending.Count
		b.Rate += of.Rate
		b.Budget += of.Budget
		if of.Clears.After(b.Clears) {
			b.Clears = of.Clears
		}
	}
	return b
}

// tell takes a fact into the story of a task's ramp.
func (v *Ramp) tell(f holdfast.Fact, task string) {
	e, err := incident.Decode(f)
	if err != nil {
		return // the state's fold says so
	}
	switch e := e.(type) {
	case incident.Ramped:
		if e.Task == task {
			v.Moves = append(v.Moves, RampMove{At: f.Time, Step: e.Step, Percent: e.Percent, By: actor(f.Actor), Verdict: e.Verdict, StandIn: e.StandIn, StandsIn: e.StandsIn()})
		}
	case incident.RampKept:
		if e.Task == task && e.Step > 0 && e.Step <= len(v.Steps) {
			v.Moves = append(v.Moves, RampMove{At: f.Time, Step: e.Step, Percent: v.Steps[e.Step-1].Percent, By: actor(f.Actor), Kept: e.Reason})
		}
	case incident.RampJudged:
		if e.Task == task {
			v.Verdicts = append(v.Verdicts, RampVerdict{f.Time, e})
		}
	}
}
