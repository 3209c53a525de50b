package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/notify"
)

var (
	now = time.Date(2026, 11, 24, 3, 0, 5, 0, time.UTC)
	key = []byte("0123456789abcdef0123456789abcdef")
)

func sender(t *testing.T, edit ...func(*Options)) *Sender {
	t.Helper()
	o := Options{Secret: "whsec_" + base64.StdEncoding.EncodeToString(key), Now: func() time.Time { return now }}
	for _, e := range edit {
		e(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(address string) notify.Message {
	return notify.Message{
		Notice: notify.Notice{
			ID: "5f0c6f1f", Incident: "2026-1", Task: "tell", Person: "mei", PersonName: "梅", Channel: "webhook", Address: address,
			Lang: holdfast.ZhHant, Subject: "一級事件 <2026-1>", Body: "請回覆收到。\n", Urgent: true, WantAck: true,
		},
		Asked: time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC), Attempt: 2,
	}
}

// received is what a receiver that checks the signature by itself got.
type received struct {
	header http.Header
	body   string
}

// receiver verifies as the specification says, without any code of the sender.
func receiver(t *testing.T, got chan<- received, answer http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		signed := r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "." + string(body)
		mac := hmac.New(sha256.New, key)
		io.WriteString(mac, signed)
		given, found := strings.CutPrefix(r.Header.Get("webhook-signature"), "v1,")
		signature, err := base64.StdEncoding.DecodeString(given)
		if !found || err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
			t.Errorf("signature %q of %q does not verify", r.Header.Get("webhook-signature"), signed)
		}
		if got != nil {
			got <- received{r.Header, string(body)}
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/im/mei?token=t0ken"
}

func TestSend(t *testing.T) {
	t.Parallel()
	got := make(chan received, 2)
	address := receiver(t, got, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.RequestURI() != "/im/mei?token=t0ken" {
			t.Errorf("%s %s", r.Method, r.URL.RequestURI())
		}
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "taken")
	})
	s := sender(t)
	if o := s.Send(t.Context(), message(address)); o.Result != notify.Sent || o.Detail != "202 Accepted taken" {
		t.Errorf("%+v", o)
	}
	first := <-got
	for name, want := range map[string]string{"Webhook-Id": "5f0c6f1f", "Webhook-Timestamp": "1795489205", "Content-Type": "application/json"} {
		if value := first.header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	const want = `{"type":"notice","timestamp":"2026-11-24T03:00:00Z","data":{"id":"5f0c6f1f","incident":"2026-1","task":"tell","person":"mei",` +
		`"person_name":"梅","lang":"zh-Hant","subject":"一級事件 <2026-1>","text":"請回覆收到。\n","urgent":true,"drill":false,"want_ack":true}}`
	var have, wanted any
	if json.Unmarshal([]byte(first.body), &have) != nil || json.Unmarshal([]byte(want), &wanted) != nil {
		t.Fatalf("body %s", first.body)
	}
	if a, b := mustJSON(have), mustJSON(wanted); a != b {
		t.Errorf("body\n%s, want\n%s", a, b)
	}
	// Another attempt carries the same key and content.
	m := message(address)
	m.Attempt = 3
	s.Send(t.Context(), m)
	if second := <-got; second.body != first.body || second.header.Get("Webhook-Id") != first.header.Get("Webhook-Id") {
		t.Errorf("a repetition differs: %s", second.body)
	}
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	header := func(status int, pairs ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(pairs); i += 2 {
				w.Header().Set(pairs[i], pairs[i+1])
			}
			w.WriteHeader(status)
			io.WriteString(w, "why "+strings.Repeat("x", 1<<16))
		}
	}
	tests := []struct {
		name   string
		answer http.HandlerFunc
		result notify.Result
		detail string // its beginning
		after  time.Duration
	}{
		{"200", header(200), notify.Sent, "200 OK why", 0},
		{"299", header(299), notify.Sent, "299", 0},
		{"301", header(301, "Location", "/elsewhere"), notify.Retry, "301 Moved Permanently: redirects are not followed; this one leads to /elsewhere", 0},
		{"307", header(307, "Location", "/elsewhere"), notify.Retry, "307", 0},
		{"400", header(400), notify.Refused, "400 Bad Request why", 0},
		{"401", header(401), notify.Refused, "401", 0},
		{"404", header(404), notify.Refused, "404", 0},
		{"408", header(408), notify.Retry, "408", 0},
		{"410", header(410), notify.Refused, "410", 0},
		{"429", header(429, "Retry-After", "17"), notify.Retry, "429", 17 * time.Second},
		{"500", header(500), notify.Retry, "500", 0},
		{"503 until a time", header(503, "Retry-After", "Tue, 24 Nov 2026 03:01:05 GMT"), notify.Retry, "503", time.Minute},
		{"503 until it is past", header(503, "Retry-After", "Tue, 24 Nov 2026 03:00:00 GMT"), notify.Retry, "503", 0},
		{"503 nonsense", header(503, "Retry-After", "-5"), notify.Retry, "503", 0},
		{"hung up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, notify.Unsure, "EOF", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			address := receiver(t, nil, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); tt.answer(w, r) })
			o := sender(t).Send(t.Context(), message(address))
			if o.Result != tt.result || !strings.HasPrefix(o.Detail, tt.detail) || o.After != tt.after {
				t.Errorf("result %d after %s, detail %.100q", o.Result, o.After, o.Detail)
			}
			if len(o.Detail) > 500 || strings.Contains(o.Detail, "t0ken") {
				t.Errorf("a detail of %d bytes: %.100q", len(o.Detail), o.Detail)
			}
			if n := asked.Load(); n != 1 {
				t.Errorf("%d requests were made", n)
			}
		})
	}
}

// A receiver that takes the request and does not answer may have the notice.
func TestNoAnswer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	address := receiver(t, nil, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if o := sender(t).Send(ctx, message(address)); o.Result != notify.Unsure {
		t.Errorf("%+v", o)
	}
	if o := sender(t).Send(ctx, message(address)); o.Result != notify.Retry {
		t.Errorf("ended before it began: %+v", o)
	}
}

func TestTheTimeLimit(t *testing.T) {
	t.Parallel()
	address := receiver(t, nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	o := sender(t, func(o *Options) { o.Limit = 50 * time.Millisecond }).Send(t.Context(), message(address))
	if o.Result == notify.Sent || o.Detail != "no answer within the time limit" {
		t.Errorf("%+v", o)
	}
}

// Nothing listens: the receiver cannot have the notice.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String() + "/?token=t0ken"
	l.Close()
	if o := sender(t).Send(t.Context(), message(address)); o.Result != notify.Retry || strings.Contains(o.Detail, "t0ken") {
		t.Errorf("%+v", o)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	t.Parallel()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the notice was sent") }))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	if o := sender(t).Send(t.Context(), message(s.URL)); o.Result != notify.Retry || !strings.Contains(o.Detail, "certificate") {
		t.Errorf("%+v", o)
	}
}

func TestBadAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "mei@example.com", "ftp://127.0.0.1/", "http://", "https://user:secret@127.0.0.1/", "http://127.0.0.1/\r\nX: y", "file:///etc/passwd",
	} {
		if o := sender(t).Send(t.Context(), message(address)); o.Result != notify.Refused || strings.Contains(o.Detail, "secret") {
			t.Errorf("%q: %+v", address, o)
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	for name, secret := range map[string]string{
		"none": "", "no prefix": b64(key), "too short": "whsec_" + b64(key[:23]), "too long": "whsec_" + b64(make([]byte, 65)),
		"not base64": "whsec_hunter2hunter2hunter2hunter2!", "only a prefix": "whsec_",
	} {
		_, err := New(Options{Secret: secret, Now: time.Now})
		if holdfast.CodeOf(err) != holdfast.Invalid || len(secret) > len(prefix) && strings.Contains(err.Error(), strings.TrimPrefix(secret, prefix)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []Options{{Secret: "whsec_" + b64(key)}, {Secret: "whsec_" + b64(key), Now: time.Now, Limit: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}

// The example of the specification: standard-webhooks/spec/standard-webhooks.md.
func TestSignatureOfTheSpecification(t *testing.T) {
	t.Parallel()
	s := sender(t, func(o *Options) { o.Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" })
	if got := s.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`)); got != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("signature %s", got)
	}
}
