package inlet

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// A process that is taken over from keeps the connections of HTTP/1.1 that wait for a
// request. To end one would take a request that is just being sent from its client, who
// could not know whether it was done. What comes on one is passed on to the process that
// took over, and the answer back. That answer ends the connection, so that the client's
// next one is to the other process.
//
// Each is passed on over a connection of its own, opened when the first byte has come. It
// begins with a line, the client's address, and the answer "taken":
//
//	> 192.0.2.7:50312
//	< taken
//
// From then on there are the client's bytes, TLS taken off. Until "taken" nothing was
// lost, and whoever passes on tries again.

// maxClient bounds the line with the client's address in bytes.
const maxClient = 64

const taken = "taken\n"

// successor is the process that took over.
type successor struct {
	dial     func() (net.Conn, error)
	patience time.Duration
}

// PassOn stops listening and has connections of HTTP/1.1 that wait for a request rest
// until one comes, which goes over a connection that dial makes. The process that is
// dialled may need some patience to come up.
func (l *Listener) PassOn(dial func() (net.Conn, error), patience time.Duration) error {
	l.ending.Store(&ending{successor: &successor{dial, patience}})
	err := l.Close()
	l.Wake()
	return err
}

// restLook is how often it is looked whether any connection rests.
const restLook = 20 * time.Millisecond

// Rest returns when no connection rests any more; when ctx ends, it ends them.
func (l *Listener) Rest(ctx context.Context) {
	tick := time.NewTicker(restLook)
	defer tick.Stop()
	for l.Resting() > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			l.mu.Lock()
			defer l.mu.Unlock()
			for c := range l.resting {
				_ = c.Conn.Close() // nobody is left to tell
			}
			return
		}
	}
}

// Resting returns how many connections rest or are passed on.
func (l *Listener) Resting() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.resting)
}

func (l *Listener) rest(c *Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
	l.resting[c] = struct{}{}
}

// passOn waits for a request, as long as any connection does, and passes it on. For the
// server in this process the connection has ended.
func (c *Conn) passOn(b []byte, to *successor) {
	c.listener.rest(c)
	for {
		now := time.Now()
		n, err := c.ReadBy(b, now, now.Add(c.limits.Idle))
		switch {
		case n > 0:
			c.relay(b[:n], to)
			return
		case err != errWoken:
			return
		}
	}
}

// relay ends when the process that took over ends what is passed on to it, which keeps
// the times of what it reads; a client that takes an answer too slowly is left here.
func (c *Conn) relay(first []byte, to *successor) {
	way, err := to.reach(c.RemoteAddr())
	if err != nil {
		return
	}
	defer way.Close()
	if c.Conn.SetReadDeadline(time.Time{}) != nil {
		return
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		if _, err := way.Write(first); err == nil {
			_, _ = io.Copy(way, c.Conn) // however it ends, no more comes
		}
		if half, ok := way.(interface{ CloseWrite() error }); ok {
			_ = half.CloseWrite() // if that fails, the other end is gone
		}
	}()
	_, _ = io.Copy(writer{c}, way) // however it ends, no more can be answered
	way.Close()
	_ = c.Conn.SetReadDeadline(time.Unix(1, 0)) // a connection that is closed needs no waking
	<-asked
}

// writer writes to a client within its limits.
type writer struct{ c *Conn }

func (w writer) Write(b []byte) (int, error) { return w.c.Write(b) }

// reach makes a connection that was taken.
func (s *successor) reach(client net.Addr) (net.Conn, error) {
	for end := time.Now().Add(s.patience); ; {
		way, err := s.dial()
		if err == nil {
			if err = introduce(way, client, end); err == nil {
				return way, nil
			}
			way.Close()
		}
		if time.Now().After(end) {
			return nil, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func introduce(way net.Conn, client net.Addr, by time.Time) error {
	if err := way.SetDeadline(by); err != nil {
		return err
	}
	if _, err := io.WriteString(way, client.String()+"\n"); err != nil {
		return err
	}
	answer := make([]byte, len(taken))
	if _, err := io.ReadFull(way, answer); err != nil {
		return err
	}
	if string(answer) != taken {
		return errors.New("what is passed on is not taken")
	}
	return way.SetDeadline(time.Time{})
}

// Passed takes connections that the process before passes on.
type Passed struct {
	net.Listener // yields *Conn

	listener *Listener
	from     net.Listener
	feed     *feed
}

// Passed takes what comes at from, under the limits of the listener.
func (l *Listener) Passed(from net.Listener) *Passed {
	f := newFeed(from.Addr())
	return &Passed{Listener: f, listener: l, from: from, feed: f}
}

// Close takes no more.
func (p *Passed) Close() error { return errors.Join(p.from.Close(), p.feed.Close()) }

// Run takes connections until p is closed, and returns when none is about to be taken.
func (p *Passed) Run() error {
	var taking sync.WaitGroup
	defer taking.Wait()
	for {
		c, err := p.from.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		taking.Go(func() { p.take(c) })
	}
}

func (p *Passed) take(c net.Conn) {
	client, err := p.introduced(c)
	if err != nil {
		c.Close()
		return
	}
	l, from := p.listener, named{c, client}
	address := addressOf(from)
	if !l.enter(address) {
		c.Close()
		return
	}
	conn := l.newConn(&counted{Conn: from, leave: sync.OnceFunc(func() { l.leave(address) })})
	conn.passed = true
	if p.feed.give(conn) {
		// The server writes nothing before it has read something, which comes after this.
		_, _ = io.WriteString(c, taken) // who does not get it, does not go on
	}
}

// introduced reads who the client is.
func (p *Passed) introduced(c net.Conn) (*net.TCPAddr, error) {
	if err := c.SetDeadline(time.Now().Add(p.listener.limits.Head)); err != nil {
		return nil, err
	}
	line, err := bufio.NewReaderSize(io.LimitReader(c, maxClient), maxClient).ReadString('\n')
	if err != nil {
		return nil, err
	}
	client, err := netip.ParseAddrPort(strings.TrimSuffix(line, "\n"))
	if err != nil {
		return nil, err
	}
	return net.TCPAddrFromAddrPort(client), c.SetDeadline(time.Time{})
}

// named is a connection that comes from a client elsewhere.
type named struct {
	net.Conn
	client *net.TCPAddr
}

func (n named) RemoteAddr() net.Addr { return n.client }
