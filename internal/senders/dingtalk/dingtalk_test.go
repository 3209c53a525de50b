package dingtalk

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/senders/robot"
)

const token, secret = "0123456789abcdef0123456789abcdef", "SECdeadbeefdeadbeef"

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

// fake is a robot as DingTalk documents it: it checks token, signature and clock,
// counts 20 messages a minute, and answers 200 whatever happens.
type fake struct {
	mu     sync.Mutex
	bodies []map[string]any
	answer string // instead of its own
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	mac := hmac.New(sha256.New, []byte(secret))
	io.WriteString(mac, q.Get("timestamp")+"\n"+secret)
	stamp, _ := strconv.ParseInt(q.Get("timestamp"), 10, 64)
	var body map[string]any
	switch err := json.NewDecoder(r.Body).Decode(&body); {
	case f.answer != "":
		io.WriteString(w, f.answer)
		return
	case q.Get("access_token") != token:
		io.WriteString(w, `{"errcode":300005,"errmsg":"token is not exist"}`)
		return
	case err != nil || r.Header.Get("Content-Type") != "application/json; charset=utf-8":
		io.WriteString(w, `{"errcode":43004,"errmsg":"需要application/json"}`)
		return
	case q.Get("sign") != base64.StdEncoding.EncodeToString(mac.Sum(nil)) || time.UnixMilli(stamp).Sub(now).Abs() > time.Hour:
		io.WriteString(w, `{"errcode":310000,"errmsg":"sign not match"}`)
		return
	}
	f.bodies = append(f.bodies, body)
	io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
}

func sender(t *testing.T, f *fake, secret string) *robot.Sender {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	s, err := New(robot.Options{Robots: []robot.Robot{{Name: "ops", URL: server.URL + "/robot/send?access_token=" + token, Secret: secret}}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(address string) notify.Message {
	return notify.Message{Notice: notify.Notice{ID: "n1", Address: address, Subject: "一級事件 2026-1", Body: "請回覆。\nhttps://h/1"}, Attempt: 1}
}

func TestSend(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ops":             `{"msgtype":"text","text":{"content":"一級事件 2026-1\n請回覆。\nhttps://h/1"}}`,
		"ops/13800000101": `{"at":{"atMobiles":["13800000101"]},"msgtype":"text","text":{"content":"一級事件 2026-1\n請回覆。\nhttps://h/1\n@13800000101"}}`,
		"ops/manager7":    `{"at":{"atUserIds":["manager7"]},"msgtype":"text","text":{"content":"一級事件 2026-1\n請回覆。\nhttps://h/1\n@manager7"}}`,
		"ops/all":         `{"at":{"isAtAll":true},"msgtype":"text","text":{"content":"一級事件 2026-1\n請回覆。\nhttps://h/1"}}`,
	} {
		f := &fake{}
		if o := sender(t, f, secret).Send(t.Context(), message(address)); o.Result != notify.Sent || o.Detail != `200 OK {"errcode":0,"errmsg":"ok"}` {
			t.Errorf("%s: %+v", address, o)
			continue
		}
		if got, _ := json.Marshal(f.bodies[0]); string(got) != want {
			t.Errorf("%s:\n%s, want\n%s", address, got, want)
		}
	}
}

// A wrong secret is answered with 200, and is a failure.
func TestWrongSecret(t *testing.T) {
	t.Parallel()
	if o := sender(t, &fake{}, "SECanother-secret").Send(t.Context(), message("ops")); o.Result != notify.Retry || !strings.Contains(o.Detail, "sign not match") {
		t.Errorf("%+v", o)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]notify.Outcome{
		-1: {Result: notify.Retry}, 130101: {Result: notify.Retry, After: 10 * time.Minute}, 410100: {Result: notify.Retry, After: 10 * time.Minute},
		300001: {Result: notify.Retry}, 400102: {Result: notify.Retry}, 400013: {Result: notify.Refused}, 430104: {Result: notify.Refused}, 40035: {Result: notify.Refused},
	} {
		f := &fake{answer: fmt.Sprintf(`{"errcode":%d,"errmsg":"token %s"}`, code, token)}
		o := sender(t, f, secret).Send(t.Context(), message("ops"))
		if o.Result != want.Result || o.After != want.After || strings.Contains(o.Detail, token) {
			t.Errorf("%d: %+v, want %+v", code, o, want)
		}
	}
	for _, answer := range []string{"<html>sign in to the network</html>", "{}", `{"errcode":0`} {
		if o := sender(t, &fake{answer: answer}, secret).Send(t.Context(), message("ops")); o.Result != notify.Unsure {
			t.Errorf("%s: %+v", answer, o)
		}
	}
}

// The 21st of a minute waits, rather than have the robot shut out for ten.
func TestPace(t *testing.T) {
	t.Parallel()
	f := &fake{}
	s := sender(t, f, secret)
	for i := range 20 {
		if o := s.Send(t.Context(), message("ops")); o.Result != notify.Sent {
			t.Fatalf("%d: %+v", i, o)
		}
	}
	if o := s.Send(t.Context(), message("ops")); o.Result != notify.Retry || o.After != time.Minute || len(f.bodies) != 20 {
		t.Errorf("%+v after %d", o, len(f.bodies))
	}
}
