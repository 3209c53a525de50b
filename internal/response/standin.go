package response

import (
	"context"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
)

// StandInWish is what somebody wants the gates to stand in by.
type StandInWish struct {
	// Temporary is a solution of the plan that rules the incident.
	Temporary string
	// Planned chooses the terms for an outage that was announced.
	Planned  bool
	Incident string
	// OneByOne leaves payments to the primary: stood in for are those for which it fails
	// before the first byte.
	OneByOne bool
	// Reason is the profile's if it is empty.
	Reason string
}

// StandIn proposes that the gates stand in for the primary. It goes into force at
// once if the account's person may decide on it alone, and is opened when forwarding
// is confirmed stopped.
func (s *Service) StandIn(ctx context.Context, by holdfast.Actor, account string, w StandInWish) (id string, err error) {
	err = s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		t, err := s.temporary(w, now)
		if err != nil {
			return nil, err
		}
		p := directive.Proposal{Kind: posture.StandIn, Scope: t.Scope, Reason: w.Reason, Incident: w.Incident, StandIn: StandInBy(t, w.Planned)}
		p.StandIn.OneByOne = w.OneByOne
		if err := s.proposedAlready(p); err != nil {
			return nil, err
		}
		if rev, _ := s.Authority.Ruling(w.Incident, now); p.Reason == "" {
			p.Reason = t.Profile.Reason.In(rev.Plan().Language)
		}
		id, drafts, err = s.propose(account, p, now)
		return drafts, err
	})
	return id, err
}

// proposedAlready refuses a stand-in that somebody has proposed and nobody answered yet:
// the same solution for the same incident.
func (s *Service) proposedAlready(p directive.Proposal) error {
	for _, d := range s.Directives.All() {
		if d.State == directive.Proposed && d.StandIn != nil && d.Incident == p.Incident && d.Scope == p.Scope &&
			d.StandIn.Temporary == p.StandIn.Temporary && d.StandIn.OneByOne == p.StandIn.OneByOne {
			return holdfast.Errorf(holdfast.Conflict, "directive %s proposes the same already: approve or refuse it", d.ID)
		}
	}
	return nil
}

// temporary finds the solution of the plan and refuses one that does not fit.
func (s *Service) temporary(w StandInWish, now time.Time) (t plan.Temporary, err error) {
	for _, t := range s.StandIns(w.Incident, now) {
		if t.ID != w.Temporary {
			continue
		}
		return t, s.Unattacked(now)
	}
	return t, holdfast.Errorf(holdfast.Invalid, "the plan has no stand-in %q with a profile that gates can carry out", w.Temporary).At("temporary")
}

// Unattacked refuses to stand in while an attack or a leak is stated of any incident
// that goes on, whatever incident the stand-in is for. Call it under the state's lock.
func (s *Service) Unattacked(now time.Time) error {
	for _, in := range s.Incidents.Open() {
		if m, attacked := s.attacked(in, now); attacked && in.Ongoing() {
			return holdfast.Errorf(holdfast.Conflict, "%s is stated of incident %s: nobody stands in while there is an attack or a leak", m, in.ID)
		}
	}
	return nil
}

// StandIns lists the solutions that gates can stand in by, of the plan that rules an
// incident or, with "", of the one in force. Call it under the state's lock.
func (s *Service) StandIns(id string, now time.Time) []plan.Temporary {
	return s.solutions(id, now, func(t plan.Temporary) bool { return t.Kind == plan.StandIn && t.Profile != nil })
}

// StandInBy is what a directive by a solution of the plan says.
func StandInBy(t plan.Temporary, planned bool) *directive.StandIn {
	return &directive.StandIn{
		Temporary: t.ID, Title: t.Title, Role: t.Role, Profile: t.StandIn(), Planned: planned, Longest: t.Longest.D(),
	}
}

// attacked returns the measure by which an incident is an attack or a leak, if one
// says so.
func (s *Service) attacked(in *incident.Incident, now time.Time) (measure string, attacked bool) {
	_, p := s.planOf(in, now)
	if p == nil {
		return "", false
	}
	for _, m := range p.Measures {
		if (m.Figure == "attack" || m.Figure == "leak") && s.Reading(in, m, now).Value == true {
			return m.ID, true
		}
	}
	return "", false
}

// GoWithout has a stand-in or a reroute opened without gates that keep it closed, on the
// word of somebody who may decide on it.
func (s *Service) GoWithout(ctx context.Context, by holdfast.Actor, account, id string, w directive.Without) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		d := s.Directives.Directive(id)
		var sources map[string]string
		if s.Sources != nil {
			sources = s.Sources()
		}
		drafts, err := (&directive.Service{Book: s.Directives, Gates: s.Gates, Fences: s.Fences}).GoWithout(d, sources, w, now)
		if err != nil {
			return nil, err
		}
		wish := s.Authority.Wish(string(d.Kind), d.Scope, d.Incident, "")
		_, wish.Role = d.By()
		_, err = s.grounds(account, wish, now)
		return drafts, err
	})
}

// ToCloseOut lists the stand-ins of incidents that were opened and whose close-out
// nobody has signed: what gates approved by them may not be delivered yet, or not be
// explained. Call it under the state's lock.
func (s *Service) ToCloseOut(incidents []string) (list []string) {
	for _, d := range s.Directives.All() {
		if d.StandIn != nil && d.Opening != nil && slices.Contains(incidents, d.Incident) && (s.ClosedOut == nil || !s.ClosedOut(d.ID)) {
			list = append(list, d.ID)
		}
	}
	return list
}

// untraced counts the stand-ins of incidents whose source is gone for good, and sums what
// was lost track of with it, by currency in minor units. Call it under the state's lock.
func (s *Service) untraced(incidents []string) (sources int, count int64, amounts map[string]int64) {
	for _, d := range s.Directives.All() {
		if s.Lost == nil || d.StandIn == nil || !slices.Contains(incidents, d.Incident) {
			continue
		}
		list, lost := s.Lost(d.ID)
		if lost {
			sources++
		}
		for _, u := range list {
			if amounts == nil {
				amounts = map[string]int64{}
			}
			count += u.Count
			amounts[u.Currency] += u.Amount
		}
	}
	return sources, count, amounts
}

// closedOut refuses to end incidents before every stand-in of them is closed out: a
// close-out is signed by two people, with nothing pending or unresolved, or with its
// advice source gone for good.
func (s *Service) closedOut(incidents []string) error {
	if list := s.ToCloseOut(incidents); len(list) > 0 {
		return holdfast.Errorf(holdfast.Conflict, "gates stood in by directive %s of this incident, and its close-out is not signed: nothing may be pending or unresolved before the incident is closed", list[0])
	}
	return nil
}
