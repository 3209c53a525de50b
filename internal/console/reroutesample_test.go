package console

import (
	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/response"
	"holdfast/internal/view"
)

// rerouteStates are those that a reroute can be in.
var rerouteStates = []string{"proposed", "refused", "waiting", "open", "lifted"}

// reroutesOf has a reroute in each state, with each obstacle.
func reroutesOf() (list []view.Directive) {
	for i, state := range rerouteStates {
		r := view.Rerouting{Temporary: "second", Title: word, Role: "commander", State: state}
		d := view.Directive{ID: "d7" + string(rune('0'+i)), Kind: "reroute", Scope: "all", Reason: "Reason", State: state, Reroute: &r, ProposedBy: mei, ProposedAt: past, Gates: rowsOf()}
		switch state {
		case "proposed":
			d.Effect, d.Deciders = &response.Preview{Known: true, PerSecond: 2}, []string{"Chen"}
		case "waiting":
			d.State, r.Obstacles = "in-force", obstaclesOfReroute()
		case "open":
			d.State, r.Fence, r.OpenedAt, r.Under, r.Without = "in-force", "fence", past, []string{"d1"}, []string{"g"}
			r.Young, r.Holds = []string{"g"}, []string{"h"}
		}
		list = append(list, d)
	}
	return list
}

func obstaclesOfReroute() (list []directive.Obstacle) {
	for _, why := range []string{directive.NoFence, directive.OtherFence, directive.YoungFence, directive.NoSecond} {
		list = append(list, directive.Obstacle{Why: why, Gates: []string{"g", "h"}})
	}
	return list
}

func rerouteFormOf() rerouteForm {
	return rerouteForm{"INC-1", []view.RerouteChoice{
		{Temporary: "second", Title: word, When: holdfast.Text{En: "When"}, Scope: "all", Effect: response.Preview{Known: true, PerSecond: 2}, Obstacles: obstaclesOfReroute()},
		{Temporary: "third", Title: word, Scope: `channel == "app"`},
	}}
}
