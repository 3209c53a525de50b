package httpgate

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pool hands out connections to the addresses of one primary.
//
// A request takes the address with the fewest requests under way. With as many
// under way as each may have, it waits, in order, for at most queueTime; with
// more waiting than the queue takes, it gets errBusy at once. Where no connection
// can be made the next address is tried: not a byte was written. Never after.
//
// An address is ejected after ejectAfter attempts in a row without an answer, and
// left out for ejectTime. Then it is half open: one request tries it, and what
// becomes of that request decides. With no address left all are used as if
// nothing were known: a gate alone never takes the primary away.
type pool struct {
	addrs      []*upstream
	most       int // requests under way at one address
	queue      int
	queueTime  time.Duration
	ejectAfter int
	ejectTime  time.Duration

	overflow atomic.Int64

	mu      sync.Mutex
	waiting []chan *upstream
	turn    int
}

// errBusy means that the queue for the primary is full, or was waited in for too
// long. Nothing was written.
var errBusy = errors.New("too many requests wait for the primary")

// get returns a live connection. Its error means that nothing was written.
func (p *pool) get(ctx context.Context) (*conn, error) {
	p.mu.Lock()
	u := p.pick(nil)
	p.mu.Unlock()
	if u != nil {
		if c := u.live(); c != nil {
			return c, nil // nothing to wait for, and so no need of a limit to it
		}
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	if u == nil {
		var err error
		if u, err = p.slot(ctx); err != nil {
			return nil, err
		}
	}
	var tried []*upstream
	for {
		c, err := u.get(ctx)
		if err == nil {
			return c, nil
		}
		tried = append(tried, u)
		p.judge(u, false)
		p.free(u)
		if ctx.Err() != nil {
			return nil, err
		}
		if u = p.another(tried); u == nil {
			return nil, err
		}
	}
}

// slot takes a place at an address, or waits for one.
func (p *pool) slot(ctx context.Context) (*upstream, error) {
	p.mu.Lock()
	if u := p.pick(nil); u != nil {
		p.mu.Unlock()
		return u, nil
	}
	if len(p.waiting) >= p.queue {
		p.mu.Unlock()
		p.overflow.Add(1)
		return nil, errBusy
	}
	turn := make(chan *upstream, 1)
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	patience := time.NewTimer(p.queueTime)
	defer patience.Stop()
	select {
	case u := <-turn:
		return u, nil
	case <-patience.C:
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiting, turn); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.overflow.Add(1)
		return nil, errBusy
	}
	return <-turn, nil // it came at the last moment
}

// another takes a place at an address that was not tried, if there is one.
func (p *pool) another(tried []*upstream) *upstream {
	if len(tried) == len(p.addrs) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pick(tried)
}

// pick takes a place at the best address; nil if all are full. The caller holds
// p.mu.
func (p *pool) pick(tried []*upstream) *upstream {
	var best, last *upstream
	p.turn++
	for i := range p.addrs {
		u := p.addrs[(p.turn+i)%len(p.addrs)]
		if u.busy >= p.most || slices.Contains(tried, u) {
			continue
		}
		if last == nil || u.busy < last.busy {
			last = u
		}
		if u.ejected() && (time.Now().Before(u.until) || u.trial) {
			continue
		}
		if u.ejected() {
			best = u // half open: it gets this one request
			break
		}
		if best == nil || u.busy < best.busy {
			best = u
		}
	}
	if best == nil {
		best = last
	}
	if best != nil {
		best.busy++
		best.trial = best.ejected()
	}
	return best
}

// free gives a place back, to whoever waits longest.
func (p *pool) free(u *upstream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.busy--
	u.trial = false
	if len(p.waiting) == 0 {
		return
	}
	if next := p.pick(nil); next != nil {
		p.waiting[0] <- next
		p.waiting = p.waiting[1:]
	}
}

// judge notes whether an attempt at an address got an answer, of any status.
func (p *pool) judge(u *upstream, answered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	u.trial = false
	if answered {
		u.failures, u.until = 0, time.Time{}
		return
	}
	if u.failures++; u.failures >= p.ejectAfter {
		u.until = time.Now().Add(p.ejectTime)
	}
}

// broken reports whether the circuit is open: every address is ejected, and none is due
// to be tried. What can be answered without the primary need not wait for it then.
func (p *pool) broken() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.addrs, func(u *upstream) bool {
		return !u.ejected() || !u.trial && !time.Now().Before(u.until)
	})
}

// silence is how long after the last trial of an ejected address it is taken for dead.
const silence = time.Minute

// dead reports whether every address is ejected and was tried lately: whoever loses
// something by an attempt waits for those who do not. Without payments there is no
// trial, and attempts are the only way to find out.
func (p *pool) dead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !slices.ContainsFunc(p.addrs, func(u *upstream) bool {
		return !u.ejected() || time.Since(u.until) > silence
	})
}

// health tells of each address whether it is in use.
func (p *pool) health(tell func(addr string, up bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.addrs {
		tell(u.addr, !u.ejected())
	}
}

func (p *pool) close() {
	for _, u := range p.addrs {
		u.close()
	}
}

// down lists the addresses that are left out.
func (p *pool) down() (list []string) {
	p.health(func(address string, up bool) {
		if !up {
			list = append(list, address)
		}
	})
	return list
}
