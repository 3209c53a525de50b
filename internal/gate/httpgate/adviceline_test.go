package httpgate

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/gate/httpgate/accesslog"
	"holdfast/internal/posture"
)

// The access log says of each advice what became of it, without its body.
func TestAccessLogOfAdvices(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access")
	access, err := accesslog.Open(path, 1<<20, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	r, a, w := advised(t, created)
	r.server.access = access
	r.server.StandIn(nil, a)
	if _, err := a.Deliver(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	r.enforce(5, posture.Set{}, stopAll)
	a.Deliver(t.Context(), w)
	w.Attempt.Inquiry = true
	a.Deliver(t.Context(), w)
	written, cancel := context.WithCancel(t.Context())
	cancel()
	if err := access.Run(written); err != nil {
		t.Fatal(err)
	}
	var lines []accessLine
	for text := range strings.Lines(readFile(t, path)) {
		var l accessLine
		if err := json.Unmarshal([]byte(text), &l); err != nil || l.Time.IsZero() || l.Ms < 0 {
			t.Fatalf("%q: %v", text, err)
		}
		l.Time, l.Ms = time.Time{}, 0
		lines = append(lines, l)
	}
	want := []accessLine{
		{Advice: "delivery", Route: "pay", Kind: "payment", Identity: "k1", Status: 201, Outcome: "done"},
		{Advice: "delivery", Route: "pay", Kind: "payment", Identity: "k1", Attempt: "not-forwarded"},
		{Advice: "inquiry", Route: "pay", Kind: "payment", Identity: "k1", Status: 201, Outcome: "unknown"},
	}
	if !slices.Equal(lines, want) {
		t.Errorf("%+v, want %+v", lines, want)
	}
}
