package e2e_test

import (
	"testing"

	"holdfast"
)

// A superior who has no session acknowledges by the link in his mail, clicked through
// in Chromium: to open it says nothing yet, since a mail server opens links too; the
// button does, once. Who was called in vain meanwhile is on the call list.
func TestReached(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			w.outage()
			duty := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-duty"), w.ready.Account, lang)
			incident := w.suspected(duty)
			w.confirmLevel1(duty)
			link := w.told("chen.zong@demo.invalid", "/acknowledge/")

			duty.open(incident + "/calls")
			duty.press(".calls li:not(.reached) button[value=voicemail]")
			duty.waitFor(".calls li")
			duty.shoot("82-calls")

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
		})
	}
}
