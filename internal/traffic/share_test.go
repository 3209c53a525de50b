package traffic_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"holdfast/internal/traffic"
)

// Wilson's interval holds the true share nearly always, is in [0, 1], and narrows.
func TestWilson(t *testing.T) {
	t.Parallel()
	if low, high := traffic.Wilson(0, 0, 1.96); low != 0 || high != 1 {
		t.Errorf("of nothing: %g to %g", low, high)
	}
	// Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662 at 95 %.
	if low, high := traffic.Wilson(81, 263, 1.96); fmt.Sprintf("%.4f %.4f", low, high) != "0.2553 0.3662" {
		t.Errorf("81 of 263: %.4f to %.4f", low, high)
	}
	rapid.Check(t, func(r *rapid.T) {
		of := rapid.Int64Range(1, 1e9).Draw(r, "of")
		good := rapid.Int64Range(0, of).Draw(r, "good")
		low, high := traffic.Wilson(good, of, 1.96)
		share := float64(good) / float64(of)
		if low < 0 || high > 1 || low > share+1e-9 || high < share-1e-9 {
			r.Fatalf("%d of %d: %g to %g", good, of, low, high)
		}
		if wide, wider := traffic.Wilson(good, of, 3); wide > low+1e-9 || wider < high-1e-9 {
			r.Fatalf("%d of %d: surer is not wider", good, of)
		}
	})
}
