package response

import (
	"sync"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/expression"
	"holdfast/internal/plan"
)

// rules holds the alert rules of one plan revision, compiled.
type rules struct {
	mu   sync.Mutex
	hash holdfast.Hash
	list []rule
	// judged is the turn up to which no waiting alert concerns a rule.
	judged uint64
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
	r.hash, r.list, r.judged = p.Hash, nil, 0
	for _, ar := range p.Plan().Alerts {
		if e, err := expression.Compile(ar.Match, plan.AlertFields()); err == nil {
			r.list = append(r.list, rule{ar, e})
		}
	}
	return r.list
}

func matching(list []rule, a *alert.Alert) (rule, bool) {
	values := map[string]any{
		"name": a.Labels["alertname"], "source": a.Source,
		"labels": a.Labels, "annotations": a.Annotations,
	}
	if id := a.Labels[watchdogName]; a.Source == ownSource && id != "" {
		for _, r := range list {
			if r.ID == id && r.Watchdog != 0 {
				r.Watchdog = 0 // its silence is no sign of life
				return r, true
			}
		}
		return rule{}, false
	}
	for _, r := range list {
		if ok, err := r.match.Eval(values); err == nil && ok {
			return r, true
		}
	}
	return rule{}, false
}

func (r *rules) judgedUpTo() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.judged
}

// judgedTo notes that the alerts up to a turn were judged by the rules of a revision.
func (r *rules) judgedTo(hash holdfast.Hash, turn uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hash == hash {
		r.judged = max(r.judged, turn)
	}
}
