package inlet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Fault is why a request is refused before a server has seen it.
type Fault string

// The faults.
const (
	// FaultHead: the head can be read in more than one way.
	FaultHead Fault = "the head of the request can be read in more than one way"
	// FaultLarge: the head is larger than Limits.HeadBytes, or has too many fields.
	FaultLarge Fault = "the head of the request is too large"
	// FaultChunk: the body is chunked in a way that not every server reads alike.
	FaultChunk Fault = "the chunks of the body can be read in more than one way"
	// FaultSlow: the head or the body did not come in time.
	FaultSlow Fault = "the request did not come in time"
)

func (f Fault) Error() string { return string(f) }

// Timeout reports whether it took too long.
func (f Fault) Timeout() bool { return f == FaultSlow }

// Temporary implements net.Error.
func (f Fault) Temporary() bool { return false }

// Conn is a client's connection for HTTP/1.1, in clear or inside TLS. Its
// time-outs are its own; the server behind sets none.
type Conn struct {
	*Timed
	limits Limits
	follow follower

	listener *Listener
	made     time.Time
	passed   bool        // by the process before
	knows    atomic.Bool // that the listener is left

	since  time.Time     // when the head began
	waited time.Duration // for the body
	fault  Fault
}

// newConn makes a connection that the listener knows until it is closed.
func (l *Listener) newConn(c net.Conn) *Conn {
	n := &Conn{Timed: NewTimed(c), limits: l.limits, follow: follower{most: l.limits.HeadBytes}, listener: l, made: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[n] = struct{}{}
	return n
}

// Close closes the connection.
func (c *Conn) Close() error {
	c.listener.mu.Lock()
	delete(c.listener.conns, c)
	delete(c.listener.resting, c)
	c.listener.mu.Unlock()
	return c.Timed.Close()
}

// Passed reports whether the connection is passed on by the process before, for one
// answer.
func (c *Conn) Passed() bool { return c.passed }

// Fault returns why reading has ended, if it is the client's fault.
func (c *Conn) Fault() Fault { return c.fault }

// Read reads on within the time that is left for this part of the request.
func (c *Conn) Read(b []byte) (int, error) {
	if c.fault != "" {
		return 0, c.fault
	}
	begun := time.Now()
	n, err := c.readOn(b, begun)
	if n == 0 {
		return 0, c.ended(err)
	}
	if c.follow.inBody() {
		c.waited += time.Since(begun)
	}
	on := c.follow.torn()
	passed, fault := c.follow.next(b[:n])
	if c.follow.torn() && (!on || c.follow.begun) {
		c.since = time.Now()
	}
	if c.follow.begun {
		c.follow.begun, c.waited = false, 0
	}
	if fault != "" {
		c.fault = fault
		if passed == 0 {
			return 0, fault
		}
	}
	return passed, nil
}

// lastLook is how long a connection that is left is listened to once more when its
// time is over: what has come by then was written by a client who could not know.
const lastLook = 5 * time.Millisecond

// readOn reads within the time that is left, also when that is cut short meanwhile.
func (c *Conn) readOn(b []byte, now time.Time) (int, error) {
	for looked := false; ; now = time.Now() {
		if end := c.listener.ending.Load(); end != nil && end.successor != nil && c.follow.idle() {
			c.passOn(b, end.successor)
			return 0, io.EOF
		}
		by := c.until(now)
		if looked {
			by = now.Add(lastLook)
		}
		n, err := c.ReadBy(b, now, by)
		switch {
		case n == 0 && err == errWoken:
		case n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && !looked && c.follow.idle() && c.knows.Load():
			looked = true
		default:
			return n, err
		}
	}
}

// until is when the present part of the request must have come.
func (c *Conn) until(now time.Time) time.Time {
	end := c.listener.ending.Load()
	if end != nil {
		c.knows.Store(true)
	}
	switch {
	case c.follow.idle() && end != nil && end.successor != nil:
		return now
	case c.follow.idle() && end != nil:
		if fresh := c.made.Add(LastCalls); fresh.After(end.until) {
			return fresh
		}
		return end.until
	case c.follow.idle():
		return now.Add(c.limits.Idle)
	case c.follow.inBody():
		return c.limits.Until(now, c.follow.body, c.waited)
	default:
		return c.since.Add(c.limits.Head)
	}
}

// ended says how reading ends. Where nothing of a request has come, that is the
// end of the connection and no error, whatever ended it.
func (c *Conn) ended(err error) error {
	switch {
	case c.follow.idle():
		return io.EOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.fault = FaultSlow
		return c.fault
	}
	return err
}

// Write writes within Limits.Write.
func (c *Conn) Write(b []byte) (int, error) {
	now := time.Now()
	return c.WriteBy(b, now, now.Add(c.limits.Write))
}
