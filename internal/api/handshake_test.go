package api

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"holdfast/internal/access"
)

// A sender that asks whether its CloudEvents are welcome is told so by origin or by
// token; nobody else is, and no delivery gets in without a token for it.
func TestCloudEventsHandshake(t *testing.T) {
	t.Parallel()
	in := ways(t)
	in.api.Ways.Origins = []string{"events.example.net"}
	token, reader := in.token(t, access.DeliverAlerts), in.token(t, access.Read)
	ask := func(token string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("OPTIONS", "/api/v1/intake/cloudevents", nil)
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
	for name, tt := range map[string]struct {
		token   string
		headers []string
		code    int
		rate    string
	}{
		"listed":            {"", []string{"WebHook-Request-Origin", "Events.Example.net"}, 200, ""},
		"with a rate":       {"", []string{"WebHook-Request-Origin", "events.example.net", "WebHook-Request-Rate", "120"}, 200, "120"},
		"with any rate":     {"", []string{"WebHook-Request-Origin", "events.example.net", "WebHook-Request-Rate", "*"}, 200, "10000"},
		"with too high one": {"", []string{"WebHook-Request-Origin", "events.example.net", "WebHook-Request-Rate", "99999999"}, 200, "10000"},
		"with a token":      {token, []string{"WebHook-Request-Origin", "other.example.net"}, 200, ""},
		"a token to read":   {reader, []string{"WebHook-Request-Origin", "other.example.net"}, 403, ""},
		"unknown":           {"", []string{"WebHook-Request-Origin", "other.example.net"}, 403, ""},
		"nobody":            {token, nil, 400, ""},
	} {
		w := ask(tt.token, tt.headers...)
		origin := ""
		if tt.code == 200 {
			origin = tt.headers[1]
		}
		got := fmt.Sprint(w.Code, " ", w.Header().Get("WebHook-Allowed-Origin"), " ", w.Header().Get("WebHook-Allowed-Rate"))
		if want := fmt.Sprint(tt.code, " ", origin, " ", tt.rate); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	event := `{"specversion":"1.0","id":"1","source":"s","type":"down","data":{"status":"firing"}}`
	if w := in.send("/intake/cloudevents", "", event, "Content-Type", "application/cloudevents+json", "WebHook-Request-Origin", "events.example.net"); w.Code != 401 {
		t.Errorf("without a token an event is answered %d", w.Code)
	}
}
