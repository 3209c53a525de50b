package directive

import (
	"maps"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/enrolment"
	"holdfast/internal/expression"
	"holdfast/internal/posture"
)

// Reroute is the part of a plan that a reroute is by.
type Reroute struct {
	// Temporary is the plan's solution, with its title; Role decides on it.
	Temporary string        `json:"temporary"`
	Title     holdfast.Text `json:"title"`
	Role      string        `json:"role"`
}

// Fence is what a gate says of its fence, which keeps each identity from one of two
// primaries.
type Fence struct {
	ID string
	// Since is from when on all that was sent is in it, and Keep how long it is kept: as
	// long as clients may send a payment again.
	Since time.Time
	Keep  time.Duration
}

// Why a reroute is not open, besides what a stand-in waits for.
const (
	// NoFence: a gate has no fence, or has not named it yet.
	NoFence = "no-fence"
	// OtherFence: gates have different fences, and could send an identity to both primaries.
	OtherFence = "other-fence"
	// YoungFence: payments that were sent before the fence was made may still be repeated.
	YoungFence = "young-fence"
	// NoSecond: a gate has no second primary for a route of the scope.
	NoSecond = "no-second"
)

// rerouteObstacles lists what keeps a reroute in force from being opened. It stops nothing,
// and so waits for no confirmation: the fence keeps what was sent from being sent to both.
func rerouteObstacles(d *Directive, s Scene) (list []Obstacle) {
	by := map[string][]string{}
	for _, g := range s.Gates {
		if g.Gone || slices.Contains(d.Without, g.Gate) || !concerned(g, d.Scope) {
			continue
		}
		note := func(why string) {
			if !slices.Contains(by[why], g.Gate) {
				by[why] = append(by[why], g.Gate)
			}
		}
		if !secondFor(g, d.Scope) {
			note(NoSecond)
		}
		switch f := s.Fences[g.Boot]; {
		case f.ID == "":
			note(NoFence)
		case s.Now.Sub(f.Since) < f.Keep:
			note(YoungFence)
		}
	}
	switch fences := s.fences(d); {
	case len(fences) == 0:
		by[NoFence] = slices.Clone(by[NoFence])
	case len(fences) > 1:
		by[OtherFence] = slices.Sorted(maps.Keys(fences))
	}
	for _, why := range []string{NoFence, OtherFence, YoungFence, NoSecond} {
		if gates, ok := by[why]; ok {
			list = append(list, Obstacle{why, gates})
		}
	}
	return list
}

// fences has the fence of each gate that a reroute could go by, one entry if that is the same.
// Where it goes without all of them, the fence of the first by name has it.
func (s Scene) fences(d *Directive) map[string]string {
	named := map[bool]map[string]string{false: {}, true: {}}
	for _, g := range s.Gates {
		if f := s.Fences[g.Boot]; !g.Gone && f.ID != "" && concerned(g, d.Scope) {
			named[slices.Contains(d.Without, g.Gate)][g.Gate] = f.ID
		}
	}
	list := named[false]
	if len(list) == 0 {
		for _, gate := range slices.Sorted(maps.Keys(named[true]))[:min(1, len(named[true]))] {
			list[gate] = named[true][gate]
		}
	}
	if one := slices.Compact(slices.Sorted(maps.Values(list))); len(one) == 1 {
		return map[string]string{one[0]: one[0]}
	}
	return list
}

// Rerouted says how each gate takes a reroute that is open: by its fence, although that is
// young, or not at all.
func Rerouted(d *Directive, s Scene) (young, holds []string) {
	for _, g := range s.Gates {
		f := s.Fences[g.Boot]
		switch {
		case g.Gone || !concerned(g, d.Scope):
		case f.ID != d.Opening.Fence || !secondFor(g, d.Scope):
			holds = append(holds, g.Gate)
		case s.Now.Sub(f.Since) < f.Keep:
			young = append(young, g.Gate)
		}
	}
	return young, holds
}

// concerned reports whether payments of the scope may come to a gate.
func concerned(g *enrolment.Incarnation, scope string) bool {
	return slices.ContainsFunc(g.Routes, func(r enrolment.Route) bool { return r.Takes(scope) })
}

// secondFor reports whether a gate has a second primary for every route by which payments of
// the scope may come.
func secondFor(g *enrolment.Incarnation, scope string) bool {
	return !slices.ContainsFunc(g.Routes, func(r enrolment.Route) bool { return !r.Second && r.Takes(scope) })
}

// rerouted is the opening of a reroute, by the one fence.
func (s Scene) rerouted(d *Directive) (o Opening) {
	for _, fence := range s.fences(d) {
		o.Fence = fence
	}
	return o
}

// roomForReroute refuses a second reroute of the same payments: a gate goes by the first.
func (b *Book) roomForReroute(p Proposal) error {
	for _, d := range b.force {
		if d.Kind == posture.Reroute && p.Kind == posture.Reroute && !expression.Apart(d.Scope, p.Scope) {
			return holdfast.Errorf(holdfast.Conflict, "directive %s reroutes some of these payments already; lift it first", d.ID)
		}
	}
	return nil
}

// Restricts reports whether it keeps payments from anybody: one that stands in one by one, and
// one that reroutes, does not.
func (d *Directive) Restricts() bool { return !d.OneByOne() && d.Kind != posture.Reroute }

// By is the solution of the plan that a stand-in or a reroute is by, and the role that decides
// on it; empty for any other.
func (p *Proposal) By() (temporary, role string) {
	switch {
	case p.StandIn != nil:
		return p.StandIn.Temporary, p.StandIn.Role
	case p.Reroute != nil:
		return p.Reroute.Temporary, p.Reroute.Role
	}
	return "", ""
}
