package view

import (
	"time"

	"holdfast/internal/directive"
	"holdfast/internal/plan"
	"holdfast/internal/standin"
)

// GateStandIn is what a gate says of standing in.
type GateStandIn struct {
	Source string `json:"source"`
	// Alarms need people; none of a gate that fell silent.
	Alarms []standin.Alarm `json:"alarms,omitempty"`
	// Payers is when its payer snapshot was true; zero without one.
	Payers time.Time `json:"payers,omitzero"`
	// Stale is how old that is, if it is older than the plan lets it be: everybody is
	// declined then.
	Stale time.Duration `json:"stale,omitempty"`
}

// Alarm reports whether people have to look at it.
func (g *GateStandIn) Alarm() bool { return g != nil && (len(g.Alarms) > 0 || g.Stale > 0) }

// toldLately is how long after a gate told of it its alarms count.
const toldLately = time.Minute

// gateStandIn assembles what a gate last told of stand-in, or nil. Call it under the
// state's lock.
func (s *Source) gateStandIn(gate string) *GateStandIn {
	now := s.Now()
	told, some := s.Reconciliation.Board.Told(gate)
	if !some {
		return nil
	}
	g := &GateStandIn{Source: told.Summary.Source, Payers: told.Summary.Payers}
	if now.Sub(told.Heard) > toldLately {
		return g
	}
	g.Alarms = told.Summary.Alarms
	if most := s.snapshotAge(now); most > 0 && !g.Payers.IsZero() {
		if age := now.Sub(g.Payers); age > most {
			g.Stale = age.Round(time.Second)
		}
	}
	return g
}

// snapshotAge is how old what is known of payers may be: by the stand-in in force, or
// by the strictest of the plan in force; 0 if there is none.
func (s *Source) snapshotAge(now time.Time) (most time.Duration) {
	for _, d := range s.Directives.InForce("") {
		if d.StandIn != nil && d.State == directive.InForce {
			return d.StandIn.Profile.SnapshotAge
		}
	}
	r, published := s.Plans.Current("", now)
	if !published {
		return 0
	}
	for _, t := range r.Plan().Temporary {
		if t.Kind != plan.StandIn || t.Profile == nil {
			continue
		}
		if age := t.Profile.SnapshotAge.D(); most == 0 || age < most {
			most = age
		}
	}
	return most
}
