package primary

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/sandbox/fault"
)

// onSocket runs a primary on a real port until the test ends.
func onSocket(t *testing.T) *bench {
	t.Parallel()
	faults := fault.NewInjector(1)
	faults.Settle = time.Hour // as long as the machine needs
	p := newPrimary(t, Options{Faults: faults})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &bench{Primary: p, t: t, base: p.URL(), client: client}
}

// until waits, without polling the network, until the injector's outages hold
// the port down, or none does.
func (b *bench) until(down bool) {
	for {
		b.port.mu.Lock()
		is := b.port.inner == nil
		back := b.port.back
		b.port.mu.Unlock()
		if is == down {
			return
		}
		select {
		case <-back:
		case <-time.After(time.Millisecond):
		}
	}
}

func TestOutage(t *testing.T) {
	b := onSocket(t)
	if g := b.pay("k1"); g.status != 201 {
		t.Fatal(g)
	}
	idle, err := net.Dial("tcp", b.port.address)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	b.fault(fault.Fault{Kind: fault.Outage})
	b.until(true)
	if _, err := net.Dial("tcp", b.port.address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialling during the outage: %v", err)
	}
	if g := b.pay("k2"); g.err == nil {
		t.Errorf("answered during the outage: %v", g)
	}
	if _, err := idle.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("an open connection ended with %v, not a reset", err)
	}
	b.o.Faults.EndAll() // waits until the port is back
	if g := b.pay("k2"); g.status != 201 || b.effects() != "payment 1299, payment 1299" {
		t.Errorf("after the outage: %v, truth %s", g, b.effects())
	}
}

func TestWhatIsUnderWayAtAnOutageIsStillDone(t *testing.T) {
	b := onSocket(t)
	b.fault(fault.Fault{Kind: fault.LateAnswer, DelayMS: 60_000})
	answered := make(chan got, 1)
	go func() { answered <- b.pay("k1") }()
	for b.o.Faults.Leases()[0].Holding == 0 {
		<-time.After(time.Millisecond)
	}
	b.fault(fault.Fault{Kind: fault.Outage})
	if g := <-answered; g.err == nil {
		t.Errorf("answered %v", g)
	}
	ended, notEnded := b.o.Faults.EndAll()
	if len(ended) != 2 || len(notEnded) != 0 {
		t.Errorf("ended %v, not ended %v", ended, notEnded)
	}
	// Ending waited until the port was back.
	if g := b.pay("k1"); g.status != 201 || b.effects() != "payment 1299" {
		t.Errorf("afterwards: %v, truth %s", g, b.effects())
	}
}

func TestAnOutageThatCannotEndIsNamed(t *testing.T) {
	b := onSocket(t)
	b.fault(fault.Fault{Kind: fault.Outage})
	b.until(true)
	thief, err := net.Listen("tcp", b.port.address)
	if err != nil {
		t.Fatal(err)
	}
	b.o.Faults.Settle = time.Millisecond
	_, notEnded := b.o.Faults.EndAll()
	if len(notEnded) != 1 || notEnded[0].Kind != fault.Outage {
		t.Errorf("not ended: %v", notEnded)
	}
	thief.Close()
	b.until(false)
	if g := b.pay("k1"); g.status != 201 {
		t.Errorf("once the port was free: %v", g)
	}
}

func TestRefusal(t *testing.T) {
	b := onSocket(t)
	if g := b.pay("k1"); g.status != 201 {
		t.Fatal(g)
	}
	b.fault(fault.Fault{Kind: fault.Refusal})
	// The client's open connection, then new ones.
	for _, key := range []string{"k2", "k3"} {
		if g := b.pay(key); g.err == nil {
			t.Errorf("answered %v", g)
		}
	}
	// Only an outage refuses dialling itself; the reset may already meet it.
	c, err := net.Dial("tcp", b.port.address)
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a new connection ended with %v", err)
	}
	if b.o.Faults.Leases()[0].Hits < 3 {
		t.Errorf("%d hits", b.o.Faults.Leases()[0].Hits)
	}
	b.o.Faults.EndAll()
	if g := b.pay("k2"); g.status != 201 || b.effects() != "payment 1299, payment 1299" {
		t.Errorf("afterwards: %v, truth %s", g, b.effects())
	}
}

func TestThePortEndsWithRun(t *testing.T) {
	p := newPrimary(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	unused, err := net.Dial("tcp", p.port.address)
	if err != nil {
		t.Fatal(err)
	}
	defer unused.Close()
	w, err := http.Get(p.URL() + "/healthz")
	if err != nil || w.StatusCode != 200 {
		t.Fatal(w, err)
	}
	io.Copy(io.Discard, w.Body)
	w.Body.Close()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := net.Dial("tcp", p.port.address); err == nil {
		t.Error("still listening after Run")
	}
	// The number is free for somebody else.
	l, err := net.Listen("tcp", p.port.address)
	if err != nil {
		t.Error(err)
	} else {
		l.Close()
	}
}

func TestRunEndsDuringAnOutage(t *testing.T) {
	p := newPrimary(t, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	b := &bench{Primary: p, t: t}
	b.fault(fault.Fault{Kind: fault.Outage})
	b.until(true)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
