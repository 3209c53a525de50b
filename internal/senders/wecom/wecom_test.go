package wecom

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/senders/robot"
)

const key = "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"

// fake is a robot as WeCom documents it; answer, if any, takes the place of its own.
func fake(t *testing.T, got *[]string, answer string) *robot.Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var v struct {
			Type string                   `json:"msgtype"`
			Text struct{ Content string } `json:"text"`
		}
		switch err := json.Unmarshal(body, &v); {
		case answer != "":
			io.WriteString(w, answer)
		case r.URL.Query().Get("key") != key:
			io.WriteString(w, `{"errcode":93000,"errmsg":"invalid webhook url, hint: [1], from ip: 127.0.0.1"}`)
		case err != nil || v.Type != "text":
			io.WriteString(w, `{"errcode":40008,"errmsg":"invalid message type"}`)
		case len(v.Text.Content) > 2048:
			io.WriteString(w, `{"errcode":40058,"errmsg":"text.content exceed max length 2048"}`)
		default:
			*got = append(*got, strings.TrimSpace(string(body)))
			io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
		}
	}))
	t.Cleanup(server.Close)
	s, err := New(robot.Options{Robots: []robot.Robot{{Name: "ops", URL: server.URL + "/cgi-bin/webhook/send?key=" + key}}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(address, body string) notify.Message {
	return notify.Message{Notice: notify.Notice{ID: "n1", Address: address, Subject: "Level 1 <2026-1>", Body: body}, Attempt: 1}
}

func TestSend(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ops":             `{"msgtype":"text","text":{"content":"Level 1 <2026-1>\nanswer"}}`,
		"ops/13800000101": `{"msgtype":"text","text":{"content":"Level 1 <2026-1>\nanswer","mentioned_mobile_list":["13800000101"]}}`,
		"ops/wangqing":    `{"msgtype":"text","text":{"content":"Level 1 <2026-1>\nanswer","mentioned_list":["wangqing"]}}`,
		"ops/all":         `{"msgtype":"text","text":{"content":"Level 1 <2026-1>\nanswer","mentioned_list":["@all"]}}`,
	} {
		var got []string
		if o := fake(t, &got, "").Send(t.Context(), message(address, "answer")); o.Result != notify.Sent || got[0] != want {
			t.Errorf("%s: %+v\n%s, want\n%s", address, o, got, want)
		}
	}
}

// A long text loses its middle; where to answer stays.
func TestLongText(t *testing.T) {
	t.Parallel()
	var got []string
	if o := fake(t, &got, "").Send(t.Context(), message("ops", strings.Repeat("支付中斷。\n", 500)+"https://h/incidents/2026-1")); o.Result != notify.Sent {
		t.Fatalf("%+v", o)
	}
	if !strings.Contains(got[0], `Level 1 <2026-1>\n支付中斷`) || !strings.HasSuffix(got[0], `\nhttps://h/incidents/2026-1"}}`) {
		t.Error(got[0])
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]notify.Outcome{
		45009: {Result: notify.Retry, After: time.Minute}, 45033: {Result: notify.Retry, After: time.Minute}, -1: {Result: notify.Retry}, 93000: {Result: notify.Retry},
		40008: {Result: notify.Refused}, 44004: {Result: notify.Refused},
	} {
		o := fake(t, nil, fmt.Sprintf(`{"errcode":%d,"errmsg":"no, %s"}`, code, key)).Send(t.Context(), message("ops", ""))
		if o.Result != want.Result || o.After != want.After || strings.Contains(o.Detail, key) {
			t.Errorf("%d: %+v, want %+v", code, o, want)
		}
	}
	if o := fake(t, nil, "ok").Send(t.Context(), message("ops", "")); o.Result != notify.Unsure {
		t.Errorf("an answer that is none of WeCom's: %+v", o)
	}
}
