package httpgate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"holdfast/internal/config"
)

// newPoolRig starts a gate in front of several backends; change changes its
// settings.
func newPoolRig(t *testing.T, change func(*config.Gate), scripts ...script) (*rig, []*backend) {
	t.Helper()
	var backs []*backend
	for _, s := range scripts {
		backs = append(backs, newBackend(t, s))
	}
	r := &rig{t: t, back: backs[0], log: &lockedBuffer{}}
	conf := gateSettings(t, backs[0].addr)
	for _, b := range backs[1:] {
		conf.Primary.Others = append(conf.Primary.Others, config.URL("http://"+b.addr))
	}
	if change != nil {
		change(&conf)
	}
	r.start(conf, time.Now)
	return r, backs
}

func (r *rig) health() map[string]bool {
	up := map[string]bool{}
	r.primary.up.health(func(addr string, is bool) { up[addr] = is })
	return up
}

func TestPoolSpreads(t *testing.T) {
	t.Parallel()
	r, backs := newPoolRig(t, nil, created, created, created)
	for i := range 30 {
		r.want(r.post("/v1/payments", fmt.Sprint("k", i), goodPayment), 201, "", "")
	}
	for i, b := range backs {
		if n := len(b.requests()); n != 10 {
			t.Errorf("address %d got %d of 30 requests", i, n)
		}
	}
}

// An address that cannot be connected to costs no payment: not a byte was
// written, so the next one is tried. After some attempts it is left out.
func TestPoolGoesRoundADeadAddress(t *testing.T) {
	t.Parallel()
	r, backs := newPoolRig(t, func(c *config.Gate) {
		c.Primary.EjectAfter, c.Primary.EjectTime = 3, config.Duration(time.Hour)
	}, created, created)
	backs[1].close()
	for i := range 20 {
		r.want(r.post("/v1/payments", fmt.Sprint("k", i), goodPayment), 201, "", "")
	}
	if n := len(backs[0].requests()); n != 20 {
		t.Errorf("%d of 20 payments were done", n)
	}
	if up := r.health(); !up[backs[0].addr] || up[backs[1].addr] {
		t.Errorf("health %v", up)
	}
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(r.server.Metrics()); err != nil {
		t.Fatal(err)
	}
	if text := gather(t, registry); !strings.Contains(text, "holdfast_gate_primary_up "+backs[1].addr+" 0") {
		t.Errorf("metrics:\n%s", text)
	}
	// With every address left out all are used: a gate never takes the primary away
	// by itself.
	backs[0].close()
	for i := range 5 {
		r.want(r.post("/v1/payments", fmt.Sprint("l", i), goodPayment), 502, "unreachable", "not-forwarded")
	}
	if up := r.health(); up[backs[0].addr] {
		t.Errorf("health %v", up)
	}
}

// After a byte was written nothing is tried again, at no address.
func TestPoolNeverSendsTwice(t *testing.T) {
	t.Parallel()
	r, backs := newPoolRig(t, nil, say(true), say(true), say(true))
	for i := range 9 {
		r.want(r.post("/v1/payments", fmt.Sprint("k", i), goodPayment), 504, "unknown", "unknown")
	}
	n := 0
	for _, b := range backs {
		n += len(b.requests())
	}
	if n != 9 {
		t.Errorf("9 payments became %d requests", n)
	}
}

// A half-open address gets one request; what becomes of that decides.
func TestPoolHalfOpen(t *testing.T) {
	t.Parallel()
	p := &pool{most: 10, queue: 0, ejectAfter: 2, ejectTime: time.Hour}
	a, b := &upstream{addr: "a", pool: p}, &upstream{addr: "b", pool: p}
	p.addrs = []*upstream{a, b}
	pick := func() *upstream {
		t.Helper()
		u, err := p.slot(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	p.judge(a, false)
	if a.ejected() {
		t.Error("one failure ejects")
	}
	p.judge(a, true)
	p.judge(a, false)
	if a.ejected() {
		t.Error("an answer between does not count")
	}
	p.judge(a, false)
	for range 4 {
		if u := pick(); u != b {
			t.Errorf("%s is used while it is ejected", u.addr)
		}
	}
	a.until = time.Now().Add(-time.Second)
	if u := pick(); u != a {
		t.Errorf("%s is used, not the half-open one", u.addr)
	}
	if u := pick(); u != b {
		t.Error("a half-open address gets a second request")
	}
	p.judge(a, false)
	p.free(a)
	if u := pick(); u != b || !a.ejected() || a.until.Before(time.Now()) {
		t.Errorf("%s is used after the trial failed", u.addr)
	}
	a.until = time.Now().Add(-time.Second)
	if u := pick(); u != a {
		t.Errorf("%s is used, not the half-open one", u.addr)
	}
	p.judge(a, true)
	if a.ejected() || a.trial {
		t.Error("a trial that was answered does not end the ejection")
	}
	// A trial that comes to nothing, since the payment was declined meanwhile, does
	// not leave the address out for good.
	a.until = time.Now().Add(-time.Second)
	if u := pick(); u != a {
		t.Fatalf("%s is used", u.addr)
	}
	p.free(a)
	if u := pick(); u != a {
		t.Error("the address is not tried again")
	}
}

// The queue has a bound, a time and an answer, and nothing in it was sent.
func TestPoolQueue(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var once sync.Once
	r, _ := newPoolRig(t, func(c *config.Gate) {
		c.Primary.Connections, c.Primary.Queue, c.Primary.QueueTime = 1, 1, config.Duration(time.Minute)
	}, func(c net.Conn, n int, req *seen) {
		<-release
		created(c, n, req)
	})
	defer once.Do(func() { close(release) })
	answers := make(chan reply, 2)
	go func() { answers <- r.post("/v1/payments", "k1", goodPayment) }()
	until(t, func() bool { return len(r.back.requests()) > 0 })
	go func() { answers <- r.post("/v1/payments", "k2", goodPayment) }()
	until(t, func() bool { return r.primary.up.waits() > 0 })
	a := r.post("/v1/payments", "k3", goodPayment)
	r.want(a, 503, "busy", "not-forwarded")
	if a.header.Get("Retry-After") == "" || r.primary.up.overflow.Load() != 1 {
		t.Errorf("answered %v, %d counted", a.header, r.primary.up.overflow.Load())
	}
	r.want(r.raw("GET /v1/payments?key=k1 HTTP/1.1\r\nHost: x\r\n\r\n"), 503, "busy", "not-forwarded")
	once.Do(func() { close(release) })
	for range 2 {
		r.want(<-answers, 201, "", "")
	}
	if n := len(r.back.requests()); n != 2 || r.gate.Status().InFlight != 0 {
		t.Errorf("the primary got %d requests", n)
	}
}

// Whoever waits too long leaves, and the place goes to the next in line.
func TestPoolPatience(t *testing.T) {
	t.Parallel()
	p := &pool{most: 1, queue: 10, queueTime: time.Millisecond, ejectAfter: 1}
	u := &upstream{addr: "a", pool: p}
	p.addrs = []*upstream{u}
	if _, err := p.slot(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.slot(t.Context()); !errors.Is(err, errBusy) || len(p.waiting) != 0 {
		t.Errorf("ended with %v, %d wait", err, len(p.waiting))
	}
	p.queueTime = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.slot(ctx); !errors.Is(err, errBusy) {
		t.Errorf("its context has ended: %v", err)
	}
	var got []int
	var mu sync.Mutex
	var done sync.WaitGroup
	for i := range 5 {
		before := p.waits()
		done.Go(func() {
			if _, err := p.slot(t.Context()); err != nil {
				t.Error(err)
			}
			mu.Lock()
			got = append(got, i)
			mu.Unlock()
			p.free(u)
		})
		until(t, func() bool { return p.waits() > before })
	}
	p.free(u)
	done.Wait()
	if !slices.Equal(got, []int{0, 1, 2, 3, 4}) || u.busy != 0 {
		t.Errorf("served in the order %v, %d busy", got, u.busy)
	}
}

// However requests end, each gives its place back.
func TestPoolPlacesComeBack(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", maxBuffered+1)
	r, _ := newPoolRig(t, func(c *config.Gate) { c.Primary.Connections = 3 }, func(c net.Conn, n int, req *seen) {
		switch n % 5 {
		case 0:
			c.Close()
		case 1:
			say(true, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1")(c, n, req)
		case 2:
			say(false, answerWith(200, big))(c, n, req)
		case 3:
			say(true, "HTTP/1.1 200 OK\r\n\r\nabc")(c, n, req)
		default:
			created(c, n, req)
		}
	})
	for i := range 15 {
		r.post("/v1/payments", fmt.Sprint("k", i), goodPayment)
		r.raw("GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	}
	for _, u := range r.primary.up.addrs {
		until(t, func() bool {
			r.primary.up.mu.Lock()
			defer r.primary.up.mu.Unlock()
			return u.busy == 0
		})
	}
}

// waits returns how many requests wait for a place.
func (p *pool) waits() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.waiting)
}

// until waits for something that is bound to happen.
func until(t *testing.T, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !happened() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatal("it does not happen")
		}
	}
}
