package forwarder

import "time"

// pace says how many requests may be claimed now: tokens fill a bucket that holds a
// quarter of a second's, for claims that took long.
//
// What the primary has to spare is measured by what it answers. When of a second's
// requests more than a tenth got no answer the pace is halved, else it grows by a
// twentieth of the budget, up to that and to what customers leave.
type pace struct {
	full   float64 // tokens a second when all is well
	top    float64 // tokens a second that customers leave of them now
	rate   float64 // tokens a second now
	tokens float64
	at     time.Duration

	since         time.Duration // when the second began in which answers are counted
	good, missing int
}

func newPace(perSecond int, now time.Duration) *pace {
	return &pace{full: float64(perSecond), top: float64(perSecond), rate: float64(perSecond), at: now, since: now}
}

func (p *pace) fill(now time.Duration) {
	p.put(p.rate * max(0, now-p.at).Seconds())
	p.at = now
}

func (p *pace) put(tokens float64) { p.tokens = min(max(1, p.top/4), p.tokens+tokens) }

// bound gives way to customers: no more than perSecond from now on, but one.
func (p *pace) bound(now time.Duration, perSecond float64) {
	p.top = min(p.full, max(1, perSecond))
	if p.rate > p.top {
		p.fill(now)
		p.rate = p.top
		p.tokens = min(p.tokens, max(1, p.top/4))
	}
}

// take takes up to most tokens.
func (p *pace) take(now time.Duration, most int) int {
	p.fill(now)
	n := min(int(p.tokens), most)
	p.tokens -= float64(n)
	return n
}

// wait is how long it takes until there is enough to take: those of an eightieth of a
// second, so that the attempts of several are made durable at once.
func (p *pace) wait() time.Duration {
	return max(time.Millisecond, time.Duration((max(1, p.top/80)-p.tokens)/p.rate*float64(time.Second)))
}

// window lets no more begin in any second than it has places.
type window struct {
	begun []time.Duration // each place: one second after its request began
	next  int
}

// enter takes the place that is free the soonest, or says how long it is not.
func (w *window) enter(now time.Duration) time.Duration {
	if wait := w.begun[w.next] - now; wait > 0 {
		return wait
	}
	w.begun[w.next] = now + time.Second
	w.next = (w.next + 1) % len(w.begun)
	return 0
}

// heard counts an answer, or that there was none.
func (p *pace) heard(now time.Duration, answered bool) {
	if now-p.since >= time.Second {
		switch {
		case p.missing*10 > p.good+p.missing:
			p.fill(now)
			p.rate = max(p.rate/2, min(1, p.full))
		case p.good > 0:
			p.fill(now)
			p.rate = min(p.top, p.rate+p.full/20)
		}
		p.since, p.good, p.missing = now, 0, 0
	}
	if answered {
		p.good++
	} else {
		p.missing++
	}
}
