package webhook

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/incident"
)

func automation(t *testing.T, url string) *Automation {
	t.Helper()
	secret := "whsec_" + base64.StdEncoding.EncodeToString(key)
	a, err := NewAutomation(func() time.Time { return now }, []Endpoint{{Name: "isolate", URL: url, Secret: secret}, {Name: "block", URL: url, Secret: secret}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Calls are signed as notices are, and each answer says whether the call may be made
// again without doing something twice.
func TestAutomation(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + gone.Addr().String()
	gone.Close()
	answer := func(status int) string {
		return receiver(t, nil, func(w http.ResponseWriter, r *http.Request) {
			if id := r.Header.Get("Webhook-Id"); id != "k1" {
				t.Errorf("the key is %q", id)
			}
			w.WriteHeader(status)
			io.WriteString(w, "card 4111 1111 1111 1111")
		})
	}
	silent := receiver(t, nil, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	for name, tt := range map[string]struct {
		url    string
		result string
		safe   bool
		status int
	}{
		"taken":     {answer(202), incident.HookDone, false, 202},
		"refused":   {answer(403), incident.HookRefused, false, 403},
		"put off":   {answer(429), incident.HookFailed, true, 429},
		"broken":    {answer(500), incident.HookFailed, false, 500},
		"elsewhere": {answer(307), incident.HookFailed, false, 307},
		"nobody":    {nobody, incident.HookFailed, true, 0},
		"no answer": {silent, incident.HookUnknown, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit := time.Minute
			if tt.url == silent {
				limit = 50 * time.Millisecond
			}
			e := automation(t, tt.url).Call(t.Context(), "isolate", "k1", []byte(`{"a":1}`), limit)
			if e.Result != tt.result || e.Safe != tt.safe || e.Status != tt.status || e.Answer == "" || strings.Contains(e.Answer, "1111 1111 1111") {
				t.Errorf("%+v", e)
			}
		})
	}
	a := automation(t, nobody)
	if e := a.Call(context.Background(), "other", "k1", nil, time.Second); e.Result != incident.HookFailed || !e.Safe || !strings.Contains(e.Answer, "other") {
		t.Errorf("an endpoint that is not there: %+v", e)
	}
	if got := strings.Join(a.Endpoints(), " "); got != "block isolate" {
		t.Errorf("endpoints %s", got)
	}
	_, err = NewAutomation(time.Now, []Endpoint{{Name: "isolate", URL: nobody, Secret: "whsec_c2hvcnQ=", Setting: "automation.endpoints[0].secret"}})
	if holdfast.CodeOf(err) != holdfast.Invalid {
		t.Errorf("a short key: %v", err)
	}
}
