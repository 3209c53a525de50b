package view

import (
	"time"

	"holdfast"
	"holdfast/internal/directive"
)

// Directive is one instruction to the gates and how far it is carried out.
type Directive struct {
	ID            string            `json:"id"`
	Revision      holdfast.Revision `json:"revision"`
	State         string            `json:"state"`
	Kind          string            `json:"kind"`
	Scope         string            `json:"scope"`
	Reason        string            `json:"reason"`
	Incident      string            `json:"incident,omitempty"`
	Task          string            `json:"task,omitempty"`
	Share         float64           `json:"share,omitempty"`
	Rate          float64           `json:"rate,omitempty"`
	DrainSeconds  float64           `json:"drain_seconds,omitempty"`
	PreAuthorised bool              `json:"pre_authorised"`
	ProposedBy    *Actor            `json:"proposed_by"`
	ProposedAt    time.Time         `json:"proposed_at"`
	ApprovedBy    *Actor            `json:"approved_by,omitempty"`
	Position      holdfast.Position `json:"position,omitempty"`
	IssuedAt      time.Time         `json:"issued_at,omitzero"`
	// Confirmed is when every gate was accounted for; zero means that the
	// directive is issued, not confirmed.
	Confirmed time.Time `json:"confirmed_at,omitzero"`
	// ConfirmedAfterMillis is the time from issue to confirmation.
	ConfirmedAfterMillis int64            `json:"confirmed_after_ms,omitempty"`
	EndedBy              *Actor           `json:"ended_by,omitempty"`
	EndedAt              time.Time        `json:"ended_at,omitzero"`
	EndReason            string           `json:"end_reason,omitempty"`
	Gates                []directive.Row  `json:"gates"`
	Totals               directive.Totals `json:"totals"`
}

// directive assembles one. Call it under the state's lock.
func (s *Source) directive(d *directive.Directive) Directive {
	v := Directive{
		ID: d.ID, Revision: d.Revision, State: string(d.State),
		Kind: string(d.Kind), Scope: d.Scope, Reason: d.Reason, Incident: d.Incident, Task: d.Task,
		Share: d.Share, Rate: d.Rate, DrainSeconds: d.Drain.Seconds(),
		PreAuthorised: d.PreAuthorised,
		ProposedBy:    actor(d.ProposedBy), ProposedAt: d.ProposedAt, ApprovedBy: actor(d.ApprovedBy),
		Position: d.Position, IssuedAt: d.IssuedAt,
		EndedBy: actor(d.LiftedBy), EndedAt: d.LiftedAt, EndReason: d.EndReason,
		Gates: directive.Progress(d, s.Gates),
	}
	if v.Gates == nil {
		v.Gates = []directive.Row{}
	}
	if c := d.Confirmation; c != nil {
		v.Confirmed = c.Confirmed
		v.ConfirmedAfterMillis = max(1, c.Confirmed.Sub(c.Issued).Milliseconds())
	}
	v.Totals = directive.Sum(v.Gates)
	return v
}

// Directive assembles a directive by id.
func (s *Source) Directive(id string) (v Directive, err error) {
	s.State.View(func() {
		d := s.Directives.Directive(id)
		if d == nil {
			err = holdfast.Errorf(holdfast.NotFound, "there is no directive %q", id)
			return
		}
		v = s.directive(d)
	})
	return v, err
}

// AllDirectives assembles a page of directives, newest first.
func (s *Source) AllDirectives(offset, size int) (p Page[Directive]) {
	s.State.View(func() { p = paginate(s.Directives.All(), offset, size, s.directive) })
	return p
}
