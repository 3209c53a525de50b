package statuspage

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/alert"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/incident"
	"holdfast/internal/journal"
	"holdfast/internal/plan"
	"holdfast/internal/status"
	"holdfast/internal/web"
)

func nouns(store *journal.Memory) status.Nouns {
	return status.Nouns{
		Book: status.NewBook(), Plans: plan.NewBook(), Incidents: incident.NewBook(), Directives: directive.NewBook(store.Genesis()), Gates: enrolment.NewBook(), Alerts: alert.NewBook(),
	}
}

func newWriter(t *testing.T, dir string, now func() time.Time) (*Writer, *plan.Service) {
	t.Helper()
	store := journal.NewMemory("test")
	n := nouns(store)
	state := journal.NewState(store, store.Genesis(), n.Book, n.Plans)
	w, err := NewWriter(WriterOptions{
		State: state, Nouns: n, Operator: "Bank", Rhythm: status.Rhythm{Every: 5 * time.Minute, Stale: 15 * time.Minute}, Dir: dir, Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- state.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w, &plan.Service{Desk: &journal.Desk{Journal: store, State: state, Now: now}, Book: n.Plans}
}

// The files follow the journal within a second, and the clock with each beat; what
// cannot be written is said, and written once it can be.
func TestWriterFollows(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		dir := filepath.Join(root, "status")
		if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the directory should be
			t.Fatal(err)
		}
		w, plans := newWriter(t, dir, time.Now)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		synctest.Wait()
		if r := w.Report(); r.Failing == "" || !r.Written.IsZero() {
			t.Errorf("where it cannot be written: %+v", r)
		}
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if r := w.Report(); r.Failing != "" || r.Written.IsZero() {
			t.Errorf("once it can: %+v", r)
		}
		page := func() string {
			b, err := os.ReadFile(filepath.Join(dir, "en", "index.html"))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		first := page()
		if _, err := plans.Publish(t.Context(), holdfast.Self("test"), plan.Builtin(), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		second := page()
		if strings.Contains(first, "Card payments") || !strings.Contains(second, "Card payments") {
			t.Error("the plan's components did not come within two seconds")
		}
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if page() == second {
			t.Error("after a beat the page has the same time")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// subs takes one key.
type subs struct{ asked, done []string }

func (s *subs) Open() bool { return true }

func (s *subs) Ask(_ context.Context, _ netip.Addr, address string, lang holdfast.Lang) error {
	if !strings.Contains(address, "@") {
		return holdfast.Errorf(holdfast.Invalid, "this is not a mail address: write it as mei@example.com").At("address")
	}
	s.asked = append(s.asked, address+" "+string(lang))
	return nil
}

func (s *subs) Known(_ context.Context, purpose, key string) (bool, error) {
	return key == "good", nil
}

func (s *subs) Confirm(_ context.Context, key string) (bool, error) {
	s.done = append(s.done, "confirm "+key)
	return key == "good", nil
}

func (s *subs) Leave(_ context.Context, key string) (bool, error) {
	s.done = append(s.done, "leave "+key)
	return key == "good", nil
}

type nobody struct{}

func (nobody) ByToken(string) (access.Principal, error) {
	return access.Principal{}, errors.New("none")
}

func (nobody) BySession(context.Context, string) (access.Principal, access.Session, error) {
	return access.Principal{}, access.Session{}, holdfast.Errorf(holdfast.Unauthenticated, "none")
}

func TestServe(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return noon }
	w, _ := newWriter(t, "", now)
	s, err := web.New(web.Options{Access: nobody{}, Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	takes := &subs{}
	h := s.Wrap(Handler(s, w, takes))
	call := func(method, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		return rec
	}
	for _, test := range []struct {
		method, path string
		form         url.Values
		header       []string
		code         int
		want         string
	}{
		{"GET", "/status", nil, nil, 302, ""},
		{"GET", "/status/", nil, nil, 200, "简体中文"},
		{"GET", "/status/zh-Hant/", nil, nil, 200, "服務狀態"},
		{"GET", "/status/en/feed.xml", nil, nil, 200, "<feed"},
		{"GET", "/status/status.json", nil, nil, 200, `"state": "unknown"`},
		{"GET", "/status/" + styleName, nil, nil, 200, ":root"},
		{"GET", "/status/en/nothing.html", nil, nil, 404, "did not work"},
		{"GET", "/status/../../etc/passwd", nil, nil, 307, ""}, // the mux cleans it away
		{"GET", "/status/subscribe?lang=zh-Hans", nil, nil, 200, "订阅公告"},
		{"POST", "/status/subscribe", url.Values{"address": {"mei@example.com"}, "lang": {"zh-Hant"}}, nil, 200, "請查收確認信"},
		{"POST", "/status/subscribe", url.Values{"address": {"<b>"}, "lang": {"en"}}, nil, 400, "&lt;b&gt;"},
		{"POST", "/status/subscribe", url.Values{"address": {"a@b"}}, []string{"Sec-Fetch-Site", "cross-site"}, 403, ""},
		{"GET", "/status/confirm?key=good", nil, nil, 200, "Press the button"},
		{"GET", "/status/confirm?key=bad", nil, nil, 200, "does not hold"},
		{"POST", "/status/confirm?key=good", nil, nil, 200, "You have subscribed"},
		{"GET", "/status/leave?key=good", nil, nil, 200, "Press the button"},
		{"POST", "/status/leave?key=bad", nil, nil, 200, "does not hold"},
		// RFC 8058: no page, no cookie, no origin.
		{"POST", "/status/leave?key=good&lang=zh-Hant", url.Values{"List-Unsubscribe": {"One-Click"}}, nil, 200, "已退訂"},
	} {
		rec := call(test.method, test.path, test.form, test.header...)
		if rec.Code != test.code || !strings.Contains(rec.Body.String(), test.want) {
			t.Errorf("%s %s: %d %s, want %d with %q", test.method, test.path, rec.Code, rec.Body, test.code, test.want)
		}
		if rec.Code == 200 && strings.HasPrefix(rec.Header().Get("Content-Type"), "text/html") {
			wellFormed(t, test.path, rec.Body.Bytes())
		}
		if rec.Code < 300 && rec.Header().Get("Content-Type") == "" {
			t.Errorf("%s has no type", test.path)
		}
	}
	if got := strings.Join(takes.asked, ","); got != "mei@example.com zh-Hant" {
		t.Errorf("asked %s", got)
	}
	// Looking at a link does nothing.
	if got := strings.Join(takes.done, ","); got != "confirm good,leave bad,leave good" {
		t.Errorf("done %s", got)
	}
	if rec := call("POST", "/status/subscribe", url.Values{"address": {strings.Repeat("a", maxForm)}}); rec.Code != http.StatusBadRequest {
		t.Errorf("a form that is too large: %d", rec.Code)
	}
}

// endless is a body without end that counts what is read of it.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	if e.read == 0 {
		copy(p, "--b\r\nContent-Disposition: form-data; name=\"lang\"\r\n\r\n")
	}
	e.read += len(p)
	return len(p), nil
}

// Strangers cannot fill the memory by a body, whatever the method.
func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	now := func() time.Time { return noon }
	w, _ := newWriter(t, "", now)
	s, err := web.New(web.Options{Access: nobody{}, Log: slog.New(slog.DiscardHandler), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	h := s.Wrap(Handler(s, w, &subs{}))
	for _, test := range [][2]string{{"GET", "/status/subscribe"}, {"GET", "/status/en/nothing.html"}, {"POST", "/status/subscribe"}, {"POST", "/status/leave?key=good"}, {"GET", "/status/leave?key=good"}} {
		body := &endless{}
		r := httptest.NewRequest(test[0], "http://localhost"+test[1], body)
		r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if body.read > 64<<10 {
			t.Errorf("%s %s reads %d bytes of a body", test[0], test[1], body.read)
		}
	}
}

// cut is a journal that does not answer while it is cut off.
type cut struct {
	*journal.Memory
	off atomic.Bool
}

func (c *cut) Barrier(ctx context.Context) (holdfast.Head, error) {
	if c.off.Load() {
		<-ctx.Done()
		return holdfast.Head{}, ctx.Err()
	}
	return c.Memory.Barrier(ctx)
}

// A node that is cut off from the journal does not go on to say how things are: what it
// wrote grows old, and so does what it serves.
func TestWriterIsCutOff(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w, plans := newWriter(t, root, time.Now)
		line := &cut{Memory: plans.Desk.Journal.(*journal.Memory)}
		w.Journal = line
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		since := time.Now()
		line.off.Store(true)
		file := func() string {
			b, err := os.ReadFile(filepath.Join(root, "status.json"))
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}
		before := file()
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if file() != before {
			t.Error("the files were written anew without the journal")
		}
		p := w.Page()
		if p.Written.After(since) || !p.Stale.Before(time.Now()) {
			t.Errorf("after 20 minutes without the journal the page is of %s, good until %s", p.Written, p.Stale)
		}
		if w.Report().Failing == "" {
			t.Error("nobody is told")
		}
		line.off.Store(false)
		time.Sleep(2 * answerLimit)
		synctest.Wait()
		if p := w.Page(); file() == before || p.Written.Before(since) || w.Report().Failing != "" {
			t.Errorf("once it answers the page is of %s; %+v", p.Written, w.Report())
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// However many ask, a page is made once a second; a fact shows in it at once, or in a
// storm of both within a tenth of one.
func TestACrowdAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, plans := newWriter(t, "", time.Now)
		time.Sleep(w.Rhythm.Every - quietFor/2) // half a second before a beat
		ask := func() *made {
			m, err := w.recent()
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		first := ask()
		time.Sleep(quietFor * 3 / 4) // the beat has come
		if ask() != first {
			t.Error("it was made again within a second")
		}
		time.Sleep(quietFor / 4)
		second := ask()
		if second == first {
			t.Error("it was not made again after a second")
		}
		if _, err := plans.Publish(t.Context(), holdfast.Self("test"), plan.Builtin(), ""); err != nil {
			t.Fatal(err)
		}
		if ask() != second {
			t.Error("in a storm it is made at once")
		}
		time.Sleep(stormFor)
		if got := ask(); len(got.page.Components) == 0 {
			t.Error("the plan in force does not show")
		}
	})
}
