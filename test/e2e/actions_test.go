package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"holdfast"
	"holdfast/internal/app"
	"holdfast/internal/sandbox/postoffice"
)

// The analysis of level 3 calls the operator's automation, is ticked off and waits,
// clicked through in Chromium: the first call gets no answer, so a person finds out and
// calls again under the same key; an item is taken back and ticked again; the success
// ratio stays high for a while.
func TestActions(t *testing.T) {
	t.Parallel()
	for _, lang := range spoken(holdfast.ZhHant) {
		t.Run(string(lang), func(t *testing.T) {
			t.Parallel()
			a := &automation{t: t}
			s := httptest.NewServer(a)
			t.Cleanup(s.Close)
			dir := t.TempDir()
			w := startWorld(t, dir, false, func(o *app.DemoOptions) { o.Automation, o.NoMonitor = s.URL, true })
			b := w.signIn(openBrowser(t, w.ready.Console, string(lang)+"-actions"), w.ready.Account, lang)
			a.key.Store(webhookKey(t, dir))
			incident := w.reported(b)
			w.branch(b, incident)
			w.callTwice(b, a)
			w.tickAll(b)
			b.waitFor("#task-steady.closed")
			b.open(incident)
			b.reveal("#task-isolate")
			b.shoot("92-actions-done")
		})
	}
}

// automation is the operator's: it breaks off the first call without an answer.
type automation struct {
	t     *testing.T
	key   atomic.Value // of []byte, of the signature
	calls atomic.Int32
	first atomic.Value // of string, the first call's id
}

func (a *automation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	id, at := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp")
	mac := hmac.New(sha256.New, a.key.Load().([]byte))
	io.WriteString(mac, id+"."+at+"."+string(body))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); err != nil || r.Header.Get("Webhook-Signature") != want {
		a.t.Errorf("the call is not signed as it should be: %v", err)
	}
	var said struct {
		Type string
		Data struct {
			Key, Incident, Task string
			Level               int
			Measures            map[string]any
		}
	}
	if err := json.Unmarshal(body, &said); err != nil || said.Type != "incident.task" || said.Data.Key != id || said.Data.Task != "isolate" || said.Data.Level != 3 || said.Data.Incident == "" || said.Data.Measures["success_percent"] == nil && a.calls.Load() > 0 {
		a.t.Errorf("the call says %s", body)
	}
	if a.calls.Add(1) == 1 {
		a.first.Store(id)
		panic(http.ErrAbortHandler)
	}
	if first := a.first.Load(); first != id {
		a.t.Errorf("called again under %s, not %s", id, first)
	}
	io.WriteString(w, "isolated")
}

// webhookKey is what a demo in this directory signs with.
func webhookKey(t *testing.T, dir string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var kept struct {
		Webhook string `json:"webhook"`
	}
	if err := json.Unmarshal(content, &kept); err != nil {
		t.Fatal(err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(kept.Webhook, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// reported confirms level 3 for what a person reports, and returns its page.
func (w *world) reported(b *browser) string {
	w.t.Helper()
	b.open("/report")
	b.fill("#summary", "後台變慢 the back office is slow")
	b.press("form[action='/report'] button")
	b.open("/")
	b.waitFor("#incidents a[href^='/incidents/']")
	path := b.evaluate("document.querySelector(\"#incidents a[href^='/incidents/']\").getAttribute('href')")
	b.open(path)
	b.do("choose level 3", click("input[name=level][value='3']"))
	b.press("#triage form[action$='/confirm'] button")
	b.waitFor("#stage-analyse.open")
	return path
}

// branch states what makes a branch hold; the commander is told by mail whose consent it
// needs, and gives it where the mail leads.
func (w *world) branch(b *browser, incident string) {
	w.t.Helper()
	b.fill("#value-functions_abnormal", "3")
	b.press("#enter-functions_abnormal button")
	b.waitFor("#task-make-sure .note.warn")
	b.reveal("#task-make-sure")
	b.shoot("93-branch-waits")
	ctx, cancel := limited(w.t, b.ctx)
	defer cancel()
	letter, err := w.demo.Office.Await(ctx, func(m postoffice.Message) bool {
		return m.By == postoffice.Mail && m.IsTo("lin.zhihui@demo.invalid") && strings.Contains(m.Body, "#task-make-sure")
	})
	if err != nil {
		w.t.Fatal(err)
	}
	_, path, _ := strings.Cut(letter.Body[strings.Index(letter.Body, w.ready.Console):], w.ready.Console)
	path, _, _ = strings.Cut(path, "\n")
	if strings.TrimSpace(path) != incident+"#task-make-sure" {
		w.t.Fatalf("the mail leads to %q", path)
	}
	second := w.signIn(b.another(b.name+"-second"), w.ready.Second, holdfast.ZhHant)
	second.open(strings.TrimSpace(path))
	second.press("#task-make-sure form[action$='/agree'] button")
	second.waitGone("#task-make-sure .note.warn")
	b.open(incident)
}

func (w *world) callTwice(b *browser, a *automation) {
	w.t.Helper()
	b.shoot("90-actions-open")
	b.press("#task-isolate form[action$='/webhook'] button")
	b.waitFor("#call-isolate") // unknown: it is for a person to decide
	if n := a.calls.Load(); n != 1 {
		w.t.Errorf("called %d times by itself", n)
	}
	b.reveal("#call-reason-isolate")
	b.shoot("91-actions-unknown")
	b.fill("#call-reason-isolate", "主機仍連線 the host is still there")
	b.press("#call-isolate button")
	b.waitFor("#task-isolate.closed")
	if n := a.calls.Load(); n != 2 {
		w.t.Errorf("called %d times", n)
	}
}

func (w *world) tickAll(b *browser) {
	w.t.Helper()
	tick := func(n string) { b.press("#item-make-sure-" + n + " form:has(input[name=ticked]) button") }
	tick("1")
	b.waitFor("#untick-make-sure-1")
	b.fill("#untick-note-make-sure-1", "只看了一處 only one was looked at")
	b.press("#untick-make-sure-1 button")
	b.waitGone("#untick-make-sure-1")
	tick("1")
	b.waitFor("#untick-make-sure-1")
	tick("2")
	b.waitFor("#task-make-sure.closed")
	if texts := b.evaluate("document.querySelector('#timeline').innerText"); strings.Contains(texts, "item-") || strings.Contains(texts, "fact.") {
		w.t.Errorf("the timeline shows keys: %s", texts)
	}
}
