package customers

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"holdfast/internal/sandbox/told"
)

const (
	// keepSeconds is how many seconds the series holds: ten minutes.
	keepSeconds = 600

	// Latencies are kept from 1 µs to 10 minutes with three significant digits.
	shortest, longest = 1, int64(10 * time.Minute / time.Microsecond)
)

// Counts are what happened in one second, or in all.
type Counts struct {
	// Offered arrivals were due; each is Sent or Dropped.
	Offered int64 `json:"offered"`
	Sent    int64 `json:"sent"`
	Dropped int64 `json:"dropped"`
	// Completed first requests had an answer with any status, Failed ones none.
	Completed int64 `json:"completed"`
	Failed    int64 `json:"failed"`
	// Done and Declined count customers who were told; Resolved those of them who
	// had been in doubt.
	Done     int64 `json:"done"`
	Declined int64 `json:"declined"`
	Resolved int64 `json:"resolved"`
	// Doubted counts customers who came into doubt; GaveUp those who gave up.
	Doubted int64 `json:"doubted"`
	GaveUp  int64 `json:"gave_up"`
	// FollowUps are inquiries of customers in doubt and retries; Postponed those
	// that found no free worker and were put off by a second.
	FollowUps int64 `json:"follow_ups"`
	Postponed int64 `json:"postponed"`
}

func (n *Counts) told(c customer, doubted bool) {
	if !doubted && !c.doubt.IsZero() {
		n.Doubted++
	}
	switch c.state {
	case told.Done:
		n.Done++
	case told.Declined:
		n.Declined++
	case told.GaveUp:
		n.GaveUp++
	}
	if c.state.Settled() && doubted {
		n.Resolved++
	}
}

func (n *Counts) plus(m Counts) {
	n.Offered += m.Offered
	n.Sent += m.Sent
	n.Dropped += m.Dropped
	n.Completed += m.Completed
	n.Failed += m.Failed
	n.Done += m.Done
	n.Declined += m.Declined
	n.Resolved += m.Resolved
	n.Doubted += m.Doubted
	n.GaveUp += m.GaveUp
	n.FollowUps += m.FollowUps
	n.Postponed += m.Postponed
}

// Latency is that of first requests, in milliseconds since they were due. A
// request without an answer counts with the time until it was given up.
type Latency struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
	Max float64 `json:"max_ms"`
}

// Second is one second of traffic.
type Second struct {
	Time time.Time `json:"time"` // its beginning, in UTC
	Counts
	Latency
}

// Totals are all seconds since the start.
type Totals struct {
	Counts
	Latency
	// Open is how many intentions are under way or waiting now, Waiting how many of
	// them wait before they inquire.
	Open    int     `json:"open"`
	Waiting int     `json:"waiting"`
	Rate    float64 `json:"rate"`
}

// collector gathers counts by second.
type collector struct {
	mu      sync.Mutex
	series  []Second // oldest first, at most keepSeconds, whole seconds only
	current Second
	second  *hdrhistogram.Histogram // of current, in µs
	total   Counts                  // without current
	all     *hdrhistogram.Histogram // with current, in µs
}

func newCollector() *collector {
	return &collector{second: hdrhistogram.New(shortest, longest, 3), all: hdrhistogram.New(shortest, longest, 3)}
}

// add counts in the current second. An event that is a little older than it
// counts in it all the same.
func (c *collector) add(at time.Time, count func(*Counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roll(at)
	count(&c.current.Counts)
}

// record counts a first request that has ended.
func (c *collector) record(at time.Time, took time.Duration, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.roll(at)
	if answered {
		c.current.Completed++
	} else {
		c.current.Failed++
	}
	micros := min(longest, max(shortest, took.Microseconds()))
	c.second.RecordValue(micros) // cannot fail: the value is within the range
	c.all.RecordValue(micros)
}

// roll closes the current second if at lies behind it. Seconds in which nothing
// happened stand in the series with zeros.
func (c *collector) roll(at time.Time) {
	at = at.UTC().Truncate(time.Second)
	if c.current.Time.IsZero() {
		c.current.Time = at
	}
	if gap := at.Sub(c.current.Time); gap > keepSeconds*time.Second {
		// Nothing of the series will be left: do not fill a long sleep with zeros.
		c.close(at)
		c.series = nil
		return
	}
	for c.current.Time.Before(at) {
		c.close(c.current.Time.Add(time.Second))
	}
}

func (c *collector) close(next time.Time) {
	c.current.Latency = latency(c.second)
	c.series = append(c.series, c.current)
	if len(c.series) > keepSeconds {
		c.series = append(c.series[:0], c.series[1:]...)
	}
	c.total.plus(c.current.Counts)
	c.second.Reset()
	c.current = Second{Time: next}
}

func latency(h *hdrhistogram.Histogram) Latency {
	ms := func(micros int64) float64 { return float64(micros) / 1000 }
	if h.TotalCount() == 0 {
		return Latency{}
	}
	return Latency{P50: ms(h.ValueAtQuantile(50)), P99: ms(h.ValueAtQuantile(99)), Max: ms(h.Max())}
}

// Seconds returns the whole seconds of the last ten minutes, oldest first.
func (t *Traffic) Seconds() []Second {
	c := t.count
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.current.Time.IsZero() {
		c.roll(time.Now())
	}
	return append([]Second(nil), c.series...)
}

// Totals returns the counts since the start.
func (t *Traffic) Totals() Totals {
	t.mu.Lock()
	totals := Totals{Open: t.open, Waiting: len(t.waiting), Rate: t.rate}
	t.mu.Unlock()
	c := t.count
	c.mu.Lock()
	defer c.mu.Unlock()
	totals.Counts = c.total
	totals.plus(c.current.Counts)
	totals.Latency = latency(c.all)
	return totals
}
