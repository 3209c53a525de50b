package e2e_test

import (
	"testing"

	"holdfast"
)

// A superior who has no session acknowledges by the link in his mail, clicked through
// in Chromium: to open it says nothing yet, since a mail server opens links too; the
// button does, once. Who was reached by hand is recorded on the call list.
func TestReached(t *testing.T) {
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			w.outage()
			duty := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-duty"), w.ready.Account, lang)
			incident := w.suspected(duty)
			w.confirmLevel1(duty)
			link := w.told("chen.zong@demo.invalid", "/acknowledge/")

			superior := openBrowser(t, w.ready.Console, string(lang)+"-superior")
			for range 2 {
				superior.open(link)
				superior.waitFor("#acknowledge form button")
			}
			superior.shoot("80-asked")
			superior.press("#acknowledge form button")
			superior.waitFor(".acknowledged")
			superior.shoot("81-acknowledged")
			if superior.open(link); superior.count("#acknowledge form") != 0 {
				t.Error("the link works twice")
			}

			duty.open(incident + "/calls")
			duty.press(".calls li:not(.reached) button[value=reached]")
			duty.shoot("82-calls")
			if duty.open(incident + "/calls"); duty.count(".calls li.reached") < 2 {
				t.Error("who was reached by phone, or by the link, is not shown as reached")
			}
		})
	}
}
