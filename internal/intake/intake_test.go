package intake

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/alert"
	"holdfast/internal/expression"
)

var now = time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)

func TestSignature(t *testing.T) {
	t.Parallel()
	body := []byte(`{"alerts":[]}`)
	sign := func(secret, text string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(text))
		return hex.EncodeToString(mac.Sum(nil))
	}
	plain := Signature{Secrets: []string{"new", "s"}, Header: "X-Sig"}
	timed := Signature{Secrets: []string{"s"}, Header: "X-Sig", Timestamp: "X-Time"}
	at := fmt.Sprint(now.Unix())
	for name, tt := range map[string]struct {
		by        Signature
		sig, time string
		ok        bool
	}{
		"no secret":        {Signature{}, "", "", true},
		"signed":           {plain, sign("s", string(body)), "", true},
		"capitals":         {plain, strings.ToUpper(sign("s", string(body))), "", true},
		"another secret":   {plain, sign("t", string(body)), "", false},
		"another body":     {plain, sign("s", "{}"), "", false},
		"unsigned":         {plain, "", "", false},
		"cut":              {plain, sign("s", string(body))[:60], "", false},
		"signed with time": {timed, sign("s", at+":"+string(body)), at, true},
		"time not signed":  {timed, sign("s", string(body)), at, false},
		"time exchanged":   {timed, sign("s", at+":"+string(body)), fmt.Sprint(now.Unix() + 1), false},
		"old":              {timed, sign("s", "1:"+string(body)), "1", false},
		"no time":          {timed, sign("s", string(body)), "", false},
		"from the future":  {timed, sign("s", "9999999999:"+string(body)), "9999999999", false},
	} {
		h := http.Header{"X-Sig": {tt.sig}, "X-Time": {tt.time}}
		err := tt.by.Verify(body, h.Get, now)
		if (err == nil) != tt.ok || err != nil && holdfast.CodeOf(err) != holdfast.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func key() string { return "made" }

func TestPagerDuty(t *testing.T) {
	t.Parallel()
	const trigger = `{"routing_key":"k","event_action":"trigger","dedup_key":"d1","client":"nagios","client_url":"https://n.example/1","links":[{"href":"https://l.example"}],
		"payload":{"summary":"Queue full","source":"mq-1","severity":"critical","timestamp":"2026-11-26T02:00:00Z","component":"mq","group":"core","class":"queue","custom_details":{"channel":"app","depth":1000,"nested":{"a":[1,true]}}}}`
	p, err := DecodePagerDuty([]byte(trigger), key)
	if err != nil || len(p.Errors) > 0 || p.RoutingKey != "k" || p.DedupKey != "d1" {
		t.Fatalf("%+v, %v", p, err)
	}
	a := p.Alert
	for name, want := range map[string]string{"alertname": "queue", "severity": "critical", "source": "mq-1", "component": "mq", "channel": "app", "client": "nagios"} {
		if a.Labels[name] != want {
			t.Errorf("label %s is %q", name, a.Labels[name])
		}
	}
	if !a.Keyed || a.Resolved || a.Annotations["summary"] != "Queue full" || a.Annotations["details.nested.a.1"] != "true" || a.Annotations["details.depth"] != "1000" || a.Link != "https://n.example/1" {
		t.Errorf("%+v", a)
	}
	p, _ = DecodePagerDuty([]byte(`{"routing_key":"k","event_action":"resolve","dedup_key":"d1"}`), key)
	if !p.Alert.Resolved || p.Alert.Fingerprint != "d1" {
		t.Errorf("%+v", p.Alert)
	}
	p, _ = DecodePagerDuty([]byte(`{"routing_key":"k","event_action":"acknowledge","dedup_key":"d1"}`), key)
	if !p.Alert.Acknowledged {
		t.Errorf("%+v", p.Alert)
	}
	p, _ = DecodePagerDuty([]byte(strings.Replace(trigger, `"dedup_key":"d1",`, "", 1)), key)
	if p.DedupKey != "made" {
		t.Errorf("a key was not made: %q", p.DedupKey)
	}
	for body, want := range map[string]string{
		`{}`: "'event_action' is missing or invalid", `{"routing_key":"k","event_action":"resolve"}`: "'dedup_key' is missing",
		strings.Replace(trigger, `"critical"`, `"grave"`, 1):        "'payload.severity' is invalid",
		strings.Replace(trigger, "Queue full", "", 1):               "'payload.summary' is missing",
		strings.Replace(trigger, "d1", strings.Repeat("d", 256), 1): "'dedup_key' is too long",
	} {
		if p, err := DecodePagerDuty([]byte(body), key); err != nil || !strings.Contains(strings.Join(p.Errors, "\n"), want) {
			t.Errorf("%s: %q, %v", body, p.Errors, err)
		}
	}
	if _, err := DecodePagerDuty([]byte(`[`), key); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("not JSON: %v", err)
	}
}

func headers(list ...string) (http.Header, []string) {
	h, names := http.Header{}, []string{}
	for i := 0; i < len(list); i += 2 {
		h.Set(list[i], list[i+1])
		names = append(names, strings.ToLower(list[i]))
	}
	return h, names
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	const event = `{"specversion":"1.0","id":"7","source":"/mq","type":"mq.full","subject":"q1","time":"2026-11-26T02:00:00Z","partner":"x",
		"data":{"summary":"Queue full","severity":"major","labels":{"channel":"app"},"depth":5}}`
	h, names := headers("Content-Type", "application/cloudevents+json; charset=utf-8")
	d, err := DecodeCloudEvents([]byte(event), names, h.Get)
	if err != nil || len(d.Members) != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	a := d.Members[0]
	if a.Labels["alertname"] != "mq.full" || a.Labels["channel"] != "app" || a.Labels["severity"] != "major" || a.Labels["partner"] != "x" || a.Annotations["depth"] != "5" || !a.StartsAt.Equal(now.Add(-time.Hour)) {
		t.Errorf("%+v", a)
	}
	h, names = headers("Content-Type", "application/json", "Ce-Id", "7", "Ce-Source", "/mq", "Ce-Type", "mq.full", "Ce-Specversion", "1.0", "Ce-Subject", "q%201", "Ce-Time", "2026-11-26T02:00:00Z")
	d, err = DecodeCloudEvents([]byte(`{"summary":"Queue full","severity":"major"}`), names, h.Get)
	if err != nil || d.Members[0].ID() != a.ID() || d.Members[0].Labels["subject"] != "q 1" {
		t.Errorf("binary: %+v, %v", d, err)
	}
	h, names = headers("Content-Type", "application/cloudevents-batch+json")
	d, err = DecodeCloudEvents([]byte("["+event+","+event+"]"), names, h.Get)
	if err != nil || len(d.Members) != 2 {
		t.Errorf("batch: %+v, %v", d, err)
	}
	keyed := strings.Replace(event, `"depth":5`, `"status":"resolved","dedup_key":"q1"`, 1)
	h, names = headers("Content-Type", "application/json") // of a sender that cannot say more
	if d, err = DecodeCloudEvents([]byte(keyed), names, h.Get); err != nil || !d.Members[0].Keyed || !d.Members[0].Resolved {
		t.Errorf("keyed: %+v, %v", d, err)
	}
	for what, body := range map[string]string{
		"no id":               strings.Replace(event, `"id":"7",`, "", 1),
		"another version":     strings.Replace(event, `"1.0"`, `"0.3"`, 1),
		"resolved, of what":   strings.Replace(event, `"depth":5`, `"status":"resolved"`, 1),
		"no object":           `5`,
		"a batch of numbers":  `[5]`,
		"something after it":  event + event,
		"base64 that is none": strings.Replace(event, `"data":{`, `"data_base64":"?","x":{`, 1),
	} {
		if _, err := DecodeCloudEvents([]byte(body), names, h.Get); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestMapping(t *testing.T) {
	t.Parallel()
	m := Mapping{
		Name: "zabbix", Firing: `body["e.status"] == "PROBLEM"`, Resolved: `body["e.status"] == "OK"`, Key: `body["e.id"]`, Alertname: `"Zabbix"`,
		Severity: `lower(body["e.sev"])`, Summary: `body["e.title"]`, Description: `body["e.tags.0"]`, Link: `body["e.url"]`, Labels: []string{`channel=body["e.channel"]`},
	}
	w, err := CompileMapping(m)
	if err != nil {
		t.Fatal(err)
	}
	in, ok, err := w.Alert([]byte(`{"e":{"status":"PROBLEM","id":17,"sev":"HIGH","title":"Full","tags":["x"],"url":"https://z.example","channel":"app"}}`), false)
	want := alert.Incoming{Source: "zabbix", Fingerprint: "17", Keyed: true, Link: "https://z.example"}
	if err != nil || !ok || in.Source != want.Source || in.Fingerprint != "17" || !in.Keyed || in.Labels["severity"] != "high" || in.Labels["channel"] != "app" || in.Annotations["description"] != "x" || in.Link != want.Link {
		t.Errorf("%+v, %v, %v", in, ok, err)
	}
	if in, ok, _ = w.Alert([]byte("e.status=OK&e.id=17"), true); !ok || !in.Resolved {
		t.Errorf("a form: %+v, %v", in, ok)
	}
	if _, ok, err = w.Alert([]byte(`{"e":{"status":"TEST"}}`), false); ok || err != nil {
		t.Errorf("neither: %v, %v", ok, err)
	}
	if _, _, err = w.Alert([]byte(`{"e":{"status":"OK"}}`), false); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("resolved, of what: %v", err)
	}
	any, _ := CompileMapping(Mapping{Name: "any"})
	a, _, _ := any.Alert([]byte(`{"x":1}`), false)
	b, _, _ := any.Alert([]byte(`{"x":2}`), false)
	again, _, _ := any.Alert([]byte(`{"x":1}`), false)
	if a.ID() == b.ID() || a.ID() != again.ID() {
		t.Error("without a key, the body is not the identity")
	}
	for field, change := range map[string]func(*Mapping){
		"firing":  func(m *Mapping) { m.Firing = `body["a"]` },
		"key":     func(m *Mapping) { m.Key = `bod["a"]` },
		"summary": func(m *Mapping) { m.Summary = `body["a"] == "b"` },
		"labels":  func(m *Mapping) { m.Labels = []string{`a b=body["c"]`} },
	} {
		wrong := m
		change(&wrong)
		_, err := CompileMapping(wrong)
		var at *FieldError
		if !errors.As(err, &at) || at.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err = CompileMapping(Mapping{Name: "x", Severity: `"a" + "b"`})
	var place *expression.Error
	if !errors.As(err, &place) || place.Column != 5 {
		t.Errorf("the place of a mistake: %v", err)
	}
	if _, _, err := any.Alert([]byte("{"), false); holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("not JSON: %v", err)
	}
}

const mailText = "From: NOC <noc@Bank.example>\r\nTo: holdfast@pay.example\r\nMessage-ID: <m1@bank.example>\r\nSubject: =?UTF-8?B?5Lit5pat?= of transfers\r\n" +
	"Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>x</b>\r\n--b\r\nContent-Type: text/plain; charset=gbk\r\nContent-Transfer-Encoding: base64\r\n\r\n1tC2zw==\r\n--b--\r\n"

func TestMail(t *testing.T) {
	t.Parallel()
	in, from, err := DecodeMail([]byte(mailText))
	if err != nil || from != "noc@bank.example" || in.Fingerprint != "m1@bank.example" || in.Annotations["summary"] != "中断 of transfers" || in.Annotations["description"] != "中断" {
		t.Errorf("%+v, %s, %v", in, from, err)
	}
	again, _, _ := DecodeMail([]byte("Received: by x\r\n" + mailText))
	if again.ID() != in.ID() {
		t.Error("a mail that came twice is two alerts")
	}
	rich, _, err := DecodeMail([]byte("From: a@b.example\r\nContent-Type: text/html\r\n\r\n<style>p{}</style><p>down &amp; out</p>"))
	if err != nil || rich.Annotations["description"] != "down & out" || rich.Fingerprint == "" {
		t.Errorf("%+v, %v", rich, err)
	}
	for _, bad := range []string{"", "no mail at all", "Subject: x\r\n\r\nno sender"} {
		if _, _, err := DecodeMail([]byte(bad)); holdfast.CodeOf(err) != holdfast.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	allow := Senders{"noc@bank.example", "@Pay.example"}
	for address, want := range map[string]bool{
		"NOC@bank.example": true, "x@pay.example": true, "x@bank.example": false, "x@notpay.example": false, "@pay.example": false, "": false, "noc@bank.example.evil": false,
	} {
		if allow.Allow(address) != want {
			t.Errorf("%q: %v", address, !want)
		}
	}
	if (Senders)(nil).Allow("a@b.example") {
		t.Error("an empty list allows somebody")
	}
}

// Whatever a sender writes where, no card number is left in what would be stored.
func TestCardsAreMasked(t *testing.T) {
	t.Parallel()
	const card = "4111111111111111"
	h, names := headers("Content-Type", "application/cloudevents+json")
	hook, err := CompileMapping(Mapping{
		Name: "m", Key: `body["a"]`, Alertname: `body["a"]`, Severity: `body["a"]`, Summary: `body["a"]`, Description: `body["a"]`, Link: `body["a"]`, Labels: []string{`x=body["a"]`},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func() (alert.Incoming, error){
		"alertmanager": func() (alert.Incoming, error) {
			d, err := alert.DecodeAlertmanager([]byte(strings.ReplaceAll(`{"version":"4","groupKey":"C","alerts":[{"status":"firing","fingerprint":"C","labels":{"a":"C","C":"x"},"annotations":{"summary":"C","C":"C"},"generatorURL":"https://x/C"}]}`, "C", card)))
			return d.Members[0], err
		},
		"grafana": func() (alert.Incoming, error) {
			d, err := alert.DecodeGrafana([]byte(strings.ReplaceAll(`{"alerts":[{"fingerprint":"C","labels":{"C":"C"},"annotations":{"C":"C"},"panelURL":"https://x/C","valueString":"C"}]}`, "C", card)))
			return d.Members[0], err
		},
		"pagerduty": func() (alert.Incoming, error) {
			p, err := DecodePagerDuty([]byte(strings.ReplaceAll(`{"routing_key":"k","event_action":"trigger","dedup_key":"C","client":"C","client_url":"https://x/C","payload":{"summary":"C","source":"C","severity":"critical","component":"C","group":"C","class":"C","custom_details":{"C":"C","n":C}}}`, "C", card)), key)
			return p.Alert, err
		},
		"cloudevents": func() (alert.Incoming, error) {
			d, err := DecodeCloudEvents([]byte(strings.ReplaceAll(`{"specversion":"1.0","id":"C","source":"C","type":"C","subject":"C","ext":"C","data":{"summary":"C","severity":"C","dedup_key":"C","link":"https://x/C","labels":{"C":"C"},"C":C}}`, "C", card)), names, h.Get)
			return d.Members[0], err
		},
		"webhook": func() (alert.Incoming, error) {
			in, _, err := hook.Alert([]byte(`{"a":"`+card+`"}`), false)
			return in, err
		},
		"mail": func() (alert.Incoming, error) {
			in, _, err := DecodeMail([]byte(strings.ReplaceAll("From: C@b.example\r\nMessage-ID: <C>\r\nSubject: C\r\n\r\nC\r\n4111 1111 1111 1111\r\n", "C", card)))
			return in, err
		},
		"report": func() (alert.Incoming, error) {
			return alert.Report{Summary: card, Detail: card, Caller: card, Public: true}.Incoming("id", now)
		},
	} {
		in, err := make()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := fmt.Sprintf("%+v", in.Clean()); strings.Contains(got, card) || strings.Contains(got, "4111 1111 1111 1111") {
			t.Errorf("%s keeps a card number: %s", name, got)
		}
	}
}
