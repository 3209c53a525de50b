package fleet

import (
	"bytes"
	"encoding/json"
	"testing"

	"holdfast/internal/gate"
)

// What a gate tells of its routes is enrolled whole.
func TestRoutesAreEnrolled(t *testing.T) {
	t.Parallel()
	r := newRig(t, "j")
	told := gate.Route{Name: "pay", Kind: "payment", Mode: gate.Static, Fields: []string{"route"}, Channels: []string{"app"}, StandIn: true, Second: true, Deduplicates: true}
	if _, err := r.node.Enrol(t.Context(), gate.Enrolment{Gate: "east", Boot: "b1", Routes: []gate.Route{told}}); err != nil {
		t.Fatal(err)
	}
	kept := r.gates.Gate("east").Incarnations[0].Routes[0]
	sent, _ := json.Marshal(told)
	got, _ := json.Marshal(kept)
	if !bytes.Equal(sent, got) {
		t.Errorf("told %s, enrolled %s", sent, got)
	}
}
