package view

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/plan"
	"holdfast/internal/standin"
	"holdfast/internal/trial"
)

// Shadow is what gates found in shadow mode: how stand-in would have decided on
// payments that the primary answered.
type Shadow struct {
	At time.Time `json:"at"`
	// Trials are those of the plan in force, in its order, then those of before, the one
	// heard last first.
	Trials []ShadowTrial `json:"trials"`
	// Untried are the stand-ins of the plan in force that are not tried.
	Untried []Untried `json:"untried"`
}

// ShadowTrial is one profile that is tried, or was.
type ShadowTrial struct {
	trial.Report
	Title holdfast.Text `json:"title"`
	// Current: the plan in force has it so. Else figures are of another version.
	Current bool `json:"current"`
	// Outage is how long the outage is that is imagined; Limits are those that nothing
	// is tried against but by a single payment, since a gate sees but a part of what
	// they count. Both are known of a current one.
	Outage time.Duration   `json:"outage,omitempty"`
	Limits []standin.Limit `json:"limits,omitempty"`
}

// Untried is a stand-in that nobody tries in shadow.
type Untried struct {
	Temporary string        `json:"temporary"`
	Title     holdfast.Text `json:"title"`
}

// Shadow assembles what was found in shadow.
func (s *Source) Shadow() Shadow {
	now := s.Now()
	var solutions []plan.Temporary
	s.State.View(func() { solutions = s.Response.StandIns("", now) })
	return shadowOf(s.Trials.Reports(), solutions, now)
}

func shadowOf(reports []trial.Report, solutions []plan.Temporary, now time.Time) Shadow {
	v := Shadow{At: now.UTC(), Trials: []ShadowTrial{}, Untried: []Untried{}}
	current := map[string]bool{}
	for _, t := range solutions {
		of, asked := t.Trial()
		if !asked {
			v.Untried = append(v.Untried, Untried{t.ID, t.Title})
			continue
		}
		version := of.Version()
		current[version] = true
		one := ShadowTrial{Title: t.Title, Current: true, Outage: of.Outage, Limits: wide(of)}
		if i := slices.IndexFunc(reports, func(r trial.Report) bool { return r.Version == version }); i >= 0 {
			one.Report = reports[i]
		} else {
			one.Report = trial.Judge(trial.Found{Profile: t.ID, Planned: of.Planned, Version: version, Share: of.Share})
		}
		v.Trials = append(v.Trials, one)
	}
	for _, r := range reports {
		if current[r.Version] {
			continue
		}
		one := ShadowTrial{Report: r, Title: holdfast.Text{}}
		if i := slices.IndexFunc(solutions, func(t plan.Temporary) bool { return t.ID == r.Profile }); i >= 0 {
			one.Title = solutions[i].Title
		}
		v.Trials = append(v.Trials, one)
	}
	return v
}

// wide lists the limits of a trial's terms that count more than a gate sees.
func wide(t standin.Trial) (list []standin.Limit) {
	terms := t.Profile.Unplanned
	if t.Planned {
		terms = t.Profile.Planned
	}
	for _, l := range terms.Limits {
		if l.Over != standin.EachPayment && l.Over != standin.EachPayer {
			list = append(list, l)
		}
	}
	return list
}
