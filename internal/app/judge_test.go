package app

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/plan"
)

func TestJudgePlan(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	p, _ := plan.Decode("", plan.Builtin())
	if err := judgePlan(nil, p, now); err != nil {
		t.Errorf("the built-in plan: %v", err)
	}
	if err := judgePlan(nil, p, now.AddDate(2, 0, 0)); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("long after its review was due: %v", err)
	}
	p.Team = p.Team[:1]
	if err := judgePlan(nil, p, now); err == nil || !strings.Contains(err.Error(), "by the rules L101, the first at team;") {
		t.Errorf("a team of one department: %v", err)
	}
}
