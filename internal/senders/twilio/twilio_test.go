package twilio

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/notify"
)

const account, token = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "t0ken-of-the-account"

// fake is the interface as Twilio documents it; answer, if any, takes the place of
// its own.
func fake(t *testing.T, got *url.Values, call bool, status int, answer string) *Sender {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		name, password, _ := r.BasicAuth()
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if status == 429 {
			w.Header().Set("Retry-After", "3")
		}
		switch {
		case answer != "":
			w.WriteHeader(status)
			io.WriteString(w, answer)
		case name != account || password != token:
			w.WriteHeader(401)
			io.WriteString(w, `{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`)
		case r.URL.Path == "/2010-04-01/Accounts/"+account+"/Messages.json" && r.PostForm.Get("Body") != "", r.URL.Path == "/2010-04-01/Accounts/"+account+"/Calls.json" && r.PostForm.Get("Twiml") != "":
			*got = r.PostForm
			w.WriteHeader(201)
			io.WriteString(w, `{"sid":"SM0123","status":"queued","error_code":null}`)
		default:
			w.WriteHeader(404)
			io.WriteString(w, `{"code":20404,"status":404}`)
		}
	}))
	t.Cleanup(server.Close)
	o := Options{Endpoint: server.URL, Account: account, Token: token, From: []string{"+15005550006", "+886=MG9752274e9e519418a7406176694466fa"}, Call: call, Now: time.Now}
	if call {
		o.From = []string{"+886=+886255500100", "+8869=+886255500109"}
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(address string) notify.Message {
	return notify.Message{Notice: notify.Notice{ID: "n1", Address: address, Lang: holdfast.ZhHant, Subject: "一級事件 <2026-1>", Body: "請立即回覆。\nhttps://h/incidents/2026-1"}, Attempt: 1}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	var got url.Values
	s := fake(t, &got, false, 0, "")
	if o := s.Send(t.Context(), message("+1 415 555 0101")); o.Result != notify.Sent || o.Detail != "queued as SM0123" {
		t.Fatalf("%+v", o)
	}
	if got.Get("To") != "+14155550101" || got.Get("From") != "+15005550006" || got.Get("Body") != "一級事件 <2026-1>\n請立即回覆。\nhttps://h/incidents/2026-1" {
		t.Error(got)
	}
	s.Send(t.Context(), message("+886 912-345-678"))
	if got.Get("To") != "+886912345678" || got.Get("MessagingServiceSid") != "MG9752274e9e519418a7406176694466fa" || got.Has("From") {
		t.Error(got)
	}
	if o := s.Send(t.Context(), message("0912345678")); o.Result != notify.Refused {
		t.Errorf("a number without its country: %+v", o)
	}
}

func TestCall(t *testing.T) {
	t.Parallel()
	var got url.Values
	s := fake(t, &got, true, 0, "")
	if o := s.Send(t.Context(), message("+886912345678")); o.Result != notify.Sent {
		t.Fatalf("%+v", o)
	}
	want := `<Response><Say language="zh-TW" loop="2">一級事件 &lt;2026-1&gt; 請立即回覆。</Say></Response>`
	if got.Get("Twiml") != want || got.Get("From") != "+886255500109" {
		t.Errorf("%v", got)
	}
	if o := s.Send(t.Context(), message("+14155550101")); o.Result != notify.Refused {
		t.Errorf("no number to call from: %+v", o)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		answer string
		want   notify.Result
		after  time.Duration
	}{
		{400, `{"code":21211,"message":"Invalid 'To' Phone Number","status":400}`, notify.Refused, 0},
		{401, `{"code":20003,"message":"Authenticate ` + token + `","status":401}`, notify.Retry, 0},
		{404, `{"code":20404,"status":404}`, notify.Refused, 0},
		{429, `{"code":20429,"message":"Too Many Requests","status":429}`, notify.Retry, 3 * time.Second},
		{500, `{}`, notify.Retry, 0},
		{201, `{"sid":"SM1","status":"failed","error_code":30002}`, notify.Retry, 0},
		{201, `{"sid":"SM1","status":"accepted"}`, notify.Sent, 0},
		{200, `<html>`, notify.Unsure, 0},
	} {
		o := fake(t, nil, false, tt.status, tt.answer).Send(t.Context(), message("+14155550101"))
		if o.Result != tt.want || o.After != tt.after || strings.Contains(o.Detail, token) {
			t.Errorf("%d %s: %+v", tt.status, tt.answer, o)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{From: []string{""}}, {From: []string{"+1=a", "+1=b"}}, {From: []string{"MG1"}, Call: true}} {
		o.Now = time.Now
		if _, err := New(o); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
