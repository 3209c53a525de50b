package e2e_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/sandbox/postoffice"
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

// The superior does not answer the urgent notice, so that after the
// plan's wait the next are told: the page says who, and when. The commander rings the
// duty officer and reads out the code at the end of his mail; entered in the console,
// it is his acknowledgement, and the escalation ends. A code that is nobody's is
// refused. Clicked through in Chromium.
func TestNextAnswers(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.En) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			soon := func(text []byte) []byte {
				const first = "to: [superior, technology-head, operations-head, risk-head]\n              everyone: true\n              acknowledge: 1\n"
				return []byte(strings.Replace(string(text), first+"              within: 3m\n              again: 1m\n", strings.Replace(first, ", technology-head, operations-head, risk-head", "", 1)+"              within: 10s\n", 1))
			}
			w := startWorld(t, t.TempDir(), false, func(o *app.DemoOptions) { o.Plan = soon })
			w.outage()
			duty := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-next"), w.ready.Account, lang)
			w.suspected(duty)
			w.confirmLevel1(duty)
			code := w.replyCode("lin.zhihui@demo.invalid")

			duty.waitFor("#task-tell-superiors .escalation li:nth-child(2).now")
			duty.shoot("84-next-step")
			duty.reveal("#code")
			duty.fill("#code", "000 000")
			duty.press("#reply-code form button")
			duty.waitFor(".note.bad")
			duty.reveal("#code")
			duty.fill("#code", code)
			duty.fill("#code-note", "by phone")
			duty.press("#reply-code form button")
			duty.waitFor("#stage-notify.done")
			duty.shoot("85-answered-by-code")
			w.demo.World.EndFaults()
		})
	}
}

var replyCode = regexp.MustCompile(`\d{3} \d{3}`)

// replyCode reads the code at the end of a mail to somebody.
func (w *world) replyCode(address string) (code string) {
	w.t.Helper()
	ctx, cancel := limited(w.t, context.Background())
	defer cancel()
	if _, err := w.demo.Office.Await(ctx, func(m postoffice.Message) bool {
		if m.IsTo(address) && m.By == postoffice.Mail && strings.Contains(m.Body, "/acknowledge/") {
			lines := strings.Split(strings.TrimSpace(m.Body), "\n")
			code = replyCode.FindString(lines[len(lines)-1])
		}
		return code != ""
	}); err != nil {
		w.t.Fatalf("nobody told %s a code: %v", address, err)
	}
	return code
}
