package console

import (
	"slices"

	"holdfast/internal/directive"
	"holdfast/internal/response"
	"holdfast/internal/view"
)

// rerouteForm is where a reroute is proposed, of an incident or, with "", of none.
type rerouteForm struct {
	Incident string
	Choices  []view.RerouteChoice
}

func (c *Console) rerouteForm(incident string) rerouteForm {
	return rerouteForm{incident, c.View.RerouteChoices(incident)}
}

func (c *Console) proposeReroute(v *visit) error {
	id, err := c.Response.Reroute(v.r.Context(), v.by(), v.who().Account, response.RerouteWish{
		Temporary: v.form("temporary"), Incident: v.form("incident"), Reason: v.form("reason"),
	})
	if err != nil {
		return err
	}
	return v.seeOther("/directives/"+id, "")
}

// keepers lists the gates that keep a stand-in or a reroute closed by what it could go
// without.
func keepers(list []directive.Obstacle) (gates []string) {
	for _, o := range list {
		for _, g := range o.Gates {
			if o.Why != directive.Unconfirmed && !slices.Contains(gates, g) {
				gates = append(gates, g)
			}
		}
	}
	return gates
}

// obstaclesOf are what keeps a directive from being opened.
func obstaclesOf(d view.Directive) []directive.Obstacle {
	switch {
	case d.StandIn != nil:
		return d.StandIn.Obstacles
	case d.Reroute != nil:
		return d.Reroute.Obstacles
	}
	return nil
}
