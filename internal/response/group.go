package response

import (
	"context"
	"slices"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// # Which incident an alert belongs to
//
// An alert that a rule of the plan matches joins, without anybody's word, the open
// incident that has its cause ([alert.Cause]) and is near in time: its latest alert
// came within [alert.Window], or one of its alerts still fires, or it is confirmed
// and being handled. Failing that it joins an emergency of level 1, or the suspicion
// of one of the whole system that is near in time. Else it opens an incident. Among
// several it is the gravest, then the oldest. Each is subject to [mayJoin].
//
// Alerts that wait are dealt with in turn; what goes to one incident goes there in one
// append, so that a storm costs as many appends as it has causes, not alerts.

const (
	// groupAtOnce is how many alerts one append joins, lookAtOnce how many one pass
	// looks at.
	groupAtOnce = 200
	lookAtOnce  = 2000
)

// grouped is one pass over the waiting alerts.
type grouped struct {
	plan *plan.Revision
	// judged is the turn up to which nothing is left to do; more says that there may be
	// alerts behind.
	judged uint64
	more   bool

	members []member
	target  *incident.Incident // nil for a new one
	cause   string
	ground  alert.Ground
}

// member is an alert and the rule that matches it.
type member struct {
	*alert.Alert
	rule
}

// group deals with the waiting alerts until none is left that a rule matches.
func (s *Service) group(ctx context.Context, by holdfast.Actor) error {
	for {
		var g *grouped
		if err := s.do(ctx, by, func(now time.Time) (drafts []journal.Draft, err error) {
			g, drafts, err = s.groupOnce(now)
			return drafts, err
		}); err != nil {
			return err
		}
		if g == nil {
			return nil
		}
		s.rules.judgedTo(g.plan.Hash, g.judged)
		if !g.more && len(g.members) == 0 {
			return nil
		}
	}
}

// groupOnce takes the oldest waiting alert that a rule matches, and all behind it
// that go where it goes.
func (s *Service) groupOnce(now time.Time) (*grouped, []journal.Draft, error) {
	p, ok := s.Plans.Current("", now)
	if !ok {
		return nil, nil, nil
	}
	list := s.rules.of(p)
	g := &grouped{plan: p, judged: s.rules.judgedUpTo()}
	looked, skipped := 0, false
	s.Alerts.WaitingAfter(g.judged, func(a *alert.Alert, turn uint64) bool {
		if looked++; looked > lookAtOnce || len(g.members) == groupAtOnce {
			g.more = true
			return false
		}
		if r, ok := matching(list, a); ok && a.Firing && r.Watchdog == 0 {
			skipped = !s.take(g, member{a, r}, now) || skipped
		}
		if !skipped {
			g.judged = turn
		}
		return true
	})
	if len(g.members) == 0 {
		return g, nil, nil
	}
	drafts, err := s.place(g, now)
	return g, drafts, err
}

// take notes an alert if it goes where the first of the pass goes.
func (s *Service) take(g *grouped, m member, now time.Time) bool {
	cause := alert.Cause(m.Labels, m.GroupBy, plan.CauseLabels)
	target, ground := s.home(cause, m.Level, now)
	if len(g.members) == 0 {
		g.target, g.cause, g.ground = target, cause, ground
	} else if target != g.target || ground != g.ground {
		return false
	}
	g.members = append(g.members, m)
	return true
}

// home returns the open incident that an alert joins, nil if none, and why.
func (s *Service) home(cause string, level holdfast.Level, now time.Time) (*incident.Incident, alert.Ground) {
	open := s.Incidents.Open()
	for _, in := range open {
		if !s.hasCause(in, cause) || !mayJoin(in, level) || !s.mechanical(in) {
			continue
		}
		if near := s.near(in, now); near != "" {
			return in, alert.Ground{Kind: alert.SameCause, Cause: cause, Near: near}
		}
	}
	for _, in := range open {
		if in.State == incident.Active && in.Level == holdfast.Level1 && mayJoin(in, level) {
			return in, alert.Ground{Kind: alert.LevelOne, Cause: cause, Near: alert.Handled}
		}
		if in.State == incident.Suspected && in.Cause == "" && in.Suggested == holdfast.Level1 && mayJoin(in, level) && s.mechanical(in) {
			if near := s.near(in, now); near != "" {
				return in, alert.Ground{Kind: alert.WholeSystem, Cause: cause, Near: near}
			}
		}
	}
	return nil, alert.Ground{Kind: alert.First, Cause: cause}
}

// hasCause reports whether an incident, or one that was merged into it, has a cause.
func (s *Service) hasCause(in *incident.Incident, cause string) bool {
	return in.Cause == cause || slices.ContainsFunc(in.Parts, func(p incident.Absorbed) bool {
		part := s.Incidents.Incident(p.From)
		return part != nil && part.Cause == cause
	})
}

// mechanical reports whether alerts may join an incident by their cause: one that a
// person opened without any is about what the person wrote.
func (s *Service) mechanical(in *incident.Incident) bool {
	return !in.LastAlert.IsZero() || in.Rule != ""
}

// near says how an incident is near in time to an alert that comes now, "" if it is
// not.
func (s *Service) near(in *incident.Incident, now time.Time) string {
	if in.State == incident.Active {
		return alert.Handled
	}
	if now.Sub(in.LastAlert) <= alert.Window {
		return alert.Minutes
	}
	for _, id := range slices.Backward(in.Alerts) {
		if a := s.Alerts.Alert(id); a != nil && a.Firing {
			return alert.Firing
		}
	}
	return ""
}

// place writes where the alerts of a pass go.
func (s *Service) place(g *grouped, now time.Time) (drafts []journal.Draft, err error) {
	ground := alert.Ground{Kind: alert.SameCause, Cause: g.cause, Near: alert.Minutes}
	id, rest := s.Incidents.NextID(now), g.members
	if g.target != nil {
		id, ground = g.target.ID, g.ground
		drafts, err = incident.Join(g.target, joined(g.members, ground))
	} else {
		first := g.members[0]
		rest = rest[1:]
		drafts = incident.Suspicion(incident.SuspectedFact{
			Title: first.Title(), Titles: Titles(first.Incoming), Level: first.Level, Rule: first.rule.ID, Alerts: []string{first.Alert.ID}, Cause: g.cause, Tell: first.Tell,
		}, id, joined(rest, ground))
	}
	if err != nil {
		return nil, err
	}
	for i, m := range g.members {
		why := ground
		if i < len(g.members)-len(rest) {
			why = g.ground
		}
		more, err := alert.Attach(m.Alert, id, m.rule.ID, &why)
		if err != nil {
			return nil, err
		}
		drafts = append(drafts, more...)
	}
	return drafts, nil
}

// joined is what alerts bring to an incident: the gravest level of their rules, and
// whom these tell.
func joined(members []member, ground alert.Ground) incident.AlertsJoined {
	e := incident.AlertsJoined{Ground: ground}
	for i, m := range members {
		e.Alerts = append(e.Alerts, m.Alert.ID)
		if i == 0 || incident.Graver(m.Level, e.Level) {
			e.Level, e.Rule = m.Level, m.rule.ID
		}
		e.Tell = append(e.Tell, m.Tell...)
	}
	e.Tell = slices.Compact(slices.Sorted(slices.Values(e.Tell)))
	return e
}

// mayJoin reports whether an alert may join an incident without a person's word.
// It must not vanish in one: a drill has nothing to do with it, in an incident
// that only awaits its debrief nobody looks any more, and a procedure that runs
// for a lesser level does not do what a graver alert asks for, or one whose
// gravity has still to be judged.
func mayJoin(in *incident.Incident, level holdfast.Level) bool {
	if in.Drill || !in.Ongoing() {
		return false
	}
	return in.State == incident.Suspected || in.Level == holdfast.Level1 || level != holdfast.Unknown && level >= in.Level
}

// causeOf is the cause of an incident that a person opens from alerts: that of the
// first.
func (s *Service) causeOf(alerts []string, now time.Time) string {
	if len(alerts) == 0 {
		return ""
	}
	a := s.Alerts.Alert(alerts[0])
	if a == nil {
		return ""
	}
	r, _ := s.ruleOf(a, now)
	return alert.Cause(a.Labels, r.GroupBy, plan.CauseLabels)
}

// ruleOf returns the rule of the plan in force that matches an alert.
func (s *Service) ruleOf(a *alert.Alert, now time.Time) (rule, bool) {
	p, ok := s.Plans.Current("", now)
	if !ok {
		return rule{}, false
	}
	return matching(s.rules.of(p), a)
}

// Regroup takes an alert out of its incident, because it was grouped wrongly, and
// lets it join another, or open one of its own if to is empty. It returns the
// incident it belongs to then. What it left keeps the record.
func (s *Service) Regroup(ctx context.Context, by holdfast.Actor, alertID, to, reason string) (home string, err error) {
	err = s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		a := s.Alerts.Alert(alertID)
		if home = to; a == nil || a.Incident == "" || a.Incident == to {
			return alert.Regroup(a, to, reason)
		}
		from := s.Incidents.Incident(a.Incident)
		var entered []journal.Draft
		if to == "" {
			if len(from.Alerts) == 1 {
				return nil, holdfast.Errorf(holdfast.Conflict, "it is the only alert of incident %s", from.ID)
			}
			r, _ := s.ruleOf(a, now)
			home = s.Incidents.NextID(now)
			entered = incident.Suspicion(incident.SuspectedFact{
				Title: a.Title(), Titles: Titles(a.Incoming), Level: r.Level, Rule: r.ID, Tell: r.Tell, Alerts: []string{alertID},
				Cause: alert.Cause(a.Labels, r.GroupBy, plan.CauseLabels),
			}, home, incident.AlertsJoined{})
		} else {
			r, _ := s.ruleOf(a, now)
			if entered, err = incident.AddAlert(s.Incidents.Incident(to), incident.AlertAdded{Alert: alertID, Level: r.Level, Rule: r.ID}); err != nil {
				return nil, err
			}
		}
		left, err := incident.Leave(from, alertID, home, reason)
		if err != nil {
			return nil, err
		}
		moved, err := alert.Regroup(a, home, reason)
		return slices.Concat(left, entered, moved), err
	})
	return home, err
}
