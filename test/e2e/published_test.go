package e2e_test

import (
	"context"
	"regexp"
	"strings"

	"holdfast/internal/sandbox/postoffice"
)

// readLink is where a reader without an account is led, with its secret.
var readLink = regexp.MustCompile(`https?://\S+/read/\S+`)

// readByLink has a reader without an account open the link of his letter in a
// browser that knows nobody, see what changed for him, and acknowledge, once.
func (w *world) readByLink(b *browser) {
	w.t.Helper()
	ctx, cancel := limited(w.t, context.Background())
	defer cancel()
	m, err := w.demo.Office.Await(ctx, func(m postoffice.Message) bool {
		return m.IsTo("amy.lau@demo.invalid") && m.By == postoffice.Mail && strings.Contains(m.Body, "/read/") && strings.Contains(m.Body, "/2/amy.lau")
	})
	link := readLink.FindString(m.Body)
	if err != nil || link == "" {
		w.t.Fatalf("no letter with a link came: %+v, %v", m, err)
	}
	b.open(w.path(link))
	b.waitFor("article.doc")
	if where := b.evaluate("location.href"); strings.Contains(where, "key=") {
		w.t.Errorf("the secret stays in the address: %s", where)
	}
	b.shoot("48-read-by-link")
	if signed := b.count("form[action='/sign-out']"); signed != 0 {
		w.t.Error("a link signs somebody in")
	}
	b.press("form[action^='/read/'] button.main")
	b.waitFor(".acknowledged")
	if where := b.evaluate("location.href"); strings.Contains(where, "key=") {
		w.t.Errorf("the secret came back to the address: %s", where)
	}
	b.shoot("48-read")
	b.open(w.path(link))
	b.waitFor(".acknowledged")
	if again := b.count("form[action^='/read/']"); again != 0 {
		w.t.Error("a link that was used offers to acknowledge again")
	}
}

// compare picks two revisions and sees what is different.
func (w *world) compare(b *browser) {
	w.t.Helper()
	b.open("/plans")
	b.fill("#old", "1")
	b.fill("#new", "2")
	b.shoot("49-plans")
	b.press("#pick button")
	b.waitFor("#lines")
	b.shoot("49-compared")
	if rows := b.count("table.stack tbody tr td:nth-child(4)"); rows == 0 {
		w.t.Error("two revisions show no difference")
	}
}

// waive accepts what lint finds in the plan in force, from the finding itself, and
// takes that back.
func (w *world) waive(b *browser) {
	w.t.Helper()
	b.open("/plan")
	b.do("open the findings", click("#findings summary"))
	rule := strings.TrimSpace(b.evaluate("document.querySelector(\"#findings a[href^='/waivers?']\").closest('li').querySelector('.tag').textContent"))
	b.press("#findings a[href^='/waivers?']")
	b.waitFor("#grant[open]")
	if got := b.evaluate("document.querySelector('#rule').value"); got != rule {
		w.t.Errorf("the form is for rule %s, the finding was of %s", got, rule)
	}
	b.write("owner", "sun.fengkong", "expires", b.evaluate("new Date(Date.now() + 30*86400e3).toISOString().slice(0, 10)"), "reason", "短期內接受 accepted for some weeks")
	b.shoot("55-waiver")
	b.press("#grant button.main")
	b.waitFor("#waiver-w1 .tag.good")
	b.shoot("56-waivers")
	b.open("/plan")
	b.waitFor("#findings a[href='/waivers?active=1']")
	b.open("/waivers")
	b.do("open the form", click("#revoke-w1 summary"))
	b.fill("#reason-w1", "已改正 it was mended")
	b.press("#revoke-w1 button")
	b.waitFor("#waiver-w1 .tag.calm")
}
