// Package feishu delivers notices to custom robots of Feishu and Lark groups
// (飛書自訂機器人), as open.feishu.cn describes them: a POST of JSON to the robot's
// URL. The body of a robot with a secret is signed:
//
//	"timestamp":"SECONDS","sign":BASE64(HMAC-SHA256(SECONDS "\n" secret, ""))
//
// which is odd but so: the text is the key, and what is hashed is empty. The
// provider refuses a timestamp that is an hour off.
//
// A robot takes 100 messages a minute and 5 a second. Errors come in a body of
// status 200: code 0 alone is success, or StatusCode 0 in the older form.
package feishu

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/senders/httpcall"
	"holdfast/internal/senders/robot"
)

// New makes a sender.
func New(o robot.Options) (*robot.Sender, error) {
	// 5 a second bounds 100 a minute only after 20 s; what is over is answered with
	// a code and tried again.
	return robot.New(o, robot.Dialect{Pace: &httpcall.Pace{Most: 5, Per: time.Second}, MaxText: 16 << 10, Body: body, Judge: judge})
}

type text struct {
	Timestamp string  `json:"timestamp,omitempty"`
	Sign      string  `json:"sign,omitempty"`
	Type      string  `json:"msg_type"`
	Content   content `json:"content"`
}

type content struct {
	Text string `json:"text"`
}

func body(r robot.Robot, _ url.Values, words, mention string, now time.Time) any {
	t := text{Type: "text", Content: content{strings.ReplaceAll(words, "<at", "‹at")}} // nobody is called by a title
	if mention != "" {
		t.Content.Text += "\n<at user_id=\"" + mention + "\"></at>"
	}
	if r.Secret != "" {
		t.Timestamp = strconv.FormatInt(now.Unix(), 10)
		t.Sign = sign(t.Timestamp, r.Secret)
	}
	return t
}

func sign(stamp, secret string) string {
	h := hmac.New(sha256.New, []byte(stamp+"\n"+secret))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func judge(a httpcall.Answer) notify.Outcome {
	var v struct {
		Code   *int `json:"code"`
		Status *int `json:"StatusCode"`
	}
	if !a.JSON(&v) || v.Code == nil && v.Status == nil {
		return httpcall.Strange(a)
	}
	code := v.Code
	if code == nil {
		code = v.Status
	}
	switch *code {
	case 0:
		return notify.Outcome{Result: notify.Sent}
	case 11232, 9499: // too fast, in the newer and the older form
		return notify.Outcome{Result: notify.Retry, After: time.Minute}
	case 19001, // the token is wrong
		19021,        // the signature, or our clock
		19022, 19024: // the robot's security settings: address, keyword
		return notify.Outcome{Result: notify.Retry}
	}
	return notify.Outcome{Result: notify.Refused}
}
