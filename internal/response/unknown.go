package response

import (
	"slices"
	"time"

	"holdfast/internal/debrief"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/incident"
	"holdfast/internal/payment"
	"holdfast/internal/procedure"
)

// LeftUnknown has the payments, by gate and identity, that the gates found in flight at
// the stop of a directive and left unknown; while a gate drains, all that it found. Call it
// under the state's lock.
func (s *Service) LeftUnknown(id string) map[GatePayment]bool {
	left := map[GatePayment]bool{}
	d := s.Directives.Directive(id)
	if d == nil || d.IssuedAt.IsZero() {
		return left // what never was in force stopped nothing
	}
	for _, i := range s.Gates.Concerned(d.Position) {
		stop := i.StopAt(d.Position)
		if stop == nil {
			continue
		}
		list := stop.InFlight
		if stop.Drained != nil {
			list = stop.Drained.Unknown
		}
		for _, r := range list {
			left[GatePayment{i.Gate, r.Identity}] = true
		}
	}
	return left
}

// GatePayment is a payment at a gate.
type GatePayment struct{ Gate, Identity string }

// leftBy is which payments of unknown outcome are of an incident's story: those that its
// stops, or those of what was merged into it, left so, and those that became so in its
// window.
type leftBy struct {
	stops    []map[GatePayment]bool
	from, to time.Time
}

func (l leftBy) has(u enrolment.Unknown) bool {
	if !u.Since.Before(l.from) && !u.Since.After(l.to) {
		return true
	}
	key := GatePayment{u.Gate, u.Record.Identity}
	return slices.ContainsFunc(l.stops, func(left map[GatePayment]bool) bool { return left[key] })
}

func (s *Service) leftBy(in *incident.Incident) leftBy {
	l := leftBy{from: s.occurred(in), to: s.recovered(in)}
	whole := s.Incidents.Whole(in.ID)
	for _, d := range s.Directives.All() {
		if slices.Contains(whole, d.Incident) {
			l.stops = append(l.stops, s.LeftUnknown(d.ID))
		}
	}
	return l
}

// occurred is when an incident began, as a debrief says it: as a person set it, else when
// the first of its alerts, or of what was merged into it, did that is from before it was
// noticed, else when it was.
func (s *Service) occurred(in *incident.Incident) time.Time {
	if set := s.moment(in, "occurred"); !set.IsZero() {
		return set
	}
	first := in.Opened
	for _, id := range s.Incidents.Whole(in.ID) {
		if part := s.Incidents.Incident(id); part != nil {
			first = s.firstAlert(part, first)
		}
	}
	if set := s.moment(in, "detected"); first.Equal(in.Opened) && !set.IsZero() {
		return set
	}
	return first
}

// recovered is until when an incident leaves payments unknown: until payments were back, as
// a person set it or the stage was done, or it ended; else until now. A drill leaves none.
func (s *Service) recovered(in *incident.Incident) time.Time {
	if in.Drill {
		return time.Time{}
	}
	to := s.Desk.Now().Add(time.Second) // gates' clocks may be a little ahead
	back := s.moment(in, "recovered")
	if back.IsZero() {
		back = stageEnd(in, procedure.Recover)
	}
	for _, end := range []time.Time{back, in.Ended} {
		if !end.IsZero() && end.Before(to) {
			to = end
		}
	}
	return to
}

// moment is what a person said a moment of an incident to be; zero if nobody did.
func (s *Service) moment(in *incident.Incident, name string) time.Time {
	if s.Obligations == nil {
		return time.Time{}
	}
	return s.Obligations.Moment(in.ID, name)
}

// Left names the incidents that left a payment unknown, the oldest first: by a stop, or
// because it became so while one of them went on, until payments were back. One that was
// dismissed left none. Call it under the state's lock.
//
// It looks up the one payment, however many others are unknown or were in flight.
func (s *Service) Left(identity string) (incidents []string) {
	list := s.Gates.UnresolvedOf(identity)
	if len(list) == 0 {
		return nil
	}
	stopped := map[string]bool{} // incidents of which a stop left it so
	for _, d := range s.Directives.All() {
		if d.Incident != "" && !d.IssuedAt.IsZero() && !stopped[d.Incident] {
			stopped[d.Incident] = slices.ContainsFunc(list, func(u enrolment.Unknown) bool { return s.Gates.LeftAt(u.Gate, identity, d.Position) })
		}
	}
	for _, in := range slices.Backward(s.Incidents.All()) {
		if in.State == incident.Dismissed {
			continue
		}
		left := slices.ContainsFunc(s.Incidents.Whole(in.ID), func(part string) bool { return stopped[part] })
		if left || s.went(in, list) {
			incidents = append(incidents, in.ID)
		}
	}
	return incidents
}

// went reports whether one of the payments became unknown in an incident's window.
func (s *Service) went(in *incident.Incident, list []enrolment.Unknown) bool {
	to := s.recovered(in)
	list = slices.DeleteFunc(slices.Clone(list), func(u enrolment.Unknown) bool { return u.Since.After(to) })
	if len(list) == 0 {
		return false // of most; the rest looks at the alerts
	}
	from := s.occurred(in)
	return slices.ContainsFunc(list, func(u enrolment.Unknown) bool { return !u.Since.Before(from) })
}

// outcomes sums what became of the payments that an incident left unknown, as they are now.
func (s *Service) outcomes(in *incident.Incident) *debrief.Outcomes {
	o := &debrief.Outcomes{}
	left := s.leftBy(in)
	add := func(u enrolment.Unknown, by string) {
		if len(o.Payments) == debrief.MostUnknown {
			o.Left++
			return
		}
		stage := ""
		if by == "" && s.Stage != nil {
			stage = s.Stage(u)
		}
		o.Payments = append(o.Payments, debrief.UnknownPayment{
			Identity: payment.Mask(u.Record.Identity), Gate: u.Gate, Amount: u.Record.Amount, Currency: u.Record.Currency, Sent: u.Record.At, Stage: stage, Outcome: u.Outcome, By: by, Settled: u.Settled,
		})
	}
	for _, u := range s.Gates.Unresolved() {
		if left.has(u) {
			o.Open++
			add(u, "")
		}
	}
	settled, all := s.Gates.Settled()
	o.AtLeast = all > len(settled) && settled[len(settled)-1].Settled.After(left.from)
	for _, u := range settled {
		if left.has(u) {
			by := settledBy(u.How)
			*map[string]*int{debrief.ByPrimary: &o.Primary, debrief.ByFile: &o.File, debrief.ByPerson: &o.Person}[by]++
			add(u, by)
		}
	}
	whole := s.Incidents.Whole(in.ID)
	for _, r := range slices.Backward(s.Gates.Resolutions()) {
		if !r.Of(whole) {
			continue
		}
		if len(o.Resolutions) == debrief.MostUnknown {
			o.ResolutionsLeft++
			continue
		}
		o.Resolutions = append(o.Resolutions, resolved(r))
	}
	return o
}

func resolved(r *enrolment.Resolution) debrief.Resolved {
	v := debrief.Resolved{
		Identity: payment.Mask(r.Identity), Amount: r.Amount, Currency: r.Currency, Outcome: r.Outcome, Reason: r.Reason, Evidence: r.Evidence,
		State: string(r.State), By: r.By.String(), At: r.At, Answered: r.Answered, WhyNot: r.WhyNot, Contradicted: r.Contradicted,
	}
	if r.Second != nil {
		v.Second = r.Second.String()
	}
	return v
}

// settledBy says who told what became of a payment, by what the gate's entry says. What
// comes neither of a file nor of a person the primary told, also by an answer of its own.
func settledBy(how string) string {
	switch {
	case how == gate.ByFile:
		return debrief.ByFile
	case enrolment.ByPerson(how):
		return debrief.ByPerson
	}
	return debrief.ByPrimary
}
