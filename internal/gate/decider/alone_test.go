package decider_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/gate/decider"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/standin/advice"
)

func oneByOne(id string, source advice.Source) posture.Directive {
	d := directive(id, source)
	d.Kind = posture.OneByOne
	d.Profile = []byte(strings.Replace(string(d.Profile), `"forwarding"`, `"one_by_one":true,"forwarding"`, 1))
	return d
}

func (r *rig) alone(identity, payer string, cause standin.Cause) standin.Answer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	a, err := r.Decide(ctx, decider.Ask{Payment: pay(identity, payer, 900), Kind: standin.Payment, Cause: cause, Directive: "d1", Seal: sealed})
	if err != nil {
		r.t.Errorf("%s: %v", identity, err)
	}
	return a
}

func (r *rig) holds(identity, payer string) bool {
	p := pay(identity, payer, 900)
	return r.Holds(r.t.Context(), &p)
}

// One by one, each gate knows at once what another approved, and what another sent and got
// no answer to; all else is the primary's.
func TestOneByOneAtTwoGates(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := advice.NewMemory("s1", 4)
		east, west := start(t, "east", source, true), start(t, "west", source, true)
		for _, g := range []*rig{east, west} {
			g.Install(set(5, oneByOne("d1", source)))
			if g.holds("k0", "anna") {
				t.Error("a fresh payment is not the primary's")
			}
		}
		if a := east.alone("k1", "anna", standin.ConnectionRefused); a.Verdict != standin.Approved {
			t.Fatalf("approved: %v %v", a.Verdict, a.Reason)
		}
		// West has not read it yet.
		if !west.holds("k1", "anna") || !west.holds("k2", "anna") || west.holds("k3", "bob") {
			t.Error("west does not know what east approved")
		}
		if a := west.alone("k1", "anna", standin.Behind); a.Verdict != standin.Approved {
			t.Errorf("again: %v", a.Verdict)
		}
		if a := west.alone("k3", "bob", standin.Behind); a.Verdict != standin.Forward {
			t.Errorf("nothing is in the way: %v", a.Verdict)
		}
		sent := pay("k4", "cid", 900)
		if err := east.Exclude(t.Context(), &sent); err != nil {
			t.Fatal(err)
		}
		if a := west.alone("k4", "cid", standin.CircuitOpen); a.Verdict != standin.Inquire || west.holds("k4", "cid") {
			t.Errorf("sent, and not answered: %v", a.Verdict)
		}
		east.Learn("k4", false)
		synctest.Wait()
		if a := west.alone("k4", "cid", standin.CircuitOpen); a.Verdict != standin.Approved {
			t.Errorf("the primary has not done it: %v %v", a.Verdict, a.Reason)
		}
		east.end()
		west.end()
	})
}
