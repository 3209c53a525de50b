package app

import (
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/lint"
	"holdfast/internal/plan"
)

func TestJudgePlan(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	p, _ := plan.Decode("", plan.Builtin())
	if err := judgePlan(lint.Input{Plan: p, Now: now}); err != nil {
		t.Errorf("the built-in plan: %v", err)
	}
	if err := judgePlan(lint.Input{Plan: p, Now: now.AddDate(2, 0, 0)}); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("long after its review was due: %v", err)
	}
	p.Team = p.Team[:1]
	if err := judgePlan(lint.Input{Plan: p, Now: now}); err == nil || !strings.Contains(err.Error(), "by the rules L101, the first at team;") {
		t.Errorf("a team of one department: %v", err)
	}
	waived := []lint.Waiver{{Rule: "L101", Path: "team", Owner: "mei", Reason: "two join next week", Expires: now.AddDate(0, 0, 7)}}
	if err := judgePlan(lint.Input{Plan: p, Now: now, Waivers: waived}); err != nil {
		t.Errorf("waived: %v", err)
	}
	if err := judgePlan(lint.Input{Plan: p, Now: now.AddDate(0, 0, 7), Waivers: waived}); err == nil {
		t.Error("a waiver that has expired still counts")
	}
}
