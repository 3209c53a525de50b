package console

import (
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/response"
	"holdfast/internal/standin"
	"holdfast/internal/view"
)

// standInsOf has a stand-in in each state, with each kind of limit and obstacle.
func standInsOf() (list []view.Directive) {
	for i, state := range standInStates {
		s := standInOf()
		s.State = state
		d := view.Directive{ID: "d3" + string(rune('0'+i)), Kind: "stand-in", Scope: "all", Reason: "Reason", State: state, StandIn: &s, ProposedBy: mei, ProposedAt: past, Gates: rowsOf()}
		switch state {
		case "stopping":
			d.State, s.Obstacles = "in-force", []directive.Obstacle{{Why: directive.Unconfirmed, Gates: []string{"g", "h"}}}
		case "waiting":
			d.State, d.Confirmed = "in-force", past
			for _, why := range []string{directive.Unlisted, directive.NoSource, directive.OtherSource, directive.TooMany} {
				s.Obstacles = append(s.Obstacles, directive.Obstacle{Why: why, Gates: []string{"g"}})
			}
		case "open", "ended", "lifted":
			s.Source, s.Excluded, s.OpenedAt, s.EndsAt = "source", 3, past, past.Add(time.Hour)
			if state != "lifted" {
				d.State, d.Confirmed = "in-force", past
			}
			s.Under, s.Without = []string{"d1"}, []string{"g"}
			if state == "ended" {
				s.EndedAt = past
			}
		case "proposed":
			d.Effect, d.Deciders = &response.Preview{Known: true, PerSecond: 2}, []string{"Chen"}
			s.Planned = true
		}
		list = append(list, d)
	}
	return list
}

func standInOf() view.StandingIn {
	return view.StandingIn{
		Temporary: "small", Title: word, Role: "commander", SnapshotAge: time.Hour, Longest: 4 * time.Hour,
		Terms: standin.Terms{Eligible: `kind == "payment"`, Limits: []standin.Limit{
			{Over: standin.EachPayment, Currency: "CNY", Amount: 20000}, {Over: standin.EachPayer, Currency: "CNY", Amount: 100000, Count: 5, Window: 24 * time.Hour},
			{Over: standin.Whole, Currency: "CNY", Amount: 100000000},
		}},
	}
}

func standInFormOf() standInForm {
	planned := standInOf()
	planned.Planned, planned.Longest = true, 0
	return standInForm{"INC-1", []view.StandInChoice{{
		Temporary: "small", Title: word, When: holdfast.Text{En: "When"}, Scope: "all", Effect: response.Preview{Known: true, PerSecond: 2, Partly: true},
		By: []view.StandingIn{standInOf(), planned},
	}, {Temporary: "large", Title: word, Scope: `channel == "app"`, By: []view.StandingIn{standInOf()}}}}
}
