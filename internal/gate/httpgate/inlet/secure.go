package inlet

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// Secure agrees on TLS with each client and hands its connection to the server
// of the protocol that both speak.
type Secure struct {
	// HTTP1 yields *Conn, HTTP2 *tls.Conn, handshake done.
	HTTP1, HTTP2 net.Listener

	listener *Listener
	keys     *Keys
	one, two *feed
}

// Secure puts TLS over the listener.
func (l *Listener) Secure(keys *Keys) *Secure {
	one, two := newFeed(l.Addr()), newFeed(l.Addr())
	return &Secure{HTTP1: one, HTTP2: two, listener: l, keys: keys, one: one, two: two}
}

// Run accepts until the listener is closed, and returns when each handshake that
// has begun is over and its connection handed on.
func (s *Secure) Run() error {
	var shaking sync.WaitGroup
	defer shaking.Wait()
	for {
		s.listener.shaking.Add(1)
		c, err := s.listener.accept()
		if err != nil {
			s.listener.shaking.Add(-1)
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		shaking.Go(func() {
			defer s.listener.shaking.Add(-1)
			s.shake(c)
		})
	}
}

func (s *Secure) shake(c *counted) {
	secure := tls.Server(c, s.keys.Config())
	ctx, cancel := context.WithTimeout(context.Background(), s.listener.limits.Head)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		c.Close()
		return
	}
	if secure.ConnectionState().NegotiatedProtocol == "h2" {
		s.two.give(secure)
		return
	}
	s.one.give(s.listener.newConn(secure))
}

// feed is a listener whose connections are given to it.
type feed struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newFeed(addr net.Addr) *feed {
	f := &feed{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
	f.close = sync.OnceFunc(func() { close(f.closed) })
	return f
}

// give hands a connection on, or closes it if nobody takes any more.
func (f *feed) give(c net.Conn) bool {
	select {
	case f.conns <- c:
		return true
	case <-f.closed:
		c.SetDeadline(time.Now()) // do not wait for a farewell
		c.Close()
		return false
	}
}

func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.closed:
		return nil, net.ErrClosed
	}
}

func (f *feed) Close() error {
	f.close()
	return nil
}

func (f *feed) Addr() net.Addr { return f.addr }
