package console

import (
	"slices"

	"holdfast"
	"holdfast/internal/locale"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// onRamp is a ramp of a plan that names its probes.
type onRamp struct {
	Plan *plan.Plan
	Ramp *procedure.Ramp
}

// profileOf is the profile of a stand-in with its limits side by side: what holds for
// an outage that was announced, and for any other.
type profileOf struct {
	*plan.Profile
	Limits []limitRow
	// The conditions of both in words.
	PlannedWords, UnplannedWords string
}

// limitRow is one limit of a profile, by what it is over.
type limitRow struct {
	plan.Limit
	Planned, Unplanned string
}

// OnProfile prepares a profile to be read.
func (b planBody) OnProfile(p *plan.Profile) profileOf {
	of := profileOf{Profile: p}
	words := func(t *plan.Terms) string {
		if t == nil {
			return ""
		}
		return vocabularyOf(b.words, b.Plan, "terms.eligible").Explain(b.words, t.Eligible)
	}
	of.PlannedWords, of.UnplannedWords = words(p.Planned), words(p.Unplanned)
	row := func(l plan.Limit) *limitRow {
		i := slices.IndexFunc(of.Limits, func(r limitRow) bool {
			return r.Over == l.Over && r.Currency == l.Currency && r.Window == l.Window
		})
		if i < 0 {
			i = len(of.Limits)
			of.Limits = append(of.Limits, limitRow{Limit: l, Planned: "–", Unplanned: "–"})
		}
		return &of.Limits[i]
	}
	if p.Planned != nil {
		for _, l := range p.Planned.Limits {
			row(l).Planned = limitText(b.words, l)
		}
	}
	if p.Unplanned != nil {
		for _, l := range p.Unplanned.Limits {
			row(l).Unplanned = limitText(b.words, l)
		}
	}
	return of
}

// limitText is how much a limit lets through.
func limitText(words *locale.Printer, l plan.Limit) string {
	text := ""
	if l.Amount != 0 {
		text = words.Money(holdfast.Money{Minor: int64(l.Amount), Currency: l.Currency})
	}
	if l.Count != 0 {
		if text != "" {
			text += " · "
		}
		text += words.T("profile.count", "n", words.Int(int64(l.Count)))
	}
	return text
}
