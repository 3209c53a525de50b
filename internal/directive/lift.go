package directive

import (
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/journal"
	"holdfast/internal/payment"
)

// LiftWish is somebody's wish that a directive be lifted, until a second person
// answers it.
type LiftWish struct {
	Reason string         `json:"reason"`
	By     holdfast.Actor `json:"-"`
	At     time.Time      `json:"-"`
}

// AskLift decides on asking a second person to lift a directive. seen is the
// revision the author looked at; 0 means the present one.
func AskLift(d *Directive, seen holdfast.Revision, reason string) ([]journal.Draft, error) {
	if _, err := Lift(d, seen, reason); err != nil {
		return nil, err
	}
	if d.LiftWish != nil {
		return nil, holdfast.Errorf(holdfast.Conflict, "%s has asked already to lift directive %s; a second person has to answer", d.LiftWish.By, d.ID)
	}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindLiftAsked, WithReason{payment.Mask(reason)})}, nil
}

// GrantLift decides on a second person's consent, which lifts the directive.
func GrantLift(d *Directive, by holdfast.Actor) ([]journal.Draft, error) {
	if err := wished(d); err != nil {
		return nil, err
	}
	if by.SameParty(d.LiftWish.By) {
		return nil, holdfast.Errorf(holdfast.Forbidden, "you asked to lift directive %s; a second person has to consent", d.ID)
	}
	return Lift(d, 0, d.LiftWish.Reason)
}

// RefuseLift decides on ending the wish: a second person's refusal, or the first
// one's second thought.
func RefuseLift(d *Directive, reason string) ([]journal.Draft, error) {
	if err := wished(d); err != nil {
		return nil, err
	}
	if strings.TrimSpace(reason) == "" || len(reason) > maxReason {
		return nil, holdfast.Errorf(holdfast.Invalid, "write why it is refused").At("reason")
	}
	return []journal.Draft{journal.NewDraft(subject(d.ID), d.Revision, KindLiftRefused, WithReason{payment.Mask(reason)})}, nil
}

func wished(d *Directive) error {
	switch {
	case d == nil || d.State != InForce:
		return errState(d, "directive %s is %s; only one in force can be lifted")
	case d.LiftWish == nil:
		return holdfast.Errorf(holdfast.Conflict, "nobody has asked to lift directive %s", d.ID)
	}
	return nil
}
