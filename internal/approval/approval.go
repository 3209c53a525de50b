// Package approval decides how far a ladder of approvals has come: steps one
// after the other, each decided by holders of roles, by one of them, by all in any
// order (countersigning, 會簽), or by all in order. A decision is bound to the hash
// of the exact text; it counts only while who gave it still holds the role. It
// knows nothing of what is approved and writes nothing.
package approval

import (
	"slices"
	"strings"
	"time"

	"holdfast"
)

// The ways in which the roles of a step decide.
const (
	One     = "one"
	All     = "all"
	InOrder = "in-order"
)

// Step is one rung of a ladder.
type Step struct {
	ID    string        `json:"id"`
	Title holdfast.Text `json:"title,omitzero"`
	Mode  string        `json:"mode"`
	// Roles decide; without any, whoever has the right to approve.
	Roles []string `json:"roles,omitempty"`
}

// Decision is one person's consent.
type Decision struct {
	// Number counts the decisions on one thing from 1, those that are void included.
	Number int            `json:"number,omitempty"`
	Step   string         `json:"step"`
	Role   string         `json:"role,omitempty"`
	By     holdfast.Actor `json:"by"`
	At     time.Time      `json:"at"`
	// Hash is that of the text decided on.
	Hash holdfast.Hash `json:"hash"`
}

// Ladder is what is approved and by whom it must be.
type Ladder struct {
	Steps []Step
	// Hash is that of the text as it is now.
	Hash holdfast.Hash
	// Holds reports whether somebody fills a role now; the role "" asks whether he
	// may approve at all.
	Holds func(by holdfast.Actor, role string) bool
	// Author reports whether somebody wrote of the text: he approves nothing of it.
	Author func(by holdfast.Actor) bool
}

// Place is how far a ladder has come.
type Place struct {
	// Step is the index of the step that is open; the number of steps once all are
	// complete.
	Step int
	// Missing are the roles that have not decided in the open step; for a step that
	// one decides, all that may.
	Missing []string
}

// Complete reports whether every step is.
func (l Ladder) Complete(given []Decision) bool { return l.Place(given).Step == len(l.Steps) }

// Place works out how far the ladder has come by the decisions that count.
func (l Ladder) Place(given []Decision) Place {
	for i, s := range l.Steps {
		if missing := l.missing(s, given); len(missing) > 0 {
			return Place{Step: i, Missing: missing}
		}
	}
	return Place{Step: len(l.Steps)}
}

// Counts reports whether a decision counts for the text as it is and the people
// as they are.
func (l Ladder) Counts(d Decision) bool {
	return d.Hash == l.Hash && !l.Author(d.By) && l.Holds(d.By, d.Role)
}

// missing lists the roles that a step still needs; anyone is the role "".
func (l Ladder) missing(s Step, given []Decision) []string {
	roles := s.Roles
	if len(roles) == 0 {
		roles = []string{""}
	}
	var missing []string
	counted := l.counted(s, given)
	for _, role := range roles {
		gave := slices.ContainsFunc(counted, func(d Decision) bool { return d.Role == role })
		switch {
		case gave && s.Mode == One:
			return nil
		case !gave && s.Mode == InOrder:
			return append(missing, role)
		case !gave:
			missing = append(missing, role)
		}
	}
	return missing
}

// counted are the decisions that count in a step: of each person the first, since a
// step of several roles asks for as many people.
func (l Ladder) counted(s Step, given []Decision) (counted []Decision) {
	for _, d := range given {
		twice := slices.ContainsFunc(counted, func(o Decision) bool { return o.By.SameParty(d.By) })
		if d.Step == s.ID && l.Counts(d) && !twice {
			counted = append(counted, d)
		}
	}
	return counted
}

// Turn returns the step and role in which somebody may decide now: the first that is
// missing of those he fills. The error says why he may not.
func (l Ladder) Turn(given []Decision, by holdfast.Actor) (step, role string, err error) {
	return l.TurnAs(given, by, "")
}

// TurnAs is Turn for the role that somebody asks for; an empty one leaves it open.
func (l Ladder) TurnAs(given []Decision, by holdfast.Actor, as string) (step, role string, err error) {
	step, roles, err := l.Roles(given, by)
	switch {
	case err != nil:
		return "", "", err
	case as == "":
		return step, roles[0], nil
	case !slices.Contains(roles, as):
		return "", "", holdfast.Errorf(holdfast.Forbidden, "you cannot decide as %s now: the step waits for %s", as, strings.Join(l.Place(given).Missing, ", ")).At("role")
	}
	return step, as, nil
}

// Roles returns the step that is open, and those of its missing roles that somebody
// fills and may decide for, one of them. The error says why there is none.
func (l Ladder) Roles(given []Decision, by holdfast.Actor) (step string, roles []string, err error) {
	place := l.Place(given)
	if place.Step == len(l.Steps) {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "everyone who must has approved this text already")
	}
	if l.Author(by) {
		return "", nil, holdfast.Errorf(holdfast.Forbidden, "you wrote of this text: somebody else has to approve it")
	}
	s := l.Steps[place.Step]
	if slices.ContainsFunc(given, func(d Decision) bool { return d.Step == s.ID && d.By.SameParty(by) && l.Counts(d) }) {
		return "", nil, holdfast.Errorf(holdfast.Conflict, "you have approved this step already; it needs somebody else, too")
	}
	for _, role := range place.Missing {
		if l.Holds(by, role) {
			roles = append(roles, role)
		}
	}
	if len(roles) > 0 {
		return s.ID, roles, nil
	}
	return "", nil, holdfast.Errorf(holdfast.Forbidden, "this step is not yours: it waits for a holder of %s", strings.Join(place.Missing, ", "))
}
