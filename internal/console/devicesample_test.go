package console

import (
	"net/http/httptest"
	"strings"
	"testing"

	"holdfast/internal/device"
)

var deviceSamples = []device.Device{
	{ID: "d-0123456789abcdef", Person: "mei", Label: "phone", Service: "push.example.org", Registered: past},
	{ID: "d-fedcba9876543210", Person: "mei", Service: "push.example.org", Registered: past, Gone: past},
}

// The worker has to be found at the root, as a script, and anew each time.
func TestServiceWorker(t *testing.T) {
	t.Parallel()
	c := &Console{}
	if err := c.screens.parse(); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	c.worker(w, httptest.NewRequest("GET", "/"+workerFile, nil))
	if h := w.Header(); h.Get("Content-Type") != "text/javascript; charset=utf-8" || h.Get("Cache-Control") != "no-cache" {
		t.Errorf("headers: %v", h)
	}
	if script := w.Body.String(); !strings.Contains(script, "showNotification") || !strings.Contains(script, "notificationclick") {
		t.Errorf("script: %s", script)
	}
}
