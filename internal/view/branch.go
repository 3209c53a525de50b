package view

import (
	"time"

	"holdfast"
	"holdfast/internal/incident"
	"holdfast/internal/plan"
	"holdfast/internal/procedure"
)

// Branch is what is done instead of what a task says.
type Branch struct {
	// N counts the task's branches from 1.
	N    int           `json:"n"`
	When string        `json:"when"`
	Do   holdfast.Text `json:"do"`
	At   time.Time     `json:"at"`
	// Approval is the role that has to agree first; Agreed is when somebody of it did.
	Approval *Named    `json:"approval,omitempty"`
	Agreed   time.Time `json:"agreed_at,omitzero"`
	AgreedBy *Actor    `json:"agreed_by,omitempty"`
}

// Waits reports whether the branch waits for consent.
func (b Branch) Waits() bool { return b.Approval != nil && b.Agreed.IsZero() }

func branch(in *incident.Incident, t procedure.Task, p *plan.Plan) *Branch {
	taken := in.Tasks[t.ID].Branch
	if taken == nil || taken.N > len(t.Branches) {
		return nil
	}
	b := t.Branches[taken.N-1]
	v := &Branch{N: taken.N, When: b.When, Do: b.Do, At: taken.At, Agreed: taken.Agreed, AgreedBy: actor(taken.AgreedBy)}
	if b.Approval != "" {
		named := role(p, b.Approval)
		v.Approval = &named
	}
	return v
}
