package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"holdfast/internal/access"
	"holdfast/internal/intake"
	"holdfast/internal/view"
)

// ways is a node that takes in whatever there is a way for.
func ways(t *testing.T) *inbox {
	t.Helper()
	in := newIntake(t)
	hook, err := intake.CompileMapping(intake.Mapping{Name: "zabbix", Key: `body["id"]`, Resolved: `body["s"] == "OK"`, Firing: `body["s"] == "P"`, Summary: `body["t"]`})
	if err != nil {
		t.Fatal(err)
	}
	in.api.Ways = Ways{Grafana: intake.Signature{Secrets: []string{"s"}, Header: "X-Grafana-Alerting-Signature"}, Webhooks: []*intake.Webhook{hook}}
	return in
}

func (in *inbox) send(path, token, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/api/v1"+path, strings.NewReader(body))
	r.Host = "localhost"
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	in.handler.ServeHTTP(w, r)
	return w
}

// firing lists the alerts that fire, by source and title.
func (in *inbox) firing(t *testing.T) string {
	t.Helper()
	var list []string
	for _, a := range get[view.Page[view.Alert]](t, in.node, in.reader, "/alerts").Items {
		if a.Firing {
			list = append(list, a.Source+": "+a.Title)
		}
	}
	return strings.Join(list, ", ")
}

// An event opens, repeats, is taken up, ends, and opens anew, as PagerDuty's senders
// have it; the answers are PagerDuty's.
func TestPagerDutyOverItsLife(t *testing.T) {
	t.Parallel()
	in := ways(t)
	event := func(action, key string) *httptest.ResponseRecorder {
		return in.send("/intake/pagerduty/v2/enqueue", "", fmt.Sprintf(`{"routing_key":%q,"event_action":%q,"dedup_key":"k","payload":{"summary":"Queue full","source":"mq","severity":"critical"}}`, key, action))
	}
	for range 2 {
		if w := event("trigger", in.sender); w.Code != 202 || !strings.Contains(w.Body.String(), `"dedup_key":"k"`) || !strings.Contains(w.Body.String(), "Event processed") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	in.wantFacts(t, "triggered twice", "alert.received")
	event("acknowledge", in.sender)
	event("resolve", in.sender)
	event("resolve", in.sender)
	in.wantFacts(t, "ended", "alert.received", "alert.acknowledged", "alert.resolved")
	event("trigger", in.sender)
	in.wantFacts(t, "again", "alert.received", "alert.acknowledged", "alert.resolved", "alert.refired") // the test's clock stands: it is the same start
	if w := event("trigger", "hf_none"); w.Code != 400 || !strings.Contains(w.Body.String(), "invalid event") {
		t.Errorf("a key that is none: %d %s", w.Code, w.Body)
	}
	if w := event("trigger", in.reader); w.Code != 403 {
		t.Errorf("a token that may not: %d %s", w.Code, w.Body)
	}
	if w := event("explode", in.sender); w.Code != 400 || !strings.Contains(w.Body.String(), "'event_action'") {
		t.Errorf("an action that is none: %d %s", w.Code, w.Body)
	}
}

func TestOtherWays(t *testing.T) {
	t.Parallel()
	in := ways(t)
	const grafana = `{"version":"1","status":"firing","alerts":[{"status":"firing","fingerprint":"f","startsAt":"2026-11-26T00:00:00Z","labels":{"alertname":"G"},"annotations":{"summary":"From Grafana"}}]}`
	mac := hmac.New(sha256.New, []byte("s"))
	mac.Write([]byte(grafana))
	if w := in.send("/intake/grafana", in.sender, grafana); w.Code != 401 {
		t.Errorf("unsigned: %d %s", w.Code, w.Body)
	}
	if w := in.send("/intake/grafana", in.sender, grafana, "X-Grafana-Alerting-Signature", hex.EncodeToString(mac.Sum(nil))); w.Code != 204 {
		t.Errorf("signed: %d %s", w.Code, w.Body)
	}
	if w := in.send("/intake/cloudevents", in.sender, `{"summary":"From a bus"}`, "ce-id", "1", "ce-source", "/b", "ce-type", "t", "ce-specversion", "1.0"); w.Code != 204 {
		t.Errorf("a CloudEvent: %d %s", w.Code, w.Body)
	}
	if w := in.send("/intake/webhooks/zabbix", in.sender, `{"s":"P","id":"1","t":"From Zabbix"}`); w.Code != 204 {
		t.Errorf("a webhook: %d %s", w.Code, w.Body)
	}
	if got := in.firing(t); got != "zabbix: From Zabbix, cloudevents: From a bus, grafana: From Grafana" {
		t.Errorf("firing: %s", got)
	}
	if w := in.send("/intake/webhooks/zabbix", in.sender, "s=OK&id=1", "Content-Type", "application/x-www-form-urlencoded"); w.Code != 204 {
		t.Errorf("a form: %d %s", w.Code, w.Body)
	}
	if got := in.firing(t); strings.Contains(got, "zabbix") {
		t.Errorf("ended, and firing: %s", got)
	}
	for path, most := range map[string]int{"/intake/cloudevents": intake.MaxCloudEvents, "/intake/webhooks/zabbix": intake.MaxWebhook, "/intake/pagerduty/v2/enqueue": intake.MaxPagerDuty} {
		if w := in.send(path, in.sender, `"`+strings.Repeat("a", most)+`"`); w.Code != 413 {
			t.Errorf("%s takes more than its limit: %d", path, w.Code)
		}
	}
	if w := in.send("/intake/webhooks/none", in.sender, "{}"); w.Code != 404 {
		t.Errorf("no such mapping: %d", w.Code)
	}
}

// Trying a mapping stores nothing, and says where a mistake is.
func TestTry(t *testing.T) {
	t.Parallel()
	in := ways(t)
	try := func(summary, body string) (got Tried) {
		t.Helper()
		content, err := json.Marshal(Try{Mapping: intake.Mapping{Name: "x", Summary: summary}, Body: body})
		if err != nil {
			t.Fatal(err)
		}
		w := in.call("POST", "/intake/try", in.reader, string(content))
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return got
	}
	if got := try(`body["a"]`, `{"a":"4111111111111111 is down"}`); got.Alert == nil || strings.Contains(got.Alert.Title, "4111111111111111") || !strings.Contains(got.Alert.Title, "is down") {
		t.Errorf("%+v", got)
	}
	if got := try(`bod["a"]`, `{}`); got.Field != "summary" || got.Column != 4 || got.Problem == "" {
		t.Errorf("%+v", got)
	}
	if got := try(`body["a"]`, `{`); got.Field != "" || got.Problem == "" {
		t.Errorf("%+v", got)
	}
	in.wantFacts(t, "trying")
}

// An alert that was grouped wrongly is found by search, and taken out.
func TestSearchAndRegroup(t *testing.T) {
	t.Parallel()
	in := ways(t)
	duty := in.token(t, access.RunIncident, access.Read)
	var ids []string
	for _, name := range []string{"a", "b"} {
		in.send("/intake/webhooks/zabbix", in.sender, `{"s":"P","id":"`+name+`","t":"Queue `+name+` is full"}`)
	}
	for _, a := range get[view.Page[view.Alert]](t, in.node, in.reader, "/alerts?q=QUEUE+full&source=zabbix").Items {
		ids = append(ids, a.ID)
	}
	if len(ids) != 2 || get[view.Page[view.Alert]](t, in.node, in.reader, "/alerts?q=nothing").Total != 0 {
		t.Fatalf("found: %q", ids)
	}
	w := in.call("POST", "/incidents", duty, fmt.Sprintf(`{"title":"both","alerts":[%q,%q]}`, ids[0], ids[1]))
	if w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := in.call("POST", "/alerts/"+ids[1]+"/regroup", duty, `{"reason":"another queue"}`); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	moved := get[view.Alert](t, in.node, in.reader, "/alerts/"+ids[1])
	if len(moved.Moves) != 1 || moved.Moves[0].Reason != "another queue" || moved.Moves[0].To != moved.Incident {
		t.Errorf("%+v", moved.Moves)
	}
	if list := get[view.Page[view.Alert]](t, in.node, in.reader, "/alerts?incident="+moved.Incident); list.Total != 1 {
		t.Errorf("its new incident has %d alerts", list.Total)
	}
}
