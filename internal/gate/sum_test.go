package gate

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Over any time a cap admits no more than it says and one payment beyond, and it does
// not stay shut.
func TestSum(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		perSecond := float64(rapid.IntRange(10, 100_000).Draw(r, "cap"))
		s := newSum(perSecond)
		begun := time.Hour
		boot, admitted, largest := begun, 0.0, 0.0
		for range rapid.IntRange(1, 60).Draw(r, "payments") {
			boot += time.Duration(rapid.IntRange(0, 500).Draw(r, "ms")) * time.Millisecond
			amount := rapid.Int64Range(1, 200_000).Draw(r, "amount")
			if s.take(amount, boot) {
				admitted, largest = admitted+float64(amount), max(largest, float64(amount))
			}
			if most := perSecond*(boot-begun).Seconds() + perSecond/10 + largest; admitted > most+1e-6 {
				r.Fatalf("in %v were admitted %g, at most %g", boot-begun, admitted, most)
			}
		}
		if !s.take(1, boot+time.Duration((admitted/perSecond+1)*float64(time.Second))) {
			r.Fatal("it stays shut")
		}
	})
}

func TestNoSum(t *testing.T) {
	t.Parallel()
	s := newSum(0) // a gate without a part of the cap
	for i := range 3 {
		if s.take(1, time.Duration(i+1)*time.Hour) {
			t.Error("a gate without a part of the cap admits")
		}
	}
}
