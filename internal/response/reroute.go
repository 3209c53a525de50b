package response

import (
	"context"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
)

// RerouteWish is what somebody wants payments to be rerouted by.
type RerouteWish struct {
	// Temporary is a solution of the plan that rules the incident.
	Temporary string
	Incident  string
	Reason    string
}

// Reroute proposes that gates send payments to their second primary. It goes into force at
// once if the account's person may decide on it alone, and is opened as soon as the gates have
// one fence that is old enough. An attack does not forbid it: the second primary is another.
func (s *Service) Reroute(ctx context.Context, by holdfast.Actor, account string, w RerouteWish) (id string, err error) {
	err = s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		t, err := s.reroute(w.Temporary, w.Incident, now)
		if err != nil {
			return nil, err
		}
		p := directive.Proposal{Kind: posture.Reroute, Scope: t.Scope, Reason: w.Reason, Incident: w.Incident, Reroute: RerouteBy(t)}
		for _, d := range s.Directives.All() {
			if d.State == directive.Proposed && d.Reroute != nil && d.Incident == p.Incident && d.Reroute.Temporary == t.ID {
				return nil, holdfast.Errorf(holdfast.Conflict, "directive %s proposes the same already: approve or refuse it", d.ID)
			}
		}
		id, drafts, err = s.propose(account, p, now)
		return drafts, err
	})
	return id, err
}

func (s *Service) reroute(temporary, incident string, now time.Time) (t plan.Temporary, err error) {
	for _, t := range s.Reroutes(incident, now) {
		if t.ID == temporary {
			return t, nil
		}
	}
	return t, holdfast.Errorf(holdfast.Invalid, "the plan has no solution %q of kind reroute", temporary).At("temporary")
}

// Reroutes lists the solutions by which payments can be rerouted, of the plan that rules an
// incident or, with "", of the one in force. Call it under the state's lock.
func (s *Service) Reroutes(id string, now time.Time) []plan.Temporary {
	return s.solutions(id, now, func(t plan.Temporary) bool { return t.Kind == plan.Reroute })
}

// solutions lists the temporary solutions of the plan that rules an incident or, with "", of
// the one in force, each with its scope.
func (s *Service) solutions(id string, now time.Time, is func(plan.Temporary) bool) (list []plan.Temporary) {
	rev, published := s.Authority.Ruling(id, now)
	if !published {
		return nil
	}
	for _, t := range rev.Plan().Temporary {
		if !is(t) {
			continue
		}
		if t.Scope == "" {
			t.Scope = "all"
		}
		list = append(list, t)
	}
	return list
}

// RerouteBy is what a directive by a solution of the plan says.
func RerouteBy(t plan.Temporary) *directive.Reroute {
	return &directive.Reroute{Temporary: t.ID, Title: t.Title, Role: t.Role}
}
