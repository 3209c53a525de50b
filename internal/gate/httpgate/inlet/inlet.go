// Package inlet takes the connections of a gate's clients and keeps away from
// its HTTP server what that server should not have to judge: who may hold how
// many connections, how long each part of a request may take, TLS, and bytes
// that two servers could read in two ways.
//
// A connection goes round these states:
//
//	idle   nothing of a request has come; ends silently after Limits.Idle
//	head   from the first byte to the empty line; at most Limits.Head
//	body   at Limits.BodyRate at least, once Limits.BodyGrace is used up
//
// Time in which the gate does not ask for more is not the client's and does not
// count. Where nothing of a request was read, nothing is answered: the
// connection just ends.
//
// The bytes of HTTP/1.1 are followed on their way ([Conn.Fault]): the server
// behind gets the end of a head, or of a chunk, only if every server must read it
// as this one does. So it cannot be made to see other requests than whoever
// stands before the gate. Refused are: line ends other than CR LF, control
// characters, names that are no tokens, folded lines, a space before the colon,
// more than one Content-Length, Transfer-Encoding or Host, a length beside a
// coding, codings other than chunked, any coding in HTTP/1.0, other versions,
// chunk extensions, chunk sizes of more than 8 digits, trailers, and an empty
// line before a request.
package inlet

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Limits bound what clients may take. Each must be above zero.
type Limits struct {
	// HeadBytes bounds a request's line and headers.
	HeadBytes int
	// Head is how long a client may take to send them, and to agree on TLS.
	Head time.Duration
	// Idle is how long a connection may wait for its next request.
	Idle time.Duration
	// A body must come at BodyRate bytes a second on average, over the time that
	// was spent waiting for it; the first BodyGrace of waiting are free.
	BodyRate  int
	BodyGrace time.Duration
	// Write is how long a client may take for each piece of an answer that is
	// written, at most 64 KiB.
	Write time.Duration
	// Clients is the most connections of one address at once, Total of all.
	Clients, Total int
}

// Until is when more of a body must have come of which n bytes have come, after
// some waiting.
func (l Limits) Until(now time.Time, n int64, waited time.Duration) time.Time {
	earned := time.Duration(float64(n) / float64(l.BodyRate) * float64(time.Second))
	return now.Add(l.BodyGrace + earned - waited)
}

// Listener counts and guards the connections that it accepts.
type Listener struct {
	net.Listener
	limits Limits

	mu      sync.Mutex
	clients map[netip.Addr]int
	total   int
	conns   map[*Conn]struct{} // of HTTP/1.1
	resting map[*Conn]struct{} // of them, those that another process goes on with
	refused [2]atomic.Int64    // by client, in total
	shaking atomic.Int64       // hands over TLS, and who waits for one to shake
	ending  atomic.Pointer[ending]

	closed chan struct{}
	close  func() error
}

// ending is how connections of HTTP/1.1 end once the listener is left: they are listened
// to until a time, or rest for the process that took over.
type ending struct {
	until time.Time
	*successor
}

// Listen guards the connections of l.
func Listen(l net.Listener, limits Limits) *Listener {
	g := &Listener{Listener: l, limits: limits, clients: map[netip.Addr]int{}, conns: map[*Conn]struct{}{}, resting: map[*Conn]struct{}{}, closed: make(chan struct{})}
	g.close = sync.OnceValue(func() error {
		close(g.closed)
		return l.Close()
	})
	return g
}

// Close stops listening. Closing again changes nothing.
func (l *Listener) Close() error { return l.close() }

// LastCalls is how long idle connections may still bring a request after the
// listener is left, and those that are new then. Its answer is to end the connection,
// so that no client sends one into a connection that is just being closed.
const LastCalls = 500 * time.Millisecond

// Leave stops listening and has the connections of HTTP/1.1 end by themselves, when
// nothing of a request has come until then.
func (l *Listener) Leave(until time.Time) error {
	l.ending.Store(&ending{until: until})
	err := l.Close()
	l.Wake()
	return err
}

// Wake tells connections that the listener is left. One that has just begun to wait may
// miss it, so it is to be called until Busy is 0.
func (l *Listener) Wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		if !c.knows.Load() {
			_ = c.SetReadDeadline(time.Unix(1, 0)) // a connection that is closed needs no waking
		}
	}
}

// Shaking returns how many connections agree on TLS at present or may be about to.
func (l *Listener) Shaking() int { return int(l.shaking.Load()) }

// Busy returns how many connections of HTTP/1.1 there are that do not rest.
func (l *Listener) Busy() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.conns)
}

// Open returns how many connections there are.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Refused returns how many connections were closed at once: over the limit of
// their client, and over the limit in total.
func (l *Listener) Refused() (client, total int64) {
	return l.refused[0].Load(), l.refused[1].Load()
}

// Accept returns the next connection that is within the limits. One that is not
// is closed unread: nobody has answered it, so its client knows that nothing was
// done. A machine that is short of files or memory is waited for.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.accept()
	if err != nil {
		return nil, err
	}
	return l.newConn(c), nil
}

func (l *Listener) accept() (*counted, error) {
	for pause := time.Duration(0); ; {
		raw, err := l.Listener.Accept()
		switch {
		case err == nil:
			pause = 0
			client := addressOf(raw)
			if l.enter(client) {
				return &counted{Conn: raw, leave: sync.OnceFunc(func() { l.leave(client) })}, nil
			}
			raw.Close()
		case !shortage(err):
			return nil, err
		default:
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-l.closed:
				return nil, net.ErrClosed
			case <-time.After(pause):
			}
		}
	}
}

// counted is a connection that makes room for another when it is closed.
type counted struct {
	net.Conn
	leave func()
}

func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}

// shortage reports whether accepting failed for a reason that passes by itself.
func shortage(err error) bool {
	for _, passing := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED} {
		if errors.Is(err, passing) {
			return true
		}
	}
	return false
}

// addressOf returns who connects; an IPv6 client is its /64 network, which one
// machine has for itself.
func addressOf(c net.Conn) netip.Addr {
	t, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	a, _ := netip.AddrFromSlice(t.IP)
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

func (l *Listener) enter(client netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.total >= l.limits.Total:
		l.refused[1].Add(1)
		return false
	case l.clients[client] >= l.limits.Clients:
		l.refused[0].Add(1)
		return false
	}
	l.total++
	l.clients[client]++
	return true
}

func (l *Listener) leave(client netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total--
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
}
