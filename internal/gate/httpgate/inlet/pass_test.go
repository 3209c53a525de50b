package inlet

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// piped is a listener of pipes.
type piped struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPiped() piped { return piped{make(chan net.Conn), make(chan struct{})} }

func (p piped) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p piped) Close() error   { close(p.closed); return nil }
func (p piped) Addr() net.Addr { return &net.TCPAddr{} }

func (p piped) dial() (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-time.After(time.Second):
		return nil, errors.New("nobody is there")
	}
}

// A connection that waits when another process goes on gets its answer from that,
// however long that takes to come up, and loses what it sends to none that goes away.
func TestPassOn(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(net.Conn){
		"at once": nil,
		"to one that goes away first": func(c net.Conn) {
			io.ReadFull(c, make([]byte, 4))
			c.Close()
		},
		"to one that is something else": func(c net.Conn) {
			go io.Copy(io.Discard, c)
			io.WriteString(c, "HTTP/1")
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { passesOn(t, before) })
		})
	}
}

func passesOn(t *testing.T, before func(net.Conn)) {
	client, server := net.Pipe()
	defer client.Close()
	old := Listen(closable{make(chan struct{})}, wide)
	from := newPiped()
	rests := old.newConn(named{server, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 50312}})
	ended := make(chan struct{})
	go func() { // the server in the process before
		defer close(ended)
		if n, err := rests.Read(make([]byte, 100)); n != 0 || err != io.EOF {
			t.Errorf("the process before reads %d bytes, %v", n, err)
		}
		rests.Close()
	}()
	time.Sleep(time.Second)
	if err := old.PassOn(from.dial, time.Minute); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	if old.Busy() != 0 || old.Resting() != 1 {
		t.Errorf("%d are busy, %d rest", old.Busy(), old.Resting())
	}
	asked := get("Accept: x") // in one write: a pipe holds nothing
	go say(client, asked)
	if before != nil {
		before(<-from.conns)
	}
	time.Sleep(20 * time.Second)
	passed := Listen(closable{make(chan struct{})}, wide).Passed(from)
	running := make(chan error, 1)
	go func() { running <- passed.Run() }()
	taken, err := passed.Accept()
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(asked))
	if _, err := io.ReadFull(taken, got); err != nil || string(got) != asked || taken.RemoteAddr().String() != "192.0.2.7:50312" || !taken.(*Conn).Passed() {
		t.Errorf("from %s comes %q, %v", taken.RemoteAddr(), got, err)
	}
	go func() {
		io.WriteString(taken, "the answer")
		taken.Close()
	}()
	if answer, err := io.ReadAll(client); string(answer) != "the answer" || err != nil {
		t.Errorf("the client gets %q, %v", answer, err)
	}
	<-ended
	old.Rest(t.Context())
	if err := errors.Join(passed.Close(), <-running); err != nil {
		t.Error(err)
	}
}

// A connection that rests ends as one that is idle does, or with its process; one in the
// midst of a request does not rest.
func TestRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		within  time.Duration
		resting int
		before  string
		ends    time.Duration
	}{
		"idle":                   {time.Hour, 1, "", wide.Idle},
		"its process ends":       {time.Second, 1, "", time.Second},
		"in the midst of a head": {time.Hour, 0, "GET /", wide.Head},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				l := Listen(closable{make(chan struct{})}, wide)
				conn := l.newConn(server)
				go func() {
					io.Copy(io.Discard, conn)
					conn.Close()
				}()
				say(client, c.before)
				synctest.Wait()
				begun := time.Now()
				if err := l.PassOn(func() (net.Conn, error) { return nil, errors.New("nobody") }, time.Second); err != nil {
					t.Error(err)
				}
				synctest.Wait()
				if n := l.Resting(); n != c.resting {
					t.Errorf("%d rest", n)
				}
				ctx, cancel := context.WithTimeout(t.Context(), c.within)
				defer cancel()
				l.Rest(ctx)
				io.Copy(io.Discard, client)
				if took := time.Since(begun); took < c.ends || took > c.ends+restLook {
					t.Errorf("it ended after %v", took)
				}
			})
		})
	}
}

// What does not say from whom it comes is not taken.
func TestPassedRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "\n", "GET / HTTP/1.1\r\n", "192.0.2.7\n", "192.0.2.7:80", strings.Repeat("1", maxClient) + "\n"} {
		synctest.Test(t, func(t *testing.T) {
			from := newPiped()
			passed := Listen(closable{make(chan struct{})}, wide).Passed(from)
			running := make(chan error, 1)
			go func() { running <- passed.Run() }()
			c, err := from.dial()
			if err != nil {
				t.Fatal(err)
			}
			go say(c, text)
			if answer, err := io.ReadAll(c); len(answer) > 0 || err != nil {
				t.Errorf("%q is answered with %q, %v", text, answer, err)
			}
			if err := errors.Join(passed.Close(), <-running); err != nil {
				t.Error(err)
			}
		})
	}
}
