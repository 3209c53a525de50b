package httpgate

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"github.com/valyala/fasthttp"
	"golang.org/x/sys/unix"

	"holdfast/internal/gate/httpgate/inlet"
)

// upstream keeps connections to one address of the primary. It never sends
// anything twice: a connection that broke is the caller's to judge, and the
// caller knows whether a byte was written.
type upstream struct {
	addr string
	tls  *inlet.Keys // nil for plain HTTP
	dial net.Dialer
	pool *pool

	// The pool's, under its lock: requests under way, attempts in a row without an
	// answer, until when it is ejected, and whether a request is trying it.
	busy     int
	failures int
	until    time.Time
	trial    bool

	mu     sync.Mutex
	idle   []*conn // newest last
	closed bool
}

func (u *upstream) ejected() bool { return !u.until.IsZero() }

const (
	connectTimeout = 3 * time.Second
	// idleLimit is shorter than the keep-alive of common servers (nginx 75 s,
	// HAProxy 60 s, Tomcat 60 s), so that the gate is rarely the last to know.
	idleLimit = 30 * time.Second
	maxIdle   = 512
)

// conn is one connection. Written counts the bytes of the present request that
// were given to the kernel.
type conn struct {
	*inlet.Timed
	now, by time.Time // when what is read or written began, and when it ends
	up      *upstream
	many    bool // others have still to write
	free    bool // it holds no place in the pool
	raw     syscall.RawConn
	r       *bufio.Reader
	w       *bufio.Writer
	written int64
	failed  error // of a write to the primary
	since   time.Time
	// look is a method value and what it works on, kept so that looking whether the
	// connection is alive allocates nothing.
	look  func(fd uintptr)
	first [1]byte
	quiet bool
}

// Close ends the connection and gives its place back.
func (c *conn) Close() error {
	c.giveBack()
	return c.Conn.Close()
}

func (c *conn) giveBack() {
	if !c.free {
		c.free = true
		c.up.pool.free(c.up)
	}
}

func (c *conn) Write(b []byte) (int, error) {
	n, err := c.WriteBy(b, c.now, c.by)
	c.written += int64(n)
	if err != nil {
		c.failed = err
	}
	return n, err
}

func (c *conn) Read(b []byte) (int, error) { return c.ReadBy(b, c.now, c.by) }

// get returns a live connection. Its error means that nothing was written.
func (u *upstream) get(ctx context.Context) (*conn, error) {
	if c := u.live(); c != nil {
		return c, nil
	}
	return u.connect(ctx)
}

// live returns a live connection that was kept, or nil.
func (u *upstream) live() *conn {
	for c := u.pop(); c != nil; c = u.pop() {
		if time.Since(c.since) < idleLimit && c.alive() {
			c.written, c.free = 0, false
			return c
		}
		c.Conn.Close()
	}
	return nil
}

func (u *upstream) pop() *conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.idle) == 0 {
		return nil
	}
	c := u.idle[len(u.idle)-1]
	u.idle = u.idle[:len(u.idle)-1]
	return c
}

// put keeps a connection whose answer was read to its end.
func (u *upstream) put(c *conn) {
	c.since = time.Now()
	c.giveBack()
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed || len(u.idle) >= maxIdle || c.r.Buffered() > 0 {
		c.Conn.Close()
		return
	}
	u.idle = append(u.idle, c)
}

func (u *upstream) close() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.closed = true
	for _, c := range u.idle {
		c.Conn.Close()
	}
	u.idle = nil
}

func (u *upstream) connect(ctx context.Context) (*conn, error) {
	raw, err := u.dial.DialContext(ctx, "tcp", u.addr)
	if err != nil {
		return nil, err
	}
	c := &conn{Timed: inlet.NewTimed(raw), up: u}
	c.look = c.isQuiet
	if sc, ok := raw.(syscall.Conn); ok {
		if c.raw, err = sc.SyscallConn(); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
	}
	if u.tls != nil {
		secure := tls.Client(raw, u.tls.Config())
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		c.Timed = inlet.NewTimed(secure)
	}
	c.r = bufio.NewReaderSize(c, maxHeader)
	c.w = bufio.NewWriterSize(c, 4096)
	return c, nil
}

// alive looks, without taking a byte, whether the primary has closed the
// connection or sent something nobody asked for.
func (c *conn) alive() bool {
	if c.raw == nil {
		return false
	}
	c.quiet = false
	return c.raw.Control(c.look) == nil && c.quiet
}

func (c *conn) isQuiet(fd uintptr) {
	_, _, err := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&c.first)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
	c.quiet = err == unix.EAGAIN
}

// send writes the request and reads the head of the answer. An error with
// c.written == 0 means that nothing was sent; any other error leaves the outcome
// unknown.
func (c *conn) send(req request, resp *fasthttp.Response, now, deadline time.Time) error {
	err := c.exchange(req, resp, now, deadline)
	var theirs bodyError
	if err != nil && !errors.As(err, &theirs) {
		c.up.pool.judge(c.up, false)
	}
	return err
}

// bodyError is the error of a request whose body could not be read from its
// client: no fault of the primary.
type bodyError struct{ error }

func (e bodyError) Unwrap() error { return e.error }

func (c *conn) exchange(req request, resp *fasthttp.Response, now, deadline time.Time) error {
	c.now, c.by = now, deadline
	if err := req.Write(c.w); err != nil && c.failed == nil {
		return bodyError{err}
	} else if err != nil {
		return err
	}
	if err := c.w.Flush(); err != nil {
		return err
	}
	giveWay(c.many)
	for range maxInterim {
		if err := resp.Header.Read(c.r); err != nil {
			return err
		}
		switch s := resp.StatusCode(); {
		case s >= 200:
			c.up.pool.judge(c.up, true)
			return nil
		case s == fasthttp.StatusSwitchingProtocols:
			return errors.New("the primary switched protocols, which nobody asked for")
		}
	}
	return errors.New("the primary sends interim answers without end")
}

// maxInterim bounds the 1xx answers before the answer.
const maxInterim = 5
