package view

import (
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/locale"
	"holdfast/internal/posture"
	"holdfast/internal/response"
)

// Directive is one instruction to the gates and how far it is carried out.
type Directive struct {
	ID       string            `json:"id"`
	Revision holdfast.Revision `json:"revision"`
	State    string            `json:"state"`
	Kind     string            `json:"kind"`
	Scope    string            `json:"scope"`
	Reason   string            `json:"reason"`
	// Why is the reason in every language, where the plan or Holdfast gave it.
	Why      holdfast.Text `json:"why,omitzero"`
	Incident string        `json:"incident,omitempty"`
	Task     string        `json:"task,omitempty"`
	Share    float64       `json:"share,omitempty"`
	Rate     float64       `json:"rate,omitempty"`
	// Amount caps what is admitted each second, in minor units of Currency.
	Amount        int64             `json:"amount,omitempty"`
	Currency      string            `json:"currency,omitempty"`
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
	ConfirmedAfterMillis int64     `json:"confirmed_after_ms,omitempty"`
	EndedBy              *Actor    `json:"ended_by,omitempty"`
	EndedAt              time.Time `json:"ended_at,omitzero"`
	EndReason            string    `json:"end_reason,omitempty"`
	// Glass is the break of the glass by which it was ordered.
	Glass string `json:"break_glass,omitempty"`
	// LiftAsked is who asks for it to be lifted, and waits for a second person.
	LiftAsked *LiftWish `json:"lift_asked,omitempty"`
	// Deciders are the people who may answer what waits.
	Deciders []string `json:"deciders,omitempty"`
	// Effect is what their consent would change now.
	Effect *response.Preview `json:"effect,omitempty"`
	// StandIn is what a stand-in is by and how far it is.
	StandIn *StandingIn `json:"stand_in,omitempty"`
	// Reroute is what a reroute is by and how far it is.
	Reroute *Rerouting `json:"reroute,omitempty"`
	// LiftEffect is what a lift would let pass again, of one directive that is in force.
	LiftEffect *response.Preview `json:"lift_effect,omitempty"`
	Gates      []directive.Row   `json:"gates"`
	Totals     directive.Totals  `json:"totals"`
}

// LiftWish is the wish that a directive be lifted.
type LiftWish struct {
	By     *Actor    `json:"by"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// directive assembles one. Call it under the state's lock.
func (s *Source) directive(d *directive.Directive) Directive {
	v := Directive{
		ID: d.ID, Revision: d.Revision, State: string(d.State),
		Kind: string(d.Kind), Scope: d.Scope, Reason: d.Reason, Incident: d.Incident, Task: d.Task,
		Share: d.Share, Rate: d.Rate, Amount: d.Amount, Currency: d.Currency, DrainSeconds: d.Drain.Seconds(),
		PreAuthorised: d.PreAuthorised,
		ProposedBy:    actor(d.ProposedBy), ProposedAt: d.ProposedAt, ApprovedBy: actor(d.ApprovedBy),
		Position: d.Position, IssuedAt: d.IssuedAt,
		EndedBy: actor(d.LiftedBy), EndedAt: d.LiftedAt, EndReason: d.EndReason,
		Gates: directive.Progress(d, s.Gates),
	}
	if v.Gates == nil {
		v.Gates = []directive.Row{}
	}
	v.Why = s.why(d)
	v.Glass = d.Glass
	s.await(d, &v)
	if w := d.LiftWish; w != nil && d.State == directive.InForce {
		v.LiftAsked = &LiftWish{actor(w.By), w.At, w.Reason}
	}
	if c := d.Confirmation; c != nil {
		v.Confirmed = c.Confirmed
		v.ConfirmedAfterMillis = max(1, c.Confirmed.Sub(c.Issued).Milliseconds())
	}
	v.Totals = directive.Sum(v.Gates)
	v.StandIn, v.Reroute = s.standingIn(d), s.rerouting(d)
	return v
}

// why says in every language what a task of an incident's procedure gives as the
// reason. What a person wrote stands as it was written.
func (s *Source) why(d *directive.Directive) (text holdfast.Text) {
	in := s.Incidents.Incident(d.Incident)
	if in == nil || d.Task == "" {
		return text
	}
	_, t, ok := in.Procedure.Task(d.Task)
	switch {
	case !ok:
		return text
	case t.Directive != nil:
		return t.Directive.Reason
	case t.Ramp != nil && d.Kind == posture.Stop:
		return locale.Everywhere(func(p *locale.Printer) string { return p.T("directive.why.ramp-stop") })
	case t.Ramp != nil:
		return locale.Everywhere(func(p *locale.Printer) string { return p.T("directive.why.ramp", "percent", p.Percent(d.Share*100)) })
	}
	return text
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
		if d.State == directive.InForce {
			effect := s.preview(s.Response.PreviewLift(d.Scope))
			v.LiftEffect = &effect
		}
	})
	return v, err
}

// AllDirectives assembles a page of directives, newest first.
func (s *Source) AllDirectives(offset, size int) (p Page[Directive]) {
	s.State.View(func() { p = paginate(s.Directives.All(), offset, size, s.directive) })
	return p
}
