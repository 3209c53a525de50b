package draft

import (
	"time"

	"holdfast"
	"holdfast/internal/approval"
	"holdfast/internal/plan"
)

// Decider is somebody whom a step of the ladder waits for, and why he could not
// decide today. A role that nobody holds has a decider without a name.
type Decider struct {
	Step   approval.Step `json:"step"`
	Role   string        `json:"role"`
	Person string        `json:"person,omitempty"`
	Name   string        `json:"name,omitempty"`
	// Why is one of the reasons below, or empty if he can.
	Why string `json:"why,omitempty"`
}

// The reasons for which somebody cannot approve a draft.
const (
	Vacant    = "vacant"     // nobody holds the role
	NoAccount = "no-account" // the roster names no account of his
	NoRight   = "no-right"   // his account may not approve
	Wrote     = "wrote"      // he wrote of the text
)

// deciders lists who fills the roles of the ladder that a draft has, or would have
// if it were submitted now.
func (n Nouns) deciders(d *Draft, now time.Time) (list []Decider) {
	var steps []approval.Step
	if d.Submitted != nil {
		steps = d.Submitted.Ladder
	} else {
		p, _ := plan.Decode("", d.Text())
		steps, _ = n.steps(d, p, now)
	}
	for _, s := range steps {
		for _, role := range s.Roles {
			holders := n.Roster.Holders(role)
			if len(holders) == 0 {
				list = append(list, Decider{Step: s, Role: role, Why: Vacant})
			}
			for _, p := range holders {
				one := Decider{Step: s, Role: role, Person: p.ID, Name: p.Name}
				by := holdfast.Actor{Kind: holdfast.Account, ID: p.Account}
				switch {
				case p.Account == "":
					one.Why = NoAccount
				case n.MayApprove != nil && !n.MayApprove(by):
					one.Why = NoRight
				case d.Author(by):
					one.Why = Wrote
				}
				list = append(list, one)
			}
		}
	}
	return list
}

// Deciders lists who fills the roles of the ladder that a draft has, or would have
// if it were submitted now.
func (s *Service) Deciders(d *Draft) (list []Decider) {
	now := s.Desk.Now()
	s.Desk.State.View(func() { list = s.Nouns.deciders(d, now) })
	return list
}
