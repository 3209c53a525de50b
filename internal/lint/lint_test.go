package lint

import (
	"testing"

	"holdfast/internal/plan"
)

func TestBuiltin(t *testing.T) {
	p, faults := plan.Decode("", plan.Builtin())
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for _, f := range Check(Input{Plan: p}) {
		t.Log(f)
	}
}
