package e2e_test

import (
	"strings"
	"testing"

	"holdfast"
)

// Shadow mode in Chromium: the demo's gate tries the plan's profile on a share of the
// traffic, and the page says where stand-in would have been wrong.
func TestShadowMode(t *testing.T) {
	t.Parallel()
	w := openWorld(t)
	duty := w.signIn(openBrowser(t, w.ready.Console, "zh-Hant-shadow"), w.ready.Account, holdfast.ZhHant)
	second := w.signIn(openBrowser(t, w.ready.Console, "en-shadow"), w.ready.Second, holdfast.En)
	duty.open("/stand-in")
	duty.press("a[href='/stand-in/shadow']")
	duty.waitFor("[id^='trial-'] .tag.good")
	duty.shoot("shadow-1-begins")
	// The page renews itself: both kinds of error come up, each with its interval.
	wrong := func(column int) string {
		return `[...document.querySelectorAll("[id^='trial-'] table:first-of-type tbody tr:first-child td:nth-child(` + string(rune('0'+column)) + `) .num")].some(n => /^[1-9]/.test(n.textContent))`
	}
	duty.waitUntil("approvals that agree", wrong(2))
	duty.waitUntil("false approvals", wrong(3))
	for _, b := range []*browser{duty, second} {
		b.open("/stand-in/shadow")
		b.waitFor("[id^='trial-'] table")
		b.shoot("shadow-2-figures")
	}
	csv := duty.evaluate(`(() => { const r = new XMLHttpRequest(); r.open("GET", "/stand-in/shadow.csv", false); r.send(); return r.responseText })()`)
	if !strings.HasPrefix(csv, "profile,version,current,terms,share,") || !strings.Contains(csv, "stand-in,") || !strings.Contains(csv, ",CNY,") {
		t.Errorf("exported is %q", csv)
	}
}
