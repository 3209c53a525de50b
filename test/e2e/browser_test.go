package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium is Debian's package; tools/packages.sh installs it.
const chromium = "/usr/bin/chromium"

// glance is how often a page is looked at by whoever waits. What a page costs that
// waits is mostly being asked whether it is there yet.
const glance = 25 * time.Millisecond

// browser is one person's Chromium. Every step fails the test with the page as
// it was.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
	name string
}

func openBrowser(t *testing.T, base, name string, extra ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	if _, err := os.Stat(chromium); err != nil {
		t.Fatalf("%s is missing; tools/packages.sh installs it: %v", chromium, err)
	}
	options := append([]chromedp.ExecAllocatorOption{
		chromedp.ExecPath(chromium), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.NoFirstRun, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-dev-shm-usage", true),
	}, extra...)
	allocator, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("close Chromium: %v", err)
		}
		cancel()
	})
	return startBrowser(&browser{t: t, ctx: ctx, base: base, name: name})
}

// startBrowser takes the first step, which starts the browser; it lives as long as
// its context.
func startBrowser(b *browser) *browser {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, chromedp.EmulateViewport(1280, 800)); err != nil {
		b.t.Fatalf("start Chromium: %v", err)
	}
	b.watchForFaults()
	b.leaveWhenAsked()
	return b
}

// leaveWhenAsked answers a page that asks whether to leave what is not saved:
// whoever opens another page in a story means to.
func (b *browser) leaveWhenAsked() {
	dialogs := chromedp.Events(b.ctx, page.JavascriptDialogOpening)
	go func() {
		for _, err := range dialogs {
			if err != nil {
				return
			}
			if _, err := chromedp.Call(b.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true}); err != nil {
				return // the browser is closed
			}
		}
	}()
}

// another is another person at the same Chromium, signed in apart: much lighter
// than a process for each.
func (b *browser) another(name string) *browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	b.t.Cleanup(cancel)
	return startBrowser(&browser{t: b.t, ctx: ctx, base: b.base, name: name})
}

// watchForFaults fails the test on whatever the page's own console complains of:
// a script's error, a resource that the content security policy blocks. That a
// page was answered with a refusal (4xx) is the story's business, and that a page
// with something unsaved was left without a question is Chromium's: it asks only
// who has touched the page by hand.
func (b *browser) watchForFaults() {
	messages := chromedp.Console(b.ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			refusal := strings.Contains(m.Text, "the server responded with a status of 4")
			unasked := strings.Contains(m.Text, "Blocked attempt to show a 'beforeunload' confirmation panel")
			if m.IsException() || m.Type == "error" && !refusal && !unasked {
				b.t.Errorf("%s: the page complains: %s", b.name, m)
			}
		}
	}()
}

func (b *browser) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := limited(b.t, b.ctx)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s: %s: %v\n%s", b.name, what, err, b.page())
	}
}

// page is the text of the page, for a failed test's log.
func (b *browser) page() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return where
	}
	return where + "\n" + text
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.base+path))
}

// lang sets the languages that the browser asks for.
func (b *browser) lang(l string) {
	b.t.Helper()
	b.do("set the language", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": l}})
		return err
	}))
}

// reveal opens the folded part that a control lies in, as a person would.
func (b *browser) reveal(css string) {
	b.t.Helper()
	script := fmt.Sprintf(`(() => { for (let d = document.querySelector(%q).closest("details"); d; d = d.parentElement.closest("details")) d.open = true; return true })()`, css)
	b.waitFor(css)
	ctx, cancel := limited(b.t, b.ctx)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script)); err != nil {
		b.t.Fatalf("%s: open what %s lies in: %v\n%s", b.name, css, err, b.page())
	}
}

// waitFor waits until something is on the page; live parts come by themselves.
func (b *browser) waitFor(css string) {
	b.t.Helper()
	b.do("wait for "+css, chromedp.WaitReady(chromedp.CSS(css), chromedp.RetryInterval(glance)))
}

func (b *browser) waitGone(css string) {
	b.t.Helper()
	b.do("wait until "+css+" is gone", chromedp.WaitNotPresent(chromedp.CSS(css), chromedp.RetryInterval(glance)))
}

// fill writes into a field, in one step for the reason that press gives.
func (b *browser) fill(css, text string) {
	b.t.Helper()
	const script = `((css, text) => {
	  const field = document.querySelector(css);
	  if (!field) return "it is not there";
	  field.value = text;
	  if (field.value !== text) return "it takes " + field.value;
	  field.dispatchEvent(new Event("input", {bubbles: true}));
	  field.dispatchEvent(new Event("change", {bubbles: true}));
	  return "";
	})`
	b.reveal(css)
	if wrong := b.evaluate(fmt.Sprintf("%s(%s, %s)", script, quoted(css), quoted(text))); wrong != "" {
		b.t.Fatalf("%s: fill %s: %s\n%s", b.name, css, wrong, b.page())
	}
}

// quoted writes text as JavaScript.
func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // text is always written
	}
	return string(out)
}

// write fills in fields by their names, in pairs of name and value, as one person
// would in one go. A box or a radio is chosen by its value. A field that is not on
// the page fails the test.
func (b *browser) write(pairs ...string) {
	b.t.Helper()
	const script = `(pairs => {
	  for (let i = 0; i < pairs.length; i += 2) {
	    const [name, value] = [pairs[i], pairs[i + 1]];
	    const all = [...document.getElementsByName(name)].filter(f => f.type !== "hidden");
	    const box = all.find(f => (f.type === "checkbox" || f.type === "radio") && f.value === value);
	    const field = box || all.find(f => f.type !== "checkbox" && f.type !== "radio");
	    if (!field) return "there is no field " + name + " for " + value;
	    for (let d = field.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
	    if (box) { if (!box.checked) box.click(); continue; }
	    field.value = value;
	    if (field.value !== value) return name + " does not offer " + value;
	    field.dispatchEvent(new Event("input", {bubbles: true}));
	    field.dispatchEvent(new Event("change", {bubbles: true}));
	  }
	  return "";
	})`
	given, err := json.Marshal(append([]string{}, pairs...))
	if err != nil {
		b.t.Fatal(err)
	}
	if wrong := b.evaluate(script + "(" + string(given) + ")"); wrong != "" {
		b.t.Fatalf("%s: %s\n%s", b.name, wrong, b.page())
	}
}

// press presses what is under the pointer at the middle of a button or a link, and
// waits for the page that follows. It does so in one step, because a live page may
// put another in the button's place between two.
func (b *browser) press(css string) {
	b.t.Helper()
	const script = `(css => {
	  const button = document.querySelector(css);
	  if (!button) return "it is not there";
	  button.scrollIntoView({block: "center", behavior: "instant"});
	  const at = button.getClientRects()[0];
	  if (!at) return "it is not shown";
	  const hit = document.elementFromPoint(at.x + at.width / 2, at.y + at.height / 2);
	  if (!hit || !button.contains(hit)) return "it is covered by " + (hit ? hit.outerHTML.slice(0, 200) : "nothing");
	  document.body.dataset.old = "1"; // tells the old document from the new one
	  button.click();
	  return "";
	})`
	b.reveal(css)
	if wrong := b.evaluate(fmt.Sprintf("%s(%q)", script, css)); wrong != "" {
		b.t.Fatalf("%s: press %s: %s\n%s", b.name, css, wrong, b.page())
	}
	b.do("see what "+css+" did", chromedp.WaitReady(chromedp.CSS("body:not([data-old])"), chromedp.RetryInterval(glance)))
	// The body is there before what stands in it has been read.
	b.waitUntil("the page that follows is read", `document.readyState !== "loading"`)
}

// attach chooses a file with this content.
func (b *browser) attach(css, name, content string) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	b.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS(css), []string{file}))
}

func (b *browser) evaluate(script string) string {
	b.t.Helper()
	ctx, cancel := limited(b.t, b.ctx)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[string]("String("+script+")"))
	if err != nil {
		b.t.Fatalf("%s: %s: %v", b.name, script, err)
	}
	return out
}

func (b *browser) count(css string) int {
	b.t.Helper()
	var n int
	if _, err := fmt.Sscan(b.evaluate(fmt.Sprintf("document.querySelectorAll(%q).length", css)), &n); err != nil {
		b.t.Fatal(err)
	}
	return n
}

// shoot keeps the page as a person sees it on a desk and on a phone. The files
// lie in build/screenshots, which git ignores; with HOLDFAST_PICTURES=no none are
// taken. A page that is wider than the screen fails: nobody scrolls sideways at
// three in the morning.
func (b *browser) shoot(name string) {
	b.t.Helper()
	dir := filepath.Join("..", "..", "build", "screenshots")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	for _, width := range []int64{390, 1280} {
		b.do("resize", chromedp.EmulateViewport(width, 844))
		if wide := b.evaluate("document.documentElement.scrollWidth"); wide != fmt.Sprint(width) {
			b.t.Errorf("%s: %s is %s pixels wide on a screen of %d", b.name, name, wide, width)
		}
		if os.Getenv("HOLDFAST_PICTURES") == "no" {
			continue
		}
		ctx, cancel := limited(b.t, b.ctx)
		picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
		cancel()
		if err != nil {
			b.t.Fatalf("%s: take a picture of %s: %v", b.name, name, err)
		}
		file := filepath.Join(dir, fmt.Sprintf("%s-%s-%d.png", name, b.name, width))
		if err := os.WriteFile(file, picture, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
}

// typeInto types over what stands in a field, key by key, and stays in it.
func (b *browser) typeInto(css, text string) {
	b.t.Helper()
	b.reveal(css)
	b.evaluate(fmt.Sprintf(`(() => { const f = document.querySelector(%q); f.focus(); f.select(); return true })()`, css))
	b.do("type into "+css, chromedp.KeyEvent(text))
}

// waitUntil waits until an expression of the page is true.
func (b *browser) waitUntil(what, script string) {
	b.t.Helper()
	ctx, cancel := limited(b.t, b.ctx)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](script, chromedp.WithPollingInterval(glance), chromedp.WithPollingTimeout(0))); err != nil {
		b.t.Fatalf("%s: %s: %v\n%s", b.name, what, err, b.page())
	}
}
