// Package wecom delivers notices to robots of WeCom groups (企業微信群機器人), as
// developer.work.weixin.qq.com/document/path/91770 describes them: a POST of JSON
// to the robot's URL, whose key is all the proof that is asked for.
//
// A robot takes 20 messages a minute and 2048 bytes of text. Errors come in a
// body of status 200: errcode 0 alone is success.
package wecom

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
	return robot.New(o, robot.Dialect{Pace: &httpcall.Pace{Most: 20, Per: time.Minute}, MaxText: 2048, Body: body, Judge: judge})
}

type text struct {
	Type string  `json:"msgtype"`
	Text content `json:"text"`
}

type content struct {
	Content string   `json:"content"`
	Users   []string `json:"mentioned_list,omitempty"`
	Mobiles []string `json:"mentioned_mobile_list,omitempty"`
}

func body(_ robot.Robot, _ url.Values, words, mention string, _ time.Time) any {
	t := text{Type: "text", Text: content{Content: words}}
	switch {
	case mention == "":
	case mention == "all":
		t.Text.Users = []string{"@all"}
	case strings.Trim(mention, "+0123456789-") == "":
		t.Text.Mobiles = []string{mention}
	default:
		t.Text.Users = []string{mention}
	}
	return t
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
	case 45009, 45033: // too many in the minute; too many at once
		return notify.Outcome{Result: notify.Retry, After: time.Minute}
	case -1, // busy
		93000, 93008: // the key is wrong, or the robot is no longer in the group
		return notify.Outcome{Result: notify.Retry}
	}
	return notify.Outcome{Result: notify.Refused}
}
