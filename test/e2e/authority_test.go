package e2e_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"holdfast"
	"holdfast/internal/sandbox/postoffice"
)

// Two pairs of eyes, clicked through in Chromium: the duty officer alone limits
// payments by breaking the glass, which every page shows and the superior is told
// of and judges; the commander asks for the limit to be lifted; the superior is
// away, so who stands in for him consents, from the link in her mail.
func TestTwoPairsOfEyes(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			duty := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-duty"), w.ready.Account, lang)
			superior := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-superior"), "superior", lang)
			commander := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-commander"), w.ready.Second, lang)

			// His role may limit payments only with a second person; the glass lets him alone.
			duty.open("/authority")
			duty.shoot("70-authority")
			duty.reveal("#break-reason")
			duty.fill("#break-reason", "the commander does not answer")
			duty.press("form[action='/break-glass'] button")
			duty.waitFor("#band .glass")
			duty.open("/directives")
			duty.reveal("#share")
			duty.fill("#share", "50")
			duty.fill("#lreason", "half is all that it bears")
			duty.press("#limit button")
			duty.waitFor("a[href^='/authority?all=1#glass-']")
			limit := duty.evaluate("location.pathname")
			duty.shoot("71-by-the-glass")

			w.told("chen.zong@demo.invalid", "/authority")
			superior.open("/authority")
			superior.waitFor("#band .glass")
			superior.reveal("[id^='judge-reason-']")
			superior.fill("[id^='judge-reason-']", "there was nobody else")
			superior.press("button[name=right][value=yes]")
			superior.open("/authority?all=1")
			superior.shoot("72-judged")

			// The superior goes away; who has his role meanwhile may consent.
			superior.reveal("#to")
			superior.fill("#to", "zhao.jishu")
			superior.fill("#until", "2026-12-24T18:00")
			superior.fill("#delegate input[name=reason]", "on leave")
			superior.press("#delegate button")
			superior.waitFor("#delegations .tag.good")
			superior.shoot("73-delegated")

			commander.open(limit)
			commander.reveal("#lift textarea")
			commander.fill("#lift textarea", "it bears all again")
			commander.press("#lift button")
			commander.waitFor("#lift-asked")
			if commander.count("form[action$='/lift/approve']") != 0 {
				t.Error("who asked may consent himself")
			}
			link := w.told("zhao.jishu@demo.invalid", limit)
			deputy := openBrowser(t, w.ready.Console, string(lang)+"-deputy")
			deputy.open(link) // a link alone shows nothing and approves nothing
			deputy.waitFor("form input[name=password]")
			commander.open(limit)
			commander.waitFor("#lift-asked")
			w.consentInTwoTaps(w.signIn(deputy, "technology", lang), link)
			if commander.open(limit); commander.count("#lift-asked, #lift") != 0 {
				t.Error("the directive is not lifted")
			}
		})
	}
}

// consentInTwoTaps opens the link of a notice on a phone: what consent does stands on
// its first screen, beside the button that gives it.
func (w *world) consentInTwoTaps(phone *browser, link string) {
	w.t.Helper()
	const consent = "form[action$='/lift/approve'] button"
	phone.do("a phone", chromedp.EmulateViewport(390, 844))
	taps := 0
	tap := func(do func()) { taps++; do() }
	tap(func() { phone.open(link) })
	phone.waitUntil("the effect in numbers, scope, gates, who asks and until when", `document.querySelectorAll("#lift-asked .effect dd").length === 5 && /\d/.test(document.querySelector("#lift-asked .effect dd").innerText)`)
	phone.waitUntil("the button is on the first screen", `document.querySelector("`+consent+`").getBoundingClientRect().bottom < innerHeight`)
	phone.shoot("74-lift-asked")
	phone.do("a phone again", chromedp.EmulateViewport(390, 844))
	tap(func() { phone.press(consent) })
	phone.waitGone("#lift-asked")
	if taps != 2 {
		w.t.Errorf("it took %d taps", taps)
	}
	phone.shoot("75-lifted")
}

// told waits for a mail that has a link with this part, and returns the link's path.
func (w *world) told(address, part string) (path string) {
	w.t.Helper()
	ctx, cancel := limited(w.t, context.Background())
	defer cancel()
	links := regexp.MustCompile(`https?://\S*`)
	if _, err := w.demo.Office.Await(ctx, func(m postoffice.Message) bool {
		for _, link := range links.FindAllString(m.Body, -1) {
			if strings.Contains(link, part) && m.IsTo(address) && m.By == postoffice.Mail {
				path = w.path(link)
			}
		}
		return path != ""
	}); err != nil {
		w.t.Fatalf("nobody told %s of %s: %v", address, part, err)
	}
	return path
}
