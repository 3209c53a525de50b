package holdfast_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/senders/webhook"
)

// signature is what docs/formats/webhook.md tells a receiver to compute.
func signature(t *testing.T, secret, id, timestamp, body string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	io.WriteString(h, id+"."+timestamp+"."+body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// A receiver who goes by docs/formats/webhook.md can verify what is sent, and
// finds every key there.
func TestWebhookPage(t *testing.T) {
	t.Parallel()
	page := contentOf(t, "docs/formats/webhook.md")
	example := regexp.MustCompile("secret `(.+?)`, id `(.+?)`, timestamp `(.+?)`, body `(.+?)`, signature\n\n```\n(.+)\n```").FindStringSubmatch(page)
	if example == nil {
		t.Fatal("the page has no example")
	}
	secret := example[1]
	if got := signature(t, secret, example[2], example[3], example[4]); got != example[5] {
		t.Errorf("the example's signature is %s, not %s", got, example[5])
	}

	received := make(chan *http.Request, 1)
	var body []byte
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		received <- r
	}))
	defer receiver.Close()
	now := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	sender, err := webhook.New(webhook.Options{Secret: secret, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	notice := notify.Notice{ID: "n-1", Incident: "2026-1", Task: "tell", Person: "mei", Address: receiver.URL, Lang: holdfast.ZhHant, Subject: "一級", Body: "…"}
	if o := sender.Send(t.Context(), notify.Message{Notice: notice, Asked: now, Attempt: 1}); o.Result != notify.Sent {
		t.Fatalf("%+v", o)
	}
	r := <-received
	if want := signature(t, secret, "n-1", "1795489200", string(body)); r.Header.Get("Webhook-Signature") != want || r.Header.Get("Webhook-Id") != "n-1" {
		t.Errorf("the headers are %v; the signature should be %s", r.Header, want)
	}
	var sent struct{ Data map[string]any }
	if err := json.Unmarshal(body, &sent); err != nil || len(sent.Data) < 5 {
		t.Fatalf("%v: %s", err, body)
	}
	for key := range sent.Data {
		if !strings.Contains(page, "`"+key+"`") {
			t.Errorf("the page does not name the key %s", key)
		}
	}
}
