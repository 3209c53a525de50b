package gate

import (
	"fmt"
	"testing"
	"time"

	"holdfast/internal/payment"
	"holdfast/internal/posture"
)

// What is not sent has drawn on no limit: neither what is undone, nor what another limit or the
// list of those in flight turns away.
func TestWhatIsNotSentDrawsOnNothing(t *testing.T) {
	t.Parallel()
	of := func(perSecond float64) map[string]float64 { return map[string]float64{"east": perSecond} }
	limit := posture.Directive{ID: "d", Kind: posture.Limit, Scope: "all", Share: 1, Rates: of(10)} // one at once
	sum := posture.Directive{ID: "c", Kind: posture.Cap, Scope: "all", Share: 1, Amounts: of(100), Currency: "CNY"}
	for name, directives := range map[string][]posture.Directive{"a rate": {limit}, "a sum": {sum}, "both": {limit, sum}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, c := openGate(t)
			enforce(t, g, set(11, directives...))
			for range 3 {
				admit(t, g, "p").Undo()
			}
			sent := admit(t, g, "p")
			if _, v := g.Admit(pay("q"), Static); v.Reason != posture.OverRate {
				t.Errorf("beside what was sent: %+v", v)
			}
			sent.Finish(payment.Done, "")
			sent.Undo() // it is not to be undone any more
			if _, v := g.Admit(pay("q"), Static); v.Reason != posture.OverRate {
				t.Errorf("after what was sent: %+v", v)
			}
			// What was given back is no more than was taken, however long nothing was.
			c.move(time.Hour)
			admit(t, g, "r").Undo()
			admit(t, g, "r")
			if _, v := g.Admit(pay("s"), Static); v.Reason != posture.OverRate {
				t.Errorf("after what was undone: %+v", v)
			}
		})
	}
	t.Run("another limit", func(t *testing.T) {
		t.Parallel()
		g, _ := openGate(t)
		narrow := posture.Directive{ID: "narrow", Kind: posture.Limit, Scope: `channel == "app"`, Share: 1, Rates: of(0)}
		enforce(t, g, set(11, limit, narrow))
		if _, v := g.Admit(pay("p"), Static); v.Directive != "narrow" {
			t.Errorf("%+v", v)
		}
		qr := pay("q")
		qr.Channel = "qr"
		if _, v := g.Admit(qr, Static); v.Action != posture.Forward {
			t.Errorf("%+v", v)
		}
	})
	t.Run("the list is full", func(t *testing.T) {
		t.Parallel()
		g, _ := openGate(t)
		var all []*Admission
		for i := range 8 {
			all = append(all, admit(t, g, fmt.Sprint("p", i)))
		}
		enforce(t, g, set(11, limit))
		if _, v := g.Admit(pay("q"), Static); v.Reason != posture.Full {
			t.Errorf("%+v", v)
		}
		all[0].Finish(payment.Done, "")
		admit(t, g, "q")
	})
}
