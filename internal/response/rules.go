package response

import (
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// rules holds the alert rules of one plan revision, compiled.
type rules struct {
	mu   sync.Mutex
	hash holdfast.Hash
	list []rule
}

type rule struct {
	plan.AlertRule
	match *expression.Expression
}

// of returns the compiled rules of a revision. A rule that does not compile
// cannot be in a published plan; were one there, it would match nothing and the
// alert would wait for a person.
func (r *rules) of(p *plan.Revision) []rule {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hash == p.Hash {
		return r.list
	}
	r.hash, r.list = p.Hash, nil
	for _, ar := range p.Plan().Alerts {
		if e, err := expression.Compile(ar.Match, plan.AlertFields()); err == nil {
			r.list = append(r.list, rule{ar, e})
		}
	}
	return r.list
}

// suspectFromAlerts deals with the oldest waiting alert that a rule of the plan
// matches: it joins the gravest incident that it can belong to, or opens one. One
// alert is dealt with at a time; the next fact brings the next.
func (s *Service) suspectFromAlerts(now time.Time) ([]journal.Draft, error) {
	p, ok := s.Plans.Current("", now)
	if !ok {
		return nil, nil
	}
	list := s.rules.of(p)
	for _, a := range s.Alerts.Waiting() {
		r, ok := matching(list, a)
		if !ok || !a.Firing {
			continue
		}
		for _, in := range s.Incidents.Open() {
			if !mayJoin(in, r.Level) {
				continue
			}
			drafts, err := incident.AddAlert(in, incident.AlertAdded{Alert: a.ID, Level: r.Level, Rule: r.ID})
			if err != nil {
				return nil, err
			}
			return s.attach(drafts, in.ID, r.ID, []string{a.ID})
		}
		f := incident.SuspectedFact{Title: a.Title(), Level: r.Level, Rule: r.ID, Alerts: []string{a.ID}}
		id, drafts, err := incident.Suspect(s.Incidents, f, now)
		if err != nil {
			return nil, err
		}
		return s.attach(drafts, id, r.ID, []string{a.ID})
	}
	return nil, nil
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

func matching(list []rule, a *alert.Alert) (rule, bool) {
	values := map[string]any{
		"name": a.Labels["alertname"], "source": a.Source,
		"labels": a.Labels, "annotations": a.Annotations,
	}
	for _, r := range list {
		if ok, err := r.match.Eval(values); err == nil && ok {
			return r, true
		}
	}
	return rule{}, false
}
