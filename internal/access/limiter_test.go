package access

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"holdfast"
)

func TestLimiter(t *testing.T) {
	l, c := NewLimiter(5*time.Second, 3, 10), newClock()
	steps := []struct {
		advance time.Duration
		key     string
		wait    time.Duration // 0: taken
	}{
		{0, "a", 0}, {0, "a", 0}, {0, "a", 0},
		{0, "a", 5 * time.Second},
		{0, "b", 0},
		{3 * time.Second, "a", 2 * time.Second},
		{2 * time.Second, "a", 0},
		{0, "a", 5 * time.Second},
		{time.Hour, "a", 0}, {0, "a", 0}, {0, "a", 0},
		{0, "a", 5 * time.Second},
	}
	for i, s := range steps {
		c.advance(s.advance)
		err := l.Take(s.key, c.now)
		if s.wait == 0 {
			wantCode(t, err, "")
			continue
		}
		wantCode(t, err, holdfast.TooMany)
		var wait Wait
		if !errors.As(err, &wait) || wait.RetryAfter().Round(time.Millisecond) != s.wait {
			t.Errorf("step %d: wait %v, want %v", i, wait, s.wait)
		}
	}
}

func TestLimiterForgetsTheLeastRecent(t *testing.T) {
	l, c := NewLimiter(time.Minute, 1, 2), newClock()
	for _, key := range []string{"a", "b"} {
		wantCode(t, l.Take(key, c.now), "")
	}
	wantCode(t, l.Take("a", c.now), holdfast.TooMany) // a is used again
	wantCode(t, l.Take("c", c.now), "")               // b goes
	wantCode(t, l.Take("a", c.now), holdfast.TooMany)
	wantCode(t, l.Take("b", c.now), "")
}

// TestLimiterLaw: in any time, no key gets more than its burst and its refill,
// and the table stays within its bound.
func TestLimiterLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const every, burst, size = time.Second, 3, 4
		l, c := NewLimiter(every, burst, size), newClock()
		start, taken := c.now, 0
		for range rapid.IntRange(1, 60).Draw(t, "tries") {
			c.advance(time.Duration(rapid.IntRange(0, 900).Draw(t, "ms")) * time.Millisecond)
			if l.Take("it", c.now) == nil {
				taken++
			}
			other := fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "other"))
			l.Take(other, c.now)
			if len(l.buckets) > size || l.recent.Len() != len(l.buckets) {
				t.Fatalf("%d buckets, %d in the list", len(l.buckets), l.recent.Len())
			}
		}
		if most := burst + int(c.now.Sub(start)/every); taken > most {
			t.Fatalf("%d taken, %d is the most", taken, most)
		}
	})
}

func TestWaitSeconds(t *testing.T) {
	for wait, want := range map[time.Duration]int{0: 1, time.Millisecond: 1, time.Second: 1, 1001 * time.Millisecond: 2} {
		if got := Wait(wait).Seconds(); got != want {
			t.Errorf("%v is %d s", wait, got)
		}
	}
}

func TestClientKey(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":      "2001:db8:1:3::/64",
		"fe80::1%eth0":         "fe80::/64",
	} {
		if got := ClientKey(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s is %s, want %s", addr, got, want)
		}
	}
}
