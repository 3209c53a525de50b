package feishu

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
	"testing"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/senders/robot"
)

const token, secret = "a1b2c3d4-token", "JQ5sWkfnTsbXSsKa"

var now = time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)

type taken struct {
	Timestamp, Sign string
	Type            string `json:"msg_type"`
	Content         struct{ Text string }
}

// fake is a robot as Feishu documents it; answer, if any, takes the place of its own.
func fake(t *testing.T, got *taken, answer string) *robot.Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v taken
		err := json.NewDecoder(r.Body).Decode(&v)
		mac := hmac.New(sha256.New, []byte(v.Timestamp+"\n"+secret))
		at, _ := strconv.ParseInt(v.Timestamp, 10, 64)
		switch {
		case answer != "":
			io.WriteString(w, answer)
		case r.URL.Path != "/open-apis/bot/v2/hook/"+token:
			io.WriteString(w, `{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}`)
		case err != nil || v.Type != "text":
			io.WriteString(w, `{"code":9499,"msg":"Bad Request","data":{}}`)
		case v.Sign != base64.StdEncoding.EncodeToString(mac.Sum(nil)) || time.Unix(at, 0).Sub(now).Abs() > time.Hour:
			io.WriteString(w, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}`)
		default:
			*got = v
			io.WriteString(w, `{"StatusCode":0,"StatusMessage":"success","code":0,"data":{},"msg":"success"}`)
		}
	}))
	t.Cleanup(server.Close)
	s, err := New(robot.Options{Robots: []robot.Robot{
		{Name: "ops", URL: server.URL + "/open-apis/bot/v2/hook/" + token, Secret: secret},
		{Name: "odd", URL: server.URL + "/open-apis/bot/v2/hook/" + token, Secret: "another"},
	}, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(address string) notify.Message {
	return notify.Message{Notice: notify.Notice{ID: "n1", Address: address, Subject: `一級 <at user_id="all"></at>`, Body: "請回覆"}, Attempt: 1}
}

// A title calls nobody by name; an address does.
func TestSend(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ops":         "一級 ‹at user_id=\"all\"></at>\n請回覆",
		"ops/ou_18ea": "一級 ‹at user_id=\"all\"></at>\n請回覆\n<at user_id=\"ou_18ea\"></at>",
	} {
		var got taken
		if o := fake(t, &got, "").Send(t.Context(), message(address)); o.Result != notify.Sent || got.Content.Text != want {
			t.Errorf("%s: %+v %q, want %q", address, o, got.Content.Text, want)
		}
	}
	if o := fake(t, nil, "").Send(t.Context(), message("odd")); o.Result != notify.Retry || !strings.Contains(o.Detail, "sign match fail") {
		t.Errorf("a wrong secret: %+v", o)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]notify.Outcome{
		11232: {Result: notify.Retry, After: time.Minute}, 9499: {Result: notify.Retry, After: time.Minute}, 19001: {Result: notify.Retry}, 19022: {Result: notify.Retry},
		19024: {Result: notify.Retry}, 10003: {Result: notify.Refused},
	} {
		o := fake(t, nil, fmt.Sprintf(`{"code":%d,"msg":"no, %s"}`, code, token)).Send(t.Context(), message("ops"))
		if o.Result != want.Result || o.After != want.After || strings.Contains(o.Detail, token) {
			t.Errorf("%d: %+v, want %+v", code, o, want)
		}
	}
	for answer, want := range map[string]notify.Result{
		`{"Extra":null,"StatusCode":0,"StatusMessage":"success"}`: notify.Sent, `{"msg":"success"}`: notify.Unsure, "<html>": notify.Unsure,
	} {
		if o := fake(t, nil, answer).Send(t.Context(), message("ops")); o.Result != want {
			t.Errorf("%s: %+v", answer, o)
		}
	}
}
