package console

import (
	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/view"
)

// levelSample is what the criteria say of an incident, with every kind of value.
func levelSample(in view.Incident) *levelCard {
	j := &view.Judgement{At: past, Level: holdfast.Level2, Triage: true, Missing: []string{"leaked"}, Proposed: level1, Asked: &view.LevelAsked{Rule: "critical", At: past}}
	if in.State != "suspected" {
		j.Asked.Level = level1
	}
	for i, holds := range []string{"unknown", "yes", "no"} {
		j.Criteria = append(j.Criteria, view.LevelCriterion{Words: word, Title: word, Criterion: incident.Criterion{
			Level: holdfast.Level(i + 1), Enter: "failed > 1", Band: word, Holds: holds, Automatic: true, Missing: []string{"leaked"},
		}})
	}
	for _, r := range []incident.Reading{
		{Measure: "leaked", Why: incident.NotEntered}, {Measure: "stopped", Value: true, From: plan.FromStopped, At: past}, {Measure: "region", Value: "north"},
		{Measure: "failed", Value: 12.0, AtLeast: true, From: plan.FromFailed, At: past}, {Measure: "sum", Value: 1200.0, From: plan.FromAtRisk, At: past},
	} {
		m := view.LevelMeasure{Reading: r, Title: word, Type: plan.MeasureNumber, Unit: "TWD", Decides: r.Value == nil}
		if r.Value == nil {
			m.Type = plan.MeasureYesNo
		}
		if r.Measure == "region" {
			m.EnteredBy = mei
		}
		j.Measures = append(j.Measures, m)
	}
	named := []view.Named{role, role}
	for l := level1; l <= holdfast.Level3; l++ {
		switch l {
		case in.Level:
		case holdfast.Level3:
			j.Changes = append(j.Changes, view.LevelChange{Level: l})
		default:
			j.Changes = append(j.Changes, view.LevelChange{
				Level: l, Title: word, Graver: l < in.Level, Urgent: l == level1, Opens: named, Stays: named, Waits: named, Kept: 2, Dropped: named, Told: []string{"Mei", "Lin"}, InForce: []string{"D-1", "D-2"},
			})
		}
	}
	j.Stored = []view.LevelEvaluation{{At: past, Level: level1, Readings: []incident.Reading{{Measure: "leaked", Value: false}}}, {At: past, Triage: true}, {At: past}}
	j.Past = []view.LevelPhase{{Level: holdfast.Level3, To: level1, Left: past, By: mei, AskedBy: mei, Automatic: true, Reason: "worse", Stages: []view.PastStage{{Named: role, Status: "done", Done: named}}}}
	if in.State == string(incident.Suspected) {
		j.ByRule = in.Suggested == level1
	}
	if in.State == string(incident.Active) {
		j.Fall = &view.LevelFall{To: holdfast.Level2, Reason: "calmer", By: &view.Actor{Kind: string(holdfast.Account), ID: "lin", Name: "Lin"}, At: past}
	}
	if in.State == string(incident.Closed) {
		j.Fall = &view.LevelFall{To: holdfast.Level2, Reason: "calmer", By: mei, At: past}
	}
	return newLevelCard(locale.For(holdfast.En), j)
}
