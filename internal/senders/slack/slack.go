// Package slack delivers notices to incoming webhooks of Slack, as
// docs.slack.dev describes them: a POST of JSON to the webhook's URL, which is all
// the proof that is asked for.
//
// A webhook takes about one message a second; what is over is answered with 429
// and Retry-After. Success is status 200 and the text ok; errors have a status of
// their own and a word.
package slack

import (
	"net/url"
	"strings"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/senders/httpcall"
	"holdfast/internal/senders/robot"
)

// New makes a sender.
func New(o robot.Options) (*robot.Sender, error) {
	return robot.New(o, robot.Dialect{Pace: &httpcall.Pace{Most: 30, Per: 30 * time.Second}, MaxText: 16 << 10, Body: body, Judge: judge})
}

type text struct {
	Text string `json:"text"`
}

// escape is what Slack asks to be escaped, and nothing else.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func body(_ robot.Robot, _ url.Values, words, mention string, _ time.Time) any {
	t := text{escape.Replace(words)}
	switch mention {
	case "":
	case "here", "channel", "everyone":
		t.Text += "\n<!" + mention + ">"
	case "all":
		t.Text += "\n<!channel>"
	default:
		t.Text += "\n<@" + mention + ">"
	}
	return t
}

func judge(a httpcall.Answer) notify.Outcome {
	if strings.TrimSpace(string(a.Body)) != "ok" {
		return httpcall.Strange(a)
	}
	return notify.Outcome{Result: notify.Sent}
}
