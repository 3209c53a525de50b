package e2e_test

import (
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/client"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/view"
)

// No monitoring system says anything. The gates' own counts tell that payments
// fail: an incident of level 1 is suspected, and its alert says in each language
// what was expected and seen, since when, on how many payments, and how sure.
func TestDetection(t *testing.T) {
	t.Parallel()
	w := startWorld(t, t.TempDir(), false, func(o *app.DemoOptions) { o.NoMonitor, o.SecondGate = true, false })
	first := openBrowser(t, w.ready.Console, "zh-Hant-detection")
	b := w.signIn(first, "admin", holdfast.ZhHant)
	b.waitUntil("payments flow", "/[1-9]/.test(document.querySelector('#flow').innerText)")
	w.outage()
	b.open("/incidents")
	b.waitFor("main a[href^='/incidents/20']")
	incident := b.evaluate("document.querySelector(\"main a[href^='/incidents/20']\").getAttribute('href')")
	b.open(incident)
	b.waitFor("#alerts a")
	b.shoot("85-detected")
	alert := b.evaluate("document.querySelector('#alerts a').getAttribute('href')")
	for lang, want := range map[holdfast.Lang]string{holdfast.ZhHant: "的支付未成", holdfast.ZhHans: "判断依据", holdfast.En: "of the payments are not done"} {
		b.lang(string(lang))
		b.open(alert)
		b.waitFor("dl[data-evidence=failures]")
		if got := b.evaluate("document.querySelector('main').innerText"); !strings.Contains(got, want) || strings.Contains(got, "detect.") {
			t.Errorf("%s: the page does not say %q:\n%s", lang, want, got)
		}
		b.shoot("86-evidence-" + string(lang))
	}
	// So does the incident that it opened.
	b.lang(string(holdfast.En))
	b.open(incident)
	if got := b.evaluate("document.querySelector('#title').innerText"); !strings.Contains(got, "of the payments are not done") {
		t.Errorf("the incident is called %q in English", got)
	}
}

// What is wrong with one bank is told of that bank, from what the payments say of
// themselves, and becomes an incident of that cause.
func TestDetectionOfABank(t *testing.T) {
	t.Parallel()
	w := startWorld(t, t.TempDir(), false, func(o *app.DemoOptions) { o.NoMonitor, o.SecondGate = true, false })
	if _, err := w.demo.World.StartFault(fault.Fault{Kind: fault.Error, Seconds: 600, Scope: fault.Scope{Bank: "bank_03", Operation: fault.Payment}}); err != nil {
		t.Fatal(err)
	}
	c := w.api()
	var found view.Alert
	w.until("the bank is found", func() bool {
		for _, a := range append(w.alerts(c, "PaymentOutcomesUnknown"), w.alerts(c, "PaymentFailures")...) {
			if a.Labels["bank"] == "bank_03" && a.Incident != "" {
				found = a
			}
		}
		return found.ID != ""
	})
	in, err := client.Get[view.Incident](t.Context(), c, "/incidents/"+found.Incident)
	if err != nil || found.Evidence == nil || found.Evidence.Scope.Bank != "bank_03" || !strings.Contains(in.Titles.In(holdfast.ZhHant), "銀行 bank_03") || !strings.Contains(in.Titles.In(holdfast.En), "bank bank_03") {
		t.Errorf("%+v, incident %+v, %v", found, in.Titles, err)
	}
}
