package inlet

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes certificates in a directory of its own.
type authority struct {
	t    *testing.T
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("authority", "ca", nil)
	return a
}

// sign makes name.pem and name.key; without a parent the certificate is an
// authority's.
func (a *authority) sign(common, name string, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: common}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true,
	}
	signer, by := c, key
	if parent == nil {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	} else {
		signer, by = parent.cert, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, signer, &key.PublicKey, by)
	if err != nil {
		a.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	a.write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
	made, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return made, key
}

func (a *authority) write(name string, content []byte) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), content, 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// server makes a server's pair, and returns where it lies.
func (a *authority) server(common string) Files {
	a.sign(common, "server", a)
	return Files{Certificate: filepath.Join(a.dir, "server.pem"), Key: filepath.Join(a.dir, "server.key")}
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

func (a *authority) trusted() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
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
	a := newAuthority(t)
	keys, err := ServerKeys(a.server("gate"))
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
		said, _, c, err := hello(addr, &tls.Config{RootCAs: a.trusted(), NextProtos: test.offer, MinVersion: tls.VersionTLS10, MaxVersion: test.max})
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
	a, stranger := newAuthority(t), newAuthority(t)
	files := a.server("gate")
	files.Authority = filepath.Join(a.dir, "ca.pem")
	keys, err := ServerKeys(files)
	if err != nil {
		t.Fatal(err)
	}
	addr := secured(t, keys)
	pair := func(of *authority) []tls.Certificate {
		t.Helper()
		of.sign("client", "client", of)
		p, err := tls.LoadX509KeyPair(filepath.Join(of.dir, "client.pem"), filepath.Join(of.dir, "client.key"))
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{p}
	}
	for name, test := range map[string]struct {
		shows []tls.Certificate
		ok    bool
	}{"its client": {pair(a), true}, "a stranger": {pair(stranger), false}, "nobody": {nil, false}} {
		_, _, c, err := hello(addr, &tls.Config{RootCAs: a.trusted(), Certificates: test.shows})
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
	a := newAuthority(t)
	keys, err := ServerKeys(a.server("first"))
	if err != nil {
		t.Fatal(err)
	}
	addr := secured(t, keys)
	trust := &tls.Config{RootCAs: a.trusted()}
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
	a.write("server.pem", []byte("damaged"))
	look()
	look()
	shows("first")
	a.server("second one")
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
	a, other := newAuthority(t), newAuthority(t)
	good := a.server("gate")
	other.sign("gate", "server", other)
	a.write("empty.pem", nil)
	for name, f := range map[string]Files{
		"no such file":           {Certificate: "/no/such", Key: good.Key},
		"another's key":          {Certificate: good.Certificate, Key: filepath.Join(other.dir, "server.key")},
		"no authority":           {Certificate: good.Certificate, Key: good.Key, Authority: "/no/such"},
		"an authority of nobody": {Certificate: good.Certificate, Key: good.Key, Authority: filepath.Join(a.dir, "empty.pem")},
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
