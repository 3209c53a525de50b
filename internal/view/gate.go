package view

import (
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/posture"
)

// Gate is one gate as the control plane knows it.
type Gate struct {
	Name    string `json:"name"`
	Boot    string `json:"boot"`
	Version string `json:"version,omitempty"`
	// State is live, silent (no heartbeat for half a lease), or gone (retired).
	State   string            `json:"state"`
	GoneWhy string            `json:"gone_why,omitempty"`
	Since   time.Time         `json:"since"`
	Seen    time.Time         `json:"seen,omitzero"`
	Routes  []enrolment.Route `json:"routes"`
	// Posture is what it has acknowledged, Behind whether that is not the newest.
	Posture    holdfast.Head       `json:"posture"`
	Behind     bool                `json:"behind"`
	InFlight   int                 `json:"in_flight"`
	Draining   int                 `json:"draining"`
	Unresolved int                 `json:"unresolved"`
	Local      []posture.Directive `json:"local,omitempty"`
	Alarm      string              `json:"alarm,omitempty"`
	// PrimaryDown are the addresses of the primary that the gate leaves out since they gave
	// no answers.
	PrimaryDown []string `json:"primary_down,omitempty"`
	// Fence is what keeps each identity from one of two primaries, FenceSince from when on all
	// is in it; SecondDown is PrimaryDown of the second one.
	Fence      string    `json:"fence,omitempty"`
	FenceSince time.Time `json:"fence_since,omitzero"`
	SecondDown []string  `json:"second_down,omitempty"`
	// StandIn is what it says of standing in; nil if it has no advice source.
	StandIn *GateStandIn `json:"stand_in,omitempty"`
	// Others counts earlier runs of this gate that a stop still waits for: they
	// were not seen to end.
	Others int `json:"others,omitempty"`
}

// AllGates assembles the gates.
func (s *Source) AllGates() (list []Gate) {
	s.State.View(func() { list = s.gates() })
	return list
}

// Gate assembles one gate.
func (s *Source) Gate(name string) (v Gate, err error) {
	s.State.View(func() {
		g := s.Gates.Gate(name)
		if g.Present() == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no gate %q", name)
			return
		}
		v = s.gate(g)
	})
	return v, err
}

func (s *Source) gates() []Gate {
	list := []Gate{}
	for _, g := range s.Gates.Gates() {
		list = append(list, s.gate(g))
	}
	return list
}

func (s *Source) gate(g *enrolment.Gate) Gate {
	i := g.Present()
	v := Gate{
		Name: g.Name, Boot: i.Boot, Version: i.Version, State: "live",
		GoneWhy: i.GoneWhy, Since: i.At, Routes: append([]enrolment.Route{}, i.Routes...),
		Posture: i.Posture, Behind: i.Posture.Position < s.Directives.Head().Position,
	}
	for _, other := range g.Incarnations {
		if other != i && !other.Gone {
			v.Others++
		}
	}
	if l, ok := s.Node.Live(g.Name); ok && l.Heartbeat.Boot == i.Boot {
		h := l.Heartbeat
		v.Seen, v.Local, v.Alarm, v.PrimaryDown = l.Seen, h.Local, h.Alarm, h.PrimaryDown
		v.Fence, v.FenceSince, v.SecondDown = h.Fence.ID, h.Fence.Since, h.SecondDown
		v.InFlight, v.Draining, v.Unresolved = h.InFlight, h.Draining, h.Unresolved
	}
	v.StandIn = s.gateStandIn(g.Name)
	switch {
	case i.Gone:
		v.State = "gone"
	case s.Now().Sub(v.Seen) > s.Directives.Set().Lease/2:
		v.State = "silent"
	}
	return v
}
