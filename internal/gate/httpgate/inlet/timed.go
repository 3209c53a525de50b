package inlet

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"time"
)

// Timed is a connection that is read and written by a time of its own each
// time. Setting a time-out costs as much as a small read, and nearly all are set
// anew long before they end; so one that would come early is left as it is while
// it is at least half as far away as the one asked for. If it ends, it is set
// anew, and no caller sees that.
type Timed struct {
	net.Conn
	// exact sets each time-out as it is asked for: TLS does not go on after a write
	// that ended early.
	exact       bool
	read, write time.Time // the time-outs that are set
}

// NewTimed makes a connection whose time-outs nobody else sets.
func NewTimed(c net.Conn) *Timed {
	_, secure := c.(*tls.Conn)
	return &Timed{Conn: c, exact: secure}
}

// near reports whether a time-out that is set can stand for one that is asked for.
func (t *Timed) near(set, by, now time.Time) bool {
	return set.Equal(by) || !t.exact && !set.After(by) && set.Sub(now) >= by.Sub(now)/2 && set.After(now)
}

// errWoken says that somebody else has ended a read before its time.
var errWoken = errors.New("woken")

// ReadBy reads. It fails with os.ErrDeadlineExceeded when the time has come, never
// before, and with errWoken if somebody sets a time-out that is over.
func (t *Timed) ReadBy(b []byte, now, by time.Time) (int, error) {
	for {
		if !t.near(t.read, by, now) {
			if err := t.Conn.SetReadDeadline(by); err != nil {
				return 0, err
			}
			t.read = by
		}
		n, err := t.Conn.Read(b)
		if err == nil || n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if time.Now().Before(t.read) {
			t.read = time.Time{}
			return 0, errWoken
		}
		if !t.read.Before(by) {
			return 0, err
		}
		now = by // what is set is not near
	}
}

// WriteBy writes all of b. It fails with os.ErrDeadlineExceeded when the time has
// come, never before.
func (t *Timed) WriteBy(b []byte, now, by time.Time) (n int, err error) {
	for {
		if !t.near(t.write, by, now) {
			if err := t.Conn.SetWriteDeadline(by); err != nil {
				return n, err
			}
			t.write = by
		}
		m, err := t.Conn.Write(b[n:])
		n += m
		if err == nil || !t.write.Before(by) || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		now = by
	}
}
