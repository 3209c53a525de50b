package gate

import (
	"encoding/json"
	"testing"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

func standIn(open bool) posture.Directive {
	d := posture.Directive{ID: "i1", Kind: posture.StandIn, Scope: "all", Position: 11}
	if open {
		d.Open, d.Source, d.Profile = true, "source-1", json.RawMessage(`{"id":"small"}`)
	}
	return d
}

// Stand-in begins as a stop does: what is in flight is listed, nothing is admitted.
// What opens it lists nothing anew, and a gate without a source admits nothing then.
func TestStandInIsListedBeforeItOpens(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	before := admit(t, g, "before")
	ack := enforce(t, g, set(11, standIn(false)))
	if !ack.Listed || identities(ack.InFlight) != "before" {
		t.Errorf("listed %v: %s", ack.Listed, identities(ack.InFlight))
	}
	if r := reasonOf(g, Static); r != posture.Held {
		t.Errorf("not open: %v", r)
	}
	if ack := enforce(t, g, set(12, standIn(true))); ack.Listed {
		t.Errorf("what opens it listed %s", identities(ack.InFlight))
	}
	for _, mode := range []Mode{Static, Strict} {
		if a, v := g.Admit(pay("fresh"), mode); v != (posture.Verdict{Action: posture.Decline, Reason: posture.Held, Directive: "i1"}) || a.gate != nil {
			t.Errorf("%s: %+v", mode, v)
		}
	}
	before.Finish(payment.Done, "")
}
