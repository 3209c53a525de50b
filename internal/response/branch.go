package response

import (
	"context"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/expression"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
)

// conditions keeps the branches' conditions of one plan revision, compiled.
type conditions struct {
	mu   sync.Mutex
	hash holdfast.Hash
	made map[string]*expression.Condition

	judged judged
}

// of returns a compiled condition. One that does not compile cannot be in a published
// plan; were one there, it would never hold.
func (c *conditions) of(hash holdfast.Hash, fields map[string]expression.Type, when string) *expression.Condition {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hash != hash || c.made == nil {
		c.hash, c.made = hash, map[string]*expression.Condition{}
	}
	made, known := c.made[when]
	if !known {
		made, _ = expression.CompileCondition(when, fields)
		c.made[when] = made
	}
	return made
}

// takeBranches records the branches of open tasks whose conditions hold, one incident
// at a time.
func (s *Service) takeBranches(now time.Time) ([]journal.Draft, error) {
	for _, in := range s.Incidents.Open() {
		ref, p := s.planOf(in, now)
		if p == nil || !in.Branching() || !s.branches.judged.due(in, now) {
			continue
		}
		drafts := incident.TakeBranches(in, s.values(in, p, now), now, s.compiler(ref, p))
		if len(drafts) > 0 {
			return drafts, nil
		}
		s.branches.judged.done(in, now) // gathering the measures costs, as for levels
	}
	return nil, nil
}

// values are what conditions read of an incident: the measures that are known.
func (s *Service) values(in *incident.Incident, p *plan.Plan, now time.Time) expression.Values {
	v := expression.Values{Known: map[string]any{}, AtLeast: map[string]bool{}}
	for _, r := range s.readings(in, p, now) {
		if r.Value != nil {
			v.Known[r.Measure], v.AtLeast[r.Measure] = r.Value, r.AtLeast
		}
	}
	return v
}

// compiler compiles the conditions of a plan's tasks.
func (s *Service) compiler(ref incident.PlanRef, p *plan.Plan) func(string) *expression.Condition {
	fields := plan.ReadableFields(p.BranchFields())
	return func(condition string) *expression.Condition { return s.branches.of(ref.Hash, fields, condition) }
}

// AgreeBranch is the consent of a holder of the role that the branch of a task names.
func (s *Service) AgreeBranch(ctx context.Context, by holdfast.Actor, id, task string) error {
	return s.do(ctx, by, func(now time.Time) ([]journal.Draft, error) {
		return incident.AgreeBranch(s.Incidents.Incident(id), task, func(role string) bool { return s.Authority.Fills(by.ID, role, now) })
	})
}

// Fail says that a task was tried and did not succeed.
func (s *Service) Fail(ctx context.Context, by holdfast.Actor, id, task, note string) error {
	return s.on(ctx, by, id, func(in *incident.Incident) ([]journal.Draft, error) { return incident.Fail(in, task, note) })
}
