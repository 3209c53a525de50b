package app

import (
	"slices"
	"strings"
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
	var rules []string
	for _, f := range blocking {
		if !slices.Contains(rules, f.Rule) {
			rules = append(rules, f.Rule)
		}
	}
	return holdfast.Errorf(holdfast.Invalid, "lint finds %d places that block the approval, by the rules %s, the first at %s; mend them first",
		len(blocking), strings.Join(rules, ", "), blocking[0].Anchor).At("text")
}
