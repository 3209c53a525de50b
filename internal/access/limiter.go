package access

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"holdfast"
)

// Limiter is a table of token buckets, one for each key. It holds at most a
// stated number of them and forgets the one not used for the longest time, which
// has usually filled up by then and so says nothing.
type Limiter struct {
	every time.Duration
	burst int
	size  int

	mu      sync.Mutex
	buckets map[string]*list.Element // of *bucket
	recent  *list.List               // the last used in front
}

type bucket struct {
	key   string
	limit *rate.Limiter
}

// NewLimiter makes a table of size buckets. Each starts with burst tokens and
// gets one more at each interval of every, up to burst.
func NewLimiter(every time.Duration, burst, size int) *Limiter {
	return &Limiter{every: every, burst: burst, size: size, buckets: map[string]*list.Element{}, recent: list.New()}
}

// Take takes a token from key's bucket. If there is none it returns an error
// with code TooMany and, in its chain, a [Wait].
func (l *Limiter) Take(key string, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.bucket(key)
	if limit.AllowN(now, 1) {
		return nil
	}
	missing := 1 - limit.TokensAt(now)
	wait := Wait(missing * float64(l.every))
	return holdfast.Errorf(holdfast.TooMany, "too many attempts; try again in %d s", wait.Seconds()).Because(wait)
}

func (l *Limiter) bucket(key string) *rate.Limiter {
	if e, ok := l.buckets[key]; ok {
		l.recent.MoveToFront(e)
		return e.Value.(*bucket).limit
	}
	if l.recent.Len() >= l.size {
		oldest := l.recent.Back()
		delete(l.buckets, oldest.Value.(*bucket).key)
		l.recent.Remove(oldest)
	}
	b := &bucket{key: key, limit: rate.NewLimiter(rate.Every(l.every), l.burst)}
	l.buckets[key] = l.recent.PushFront(b)
	return b.limit
}

// Wait is the cause of an error that trying later mends: how long to wait.
type Wait time.Duration

func (w Wait) Error() string { return "wait " + time.Duration(w).String() }

// RetryAfter returns the time to wait.
func (w Wait) RetryAfter() time.Duration { return time.Duration(w) }

// Seconds is the wait in whole seconds, rounded up, at least one.
func (w Wait) Seconds() int {
	return max(1, int((time.Duration(w)+time.Second-1)/time.Second))
}

// ClientKey names the client at an address in a [Limiter]. An IPv6 client can
// take any address of its /64 network, so all of them count as one.
func ClientKey(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}
