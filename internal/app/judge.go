package app

import (
	"time"

	"holdfast"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
)

// judgePlan keeps a draft from approval while lint finds in its text what blocks
// one. Roster and gates are not asked: who is missing today must not keep the
// plan that mends it from being approved.
func judgePlan(_ []byte, p *plan.Plan, now time.Time) error {
	blocking := lint.Blocking(lint.Check(lint.Input{Plan: p, Now: now}))
	if len(blocking) == 0 {
		return nil
	}
	return holdfast.Errorf(holdfast.Invalid, "lint finds %d places that block the approval, the first by rule %s at %s; mend them first",
		len(blocking), blocking[0].Rule, blocking[0].Anchor).At("text")
}
