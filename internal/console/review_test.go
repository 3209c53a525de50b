package console

import (
	"net/netip"
	"testing"
	"time"

	"holdfast"
	"holdfast/internal/web"
)

// Whoever came by a link reads as fast as people do, and no faster for long; others
// are not held up by it, and guessing is bounded more tightly.
func TestLinksAreBounded(t *testing.T) {
	t.Parallel()
	g, now := newGuests(), time.Unix(1e9, 0)
	v := &visit{req: web.Request{Client: netip.MustParseAddr("192.0.2.1")}}
	taken := func(page string, err error, tries int) (n int) {
		for range tries {
			if g.bound(v, page, err, now) == nil {
				n++
			}
		}
		return n
	}
	if n := taken("/read/p/2/amy", nil, 1000); n != readBurst {
		t.Errorf("%d reads at once", n)
	}
	if err := g.bound(v, "/read/p/2/amy", nil, now); holdfast.CodeOf(err) != holdfast.TooMany {
		t.Error(err)
	}
	if n := taken("/review/d1/o1", nil, 3); n != 3 {
		t.Errorf("another link got %d of 3 pages", n)
	}
	if n := taken("/review/d1/o1", holdfast.Errorf(holdfast.NotFound, "no"), 1000); n != guessBurst {
		t.Errorf("%d guesses at once", n)
	}
	now = now.Add(10 * readEvery)
	if n := taken("/read/p/2/amy", nil, 1000); n != 10 {
		t.Errorf("%d reads after a while", n)
	}
	if err := g.bound(v, "/review/d1/o1", holdfast.Errorf(holdfast.Conflict, "run out"), now); err != nil {
		t.Error(err)
	}
}
