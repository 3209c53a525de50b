package e2e_test

import (
	"strings"
	"testing"

	"holdfast"
)

// The registers beside the plan, clicked through in Chromium: a risk is assessed
// anew and a material has a new version; both wait as triggers, a draft begun
// afterwards shows them as to be worked in and answers one; the list of revisions
// finds what is asked for.
func TestRegister(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.En) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			b := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-register"), "author", lang)
			b.open("/risks")
			b.waitFor("svg.matrix")
			b.shoot("80-risks")
			b.fill("#likelihood-core-outage", "4")
			b.fill("#reason-core-outage", "兩次停機 two outages")
			b.shoot("81-assess")
			b.press("#assess-core-outage button")
			b.waitFor("#risk-core-outage .note.warn")

			b.open("/materials")
			material := strings.TrimPrefix(b.evaluate("document.querySelector('#register li').id"), "material-")

			b.fill("#version-"+material, "2027")
			b.fill("#reason-"+material, "修訂 amended")
			b.press("#renew-" + material + " button")
			b.waitFor("#material-" + material + " .note.warn")
			b.shoot("82-materials")
			if age := b.evaluate("/ (0 days ago|0 天前)/.test(document.querySelector('main').innerText).toString()"); age != "false" {
				t.Errorf("a law of last year is of today\n%s", b.page())
			}

			draft := w.beginDraft(b)
			if n := b.count("#work-in li .tag.warn"); n != 2 {
				t.Fatalf("%d changes are to be worked in\n%s", n, b.page())
			}
			b.shoot("83-work-in")
			b.press("#work-in form button")
			b.open(draft)
			if n := b.count("#work-in form"); n != 1 {
				t.Errorf("%d changes wait for an answer", n)
			}

			b.open("/plans")
			b.waitFor("#revision-1 .tag.good")
			b.shoot("84-plans")
			b.fill("#q", "nothing has this")
			b.press("form[role=search] button")
			if n := b.count("#revisions li.empty"); n != 1 {
				t.Errorf("a search for nothing finds\n%s", b.page())
			}
		})
	}
}
