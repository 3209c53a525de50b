// Package dingtalk delivers notices to custom robots of DingTalk groups
// (釘釘自訂機器人), as open.dingtalk.com describes them: a POST of JSON to the
// robot's URL. A robot with a secret gets two more parameters,
//
//	timestamp=MILLISECONDS&sign=BASE64(HMAC-SHA256(secret, MILLISECONDS "\n" secret))
//
// A robot takes 20 messages a minute; one that sends more is shut out for ten
// minutes. Errors come in a body of status 200: errcode 0 alone is success.
package dingtalk

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

const (
	everyone = "all"
	// ban is how long a robot that was too fast is shut out.
	ban = 10 * time.Minute
)

// New makes a sender.
func New(o robot.Options) (*robot.Sender, error) {
	return robot.New(o, robot.Dialect{Pace: &httpcall.Pace{Most: 20, Per: time.Minute}, MaxText: 16 << 10, Body: body, Judge: judge})
}

type text struct {
	Type string  `json:"msgtype"`
	Text content `json:"text"`
	At   *at     `json:"at,omitempty"`
}

type content struct {
	Content string `json:"content"`
}

// at names whom the message calls. It counts only if the text names them too.
type at struct {
	Mobiles []string `json:"atMobiles,omitempty"`
	Users   []string `json:"atUserIds,omitempty"`
	All     bool     `json:"isAtAll,omitempty"`
}

func body(r robot.Robot, query url.Values, words, mention string, now time.Time) any {
	if r.Secret != "" {
		stamp := strconv.FormatInt(now.UnixMilli(), 10)
		query.Set("timestamp", stamp)
		query.Set("sign", sign(stamp, r.Secret))
	}
	t := text{Type: "text", Text: content{words}}
	switch {
	case mention == "":
		return t
	case mention == everyone:
		t.At = &at{All: true}
	case strings.Trim(mention, "+0123456789-") == "":
		t.At = &at{Mobiles: []string{mention}}
	default:
		t.At = &at{Users: []string{mention}}
	}
	if !t.At.All {
		t.Text.Content += "\n@" + mention
	}
	return t
}

func sign(stamp, secret string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(stamp + "\n" + secret))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func judge(a httpcall.Answer) notify.Outcome {
	var v struct {
		Code *int `json:"errcode"`
	}
	if !a.JSON(&v) || v.Code == nil {
		return httpcall.Strange(a)
	}
	switch *v.Code {
	case 0:
		return notify.Outcome{Result: notify.Sent}
	case 130101, 410100, 90030: // too fast
		return notify.Outcome{Result: notify.Retry, After: ban}
	case -1, // busy
		310000,                         // the robot's security settings: keyword, signature, address
		300001, 400101, 400102, 400106: // the robot is gone, switched off, or its token is wrong
		return notify.Outcome{Result: notify.Retry}
	}
	return notify.Outcome{Result: notify.Refused}
}
