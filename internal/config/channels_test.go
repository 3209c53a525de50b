package config

import (
	"errors"
	"strings"
	"testing"
)

const oneRobotEach = `notices:
  dingtalk: {robots: [{name: ops, url: "env:PW", secret: "env:PW"}]}
  wecom: {robots: [{name: ops, url: "env:PW"}]}
  feishu: {robots: [{name: ops, url: "env:PW"}]}
  slack: {robots: [{name: ops, url: "env:PW"}]}
  push: {key: "env:PW", subject: "mailto:ops@example.org", hosts: [push.example.org, "*.example.net"]}
`

func TestChannels(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ content, want string }{
		"robots":         {oneRobotEach, ""},
		"no provider":    {"notices: {sms: {aliyun: {key_id: k}}}", ""},
		"aliyun":         {`notices: {sms: {provider: aliyun, aliyun: {key_id: k, key_secret: "env:PW", sign_name: 示范, template: SMS_1, parameters: ["event={subject}"]}}}`, ""},
		"twilio":         {`notices: {voice: {provider: twilio, twilio: {account: AC1, token: "env:PW", from: ["+15005550006"]}}}`, ""},
		"http":           {`notices: {sms: {provider: http, http: {url: "https://sms.example.org/", body: "{text}"}}}`, ""},
		"no drill":       {`notices: {sms: {provider: http, http: {url: "https://sms.example.org/?to={to}", body: "{id}"}}}`, "notices.sms.http.body"},
		"no provider's":  {`notices: {voice: {provider: aliyun}}`, "notices.voice.provider"},
		"aliyun, bare":   {`notices: {sms: {provider: aliyun}}`, "notices.sms.aliyun.key_id notices.sms.aliyun.key_secret notices.sms.aliyun.sign_name notices.sms.aliyun.template notices.sms.aliyun.parameters"},
		"twilio, bare":   {`notices: {sms: {provider: twilio}}`, "notices.sms.twilio.account notices.sms.twilio.token notices.sms.twilio.from"},
		"http, bare":     {`notices: {voice: {provider: http}}`, "notices.voice.http.url notices.voice.http.body"},
		"a bare token":   {`notices: {slack: {robots: [{name: ops, url: "https://hooks.slack.com/services/T/B/X"}]}}`, "notices.slack.robots[0].url"},
		"no such secret": {`notices: {feishu: {robots: [{name: ops, url: "env:NONE"}]}}`, "notices.feishu.robots[0].url"},
		"robots' names":  {`notices: {wecom: {robots: [{name: Ops, url: "env:PW"}, {name: a, url: "env:PW", secret: "env:PW"}, {name: a}]}}`, "notices.wecom.robots[0].name notices.wecom.robots[1].secret notices.wecom.robots[2] notices.wecom.robots[2].url"},
		"push, bare":     {`notices: {push: {key: "env:PW", hosts: []}}`, "notices.push.subject notices.push.hosts"},
		"push's hosts":   {`notices: {push: {hosts: ["10.0.0.1", "*", localhost, "https://a.example", A.example, "*.example.org"]}}`, "notices.push.hosts"},
		"push, unkept":   {`notices: {push: {key: BOr}}`, "notices.push.key"},
		"push, subject":  {`notices: {push: {key: "env:PW", subject: ops@example.org}}`, "notices.push.subject"},
		"limits":         {`notices: {limits: {per_person: 0, at_once: 8, to_one: 9}}`, "notices.limits.per_person notices.limits.to_one"},
	} {
		_, err := Load(Options{File: "f", Content: []byte(tt.content), Env: env(map[string]string{"PW": "https://robot.example.org/x"})})
		var faults Faults
		errors.As(err, &faults)
		var at []string
		for _, f := range faults {
			if !strings.Contains(strings.Join(at, " ")+" ", f.Path+" ") {
				at = append(at, f.Path)
			}
		}
		for path := range strings.FieldsSeq(tt.want) {
			if !strings.Contains(strings.Join(at, " ")+" ", path+" ") {
				t.Errorf("%s: no fault at %s: %v", name, path, err)
			}
		}
		if len(at) != len(strings.Fields(tt.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
