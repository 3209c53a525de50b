package httpcall

import (
	"sync"
	"time"
)

// Pace keeps what is sent to one place below what its provider takes: providers
// answer the surplus with an error at best, and with a ban at worst.
type Pace struct {
	// Most requests go to one place within Per.
	Most int
	Per  time.Duration

	mu   sync.Mutex
	sent map[string][]time.Time
}

// Take takes a place's turn at an instant, or returns how long it has to wait for
// one.
func (p *Pace) Take(place string, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sent == nil {
		p.sent = map[string][]time.Time{}
	}
	list := p.sent[place]
	for len(list) > 0 && !list[0].After(now.Add(-p.Per)) {
		list = list[1:]
	}
	if len(list) < p.Most {
		p.sent[place] = append(list, now)
		return 0
	}
	p.sent[place] = list
	return list[len(list)-p.Most].Add(p.Per).Sub(now)
}
