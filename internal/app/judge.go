package app

import (
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/draft"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
	"holdfast/internal/waiver"
)

// judge returns what keeps a draft from approval: that lint finds in its text what
// blocks one and nobody but its authors has waived. Roster and gates are not
// asked: who is missing today must not keep the plan that mends it from being
// approved.
func judge(waivers *waiver.Book) func(d *draft.Draft, p *plan.Plan, now time.Time) error {
	return func(d *draft.Draft, p *plan.Plan, now time.Time) error {
		return judgePlan(lint.Input{Plan: p, Now: now, Waivers: waivers.For(d.Plan, d.Author)})
	}
}

func judgePlan(in lint.Input) error {
	blocking := lint.Blocking(lint.Check(in))
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
