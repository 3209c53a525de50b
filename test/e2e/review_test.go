package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"holdfast"
	"holdfast/internal/sandbox/postoffice"
)

// An outside reviewer without an account, clicked through in Chromium: invited by
// name and address, he opens the link from his mail in a browser that knows
// nothing of Holdfast, comments at places of the text, is answered by a change
// that he can see, and says that he has finished. The link opens nothing else,
// and ends when its author says so.
func TestReview(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			w := openWorld(t)
			author := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-author"), "author", lang)
			draft := w.beginDraft(author)
			link := w.inviteOutside(author, draft, lang)
			w.mailed(link)

			reader := openBrowser(t, w.ready.Console, string(lang)+"-outside")
			reader.lang("ja") // his link says what he reads
			w.outsideComments(reader, link, lang)
			w.answerOutside(author, draft)
			w.gonePlace(author, draft)
			w.outsideAnswers(reader, draft)
			w.nothingElse(reader, draft)
			w.forge(link, draft)
			w.endReview(author, reader, draft)
		})
	}
}

// path is a link without the node's address, which browsers here have.
func (w *world) path(link string) string {
	w.t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.RequestURI()
}

func (w *world) inviteOutside(author *browser, draft string, lang holdfast.Lang) (link string) {
	w.t.Helper()
	author.open(draft)
	author.fill("#outside-name", "吳教授")
	author.fill("#outside-address", "wu@university.example")
	author.fill("#outside-lang", string(lang))
	author.press("#outside form button")
	author.waitFor("#link code")
	author.shoot("60-invited")
	link = author.evaluate("document.querySelector('#link code').textContent")
	author.press("form[action$='/review'] button")
	if author.count("#link") != 0 {
		w.t.Error("the link is shown again")
	}
	return link
}

// mailed waits until the very link has come by mail.
func (w *world) mailed(link string) {
	w.t.Helper()
	ctx, cancel := limited(w.t, context.Background())
	defer cancel()
	m, err := w.demo.Office.Await(ctx, func(m postoffice.Message) bool { return m.IsTo("wu@university.example") })
	if err != nil || !strings.Contains(m.Body, link) || m.By != postoffice.Mail {
		w.t.Fatalf("mailed %+v, %v; want the link %s", m, err, link)
	}
}

func (w *world) outsideComments(reader *browser, link string, lang holdfast.Lang) {
	w.t.Helper()
	reader.open(w.path(link))
	reader.waitFor("article.doc")
	if where := reader.evaluate("location.href"); strings.Contains(where, "key=") {
		w.t.Errorf("the secret stays in the address: %s", where)
	}
	if got := reader.evaluate("document.documentElement.lang"); got != string(lang) {
		w.t.Errorf("he is shown %q, not %q", got, lang)
	}
	if n := reader.count("header.top") + reader.count("#band"); n != 0 {
		w.t.Errorf("he sees %d parts of the console", n)
	}
	reader.shoot("61-outside")
	reader.press("[id='place-risks']")
	reader.waitFor("#say")
	reader.shoot("62-outside-form")
	reader.fill("#text", "風險依據何在？ What do these rest on?")
	reader.press("#say button.main")
	reader.waitFor("#comment-1")
	task := reader.evaluate("document.querySelector('.task .say').id")
	reader.press(fmt.Sprintf("[id=%q]", task))
	reader.fill("#text", "時限太長 too long")
	reader.press("#say button.main")
	reader.waitFor(".task #comment-2")
	reader.shoot("63-outside-commented")
}

// answerOutside answers one comment by a change, from the chapter's form, and
// replies to the other.
func (w *world) answerOutside(author *browser, draft string) {
	w.t.Helper()
	author.open(draft + "/read")
	author.waitFor(".task #comment-2")
	author.shoot("64-read")
	author.open(draft)
	author.shoot("65-comments")
	if author.count("#comment-1 .tag") == 0 || !strings.Contains(author.evaluate("document.querySelector('#comment-1').textContent"), "吳教授") {
		w.t.Error("the outside reviewer is not named")
	}
	author.press("#comment-1 a[href*='/chapters/risks']")
	author.waitFor("#remarks #comment-1")
	author.press("button[value^='copy risks[']")
	author.waitFor("#remarks #comment-1")
	author.shoot("66-chapter")
	author.press("#comment-1 form[action$='/resolve'] button")
	author.open(draft)
	author.press("#comment-1 a[href$='/changes']")
	author.waitFor("#lines")
	author.shoot("67-change")
	author.open(draft)
	author.fill("#reply-2", "多長合適？ How long should it be?")
	author.press("#comment-2 form[action$='/reply'] button")
	author.fill("#document", "支應〔2026〕8號")
	author.press("form[action$='/submit'] button.main")
	author.waitFor(".note.bad") // a comment is open
}

// gonePlace comments on a row and removes it: the comment stays, with its quote.
func (w *world) gonePlace(author *browser, draft string) {
	w.t.Helper()
	author.open(draft + "/read?at=risks%5Brisk-12%5D#say")
	author.fill("#text", "這是複本 a copy")
	author.press("#say button.main")
	author.waitFor("tr.said #comment-3")
	author.open(draft + "/read")
	author.press("#comment-3 a[href*='/chapters/risks']")
	author.waitFor("[name$='likelihood']") // the form of that very row
	author.waitFor("a.tag.warn[href='#remarks']")
	author.open(draft + "/chapters/risks")
	author.waitFor(".form-row .tag.warn")
	author.shoot("67-row")
	author.press("button[value='remove " + author.evaluate("document.querySelector('.form-row:has(.tag.warn)').id.slice(2)") + "']")
	author.waitFor("#comment-3 .tag.warn + .tag.warn") // open, and gone
	author.open(draft + "/read")
	author.waitFor("#rest #comment-3 blockquote")
	author.press("#rest #comment-3 form[action$='/resolve'] button")
	author.open(draft)
	author.fill("#reviewer", "nobody-here")
	author.press("form[action$='/reviewers'] button")
	author.waitFor(".note.bad")
	if got := author.evaluate("document.querySelector('#reviewer').value"); got != "nobody-here" {
		w.t.Errorf("what was typed is lost: %q", got)
	}
}

func (w *world) outsideAnswers(reader *browser, draft string) {
	w.t.Helper()
	reader.open("/review" + strings.TrimPrefix(draft, "/drafts") + "/o1")
	reader.fill("#reply-2", "一半 half of it")
	reader.press("#comment-2 form[action$='/reply'] button")
	reader.waitFor("#comment-2 .reply")
	reader.press("#comment-1 a[href$='/changes']")
	reader.waitFor("#lines")
	reader.shoot("68-outside-change")
	reader.press("main p a")
	reader.press("form[action$='/finished'] button")
	reader.waitFor(".note.good")
}

// nothingElse tries other pages with the browser of the outside reviewer.
func (w *world) nothingElse(reader *browser, draft string) {
	w.t.Helper()
	for _, page := range []string{"/", draft, draft + "/read", draft + "/text", "/plan", "/incidents", "/people", "/account", draft + "/comments/1/changes"} {
		reader.open(page)
		if where := reader.evaluate("location.pathname"); where != "/sign-in" {
			w.t.Errorf("%s shows %s to who has only a link", page, where)
		}
	}
}

// forge sends what a link does not allow, without a browser.
func (w *world) forge(link, draft string) {
	w.t.Helper()
	page := w.ready.Console + "/review" + strings.TrimPrefix(draft, "/drafts") + "/o1"
	u, err := url.Parse(link)
	if err != nil {
		w.t.Fatal(err)
	}
	send := func(jar http.CookieJar, method, url string, form url.Values, header ...string) *http.Response {
		r, err := http.NewRequestWithContext(w.t.Context(), method, url, strings.NewReader(form.Encode()))
		if err != nil {
			w.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		resp, err := (&http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(r)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			w.t.Fatal(err)
		}
		resp.Body.Close()
		return resp
	}
	want := func(what string, status int, resp *http.Response) {
		w.t.Helper()
		if resp.StatusCode != status {
			w.t.Errorf("%s: status %d, want %d", what, resp.StatusCode, status)
		}
	}
	said := url.Values{"path": {"purpose"}, "text": {"forged"}}
	want("without a secret", 404, send(nil, "GET", page, nil))
	want("a guess", 404, send(nil, "GET", page+"?key=guess", nil))
	want("a comment without a secret", 404, send(nil, "POST", page+"/comments", said))
	want("another draft", 404, send(nil, "GET", strings.Replace(page, "/d", "/d9", 1)+"?key="+u.Query().Get("key"), nil))

	jar, err := cookiejar.New(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	opened := send(jar, "GET", page+"?key="+u.Query().Get("key"), nil)
	want("the link", 303, opened)
	if c := opened.Cookies(); len(c) != 1 || !c[0].HttpOnly || c[0].Path != strings.TrimPrefix(page, w.ready.Console) || c[0].SameSite != http.SameSiteLaxMode {
		w.t.Errorf("cookies %v", c)
	}
	shown := send(jar, "GET", page, nil)
	want("the page", 200, shown)
	if csp := shown.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		w.t.Errorf("policy %q", csp)
	}
	want("from another site", 403, send(jar, "POST", page+"/comments", said, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"))
	want("another's act", 401, send(jar, "POST", w.ready.Console+draft+"/comments/1/resolve", url.Values{"reason": {"forged"}}))
	want("a place that is not there", 409, send(jar, "POST", page+"/comments", url.Values{"path": {"risks[nothing]"}, "text": {"x"}}))
	want("a comment that is not there", 404, send(jar, "POST", page+"/comments/99/reply", url.Values{"text": {"x"}}))
	limited := 0
	for range 40 {
		if send(jar, "POST", page+"/comments/99/reply", url.Values{"text": {"x"}}).StatusCode == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited == 0 {
		w.t.Error("nothing bounds what is posted")
	}
}

// endReview sees that he has finished, and ends the link.
func (w *world) endReview(author, reader *browser, draft string) {
	w.t.Helper()
	author.open(draft)
	author.waitFor("#reviewers .tag.good")
	if author.count("#comment-4") != 0 || author.count("#comment-1 .tag.good") != 1 {
		w.t.Error("something forged is there")
	}
	author.shoot("69-finished")
	author.fill("#why-2", "監管要求如此 the regulator asks for it")
	author.press("#comment-2 form[action$='/resolve'] button")
	w.submitDraft(author, draft)
	page := "/review" + strings.TrimPrefix(draft, "/drafts") + "/o1"
	reader.open(page)
	reader.waitFor(".note.warn")
	if reader.count(".say")+reader.count("main form") != 0 {
		w.t.Error("he may still comment in approval")
	}
	reader.shoot("70-outside-over")
	author.open(draft)
	author.press("form[action$='/outside/o1/dismiss'] button")
	reader.open(page)
	if reader.count("article.doc") != 0 {
		w.t.Error("the text is shown by a link that has ended")
	}
	reader.shoot("71-outside-ended")
}
