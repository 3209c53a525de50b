package postoffice

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"holdfast"
)

// The key, message and signature are the example of the Standard Webhooks.
const (
	exampleSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	exampleID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	exampleBody      = `{"test": 2432232314}`
	exampleTime      = "1614265330"
	exampleSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

var now = time.Unix(1614265330, 0).Add(time.Minute)

// run opens an office that takes messages until the test ends.
func run(t *testing.T, secret string) *Office {
	t.Helper()
	o, err := Open(Options{Secret: secret, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := o.Close(); err != nil {
			t.Errorf("close after run: %v", err)
		}
	})
	return o
}

func send(t *testing.T, o *Office, to []string, lines ...string) {
	t.Helper()
	err := smtp.SendMail(o.SMTPAddr(), nil, "holdfast@demo.invalid", to, []byte(strings.Join(lines, "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
}

func post(t *testing.T, o *Office, person, body string, headers ...string) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+o.HTTPAddr()+"/im/"+person, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

func get(t *testing.T, o *Office, path, language string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+o.HTTPAddr()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Language", language)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v: %s", path, resp.StatusCode, err, body)
	}
	return string(body)
}

func TestMailArrivesDecoded(t *testing.T) {
	t.Parallel()
	o := run(t, "")
	send(t, o, []string{"wang.zhiban@demo.invalid", "a@demo.invalid"},
		"From: Holdfast <holdfast@demo.invalid>", "Message-ID: <n-17@demo.invalid>",
		"Subject: =?UTF-8?q?=E4=B8=80=E7=B4=9A?= =?UTF-8?q?=E4=BA=8B=E4=BB=B6?=",
		"Content-Type: text/plain; charset=UTF-8", "Content-Transfer-Encoding: quoted-printable", "",
		"=E5=81=9C=E6=AD=A2=E6=94=AF=E4=BB=98 =", "a=3Db", "")
	list := o.Messages()
	if len(list) != 1 {
		t.Fatalf("%d messages", len(list))
	}
	m := list[0]
	if m.Subject != "一級事件" || m.Body != "停止支付 a=b" || m.ID != "n-17@demo.invalid" || m.From != "holdfast@demo.invalid" || m.By != Mail ||
		!m.Time.Equal(now) || m.Times != 1 || m.Signature != Unchecked || strings.Join(m.To, " ") != "a@demo.invalid wang.zhiban@demo.invalid" {
		t.Errorf("got %+v", m)
	}
	if !m.IsTo("Wang.Zhiban@demo.invalid") || m.IsTo("zhiban@demo.invalid") {
		t.Error("the recipients are not told apart")
	}
}

func TestMailSentAgainIsKeptOnce(t *testing.T) {
	t.Parallel()
	o := run(t, "")
	mail := []string{"Message-ID: <1@x>", "Subject: s", "", "b", ""}
	send(t, o, []string{"a@x"}, mail...)
	send(t, o, []string{"a@x"}, mail...)
	send(t, o, []string{"b@x"}, mail...)
	send(t, o, []string{"a@x"}, mail[1:]...)
	send(t, o, []string{"a@x"}, mail[1:]...)
	var times []int
	for _, m := range o.Messages() {
		times = append(times, m.Times)
	}
	if fmt.Sprint(times) != "[1 1 1 2]" {
		t.Errorf("newest first, they came %v times", times)
	}
}

func TestMailTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	o := run(t, "")
	err := smtp.SendMail(o.SMTPAddr(), nil, "a@x", []string{"b@x"}, []byte("\r\n"+strings.Repeat(strings.Repeat("x", 70)+"\r\n", MaxMessage/70)))
	if err == nil || len(o.Messages()) > 0 {
		t.Errorf("got %v, %d messages", err, len(o.Messages()))
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	signed := []string{"Webhook-Id", exampleID, "Webhook-Timestamp", exampleTime, "Webhook-Signature", exampleSignature}
	tests := []struct {
		name, secret, body string
		headers            []string
		status             int
		want               Signature
	}{
		{"signed", exampleSecret, exampleBody, signed, 204, Verified},
		{"among others", exampleSecret, exampleBody, append(signed[:5:5], "v1a,xx v1,AAAA "+exampleSignature), 204, Verified},
		{"another body", exampleSecret, exampleBody + " ", signed, 401, Wrong},
		{"another id", exampleSecret, exampleBody, append([]string{"Webhook-Id", "x"}, signed[2:]...), 401, Wrong},
		{"another version", exampleSecret, exampleBody, append(signed[:5:5], "v2"+exampleSignature[2:]), 401, Wrong},
		{"no number", exampleSecret, exampleBody, append(signed[:3:3], "now", "Webhook-Signature", exampleSignature), 401, Wrong},
		{"unsigned", exampleSecret, exampleBody, nil, 401, Missing},
		{"no key here", "", exampleBody, nil, 204, Unchecked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := run(t, tt.secret)
			if status := post(t, o, "wang.zhiban", tt.body, tt.headers...); status != tt.status {
				t.Errorf("status %d", status)
			}
			m := o.Messages()[0]
			if m.Signature != tt.want || m.Body != tt.body || m.By != Webhook || !m.IsTo("wang.zhiban") {
				t.Errorf("got %+v", m)
			}
		})
	}
}

func TestAnOldSignatureIsStale(t *testing.T) {
	t.Parallel()
	key, err := readSecret(exampleSecret)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Webhook-Id": {exampleID}, "Webhook-Timestamp": {exampleTime}, "Webhook-Signature": {exampleSignature}}
	at := time.Unix(1614265330, 0)
	for _, tt := range []struct {
		now  time.Time
		want Signature
	}{
		{at.Add(tolerance), Verified}, {at.Add(tolerance + time.Second), Stale},
		{at.Add(-tolerance), Verified}, {at.Add(-tolerance - time.Second), Stale},
	} {
		if got := verify(key, h, []byte(exampleBody), tt.now); got != tt.want {
			t.Errorf("%v after: %s", tt.now.Sub(at), got)
		}
	}
}

// A forged message must not be taken for the genuine one sent again, nor hide it.
func TestAForgedRepeatIsAMessageOfItsOwn(t *testing.T) {
	t.Parallel()
	o := run(t, exampleSecret)
	signed := []string{"Webhook-Id", exampleID, "Webhook-Timestamp", exampleTime, "Webhook-Signature", exampleSignature}
	post(t, o, "a", "forged", signed...)
	post(t, o, "a", exampleBody, signed...)
	post(t, o, "a", exampleBody, signed...)
	list := o.Messages()
	if len(list) != 2 || list[0].Signature != Verified || list[0].Times != 2 || list[1].Signature != Wrong {
		t.Errorf("got %+v", list)
	}
}

func TestWebhookTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	o := run(t, "")
	if status := post(t, o, "a", strings.Repeat("x", MaxMessage+1)); status != http.StatusRequestEntityTooLarge || len(o.Messages()) > 0 {
		t.Errorf("status %d, %d messages", status, len(o.Messages()))
	}
}

func TestSubjectOf(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"type":"notice","data":{"subject":"Level 1","text":"x"}}`: "Level 1",
		`{"title":"t","text":"x"}`:                                  "t",
		`{"text":"first\nsecond"}`:                                  "first",
		`{"subject":"outer","data":{"subject":""}}`:                 "outer",
		`{"subject":7}`:                                             "",
		`[]`:                                                        "",
		``:                                                          "",
	} {
		if got := subjectOf([]byte(body)); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"data":{"subject":"s","text":"first\nsecond"}}`: "first\nsecond",
		`{"text":"t"}`:             "t",
		`{"data":{"subject":"s"}}`: `{"data":{"subject":"s"}}`,
		"plain":                    "plain",
	} {
		if got := (Message{By: Webhook, Body: body}).Text(); got != want {
			t.Errorf("%s: %q", body, got)
		}
	}
	if got := (Message{By: Mail, Body: `{"text":"t"}`}).Text(); got != `{"text":"t"}` {
		t.Errorf("mail is shown as %q", got)
	}
}

func TestOnlyTheNewestAreKept(t *testing.T) {
	t.Parallel()
	b := box{now: time.Now, changed: make(chan struct{})}
	for i := range Kept + 3 {
		b.put(Message{ID: fmt.Sprint(i)})
	}
	list := b.Messages()
	if len(list) != Kept || list[0].ID != fmt.Sprint(Kept+2) || list[Kept-1].ID != "3" {
		t.Errorf("%d messages, from %s to %s", len(list), list[0].ID, list[len(list)-1].ID)
	}
}

func TestALongBodyIsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	b := box{now: time.Now, changed: make(chan struct{})}
	b.put(Message{Body: strings.Repeat("付", maxShown/3+1)})
	b.put(Message{Body: strings.Repeat("x", maxShown)})
	list := b.Messages()
	if list[0].Cut || list[1].Body != strings.Repeat("付", maxShown/3) || !list[1].Cut {
		t.Errorf("cut to %d bytes, %v; %v", len(list[1].Body), list[1].Cut, list[0].Cut)
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	o := run(t, "")
	found := make(chan Message, 1)
	go func() {
		m, err := o.Await(t.Context(), func(m Message) bool { return m.IsTo("b") })
		if err != nil {
			t.Errorf("await: %v", err)
		}
		found <- m
	}()
	post(t, o, "a", "1")
	post(t, o, "b", "2")
	if m := <-found; m.Body != "2" {
		t.Errorf("got %+v", m)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Await(ctx, func(Message) bool { return false }); err == nil {
		t.Error("found what was never sent")
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	o := run(t, exampleSecret)
	if empty := get(t, o, "/", "zh-TW"); !strings.Contains(empty, "還沒有收到通知") || !strings.Contains(empty, `lang="zh-Hant"`) {
		t.Errorf("the empty page: %s", empty)
	}
	send(t, o, []string{"a@demo.invalid"}, "Message-ID: <1@x>", "Subject: Level <b>1</b>", "", "<script>alert(1)</script>")
	post(t, o, "wang.zhiban", `{"text":"支付已停止"}`)
	page := get(t, o, "/", "en")
	for _, want := range []string{"Level &lt;b&gt;1&lt;/b&gt;", "&lt;script&gt;", "支付已停止", "signature not valid, refused", `<a href="/?to=a%40demo.invalid">`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(page, "postoffice.") || strings.Contains(page, "ZgotmplZ") {
		t.Errorf("a text is missing:\n%s", page)
	}
	for _, path := range []string{"/?to=wang.zhiban", "/im/wang.zhiban"} {
		if own := get(t, o, path, "zh-CN"); strings.Contains(own, "Level") || !strings.Contains(own, "只列出给 wang.zhiban 的通知") {
			t.Errorf("%s: %s", path, own)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	o := run(t, "")
	if got := get(t, o, "/messages", ""); strings.TrimSpace(got) != "[]" {
		t.Errorf("nothing is %s", got)
	}
	post(t, o, "a", "1", "Webhook-Id", "w1")
	post(t, o, "b", "2")
	var list []Message
	if err := json.Unmarshal([]byte(get(t, o, "/messages?to=a", "")), &list); err != nil || len(list) != 1 || list[0].ID != "w1" || list[0].Body != "1" {
		t.Errorf("got %+v, %v", list, err)
	}
}

// A demo that is started again gives people the addresses they had.
func TestTheSameAddressesAgain(t *testing.T) {
	t.Parallel()
	first, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	again := Options{SMTP: first.SMTPAddr(), HTTP: first.HTTPAddr()}
	if o, err := Open(again); err == nil {
		t.Errorf("two offices at %s: %v", again.SMTP, o.Close())
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, err := Open(again)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if second.SMTPAddr() != again.SMTP || second.HTTPAddr() != again.HTTP {
		t.Errorf("at %s and %s, not %+v", second.SMTPAddr(), second.HTTPAddr(), again)
	}
}

func TestABadKeyIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{"hunter2", "whsec_", "whsec_aHVudGVyMg==", "whsec_???"} {
		_, err := Open(Options{Secret: secret})
		if holdfast.CodeOf(err) != holdfast.Invalid {
			t.Fatalf("%q: %v", secret, err)
		}
		if rest := strings.TrimPrefix(secret, "whsec_"); rest != "" && strings.Contains(err.Error(), rest) {
			t.Errorf("the error tells the secret: %v", err)
		}
	}
}
