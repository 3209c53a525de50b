package main

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// primary answers every payment with "succeeded" and notes when advices came.
type primary struct {
	listener net.Listener
	all      int

	mu      sync.Mutex
	times   []time.Duration // of advices, since the first
	first   time.Time
	seen    []uint8       // by number
	strange int           // that are none of the bench's, or marked as repeats
	begun   chan struct{} // closed when the first has come
	done    chan struct{} // and when as many as there are
}

func newPrimary(advices int) (*primary, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &primary{listener: l, all: advices, seen: make([]uint8, advices), times: make([]time.Duration, 0, advices), begun: make(chan struct{}), done: make(chan struct{})}
	go fasthttp.Serve(l, p.serve)
	return p, nil
}

func (p *primary) serve(ctx *fasthttp.RequestCtx) {
	if len(ctx.Request.Header.Peek("Holdfast-Advice")) > 0 {
		p.advice(string(ctx.Request.Header.Peek("Idempotency-Key")), len(ctx.Request.Header.Peek("Holdfast-Repeat")) > 0)
	}
	ctx.SetStatusCode(fasthttp.StatusCreated)
	ctx.SetContentType("application/json")
	ctx.SetBodyString(`{"status":"succeeded"}`)
}

func (p *primary) advice(key string, repeat bool) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.first.IsZero() {
		p.first = now
		close(p.begun)
	}
	p.times = append(p.times, now.Sub(p.first))
	digits, ours := strings.CutPrefix(key, advicePrefix)
	n, err := strconv.Atoi(digits)
	if !ours || err != nil || n < 0 || n >= p.all || repeat {
		p.strange++
		return
	}
	p.seen[n]++
	if len(p.times) == p.all {
		close(p.done)
	}
}

// came is how many advices have come.
func (p *primary) came() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.times)
}

// exactlyOnce fails if an advice did not come, or came more than once.
func (p *primary) exactlyOnce() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	missing, again := 0, 0
	for _, n := range p.seen {
		switch {
		case n == 0:
			missing++
		case n > 1:
			again++
		}
	}
	if missing+again+p.strange > 0 {
		return fmt.Errorf("of %d advices %d did not come, %d came more than once, %d were repeats or strange", p.all, missing, again, p.strange)
	}
	return nil
}

// used returns the rate over the whole seconds from the second after the first to all but
// a tenth, and the most that came in any second.
func (p *primary) used() (perSecond float64, fullest int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.Sort(p.times)
	if seconds := p.times[len(p.times)*9/10].Truncate(time.Second) - time.Second; seconds > 0 {
		from, _ := slices.BinarySearch(p.times, time.Second)
		to, _ := slices.BinarySearch(p.times, time.Second+seconds)
		perSecond = float64(to-from) / seconds.Seconds()
	}
	for i, j := 0, 0; j < len(p.times); j++ {
		for p.times[j]-p.times[i] >= time.Second {
			i++
		}
		fullest = max(fullest, j-i+1)
	}
	return perSecond, fullest
}
