package e2e_test

import (
	"testing"

	"holdfast"
)

// A reroute, clicked through in Chromium by two people while the primary stands still:
// proposed, approved, opened on their word though the fence is young, and lifted. Payments
// are done by the second primary meanwhile, and none by both.
func TestReroute(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w, commander, superior, incident := twoInAnOutage(t, lang, "reroute")
			commander.reveal("#reroute-reason")
			commander.shoot("96-reroute-propose")
			commander.do("choose", click("#reroute input[name=temporary][value='reroute-acquirer']"))
			commander.fill("#reroute-reason", "主用系統無回應 the primary does not answer")
			commander.press("#reroute form button")
			commander.waitFor("#rerouting .tag.warn")
			directive := commander.evaluate("location.pathname")

			superior.open(directive)
			superior.press("form[action$='/approve'] button")
			superior.waitFor("#without")
			superior.shoot("97-reroute-waiting")
			// Gate 2 has no fence, and that of gate 1 was made a moment ago.
			commander.open(directive)
			commander.reveal("#without-reason")
			commander.do("choose gate-1", click("#without input[value='gate-1']"))
			commander.do("choose gate-2", click("#without input[value='gate-2']"))
			commander.fill("#without-reason", "展示用，登記剛建立 its fence is new")
			commander.press("#without button")
			commander.waitFor(".band-rerouted")
			commander.shoot("98-reroute-open")
			commander.open(incident)
			commander.shoot("99-reroute-incident")
			w.until("payments are done by the second primary", func() bool {
				s := w.demo.World.Stats(0)
				return s.Second != nil && s.Second.Payments > 20
			})

			lift(commander, superior, directive, "主用系統已恢復 it is back")
			superior.waitGone(".band-rerouted")
			if r := w.demo.World.Check(); r.Doubled.Count != 0 || r.Lost.Count != 0 {
				t.Errorf("%v", r)
			}
		})
	}
}
