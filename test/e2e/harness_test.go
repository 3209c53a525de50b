// Package e2e_test tells stories of the whole product in the operator's words:
// the demo's real parts (journal, control node, console, gates, simulated payment
// world, post office) in one process or several, people as browsers or tokens.
package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/app"
	"holdfast/internal/client"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sqljournal/postgres/cluster"
)

// binary is the program without the race detector, for processes of their own.
// make check builds it and names it in HOLDFAST_BINARY.
var binary = sync.OnceValues(func() (string, error) {
	if named := os.Getenv("HOLDFAST_BINARY"); named != "" {
		return named, nil
	}
	path := filepath.Join(os.TempDir(), "holdfast-e2e")
	out, err := exec.Command("go", "build", "-o", path, "holdfast/cmd/holdfast").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return path, nil
})

// world is a demo that a test plays in.
type world struct {
	t     *testing.T
	demo  *app.Demo
	ready app.Ready
	log   *complaints
	// stop ends the demo; the test's end does so too.
	stop func()
}

// openWorld starts a demo with two gates, one in a process of its own, under
// light traffic. Any complaint in the log fails the test but for those that
// belong to the story.
func openWorld(t *testing.T) *world {
	t.Helper()
	return openWorldIn(t, t.TempDir())
}

// openWorldIn starts one in a directory; one that was there before goes on.
func openWorldIn(t *testing.T, dir string) *world {
	t.Helper()
	return startWorld(t, dir, false)
}

// openEmptyWorld starts one as an installation on its first day: one gate and its
// payments, one admin, no plan and nobody else.
func openEmptyWorld(t *testing.T) *world {
	t.Helper()
	return startWorld(t, t.TempDir(), true)
}

func startWorld(t *testing.T, dir string, empty bool, changes ...func(*app.DemoOptions)) *world {
	t.Helper()
	program, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, log: &complaints{}}
	o := app.DemoOptions{
		Dir: dir, Empty: empty, Rate: 20, Seed: 7, SecondGate: !empty, Program: program,
		Zone: "Asia/Taipei", Language: holdfast.ZhHant, Log: slog.New(slog.NewTextHandler(w.log, nil)), Now: time.Now,
		// No story is about what a stolen password costs to guess, and all sign in.
		Passwords: access.Cost{Memory: 1 << 10, Passes: 1, Lanes: 1},
	}
	for _, change := range changes {
		change(&o)
	}
	w.demo, err = app.OpenDemo(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	w.ready = w.demo.Ready
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.demo.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the demo ended: %v", err)
		}
		for _, line := range w.log.lines() {
			t.Errorf("the log complains: %s", line)
		}
	})
	t.Cleanup(w.stop)
	return w
}

// startDatabase starts a PostgreSQL server, which ends with the test.
func startDatabase(t *testing.T) *cluster.Server {
	t.Helper()
	database, err := cluster.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	return database
}

// limited ends a step only shortly before the test itself would be ended, so that
// it can still say what did not come about. How long a step takes is the machine's
// business.
func limited(t *testing.T, ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := t.Deadline(); ok {
		return context.WithDeadline(ctx, end.Add(-30*time.Second))
	}
	return context.WithCancel(ctx)
}

// outage makes the primary stand still until the test ends it.
func (w *world) outage() {
	w.t.Helper()
	if _, err := w.demo.World.StartFault(fault.Fault{Kind: fault.Outage, Seconds: 600}); err != nil {
		w.t.Fatal(err)
	}
}

// spoken are the languages in which a story is clicked through: one of the two, and
// both with HOLDFAST_SOAK=1. That every screen can be shown in all three is for the
// console's own tests.
func spoken(one holdfast.Lang) []holdfast.Lang {
	if os.Getenv("HOLDFAST_SOAK") != "" {
		return []holdfast.Lang{holdfast.ZhHant, holdfast.En}
	}
	return []holdfast.Lang{one}
}

// signIn signs a person in, in a language.
func (w *world) signIn(b *browser, account string, lang holdfast.Lang) *browser {
	w.t.Helper()
	b.lang(string(lang))
	b.open("/sign-in")
	if b.name == string(lang) {
		b.shoot("00-sign-in")
	}
	b.fill("input[name=name]", account)
	b.fill("input[name=password]", w.ready.Password)
	b.press("main form button")
	b.waitFor("#flow")
	if got := b.evaluate("document.documentElement.lang"); got != string(lang) {
		w.t.Fatalf("the console speaks %q, not %q", got, lang)
	}
	return b
}

// click clicks, in one step for the reason that press gives.
func click(css string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		if _, err := chromedp.Run(ctx, chromedp.WaitReady(chromedp.CSS(css), chromedp.RetryInterval(glance))); err != nil {
			return err
		}
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(document.querySelector("+quoted(css)+").click(), true)"))
		return err
	})
}

// complaints collects the log's errors.
type complaints struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *complaints) Write(line []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(line)
}

func (c *complaints) lines() (list []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for line := range strings.Lines(c.text.String()) {
		if strings.Contains(line, "level=ERROR") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list
}

// token issues a token of an account for some of the actions that the demo's own
// token carries.
func (w *world) token(account string, actions ...access.Action) string {
	w.t.Helper()
	issued, err := client.Post[struct {
		Token string `json:"token"`
	}](context.Background(), w.api(), "/tokens", map[string]any{"account": account, "name": "e2e", "scopes": actions})
	if err != nil {
		w.t.Fatal(err)
	}
	return issued.Token
}
