package httpcall

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast/internal/notify"
)

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

func client(t *testing.T, secrets ...string) *Client {
	t.Helper()
	c, err := New(Options{Now: func() time.Time { return now }, Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func byStatus(a Answer) notify.Outcome { return notify.Outcome{Result: ByStatus(a.Status)} }

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhatIsKeptOfAnAnswer(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		io.WriteString(w, "key s3cret+key, again s3cret%2Bkey, card 4111 1111 1111 1111, a "+strings.Repeat("long ", 9000))
	})
	o := client(t, "s3cret+key", "short").Do(t.Context(), Post(address, 1), byStatus)
	if o.Result != notify.Retry || o.After != 7*time.Second {
		t.Errorf("%+v", o)
	}
	for _, not := range []string{"s3cret", "4111 1111 1111"} {
		if strings.Contains(o.Detail, not) {
			t.Errorf("%q is kept: %s", not, o.Detail)
		}
	}
	if !strings.HasPrefix(o.Detail, "429 Too Many Requests key •••, again •••, card 4111") || len(o.Detail) > 500 {
		t.Errorf("kept: %s", o.Detail)
	}
}

func TestHowFarItCame(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String()
	closed.Close()
	ctx, cancel := context.WithCancel(t.Context())
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // the server notices that a client is gone once it has read the body
		cancel()
		<-r.Context().Done()
	})
	broken := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, tt := range map[string]struct {
		ctx     context.Context
		address string
		want    notify.Result
	}{
		"nobody listens":   {t.Context(), nobody, notify.Retry},
		"no answer":        {ctx, silent, notify.Unsure},
		"broke off":        {t.Context(), broken, notify.Unsure},
		"not an address":   {t.Context(), "http://[", notify.Refused},
		"nobody, 2nd time": {t.Context(), nobody + "/?token=t0ken", notify.Retry},
	} {
		if o := client(t).Do(tt.ctx, Post(tt.address, 1), byStatus); o.Result != tt.want || strings.Contains(o.Detail, "t0ken") || o.Detail == "" {
			t.Errorf("%s: %+v", name, o)
		}
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int][2]notify.Result{
		200: {notify.Sent, notify.Sent}, 204: {notify.Sent, notify.Sent}, 302: {notify.Retry, notify.Retry}, 400: {notify.Refused, notify.Refused},
		401: {notify.Refused, notify.Retry}, 402: {notify.Refused, notify.Retry}, 403: {notify.Refused, notify.Retry}, 404: {notify.Refused, notify.Refused},
		408: {notify.Retry, notify.Retry}, 429: {notify.Retry, notify.Retry}, 500: {notify.Retry, notify.Retry}, 503: {notify.Retry, notify.Retry},
	} {
		if got := [2]notify.Result{ByStatus(status), OfProvider(status)}; got != want {
			t.Errorf("%d: %v, want %v", status, got, want)
		}
	}
}

// However often it is asked, a place never gets more than its share of any span,
// and whoever waits as long as he is told gets his turn.
func TestPace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Pace{Most: rapid.IntRange(1, 5).Draw(t, "most"), Per: 10 * time.Second}
		at := now
		var taken []time.Time
		for range rapid.IntRange(1, 40).Draw(t, "asked") {
			at = at.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			wait := p.Take("a", at)
			if wait > 0 {
				if wait > p.Per {
					t.Fatalf("told to wait %s", wait)
				}
				at = at.Add(wait)
				if again := p.Take("a", at); again > 0 {
					t.Fatalf("waited %s and has to wait %s more", wait, again)
				}
			}
			taken = append(taken, at)
			if n := len(taken) - 1 - p.Most; n >= 0 && at.Sub(taken[n]) < p.Per {
				t.Fatalf("%d within %s", p.Most+1, at.Sub(taken[n]))
			}
		}
		if p.Take("b", at) != 0 {
			t.Fatal("another place waits for this one")
		}
	})
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{}, {Now: time.Now, Limit: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
