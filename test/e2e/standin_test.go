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
			_, commander, superior, incident := twoInAnOutage(t, lang, "stand-in")
			commander.reveal("#stand-in-reason")
			commander.shoot("90-stand-in-propose")
			directive := proposeStandIn(commander)
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

			lift(commander, superior, directive, "主用系統已恢復 it is back")
			superior.waitGone(".band-stand-in-open")
			superior.shoot("94-stand-in-lifted")
			commander.open("/directives")
			commander.shoot("95-directives")
		})
	}
}

// twoInAnOutage is a world whose primary stands still, with two people at their browsers, and
// the address of the incident that the first of them has found.
func twoInAnOutage(t *testing.T, lang holdfast.Lang, what string) (w *world, commander, superior *browser, incident string) {
	t.Helper()
	w = openWorld(t)
	commander = w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-"+what), w.ready.Second, lang)
	superior = w.signIn(commander.another(string(lang)+"-"+what+"-superior"), "superior", lang)
	w.outage()
	return w, commander, superior, w.suspected(commander)
}

// proposeStandIn proposes one, with the terms of an unplanned outage, from a page that
// offers it, and returns the directive's address.
func proposeStandIn(b *browser) string {
	b.t.Helper()
	b.reveal("#stand-in-reason")
	b.do("choose", click("#stand-in input[name=by][value='stand-in/unplanned']"))
	b.fill("#stand-in-reason", "主用系統無回應 the primary does not answer")
	b.press("#stand-in form button")
	b.waitFor("#standing-in .tag.warn")
	return b.evaluate("location.pathname")
}

// lift lifts a directive by two people.
func lift(asks, agrees *browser, directive, reason string) {
	asks.t.Helper()
	asks.open(directive)
	asks.reveal("#lift textarea")
	asks.fill("#lift textarea", reason)
	asks.press("#lift button")
	asks.waitFor("#lift-asked")
	agrees.open(directive)
	agrees.press("form[action$='/lift/approve'] button")
	agrees.waitGone("#lift-asked")
}
