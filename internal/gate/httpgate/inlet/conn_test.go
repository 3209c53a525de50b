package inlet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/gate/httpgate/inlet/inlettest"
)

// wide are limits that no test meets unless it sets one.
var wide = Limits{
	HeadBytes: most, Head: time.Minute, Idle: time.Minute, BodyRate: 1 << 20, BodyGrace: time.Minute, Write: time.Minute,
	Clients: 100, Total: 100,
}

// pair connects a client to a guarded connection.
func pair(t *testing.T, limits Limits) (client net.Conn, guarded *Conn) {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(raw, limits)
	t.Cleanup(func() { l.Close() })
	client, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return client, c.(*Conn)
}

func write(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

// readTo reads until n bytes have come or reading ends.
func readTo(c io.Reader, n int) (got string, err error) {
	buf := make([]byte, n)
	m, err := io.ReadFull(c, buf)
	return string(buf[:m]), err
}

// Where nothing of a request was read, the connection just ends, whatever ended
// it: on a new connection, and between two requests.
func TestIdleEndsSilently(t *testing.T) {
	t.Parallel()
	limits := wide
	limits.Idle = 10 * time.Millisecond
	_, c := pair(t, limits)
	if _, err := c.Read(make([]byte, 10)); err != io.EOF || c.Fault() != "" {
		t.Errorf("a new connection: %v, fault %q", err, c.Fault())
	}
	client, c := pair(t, limits)
	request := get("Content-Length: 2") + "ab"
	write(t, client, request)
	if got, err := readTo(c, len(request)); err != nil || got != request {
		t.Fatalf("%q, %v", got, err)
	}
	if _, err := c.Read(make([]byte, 10)); err != io.EOF || c.Fault() != "" {
		t.Errorf("after a request: %v, fault %q", err, c.Fault())
	}
	client, c = pair(t, wide)
	if err := client.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	client.Close() // with a reset
	if _, err := c.Read(make([]byte, 10)); err != io.EOF {
		t.Errorf("reset while idle: %v", err)
	}
}

// Whoever sends a head byte by byte has the time for a head, not for a byte.
func TestSlowHead(t *testing.T) {
	t.Parallel()
	limits := wide
	limits.Head = 50 * time.Millisecond
	client, c := pair(t, limits)
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for _, b := range []byte(get("X-A: " + strings.Repeat("a", 900))) {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
				client.Write([]byte{b})
			}
		}
	}()
	begun := time.Now()
	_, err := io.ReadAll(c)
	var slow net.Error
	if !errors.As(err, &slow) || !slow.Timeout() || c.Fault() != FaultSlow || time.Since(begun) > 3*time.Second {
		t.Errorf("ended with %v after %v, fault %q", err, time.Since(begun), c.Fault())
	}
}

// A body may take as long as it keeps up its rate, and no longer.
func TestBodyRate(t *testing.T) {
	t.Parallel()
	limits := wide
	limits.BodyGrace, limits.BodyRate = 100*time.Millisecond, 10_000
	head := get("Content-Length: 100000")

	client, c := pair(t, limits)
	write(t, client, head+strings.Repeat("x", 50_000)) // earns 5 s
	if _, err := readTo(c, len(head)+50_000); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(c.until(time.Now())); left < 4*time.Second || left > 6*time.Second {
		t.Errorf("%v are left after 50,000 bytes", left)
	}

	client, c = pair(t, limits)
	write(t, client, head+"x")
	if _, err := readTo(c, len(head)+1); err != nil {
		t.Fatal(err)
	}
	// Time in which nobody reads is not the client's.
	later := time.Now().Add(time.Hour)
	if left := c.until(later).Sub(later); left < limits.BodyGrace/2 {
		t.Errorf("%v are left though nobody has waited", left)
	}
	begun := time.Now()
	if _, err := c.Read(make([]byte, 10)); !errors.Is(err, FaultSlow) || time.Since(begun) > 3*time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(begun))
	}
}

// A client that does not take its answer does not hold the connection.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	limits := wide
	limits.Write = 20 * time.Millisecond
	_, c := pair(t, limits)
	piece := make([]byte, 64<<10)
	for range 1000 { // more than any kernel keeps
		if _, err := c.Write(piece); err != nil {
			var slow net.Error
			if !errors.As(err, &slow) || !slow.Timeout() {
				t.Errorf("ended with %v", err)
			}
			return
		}
	}
	t.Error("64 MiB were written to a client that reads nothing")
}

// When the listener is left, a connection that waits ends by itself at the time given;
// what comes before is read, also what has just come; and one in the middle of a
// request goes on as ever.
func TestLeave(t *testing.T) {
	t.Parallel()
	request := get("Content-Length: 2") + "ab"
	half := len(request) / 2
	for name, c := range map[string]struct {
		before, after string // the listener is left
		want          string
	}{
		"nothing comes":       {"", "", ""},
		"a request comes":     {"", request, request},
		"between two":         {request, "", request},
		"another comes":       {request, request, request + request},
		"in the midst of one": {request[:half], request[half:], request},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				left := make(chan struct{})
				l := Listen(closable{left}, wide)
				conn := l.newConn(server)
				defer conn.Close()
				go func() {
					time.Sleep(time.Second) // past the time that one which is new has
					say(client, c.before)
					time.Sleep(time.Second)
					if err := l.Leave(time.Now().Add(time.Second)); err != nil {
						t.Error(err)
					}
					time.Sleep(time.Second - time.Millisecond)
					say(client, c.after)
				}()
				begun := time.Now()
				got, err := io.ReadAll(conn)
				if string(got) != c.want || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				if took := time.Since(begun); took < 3*time.Second || took > 3*time.Second+100*time.Millisecond {
					t.Errorf("it ended after %v", took)
				}
				<-left
			})
		})
	}
}

// say writes text, if there is any: a pipe passes on even nothing.
func say(client net.Conn, text string) {
	if text != "" {
		io.WriteString(client, text)
	}
}

// closable is a listener that says that it is closed.
type closable struct{ closed chan struct{} }

func (c closable) Accept() (net.Conn, error) { <-c.closed; return nil, net.ErrClosed }
func (c closable) Close() error              { close(c.closed); return nil }
func (c closable) Addr() net.Addr            { return &net.TCPAddr{} }

func TestConnectionLimits(t *testing.T) {
	t.Parallel()
	limits := wide
	limits.Clients, limits.Total = 2, 3
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(raw, limits)
	defer l.Close()
	accepted := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				close(accepted)
				return
			}
			accepted <- c
		}
	}()
	from := func(address string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
		c, err := d.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	turnedOff := func(c net.Conn) {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); len(got) > 0 || err != nil && !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a connection too many ends with %q, %v", got, err)
		}
	}
	from("127.0.0.1")
	from("127.0.0.1")
	first := <-accepted
	<-accepted
	turnedOff(from("127.0.0.1"))
	from("127.0.0.2")
	<-accepted
	turnedOff(from("127.0.0.3"))
	if client, total := l.Refused(); client != 1 || total != 1 || l.Open() != 3 {
		t.Errorf("%d and %d are refused, %d open", client, total, l.Open())
	}
	first.Close()
	first.Close() // makes room once
	from("127.0.0.3")
	<-accepted
	turnedOff(from("127.0.0.3"))
	if l.Open() != 3 {
		t.Errorf("%d are open", l.Open())
	}
}

func TestAddressOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::",
	} {
		c := addressed{addr: &net.TCPAddr{IP: net.ParseIP(text)}}
		if got := addressOf(c); got != netip.MustParseAddr(want) {
			t.Errorf("%s counts as %s", text, got)
		}
	}
}

type addressed struct {
	net.Conn
	addr net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.addr }

// short is a listener of a machine that is short of files for a while.
type short struct {
	net.Listener
	times int
}

func (s *short) Accept() (net.Conn, error) {
	if s.times--; s.times >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return s.Listener.Accept()
}

// Running out of files ends no gate.
func TestShortage(t *testing.T) {
	t.Parallel()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(&short{raw, 2}, wide)
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	l = Listen(&short{raw, 1 << 30}, wide)
	ended := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed while it waits: %v", err)
	}
}

// Deadlines hold inside TLS, too: a client that begins a handshake and stops is
// not waited for.
func TestSlowHandshake(t *testing.T) {
	t.Parallel()
	limits := wide
	limits.Head = 20 * time.Millisecond
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(raw, limits)
	keys, err := ServerKeys(server(inlettest.New(t), "gate"))
	if err != nil {
		t.Fatal(err)
	}
	s := l.Secure(keys)
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	write(t, client, "\x16\x03\x01")
	if got, err := io.ReadAll(client); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%q, %v", got, err)
	}
	l.Close()
	if err := <-ended; err != nil || l.Open() != 0 {
		t.Errorf("ended with %v, %d open", err, l.Open())
	}
}

// A head that begins behind the end of another request has the whole of its own
// time, however long that request took.
func TestHeadBehindRequest(t *testing.T) {
	t.Parallel()
	for name, before := range map[string][2]string{
		"a body": {get("Content-Length: 2"), "ab"},
		"a head": {"GET / HTTP/1.1\r\n", "Host: x\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				defer server.Close()
				limits := wide
				limits.Head = 10 * time.Second
				c := (&Listener{limits: limits, conns: map[*Conn]struct{}{}}).newConn(server)
				go func() {
					for _, text := range []string{before[0], before[1] + "GET /next", " HTTP/1.1\r\nHost: x\r\n\r\n"} {
						time.Sleep(9 * time.Second)
						io.WriteString(client, text)
					}
				}()
				want := before[0] + before[1] + "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"
				if got, err := readTo(c, len(want)); got != want || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		})
	}
}
