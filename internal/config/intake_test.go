package config

import (
	"strings"
	"testing"
)

func TestIntake(t *testing.T) {
	t.Parallel()
	good := `
intake:
  grafana: {secret: "env:NEW", previous: "env:OLD"}
  cloudevents: {origins: [events.example.net, "*"]}
  mail: {listen: "127.0.0.1:2525", from: [noc@example.org, "@bank.example"]}
  webhooks:
    - name: zabbix
      resolved: body["status"] == "OK"
      key: body["event"]
      summary: body["subject"]
      labels: ['channel=body["channel"]']
`
	env := func(name string) (string, bool) {
		value, set := map[string]string{"NEW": "n", "OLD": "o"}[name]
		return value, set
	}
	c, err := Load(Options{Content: []byte(good), Env: env})
	if err != nil || len(c.Intake.Webhooks) != 1 || !c.Intake.PublicReports || c.Intake.Webhooks[0].Key != `body["event"]` {
		t.Fatalf("%+v, %v", c.Intake, err)
	}
	for change, want := range map[string]string{
		`127.0.0.1:2525 -> 0.0.0.0:2525`:                       "intake.mail.listen",
		`secret: "env:NEW",  -> `:                              "intake.grafana.previous",
		`env:OLD -> env:LOST`:                                  "intake.grafana.previous",
		`events.example.net -> https://events.example.net`:     "intake.cloudevents.origins[0]",
		`127.0.0.1:2525 -> :2525`:                              "intake.mail.listen",
		`noc@example.org -> noc`:                               "intake.mail.from[0]",
		`from: [noc@example.org, "@bank.example"] -> from: []`: "intake.mail.from",
		`zabbix -> grafana`:                                    "intake.webhooks[0].name",
		`zabbix -> Zabbix 1`:                                   "intake.webhooks[0].name",
		`body["event"] -> bod["event"]`:                        "intake.webhooks[0].key",
		`'channel=body["channel"]' -> channel`:                 "intake.webhooks[0].labels",
		`== "OK" -> `:                                          "intake.webhooks[0].resolved",
	} {
		from, to, _ := strings.Cut(change, " -> ")
		_, err := Load(Options{Content: []byte(strings.Replace(good, from, to, 1)), Env: env})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", change, err)
		}
	}
}
