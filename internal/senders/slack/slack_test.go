package slack

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/notify"
	"holdfast/internal/senders/robot"
)

const hook = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"

func sender(t *testing.T, h http.HandlerFunc) *robot.Sender {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s, err := New(robot.Options{Robots: []robot.Robot{{Name: "ops", URL: server.URL + hook}}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func message(address string) notify.Message {
	return notify.Message{Notice: notify.Notice{ID: "n1", Address: address, Subject: "Level 1 <!channel> & more", Body: "answer"}, Attempt: 1}
}

func TestSend(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"ops":           `{"text":"Level 1 &lt;!channel&gt; &amp; more\nanswer"}`,
		"ops/U024BE7LH": `{"text":"Level 1 &lt;!channel&gt; &amp; more\nanswer\n<@U024BE7LH>"}`,
		"ops/here":      `{"text":"Level 1 &lt;!channel&gt; &amp; more\nanswer\n<!here>"}`,
		"ops/all":       `{"text":"Level 1 &lt;!channel&gt; &amp; more\nanswer\n<!channel>"}`,
	} {
		var got string
		o := sender(t, func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			got = r.URL.Path + " " + strings.TrimSpace(string(b))
			io.WriteString(w, "ok")
		}).Send(t.Context(), message(address))
		if o.Result != notify.Sent || o.Detail != "200 OK ok" || got != hook+" "+want {
			t.Errorf("%s: %+v\n%s, want\n%s", address, o, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		status int
		body   string
		want   notify.Result
		after  time.Duration
	}{
		{400, "invalid_payload", notify.Refused, 0}, {403, "invalid_token", notify.Retry, 0}, {404, "no_service", notify.Refused, 0}, {410, "channel_is_archived", notify.Refused, 0},
		{429, "rate_limited", notify.Retry, 30 * time.Second}, {500, "rollup_error", notify.Retry, 0}, {200, "<html>proxy</html>", notify.Unsure, 0}, {302, "", notify.Retry, 0},
	} {
		o := sender(t, func(w http.ResponseWriter, _ *http.Request) {
			if tt.status == 429 {
				w.Header().Set("Retry-After", "30")
			}
			w.WriteHeader(tt.status)
			io.WriteString(w, tt.body)
		}).Send(t.Context(), message("ops"))
		if o.Result != tt.want || o.After != tt.after || !strings.Contains(o.Detail, tt.body) {
			t.Errorf("%d %s: %+v", tt.status, tt.body, o)
		}
	}
}

func TestRobots(t *testing.T) {
	t.Parallel()
	s := sender(t, func(http.ResponseWriter, *http.Request) { t.Error("a message was sent") })
	if o := s.Send(t.Context(), message("another")); o.Result != notify.Retry || !strings.Contains(o.Detail, `"another"`) {
		t.Errorf("a robot that is not set up: %+v", o)
	}
	for _, url := range []string{"", "hooks.slack.com/services/T/B/X", "ftp://h/x", "https://me:secret-word@h/x"} {
		_, err := New(robot.Options{Setting: "notices.slack.robots", Robots: []robot.Robot{{Name: "ops", URL: url}}, Now: time.Now})
		if holdfast.CodeOf(err) != holdfast.Invalid || url != "" && strings.Contains(err.Error(), url) {
			t.Errorf("%q: %v", url, err)
		}
	}
}
