package httpgate

import (
	"runtime"
	"sync/atomic"
	"time"
)

// crowd tells whether payments come one upon the other. Where they do, one that
// is about to write lets those go first that have still to read, and one that is
// about to read an answer those that have still to write. So writes come together:
// the primary is woken once for many of them, and answers are there when they are
// looked for. Where payments are few that would only cost.
type crowd struct {
	start time.Time
	last  atomic.Int64 // when the last one came, in ns after start
	close time.Duration
}

// elbow is how closely payments follow each other on one processor that has
// little time left: each takes about 20 µs.
const elbow = 50 * time.Microsecond

func newCrowd() *crowd {
	return &crowd{start: time.Now(), close: elbow / time.Duration(runtime.GOMAXPROCS(0))}
}

// enter notes a payment that comes now, and reports whether it is one of many.
func (c *crowd) enter(now time.Time) bool {
	at := int64(now.Sub(c.start))
	return time.Duration(at-c.last.Swap(at)) < c.close
}

// giveWay lets others run first, if there are many.
func giveWay(many bool) {
	if many {
		runtime.Gosched()
	}
}
