package inlet

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"holdfast/internal/gate/httpgate/inlet/inlettest"
)

// server makes a server's pair.
func server(a *inlettest.Authority, common string) Files {
	certificate, key := a.Pair(common, "server")
	return Files{Certificate: certificate, Key: key}
}

// secured runs a TLS listener that says, on each connection, which protocol was
// agreed on.
func secured(t *testing.T, keys *Keys) string {
	t.Helper()
	raw, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := Listen(raw, wide)
	s := l.Secure(keys)
	ended := make(chan error, 1)
	go func() { ended <- s.Run() }()
	for protocol, from := range map[string]net.Listener{"http/1.1": s.HTTP1, "h2": s.HTTP2} {
		go func() {
			for {
				c, err := from.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					// What is no request keeps the connection open for the client.
					io.WriteString(c, protocol+"\n")
					io.Copy(io.Discard, c)
				}()
			}
		}()
	}
	t.Cleanup(func() {
		l.Close()
		s.HTTP1.Close()
		s.HTTP2.Close()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// hello connects and returns the protocol, and who answers.
func hello(addr string, c *tls.Config) (said, who string, conn *tls.Conn, err error) {
	conn, err = tls.Dial("tcp", addr, c)
	if err != nil {
		return "", "", nil, err
	}
	buf := make([]byte, 20)
	n, err := conn.Read(buf)
	if err != nil {
		conn.Close()
		return "", "", nil, err
	}
	return strings.TrimSpace(string(buf[:n])), conn.ConnectionState().PeerCertificates[0].Subject.CommonName, conn, nil
}

func TestProtocols(t *testing.T) {
	t.Parallel()
	a := inlettest.New(t)
	keys, err := ServerKeys(server(a, "gate"))
	if err != nil {
		t.Fatal(err)
	}
	addr := secured(t, keys)
	for _, test := range []struct {
		offer []string
		max   uint16
		want  string
	}{
		{nil, 0, "http/1.1"}, {[]string{"http/1.1"}, 0, "http/1.1"}, {[]string{"http/1.1", "h2"}, 0, "h2"}, {[]string{"h2"}, tls.VersionTLS12, "h2"},
		{nil, tls.VersionTLS11, ""}, {[]string{"spdy/3"}, 0, ""},
	} {
		said, _, c, err := hello(addr, &tls.Config{RootCAs: a.Pool(), NextProtos: test.offer, MinVersion: tls.VersionTLS10, MaxVersion: test.max})
		if said != test.want || (err != nil) != (test.want == "") {
			t.Errorf("%v, at most TLS %x: %q, %v", test.offer, test.max, said, err)
		}
		if c != nil {
			c.Close()
		}
	}
}

func TestClientAuthority(t *testing.T) {
	t.Parallel()
	a, stranger := inlettest.New(t), inlettest.New(t)
	files := server(a, "gate")
	files.Authority = a.File
	keys, err := ServerKeys(files)
	if err != nil {
		t.Fatal(err)
	}
	addr := secured(t, keys)
	pair := func(of *inlettest.Authority) []tls.Certificate { return []tls.Certificate{of.Load("client", "client")} }
	for name, test := range map[string]struct {
		shows []tls.Certificate
		ok    bool
	}{"its client": {pair(a), true}, "a stranger": {pair(stranger), false}, "nobody": {nil, false}} {
		_, _, c, err := hello(addr, &tls.Config{RootCAs: a.Pool(), Certificates: test.shows})
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
		if c != nil {
			c.Close()
		}
	}
}

// A changed certificate is shown to those who connect from then on; those who are
// connected go on. One that cannot be used changes nothing, and is said once.
func TestReload(t *testing.T) {
	t.Parallel()
	a := inlettest.New(t)
	keys, err := ServerKeys(server(a, "first"))
	if err != nil {
		t.Fatal(err)
	}
	addr := secured(t, keys)
	trust := &tls.Config{RootCAs: a.Pool()}
	_, who, old, err := hello(addr, trust)
	if err != nil || who != "first" {
		t.Fatalf("%q, %v", who, err)
	}
	defer old.Close()

	ctx, stop := context.WithCancel(t.Context())
	ticks := make(chan time.Time)
	ended := make(chan struct{})
	var said bytes.Buffer
	go func() {
		keys.Watch(ctx, ticks, slog.New(slog.NewTextHandler(&said, nil)))
		close(ended)
	}()
	look := func() { // the second is taken when the first has been dealt with
		ticks <- time.Now()
		ticks <- time.Now()
	}
	shows := func(want string) {
		t.Helper()
		_, who, c, err := hello(addr, trust)
		if err != nil || who != want {
			t.Errorf("%q is shown, %v; want %q", who, err, want)
			return
		}
		c.Close()
	}
	look()
	shows("first")
	a.Write("server.pem", []byte("damaged"))
	look()
	look()
	shows("first")
	server(a, "second one")
	look()
	shows("second one")
	if _, err := io.WriteString(old, get()); err != nil {
		t.Errorf("who was connected: %v", err)
	}
	stop()
	<-ended
	if text := said.String(); strings.Count(text, "cannot be used; the ones before") != 1 || strings.Count(text, "loaded anew") != 1 {
		t.Errorf("said:\n%s", text)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	a, other := inlettest.New(t), inlettest.New(t)
	good := server(a, "gate")
	_, otherKey := other.Pair("gate", "server")
	for name, f := range map[string]Files{
		"no such file":           {Certificate: "/no/such", Key: good.Key},
		"another's key":          {Certificate: good.Certificate, Key: otherKey},
		"no authority":           {Certificate: good.Certificate, Key: good.Key, Authority: "/no/such"},
		"an authority of nobody": {Certificate: good.Certificate, Key: good.Key, Authority: a.Write("empty.pem", nil)},
	} {
		if _, err := ServerKeys(f); err == nil {
			t.Errorf("%s: taken", name)
		}
		if f.Authority == "" {
			continue
		}
		if _, err := ClientKeys(f, "localhost"); err == nil {
			t.Errorf("%s: a client takes it", name)
		}
	}
	k, err := ClientKeys(Files{}, "bank.example")
	if err != nil || k.Config().ServerName != "bank.example" || k.Config().RootCAs != nil || k.Config().MinVersion != tls.VersionTLS12 {
		t.Errorf("%+v, %v", k.Config(), err)
	}
}
