package gate

import (
	"fmt"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

func TestHazardS_TheRateIsKept(t *testing.T) {
	t.Parallel()
	capped := func(id string, rate float64) posture.Directive {
		return posture.Directive{ID: id, Kind: posture.Limit, Scope: "all", Share: 1, Rates: map[string]float64{"east": rate}}
	}
	g, c := openGate(t)
	at := holdfast.Position(11)
	next := func(directives ...posture.Directive) {
		enforce(t, g, set(at, directives...))
		at++
	}
	admitted := func() (n int) {
		for i := range 30 {
			a, v := g.Admit(pay(fmt.Sprint("p", i)), Static)
			if v.Action != posture.Forward {
				if v.Reason != posture.OverRate || v.Directive != "d" {
					t.Fatalf("%+v", v)
				}
				continue
			}
			n++
			a.Finish(payment.Done, "")
		}
		return n
	}
	check := func(when string, want int) {
		t.Helper()
		if got := admitted(); got != want {
			t.Errorf("%s: admitted %d, want %d", when, got, want)
		}
	}
	next(capped("d", 20))
	check("a burst of a tenth of a second", 2)
	c.move(100 * time.Millisecond)
	check("after a tenth of a second", 2)
	next(capped("d", 20), stopOf("other", `channel == "qr"`))
	check("a change elsewhere gives no fresh burst", 0)
	c.move(time.Hour)
	check("after an hour", 2)
	next(capped("d", 0.5))
	check("a rate below one", 1)
	c.move(time.Second)
	check("half a payment later", 0)
	c.move(time.Second)
	check("one payment later", 1)
	next(capped("d", 0))
	check("a rate of nothing", 0)
	d := capped("d", 5)
	d.Rates = map[string]float64{"west": 5}
	next(d)
	check("a gate without a part of it", 0)
	c.move(time.Hour)
	check("nor later", 0)
	next(posture.Directive{ID: "d", Kind: posture.Limit, Scope: "all", Share: 1})
	check("no cap", 30)
}

// Two limits must both have room; the one that has none is named.
func TestEveryLimitIsDrawnOn(t *testing.T) {
	t.Parallel()
	g, _ := openGate(t)
	rates := func(r float64) map[string]float64 { return map[string]float64{"east": r} }
	enforce(t, g, set(11,
		posture.Directive{ID: "wide", Kind: posture.Limit, Scope: "all", Share: 1, Rates: rates(1000)},
		posture.Directive{ID: "narrow", Kind: posture.Limit, Scope: `channel == "app"`, Share: 1, Rates: rates(1)},
	))
	admit(t, g, "a")
	if _, v := g.Admit(pay("b"), Static); v != (posture.Verdict{Action: posture.Decline, Reason: posture.OverRate, Directive: "narrow"}) {
		t.Errorf("%+v", v)
	}
	qr := pay("c")
	qr.Channel = "qr"
	if _, v := g.Admit(qr, Static); v.Action != posture.Forward {
		t.Errorf("%+v", v)
	}
}
