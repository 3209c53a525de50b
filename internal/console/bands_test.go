package console

import (
	"os"
	"strings"
	"testing"
)

// Each state of the band but the quiet one has a colour of its own, and all have a sign: colour
// never stands alone.
func TestBandsAreTold(t *testing.T) {
	t.Parallel()
	css, err := os.ReadFile("static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range bands {
		if sign(state) == "" {
			t.Errorf("%s has no sign", state)
		}
		if state != "normal" && !strings.Contains(string(css), ".band-"+state+",") && !strings.Contains(string(css), ".band-"+state+" ") {
			t.Errorf("%s has no colour", state)
		}
	}
}
