package response

import (
	"context"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/authority"
	"holdfast/internal/directive"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
)

// Propose proposes a directive outside a procedure. Where the plan names who
// decides on its kind, the account's person must be one of them. It goes into force
// at once if he may decide alone, by the plan or by breaking the glass; otherwise a
// second person has to approve it.
func (s *Service) Propose(ctx context.Context, by holdfast.Actor, account string, p directive.Proposal) (id string, err error) {
	err = s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
		id, drafts, err = s.propose(account, p, now)
		return drafts, err
	})
	return id, err
}

func (s *Service) propose(account string, p directive.Proposal, now time.Time) (id string, drafts []journal.Draft, err error) {
	if p.Incident != "" {
		if in := s.Incidents.Incident(p.Incident); in == nil || in.Over() {
			return "", nil, holdfast.Errorf(holdfast.Invalid, "there is no open incident %q", p.Incident).At("incident")
		}
	}
	if err := p.Check(); err != nil {
		return "", nil, err
	}
	w := s.Authority.Wish(string(p.Kind), p.Scope, p.Incident, "")
	_, w.Role = p.By()
	grounds, err := s.grounds(account, w, now)
	if err != nil {
		return "", nil, err
	}
	alone, ok := authority.Alone(grounds)
	p.Glass = alone.Glass
	return directive.Propose(s.Directives, p, ok, s.gateProcesses())
}

// ApproveDirective puts a proposed directive in force, as a second person with
// authority for it.
func (s *Service) ApproveDirective(ctx context.Context, by holdfast.Actor, account, id string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		drafts, err := directive.Approve(s.Directives, id, by, s.gateProcesses())
		if err != nil {
			return nil, err
		}
		d := s.Directives.Directive(id)
		if d.Kind == posture.StandIn {
			if err := s.Unattacked(now); err != nil {
				return nil, err
			}
		}
		w, _ := s.Authority.Awaited(d)
		_, err = s.grounds(account, w, now)
		return drafts, err
	})
}

// Lift ends a directive if the account's person may decide on that alone, and asks
// for a second person otherwise; of a stand-in and a reroute also where the plan does not say who
// lifts. It reports whether the directive is lifted.
func (s *Service) Lift(ctx context.Context, by holdfast.Actor, account, id string, seen holdfast.Revision, reason string) (lifted bool, err error) {
	err = s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		drafts, err := directive.Lift(s.Directives.Directive(id), seen, reason)
		if err != nil {
			return nil, err
		}
		d := s.Directives.Directive(id)
		grounds, err := s.grounds(account, s.Authority.Wish(authority.Lift, d.Scope, d.Incident, ""), now)
		if err != nil {
			return nil, err
		}
		unnamed := !s.Authority.Named(authority.Lift, d.Incident, now) && d.Kind != posture.StandIn && d.Kind != posture.Reroute
		if _, lifted = authority.Alone(grounds); lifted || unnamed {
			lifted = true
			return drafts, nil
		}
		return directive.AskLift(d, seen, reason)
	})
	return lifted, err
}

// AnswerLift is a second person's answer to the wish to lift a directive. Whoever
// asked may take the wish back.
func (s *Service) AnswerLift(ctx context.Context, by holdfast.Actor, account, id string, granted bool, reason string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		d := s.Directives.Directive(id)
		if !granted {
			return directive.RefuseLift(d, reason)
		}
		drafts, err := directive.GrantLift(d, by)
		if err != nil {
			return nil, err
		}
		w, _ := s.Authority.Awaited(d)
		_, err = s.grounds(account, w, now)
		return drafts, err
	})
}

// grounds returns why the account's person may decide, and refuses who may not
// where the plan that rules the incident names who does.
func (s *Service) grounds(account string, w authority.Wish, now time.Time) ([]authority.Grounds, error) {
	list := s.Authority.May(account, w, now)
	if len(list) > 0 || w.Role == "" && !s.Authority.Named(w.Kind, w.Incident, now) {
		return list, nil
	}
	var names []string
	for _, p := range s.Authority.Deciders(w, now) {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return nil, holdfast.Errorf(holdfast.Forbidden, "nobody who has an account holds a role with authority for this %s (scope %s, level %s); a gate can still be stopped at the gate itself", w.Kind, w.Scope, w.Level)
	}
	return nil, holdfast.Errorf(holdfast.Forbidden, "your roles have no authority for this %s (scope %s, level %s); these people have it: %s", w.Kind, w.Scope, w.Level, strings.Join(names, ", "))
}

// Acknowledge records that a person has taken note of a task's notices: the
// account's own person, or, with a name, another one who was reached by hand.
func (s *Service) Acknowledge(ctx context.Context, by holdfast.Actor, id, task, person, note string) error {
	how := "phone"
	var own string
	var round int
	s.Desk.State.View(func() {
		if in := s.Incidents.Incident(id); in != nil {
			round = in.Round()
		}
		for _, p := range s.Roster.People() {
			if p.Account != "" && p.Account == by.ID {
				own = p.ID
			}
		}
	})
	if person == "" || person == own {
		if own == "" {
			return holdfast.Errorf(holdfast.Invalid, "your account belongs to no person of the roster; name the person who was told").At("person")
		}
		person, how = own, "console"
	}
	return s.Sender.AcknowledgeRound(ctx, by, id, task, round, person, how, note)
}
