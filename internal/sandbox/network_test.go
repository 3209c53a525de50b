package sandbox

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// network is a machine's loopback without sockets: under a bubble's clock, time
// passes only while nobody has anything to do, so that no speed of the machine
// makes a customer impatient.
type network struct {
	mu        sync.Mutex
	ports     int
	listeners map[string]*pipes
}

// pipes is one listener of a network.
type pipes struct {
	*network
	address string
	made    chan net.Conn
	closed  chan struct{}
}

type address string

func (a address) Network() string { return "tcp" }
func (a address) String() string  { return string(a) }

func (n *network) listen(_, at string) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	host, number, err := net.SplitHostPort(at)
	if err != nil {
		return nil, err
	}
	if number == "0" {
		n.ports++
		at = net.JoinHostPort(host, strconv.Itoa(n.ports))
	}
	if n.listeners[at] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &pipes{network: n, address: at, made: make(chan net.Conn), closed: make(chan struct{})}
	n.listeners[at] = l
	return l, nil
}

func (n *network) dial(ctx context.Context, _, at string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[at]
	n.mu.Unlock()
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	near, far := net.Pipe()
	select {
	case l.made <- far:
		return near, nil
	case <-l.closed:
		return nil, syscall.ECONNRESET
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-l.made:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipes) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listeners[l.address] != l {
		return net.ErrClosed
	}
	delete(l.listeners, l.address)
	close(l.closed)
	return nil
}

func (l *pipes) Addr() net.Addr { return address(l.address) }

// inBubble gives a test a running world under a bubble's clock.
func inBubble(t *testing.T, o Options, test func(*testing.T, *Sandbox)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := &network{listeners: map[string]*pipes{}}
		transport := &http.Transport{DialContext: n.dial, MaxIdleConnsPerHost: 1000}
		o.Listen, o.Traffic.Transport = n.listen, transport
		t.Cleanup(func() { <-time.After(time.Second) }) // the server lingers on connections it ended by itself
		test(t, run(t, o))
	})
}
