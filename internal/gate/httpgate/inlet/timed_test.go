package inlet

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// settings counts how often time-outs are set.
type settings struct {
	net.Conn
	read, write int
}

func (s *settings) SetReadDeadline(t time.Time) error  { s.read++; return s.Conn.SetReadDeadline(t) }
func (s *settings) SetWriteDeadline(t time.Time) error { s.write++; return s.Conn.SetWriteDeadline(t) }

// Whatever was asked for before, reading and writing end at the time that is
// asked for now: to the nanosecond, in a bubble.
func TestTimedEndsOnTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		spans := rapid.SliceOfN(rapid.IntRange(1, 1000), 1, 20).Draw(rt, "spans")
		idle := rapid.SliceOfN(rapid.IntRange(0, 1000), len(spans), len(spans)).Draw(rt, "idle")
		ends := rapid.SliceOfN(rapid.Bool(), len(spans), len(spans)).Draw(rt, "ends")
		exact := rapid.Bool().Draw(rt, "exact")
		synctest.Test(t, func(*testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			defer near.Close()
			c := NewTimed(near)
			c.exact = exact
			for i, span := range spans {
				time.Sleep(time.Duration(idle[i]) * time.Millisecond)
				now := time.Now()
				by := now.Add(time.Duration(span) * time.Millisecond)
				for _, use := range []func([]byte, time.Time, time.Time) (int, error){c.ReadBy, c.WriteBy} {
					if !ends[i] {
						continue
					}
					n, err := use(make([]byte, 1), now, by)
					if n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !time.Now().Equal(by) {
						rt.Errorf("%v after %v: %d, %v", time.Since(now), span, n, err)
					}
				}
				if !ends[i] {
					go func() {
						time.Sleep(by.Sub(now) - 1)
						far.Write([]byte("x"))
					}()
					if n, err := c.ReadBy(make([]byte, 1), now, by); n != 1 || err != nil {
						rt.Errorf("a byte within %v ms: %d, %v", span, n, err)
					}
				}
			}
		})
	})
}

// A time-out that was set earlier and ends in the middle of a write is no end:
// the rest is written, once.
func TestTimedWritesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		defer near.Close()
		c := NewTimed(near)
		got := make(chan byte, 16)
		go func() {
			b := make([]byte, 1)
			for {
				time.Sleep(time.Second)
				if _, err := far.Read(b); err != nil {
					close(got)
					return
				}
				got <- b[0]
			}
		}()
		for range 2 { // the second finds the time-out of the first, which comes early
			now := time.Now()
			if n, err := c.WriteBy([]byte("abcd"), now, now.Add(7*time.Second)); n != 4 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		}
		near.Close()
		var all []byte
		for b := range got {
			all = append(all, b)
		}
		if string(all) != "abcdabcd" {
			t.Errorf("%q", all)
		}
	})
}

// Most uses find a time-out that will do. Inside TLS each is set, since TLS does
// not outlive a write that ended.
func TestTimedSetsFew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		defer near.Close()
		go func() {
			for b := []byte{0}; ; {
				if _, err := far.Read(b); err != nil {
					return
				}
				if _, err := far.Write(b); err != nil {
					return
				}
			}
		}()
		s := &settings{Conn: near}
		c := NewTimed(s)
		for range 1000 { // over ten seconds, each with a minute
			time.Sleep(10 * time.Millisecond)
			now := time.Now()
			by := now.Add(time.Minute)
			if _, err := c.WriteBy([]byte("x"), now, by); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ReadBy(make([]byte, 1), now, by); err != nil {
				t.Fatal(err)
			}
		}
		if s.read != 1 || s.write != 1 {
			t.Errorf("set %d times to read, %d to write", s.read, s.write)
		}
	})
	if !NewTimed(tls.Server(nil, nil)).exact || NewTimed(nil).exact {
		t.Error("not TLS, and only TLS, is exact")
	}
}
