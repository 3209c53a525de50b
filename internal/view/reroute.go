package view

import (
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/posture"
	"holdfast/internal/response"
)

// Rerouting is what a reroute is by, and how far it is.
type Rerouting struct {
	Temporary string        `json:"temporary"`
	Title     holdfast.Text `json:"title"`
	Role      string        `json:"role"`
	// State is that of the directive or, while it is in force: waiting, payments still go to
	// the first primary; open, they go to the second.
	State string `json:"state"`
	// Obstacles are what keeps it from being opened, Without the gates that it is opened
	// without.
	Obstacles []directive.Obstacle `json:"obstacles,omitempty"`
	Without   []string             `json:"without,omitempty"`
	// Of one that is open, Young are the gates that reroute by a fence that is young, and
	// Holds those that hold payments of its scope.
	Young []string `json:"young,omitempty"`
	Holds []string `json:"holds,omitempty"`
	// Under are the stops and stand-ins in force that are stronger for payments of its scope.
	Under []string `json:"under,omitempty"`
	// Fence is the id of the one fence.
	Fence    string    `json:"fence,omitempty"`
	OpenedAt time.Time `json:"opened_at,omitzero"`
}

// rerouting assembles the reroute of a directive, or nil. Call it under the state's lock.
func (s *Source) rerouting(d *directive.Directive) *Rerouting {
	by := d.Reroute
	if by == nil {
		return nil
	}
	v := Rerouting{Temporary: by.Temporary, Title: by.Title, Role: by.Role, State: string(d.State), Without: d.Without}
	if o := d.Opening; o != nil {
		v.Fence, v.OpenedAt = o.Fence, o.At
	}
	switch {
	case d.Open():
		v.State = "open"
		v.Young, v.Holds = directive.Rerouted(d, s.scene(d))
	case d.Waits():
		v.State, v.Obstacles = "waiting", s.obstacles(d)
	}
	if d.State == directive.InForce {
		v.Under = s.stronger(d, posture.Stop, posture.StandIn)
	}
	return &v
}

// RerouteChoice is a reroute that may be proposed, with what it would do now.
type RerouteChoice struct {
	Temporary string           `json:"temporary"`
	Title     holdfast.Text    `json:"title"`
	When      holdfast.Text    `json:"when"`
	Role      string           `json:"role"`
	Scope     string           `json:"scope"`
	Effect    response.Preview `json:"effect"`
	// Obstacles are what would keep it from being opened now.
	Obstacles []directive.Obstacle `json:"obstacles"`
}

// RerouteChoices assembles the reroutes of the plan that rules an incident or, with "", of
// the one in force.
func (s *Source) RerouteChoices(incident string) []RerouteChoice {
	list := []RerouteChoice{}
	s.State.View(func() {
		for _, t := range s.Response.Reroutes(incident, s.Now()) {
			wish := &directive.Directive{State: directive.InForce, Proposal: directive.Proposal{Kind: posture.Reroute, Scope: t.Scope}}
			c := RerouteChoice{Temporary: t.ID, Title: t.Title, When: t.When, Role: t.Role, Scope: t.Scope, Effect: s.preview(s.Response.Preview(t.Scope)), Obstacles: s.obstacles(wish)}
			if c.Obstacles == nil {
				c.Obstacles = []directive.Obstacle{}
			}
			list = append(list, c)
		}
	})
	return list
}
