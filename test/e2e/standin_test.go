package e2e_test

import (
	"testing"

	"holdfast"
)

// A stand-in, clicked through in Chromium by two people: proposed on the incident's
// page with its limits before the eyes, approved, confirmed, opened, and lifted.
func TestStandIn(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			commander := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-stand-in"), w.ready.Second, lang)
			superior := w.signIn(commander.another(string(lang)+"-stand-in-superior"), "superior", lang)

			w.outage()
			incident := w.suspected(commander)
			commander.reveal("#stand-in-reason")
			commander.shoot("90-stand-in-propose")
			commander.do("choose", click("#stand-in input[name=by][value='stand-in/unplanned']"))
			commander.fill("#stand-in-reason", "主用系統無回應 the primary does not answer")
			commander.press("#stand-in form button")
			commander.waitFor("#standing-in .tag.warn")
			directive := commander.evaluate("location.pathname")
			if commander.count("form[action$='/approve']") != 0 {
				t.Error("who proposed it may approve it")
			}
			commander.shoot("91-stand-in-proposed")

			superior.open(directive)
			superior.press("form[action$='/approve'] button")
			superior.waitFor(".band-stand-in-held")
			superior.shoot("92-stand-in-waiting")
			// Only one gate of the demo has an advice source.
			commander.open(directive)
			commander.reveal("#without-reason")
			commander.do("choose gate-2", click("#without input[value='gate-2']"))
			commander.fill("#without-reason", "閘門二沒有補送電文庫 it has no source")
			commander.press("#without button")
			commander.waitFor(".band-stand-in-open")
			commander.shoot("92-stand-in-open")
			commander.open(incident)
			commander.shoot("93-stand-in-incident")

			commander.open(directive)
			commander.reveal("#lift textarea")
			commander.fill("#lift textarea", "主用系統已恢復 it is back")
			commander.press("#lift button")
			commander.waitFor("#lift-asked")
			superior.open(directive)
			superior.press("form[action$='/lift/approve'] button")
			superior.waitGone("#lift-asked")
			superior.waitGone(".band-stand-in-open")
			superior.shoot("94-stand-in-lifted")
			commander.open("/directives")
			commander.shoot("95-directives")
		})
	}
}
