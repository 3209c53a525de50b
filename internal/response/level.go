package response

import (
	"context"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/posture"
	"holdfast/internal/procedure"
)

// Levels (R3.2): what the plan's criteria say of an incident now, and its way from
// one level to another. The measures are gathered in measure.go.

// planOf returns the plan that judges an incident: the revision that it runs, or the
// one in force while it is only suspected.
func (s *Service) planOf(in *incident.Incident, now time.Time) (incident.PlanRef, *plan.Plan) {
	rev, ok := s.Plans.Revision(in.Plan.ID, in.Plan.Revision)
	if in.State == incident.Suspected {
		rev, ok = s.Plans.Current("", now)
	}
	if !ok {
		return incident.PlanRef{}, nil
	}
	return incident.PlanRef{ID: rev.ID, Revision: rev.Number, Hash: rev.Hash}, rev.Plan()
}

// Evaluate says what the criteria come to over the measures as they are now. It
// returns false if the plan has no criteria to work out. Call it under the state's
// lock.
func (s *Service) Evaluate(in *incident.Incident, now time.Time) (incident.LevelEvaluated, bool) {
	ref, p := s.planOf(in, now)
	if p == nil {
		return incident.LevelEvaluated{}, false
	}
	zone := s.Zone
	if zone == nil {
		zone = time.UTC
	}
	var criteria []incident.Criterion
	measured := false
	for _, l := range p.Levels {
		enter, band := l.Enters(now.In(zone))
		c := incident.Criterion{Level: l.Level, Enter: enter, Automatic: l.Automatic}
		if band != nil {
			c.Band = band.Title
		}
		criteria, measured = append(criteria, c), measured || enter != ""
	}
	if !measured {
		return incident.LevelEvaluated{}, false
	}
	e, err := incident.Evaluate(ref, criteria, plan.ReadableFields(p.MeasureFields()), s.readings(in, p, now))
	return e, err == nil // a published plan's expressions compile
}

// judgeLevels stores what the criteria newly say of the incidents, and takes levels
// that the plan pre-authorises. Gathering the measures of many incidents takes long, so
// each is an act of its own: between them, facts are folded.
func (s *Service) judgeLevels(ctx context.Context, by holdfast.Actor) error {
	for range s.unjudged() {
		if err := s.do(ctx, by, s.judgeLevel); err != nil {
			return err
		}
	}
	return nil
}

// unjudged counts the incidents that are to be judged now.
func (s *Service) unjudged() (n int) {
	now := s.Desk.Now()
	s.Desk.State.View(func() {
		for _, in := range s.Incidents.Open() {
			if in.Ongoing() && s.judged.due(in, now) {
				n++
			}
		}
	})
	return n
}

// judgeLevel judges the first incident that is due.
func (s *Service) judgeLevel(now time.Time) ([]journal.Draft, error) {
	for _, in := range s.Incidents.Open() {
		if !in.Ongoing() || !s.judged.due(in, now) {
			continue
		}
		if e, ok := s.Evaluate(in, now); ok {
			drafts := incident.Judge(in, e, now, func(l holdfast.Level) (incident.Flow, bool) { return s.Flow(in, l, now) })
			if len(drafts) > 0 {
				return drafts, nil
			}
		}
		s.judged.done(in, now)
		return nil, nil
	}
	return nil, nil
}

// judgeEvery bounds how often an incident is judged by one node: gathering reads
// counts of hours, and in a call-out there are hundreds of facts a second.
const judgeEvery = time.Second

// judged is when each incident was judged last with nothing to store.
type judged struct {
	mu sync.Mutex
	at map[string]time.Time
}

// due reports whether an incident is to be judged now. One that was never judged is.
func (j *judged) due(in *incident.Incident, now time.Time) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	since := now.Sub(j.at[in.ID])
	return since < 0 || since >= judgeEvery
}

// done keeps the time. What is to be stored is not done until it is on record: on a
// conflict the decision is made anew.
func (j *judged) done(in *incident.Incident, now time.Time) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.at == nil || len(j.at) > 1000 {
		j.at = map[string]time.Time{}
	}
	j.at[in.ID] = now
}

// Flow is the procedure that an incident would run at a level. Call it under the
// state's lock.
func (s *Service) Flow(in *incident.Incident, l holdfast.Level, now time.Time) (incident.Flow, bool) {
	ref, p := s.planOf(in, now)
	if p == nil {
		return incident.Flow{}, false
	}
	proc, ok := p.Procedure(l)
	return incident.Flow{Plan: ref, Procedure: proc, Holds: func(task string) bool {
		for _, d := range s.Directives.InForce(in.ID) {
			if d.Task == task {
				return true
			}
		}
		return false
	}}, ok
}

// EnterMeasure records a measure as a person states it; typed is what he wrote.
func (s *Service) EnterMeasure(ctx context.Context, by holdfast.Actor, id, measure, typed, note string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		in := s.Incidents.Incident(id)
		if in == nil {
			return incident.EnterMeasure(nil, incident.MeasureEntered{}, 0)
		}
		var kind expression.Type
		if _, p := s.planOf(in, now); p != nil {
			kind = p.MeasureFields()[measure]
		}
		value, err := incident.ReadMeasure(measure, typed, kind)
		if err != nil {
			return nil, err
		}
		return incident.EnterMeasure(in, incident.MeasureEntered{Measure: measure, Value: value, Note: note}, kind)
	})
}

// ChangeLevel brings an incident to a graver level at once, or asks for a lesser
// one, which a second person answers.
func (s *Service) ChangeLevel(ctx context.Context, by holdfast.Actor, id string, to holdfast.Level, reason string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		in := s.Incidents.Incident(id)
		if in == nil || in.State != incident.Active || !incident.Graver(to, in.Level) {
			return incident.AskFall(in, to, reason)
		}
		flow, ok := s.Flow(in, to, now)
		if !ok {
			return nil, holdfast.Errorf(holdfast.Invalid, "the plan in force has no procedure for level %s", to).At("level")
		}
		return incident.Rise(in, flow, reason, s.seen(in, now)...)
	})
}

// KeepLevel decides that the level stays though an alert asks for a graver one.
func (s *Service) KeepLevel(ctx context.Context, by holdfast.Actor, id, reason string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.KeepLevel(in, reason) })
}

// seen is what the criteria say now, for the act that rests on it; none where the
// plan has nothing to work out.
func (s *Service) seen(in *incident.Incident, now time.Time) []incident.LevelEvaluated {
	if e, ok := s.Evaluate(in, now); ok {
		return []incident.LevelEvaluated{e}
	}
	return nil
}

// AnswerFall is the second person's answer to the wish for a lesser level. The one
// who asked may take it back.
func (s *Service) AnswerFall(ctx context.Context, by holdfast.Actor, id string, granted bool, reason string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		in := s.Incidents.Incident(id)
		if !granted || in == nil || in.Fall == nil {
			return incident.RefuseFall(in, by, reason)
		}
		flow, _ := s.Flow(in, in.Fall.To, now)
		return incident.GrantFall(in, flow, by)
	})
}

// standing returns the directive in force that does what a task would do: one of
// its own, or another of the incident with the same effect. A stop of all payments
// covers any other stop.
func (s *Service) standing(in *incident.Incident, t procedure.Task) *directive.Directive {
	for _, d := range s.Directives.InForce(in.ID) {
		same := d.Kind == posture.Kind(t.Directive.Kind) && !t.Directive.BySolution() && d.Scope == t.Directive.Scope &&
			d.Share == t.Directive.Percent/100 && d.Rate == t.Directive.RatePerSecond
		same = same || d.StandIn != nil && !d.OneByOne() && d.StandIn.Temporary == t.Directive.Temporary && d.StandIn.Planned == t.Directive.Planned
		same = same || d.Reroute != nil && d.Reroute.Temporary == t.Directive.Temporary
		whole := d.Kind == posture.Stop && d.Scope == "all" && t.Directive.Kind == procedure.DirectiveStop
		if d.Task == t.ID && d.Kind == posture.Kind(t.Directive.Kind) || same || whole {
			return d
		}
	}
	return nil
}
