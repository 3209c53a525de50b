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
// Alerts that wait are dealt with in turn. A pass joins, in one append and with one fact
// for each incident, those for which there is one; the first that opens an incident
// opens it in a pass of its own, since those behind may join it. So a storm costs appends
// by its causes, not by its alerts.

const (
	// groupAtOnce is how many alerts one append joins, lookAtOnce how many one pass
	// looks at.
	groupAtOnce = 400
	lookAtOnce  = 2000
)

// grouped is one pass over the waiting alerts.
type grouped struct {
	plan *plan.Revision
	// judged is the turn up to which nothing is left to do; more says that there may be
	// alerts behind.
	judged uint64
	more   bool

	open    []*incident.Incident
	homes   []*home
	byHome  map[aim]*home
	members int
}

// aim is what decides, at one time, where an alert goes.
type aim struct {
	cause string
	level holdfast.Level
}

// home is where alerts go, and why.
type home struct {
	target  *incident.Incident // nil for a new one
	ground  alert.Ground
	members []member
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
		if !g.more && g.members == 0 {
			return nil
		}
	}
}

// groupOnce takes the oldest waiting alerts that a rule matches, as many as may go in
// one append.
func (s *Service) groupOnce(now time.Time) (*grouped, []journal.Draft, error) {
	p, ok := s.Plans.Current("", now)
	if !ok {
		return nil, nil, nil
	}
	list := s.rules.of(p)
	g := &grouped{plan: p, judged: s.rules.judgedUpTo(), open: s.Incidents.Open(), byHome: map[aim]*home{}}
	looked, skipped := 0, false
	s.Alerts.WaitingAfter(g.judged, func(a *alert.Alert, turn uint64) bool {
		if looked++; looked > lookAtOnce || g.members == groupAtOnce {
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
	var drafts []journal.Draft
	for _, h := range g.homes {
		more, err := s.place(h, now)
		if err != nil {
			return g, nil, err
		}
		drafts = append(drafts, more...)
	}
	return g, drafts, nil
}

// take notes an alert if it may go in this pass. Once one opens an incident, only what
// opens the same may: the new incident may be the place of others.
func (s *Service) take(g *grouped, m member, now time.Time) bool {
	a := aim{alert.Cause(m.Labels, m.GroupBy, plan.CauseLabels), m.Level}
	h := g.byHome[a]
	if h == nil {
		target, ground := s.home(g.open, a, now)
		for _, known := range g.homes {
			if known.target == target && known.ground == ground {
				h = known
			}
		}
		if h == nil {
			h = &home{target: target, ground: ground}
		}
		g.byHome[a] = h
	}
	if len(h.members) == 0 {
		if !g.admits(h) {
			return false
		}
		g.homes = append(g.homes, h)
	}
	h.members = append(h.members, m)
	g.members++
	return true
}

// admits reports whether the pass may join alerts to one more incident: one that it
// opens is its only one, and each takes one fact.
func (g *grouped) admits(h *home) bool {
	if len(g.homes) > 0 && (h.target == nil || g.homes[0].target == nil) {
		return false
	}
	return !slices.ContainsFunc(g.homes, func(known *home) bool { return known.target == h.target })
}

// home returns the open incident that an alert joins, nil if none, and why.
func (s *Service) home(open []*incident.Incident, a aim, now time.Time) (*incident.Incident, alert.Ground) {
	cause, level := a.cause, a.level
	for _, in := range open {
		if !s.hasCause(in, cause) || !mayJoin(in, level) && !asks(in, cause) || !s.mechanical(in) {
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
	if s.Alerts.FiringOf(in.ID) > 0 {
		return alert.Firing
	}
	return ""
}

// place writes that alerts go to their incident.
func (s *Service) place(h *home, now time.Time) (drafts []journal.Draft, err error) {
	ground := alert.Ground{Kind: alert.SameCause, Cause: h.ground.Cause, Near: alert.Minutes}
	id, rest := s.Incidents.NextID(now), h.members
	if h.target != nil {
		id, ground = h.target.ID, h.ground
		drafts, err = incident.Join(h.target, joined(h.members, ground))
	} else {
		first := h.members[0]
		rest = rest[1:]
		drafts = incident.Suspicion(incident.SuspectedFact{
			Title: first.Title(), Titles: Titles(first.Incoming), Level: first.Level, Rule: first.rule.ID, Alerts: []string{first.Alert.ID}, Cause: h.ground.Cause, Tell: first.Tell,
		}, id, joined(rest, ground))
	}
	if err != nil {
		return nil, err
	}
	for i, m := range h.members {
		why := ground
		if i < len(h.members)-len(rest) {
			why = h.ground
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

// asks reports whether an alert of an incident's own cause may join it though it asks
// for more than the procedure that runs does: it does not vanish there, for a person is
// asked to decide on the level. Of what speaks of the whole system nobody can tell that
// the cause is the same.
func asks(in *incident.Incident, cause string) bool {
	return cause != "" && in.State == incident.Active && !in.Drill && in.Ongoing()
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
		return s.voiding(slices.Concat(left, entered, moved), err, "incident.alert-left", from.ID, home)
	})
	return home, err
}
