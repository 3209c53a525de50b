package forwarder

import "time"

// pace says how many requests may begin now. In no second do more begin than the
// budget: the bucket holds a fortieth of it, and fills by so much less.
//
// What the primary has to spare is measured by what it answers. When of a second's
// requests more than a tenth got no answer the pace is halved, else it grows by a
// twentieth of the budget, up to that.
type pace struct {
	full   float64 // tokens a second when all is well
	size   float64 // of the bucket
	rate   float64 // tokens a second now
	tokens float64
	at     time.Duration

	since         time.Duration // when the second began in which answers are counted
	good, missing int
}

func newPace(perSecond int, now time.Duration) *pace {
	size := max(1, float64(perSecond/40))
	full := float64(perSecond) + 1 - size
	return &pace{full: full, size: size, rate: full, at: now, since: now}
}

func (p *pace) fill(now time.Duration) {
	p.tokens = min(p.size, p.tokens+p.rate*max(0, now-p.at).Seconds())
	p.at = now
}

// take takes up to most tokens.
func (p *pace) take(now time.Duration, most int) int {
	p.fill(now)
	n := min(int(p.tokens), most)
	p.tokens -= float64(n)
	return n
}

// giveBack returns what was not used.
func (p *pace) giveBack(n int) { p.tokens = min(p.size, p.tokens+float64(n)) }

// wait is how long it takes until there is enough to take: half a bucket, so that
// the attempts of several are made durable at once.
func (p *pace) wait() time.Duration {
	return max(time.Millisecond, time.Duration((max(1, p.size/2)-p.tokens)/p.rate*float64(time.Second)))
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
			p.rate = min(p.full, p.rate+p.full/20)
		}
		p.since, p.good, p.missing = now, 0, 0
	}
	if answered {
		p.good++
	} else {
		p.missing++
	}
}
