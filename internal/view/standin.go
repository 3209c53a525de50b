package view

import (
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/expression"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/response"
	"holdfast/internal/standin"
)

// StandingIn is what a stand-in is by, and how far it is.
type StandingIn struct {
	Temporary string        `json:"temporary"`
	Title     holdfast.Text `json:"title"`
	Role      string        `json:"role"`
	Planned   bool          `json:"planned"`
	// OneByOne says that payments are forwarded: stood in for are those for which the
	// primary fails before the first byte.
	OneByOne bool `json:"one_by_one,omitempty"`
	// Terms hold of the profile: who is eligible, and up to which limits.
	Terms       standin.Terms `json:"terms"`
	SnapshotAge time.Duration `json:"snapshot_age"`
	// Longest is how long it stays open; 0 until it is lifted.
	Longest time.Duration `json:"longest,omitempty"`
	// State is that of the directive or, while it is in force: stopping, a gate may
	// still forward; waiting, payments are held; open, gates answer for the primary;
	// ended, its time is over and payments are held again. Stopped means that a stop
	// covers all of it, so that nothing is approved.
	State string `json:"state"`
	// Obstacles are what keeps it from being opened.
	Obstacles []directive.Obstacle `json:"obstacles,omitempty"`
	// Without are the gates that it is opened without.
	Without []string `json:"without,omitempty"`
	// Under are the stops in force that are stronger for payments of its scope.
	Under    []string  `json:"under,omitempty"`
	Source   string    `json:"source,omitempty"`
	Excluded int       `json:"excluded,omitempty"`
	OpenedAt time.Time `json:"opened_at,omitzero"`
	EndsAt   time.Time `json:"ends_at,omitzero"`
	EndedAt  time.Time `json:"ended_at,omitzero"`
}

// standingIn assembles the stand-in of a directive, or nil. Call it under the state's
// lock.
func (s *Source) standingIn(d *directive.Directive) *StandingIn {
	if d.StandIn == nil {
		return nil
	}
	v := termsOf(d.StandIn)
	v.State, v.Without = string(d.State), d.Without
	if o := d.Opening; o != nil {
		v.Source, v.Excluded, v.OpenedAt, v.EndsAt, v.EndedAt = o.Source, o.Excluded, o.At, o.Ends, o.Ended
	}
	switch {
	case d.State != directive.InForce:
	case d.Open():
		v.State = "open"
	case d.Opening != nil:
		v.State = "ended"
	case d.Confirmation == nil && !d.OneByOne():
		v.State = "stopping"
	default:
		v.State = "waiting"
	}
	if d.State == directive.InForce {
		v.Under = s.stronger(d, posture.Stop)
		for _, id := range v.Under {
			if v.State == "open" && expression.Within(d.Scope, s.Directives.Directive(id).Scope) {
				v.State = "stopped"
			}
		}
	}
	if d.Waits() {
		v.Obstacles = s.obstacles(d)
	}
	return &v
}

// stronger lists the directives in force of some kinds that cover payments of another's
// scope. Call it under the state's lock.
func (s *Source) stronger(d *directive.Directive, kinds ...posture.Kind) (ids []string) {
	for _, other := range s.Directives.InForce("") {
		if slices.Contains(kinds, other.Kind) && other.Restricts() && !expression.Apart(d.Scope, other.Scope) {
			ids = append(ids, other.ID)
		}
	}
	return ids
}

// obstacles lists what keeps a directive in force from being opened. Call it under the
// state's lock.
func (s *Source) obstacles(d *directive.Directive) []directive.Obstacle {
	return directive.Obstacles(d, s.scene(d))
}

// scene is what the opening of a directive is decided on. Call it under the state's lock.
func (s *Source) scene(d *directive.Directive) directive.Scene {
	service := directive.Service{Book: s.Directives, Gates: s.Gates, Fences: s.Node.Fences}
	return service.Scene(d, s.Node.Sources(), s.Now())
}

func termsOf(by *directive.StandIn) StandingIn {
	v := StandingIn{
		Temporary: by.Temporary, Title: by.Title, Role: by.Role, Planned: by.Planned, OneByOne: by.OneByOne,
		SnapshotAge: by.Profile.SnapshotAge, Longest: by.Longest,
	}
	terms := by.Profile.Unplanned
	if by.Planned {
		terms = by.Profile.Planned
	}
	if terms != nil {
		v.Terms = *terms
	}
	if v.Terms.Limits == nil {
		v.Terms.Limits = []standin.Limit{}
	}
	return v
}

// StandInChoice is a stand-in that may be proposed, with what it would do now.
type StandInChoice struct {
	Temporary string           `json:"temporary"`
	Title     holdfast.Text    `json:"title"`
	When      holdfast.Text    `json:"when"`
	Scope     string           `json:"scope"`
	Effect    response.Preview `json:"effect"`
	// Declines are gates in service that would decline payments of its scope, and why.
	Declines []WouldDecline `json:"declines"`
	// OneByOne says that it may be proposed one by one, too.
	OneByOne bool `json:"one_by_one,omitempty"`
	// By has what it would be by, for each set of terms that the plan has.
	By []StandingIn `json:"by"`
}

// StandInChoices assembles the stand-ins of the plan that rules an incident or, with
// "", of the one in force.
func (s *Source) StandInChoices(incident string) (list []StandInChoice) {
	s.State.View(func() { list = s.standInChoices(incident) })
	return list
}

func (s *Source) standInChoices(incident string) []StandInChoice {
	list := []StandInChoice{}
	for _, t := range s.Response.StandIns(incident, s.Now()) {
		list = append(list, s.standInChoice(t))
	}
	return list
}

func (s *Source) standInChoice(t plan.Temporary) StandInChoice {
	c := StandInChoice{Temporary: t.ID, Title: t.Title, When: t.When, Scope: t.Scope, Effect: s.preview(s.Response.Preview(t.Scope)), OneByOne: t.Profile.OneByOne, By: []StandingIn{}}
	c.Declines = s.wouldDecline(t.Scope)
	for _, planned := range []bool{false, true} {
		by := response.StandInBy(t, planned)
		if by.Profile.Unplanned != nil && !planned || by.Profile.Planned != nil && planned {
			c.By = append(c.By, termsOf(by))
		}
	}
	return c
}
