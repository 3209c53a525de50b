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

// put adds tokens. What was lent at a higher rate need not all be paid back at a lower one.
func (p *pace) put(tokens float64) {
	p.tokens = min(max(1, p.top/4), max(-p.rate/4, p.tokens)+tokens)
}

// bound gives way to customers: no more than perSecond from now on, but one.
func (p *pace) bound(now time.Duration, perSecond float64) {
	p.top = min(p.full, max(1, perSecond))
	if p.rate > p.top {
		p.fill(now)
		p.rate = p.top
		p.tokens = min(p.tokens, max(1, p.top/4))
	}
}

// take takes up to most tokens, of which ahead are lent: what is claimed with them waits
// for its turn. It takes half of those at once or none, and an eightieth of a second's at
// least, so that the attempts of several are made durable together; or it says how long
// it takes until there are as many.
func (p *pace) take(now time.Duration, most, ahead int) (n int, wait time.Duration) {
	p.fill(now)
	there, least := p.tokens+float64(ahead), max(1, p.top/80, float64(ahead)/2)
	if there < least {
		return 0, max(shortestWait, time.Duration((least-there)/p.rate*float64(time.Second)))
	}
	n = min(int(there), most)
	p.tokens -= float64(n)
	return n, 0
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

// recent counts what began in this quarter of a second, longestAhead, and in the one before.
type recent struct {
	quarter     int64
	now, before int
}

func (r *recent) pass(at time.Duration) {
	switch q := int64(at / longestAhead); {
	case q == r.quarter+1:
		r.quarter, r.now, r.before = q, 0, r.now
	case q > r.quarter:
		r.quarter, r.now, r.before = q, 0, 0
	}
}

func (r *recent) add(at time.Duration) {
	r.pass(at)
	r.now++
}

// of is how many begin in a quarter of a second, as far as the last two tell.
func (r *recent) of(at time.Duration) int {
	r.pass(at)
	return max(r.now, r.before)
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
