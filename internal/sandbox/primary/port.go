package primary

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/sandbox/fault"
)

const (
	// maxConnections bounds open connections; those above it are reset.
	maxConnections = 20_000

	// relisten is how often listening is tried again after an outage while the
	// address is not free.
	relisten = 100 * time.Millisecond
)

// port is a listener that outages take down and bring back. While it is down,
// dialling is refused as by a machine on which nothing listens. Where the system
// allows it (IPv4 on Linux) the port number is kept reserved meanwhile.
type port struct {
	address string
	faults  *fault.Injector
	listen  func(network, address string) (net.Listener, error)
	kept    reservation

	mu     sync.Mutex
	inner  net.Listener  // nil while down
	back   chan struct{} // closed when up again, or closed for good
	closed bool
	open   map[*conn]struct{}
	count  uint64
}

// conn is a connection that knows its number.
type conn struct {
	net.Conn
	port   *port
	number uint64
	used   atomic.Bool // a byte was read
	gone   atomic.Bool
}

func listen(o Options) (*port, error) {
	p := &port{address: o.Address, faults: o.Faults, listen: o.Listen, kept: unreserved, back: make(chan struct{}), open: map[*conn]struct{}{}}
	if p.listen == nil {
		p.listen = net.Listen
		p.kept, p.address = reserve(o.Address)
	}
	l, err := p.listen("tcp", p.address)
	if err != nil {
		p.kept.release()
		return nil, fmt.Errorf("listen for the sandbox's primary: %w", err)
	}
	p.inner, p.address = l, l.Addr().String()
	return p, nil
}

// Accept waits for a connection that is not refused.
func (p *port) Accept() (net.Conn, error) {
	for {
		p.mu.Lock()
		inner, back, closed := p.inner, p.back, p.closed
		p.mu.Unlock()
		if closed {
			return nil, net.ErrClosed
		}
		if inner == nil {
			<-back
			continue
		}
		c, err := inner.Accept()
		if err == nil {
			if admitted := p.admit(c, inner); admitted != nil {
				return admitted, nil
			}
			continue
		}
		if p.is(inner) {
			return nil, err
		}
	}
}

func (p *port) is(inner net.Listener) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inner == inner
}

// admit numbers the connection, or resets it and returns nil.
func (p *port) admit(c net.Conn, inner net.Listener) *conn {
	p.mu.Lock()
	p.count++
	admitted := &conn{Conn: c, port: p, number: p.count}
	fits := p.inner == inner && len(p.open) < maxConnections
	if fits {
		p.open[admitted] = struct{}{}
	}
	p.mu.Unlock()
	if !fits || p.faults.Refuses(admitted.number) {
		admitted.reset()
		return nil
	}
	return admitted
}

// reset ends the connection so that the other side sees a reset, not an end.
func (c *conn) reset() {
	if t, ok := c.Conn.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
	c.Close()
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.used.Store(true)
	}
	return n, err
}

func (c *conn) Close() error {
	if !c.gone.Swap(true) {
		c.port.mu.Lock()
		delete(c.port.open, c)
		c.port.mu.Unlock()
	}
	return c.Conn.Close()
}

// follow takes the port down and up as outages begin and end, until stop.
func (p *port) follow(stop <-chan struct{}) {
	var held fault.Hits // outages that hold the port down
	for {
		outages, changed := p.faults.Outages()
		var retry <-chan time.Time
		switch {
		case len(outages) > 0:
			// Held first: who sees the port down finds the outage holding it.
			if held = keep(held, outages); len(held) > 0 {
				p.down()
			}
		case p.up() == nil:
			held = keep(held, nil)
		default:
			retry = time.After(relisten)
		}
		select {
		case <-changed:
		case <-retry:
		case <-stop:
			keep(held, nil)
			return
		}
	}
}

// keep releases the outages that are held and no longer in force, and holds
// those that are new.
func keep(held, outages fault.Hits) fault.Hits {
	var kept fault.Hits
	for _, h := range held {
		if outages.Has(h) {
			kept = append(kept, h)
		} else {
			h.Release()
		}
	}
	for _, o := range outages {
		if !kept.Has(o) && o.Hold() {
			kept = append(kept, o)
		}
	}
	return kept
}

// down stops listening and resets every open connection.
func (p *port) down() {
	p.mu.Lock()
	if p.inner != nil {
		p.inner.Close()
		p.inner = nil
	}
	p.mu.Unlock()
	p.each((*conn).reset)
}

// dropUnused closes connections on which nothing was ever sent, so that the end
// of the server does not wait for them.
func (p *port) dropUnused() {
	p.each(func(c *conn) {
		if !c.used.Load() {
			c.Close()
		}
	})
}

func (p *port) each(f func(*conn)) {
	p.mu.Lock()
	open := slices.Collect(maps.Keys(p.open))
	p.mu.Unlock()
	for _, c := range open {
		f(c)
	}
}

// up listens again, if the port is down and not closed for good.
func (p *port) up() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inner != nil || p.closed {
		return nil
	}
	l, err := p.listen("tcp", p.address)
	if err != nil {
		return err
	}
	p.inner = l
	close(p.back)
	p.back = make(chan struct{})
	return nil
}

// Close stops listening for good.
func (p *port) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil
	}
	p.closed = true
	close(p.back)
	var err error
	if p.inner != nil {
		err = p.inner.Close()
		p.inner = nil
	}
	return errors.Join(err, p.kept.release())
}

// Addr is where the port listens, or did before an outage.
func (p *port) Addr() net.Addr {
	a, err := net.ResolveTCPAddr("tcp", p.address)
	if err != nil {
		return &net.TCPAddr{}
	}
	return a
}

type connectionKey struct{}

func withConnection(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, c)
}

// connection returns the connection a request came on, or nil if it did not come
// through a port.
func connection(ctx context.Context) *conn {
	c, _ := ctx.Value(connectionKey{}).(*conn)
	return c
}
