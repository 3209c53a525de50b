package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"holdfast/internal/posture"
)

// peer is what one would use instead to tell many of something at once.
type peer interface {
	// tell makes a change and returns how long it took until it was accepted and
	// until the last watcher had it.
	tell() (accepted, last time.Duration, err error)
	close()
}

// identity is a certificate for 127.0.0.1 and what trusts it.
type identity struct {
	cert, key string // files
	trust     *tls.Config
}

func newIdentity(dir string) (identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return identity{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return identity{}, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return identity{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return identity{}, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	id := identity{
		cert: filepath.Join(dir, "peer.pem"), key: filepath.Join(dir, "peer.key"),
		trust: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
	}
	return id, errors.Join(
		posture.WriteFile(id.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		posture.WriteFile(id.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})),
	)
}

// program finds an installed program.
func program(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed; run tools/packages.sh bench", name)
}

// freeAddress finds a port for a process that is yet to start.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// listens waits until something listens at an address.
func listens(address, log string) error {
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		if time.Now().After(end) {
			said, _ := os.ReadFile(log)
			return fmt.Errorf("%w\n%s", err, said)
		}
	}
}

// gathered waits for the word of n watchers, and returns when the last spoke.
func gathered(words <-chan error, n int) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for range n {
		select {
		case err := <-words:
			if err != nil {
				return err
			}
		case <-timer.C:
			return fmt.Errorf("a watcher did not hear of a change within %v", patience)
		}
	}
	return nil
}

// redis is one publication to subscribers, over TLS. Redis keeps nothing of it on
// disk and does not know who has heard it.
type redis struct {
	server *child
	conns  []net.Conn
	to     *bufio.Reader
	words  chan error
	n      int
}

func newRedis(dir string, id identity, watchers int) (_ peer, err error) {
	path, err := program("redis-server")
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "redis.log")
	r := &redis{words: make(chan error, watchers), n: watchers}
	if r.server, err = start(log, command(path, "--bind", "127.0.0.1", "--port", "0", "--tls-port", port, "--tls-cert-file", id.cert,
		"--tls-key-file", id.key, "--tls-auth-clients", "no", "--save", "", "--dir", dir)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := listens(address, log); err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	for i := range watchers + 1 {
		c, err := tls.Dial("tcp", address, id.trust)
		if err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		r.conns = append(r.conns, c)
		in := bufio.NewReader(c)
		if i == 0 {
			r.to = in
			continue
		}
		if _, err := fmt.Fprint(c, "*2\r\n$9\r\nSUBSCRIBE\r\n$4\r\nstop\r\n"); err != nil {
			return nil, err
		}
		go r.hear(in)
	}
	return r, gathered(r.words, watchers) // each is subscribed
}

// hear says a word for each message: an array of three, of which the last is a
// number or a text.
func (r *redis) hear(in *bufio.Reader) {
	for {
		lines := 7 // *3 $9 subscribe $4 stop :1, and one more for a text
		for n := 0; n < lines; n++ {
			line, err := in.ReadString('\n')
			if err != nil {
				r.words <- fmt.Errorf("redis: %w", err)
				return
			}
			if strings.HasPrefix(line, ":") {
				break
			}
		}
		r.words <- nil
	}
}

func (r *redis) tell() (accepted, last time.Duration, err error) {
	begin := time.Now()
	if _, err := fmt.Fprint(r.conns[0], "*3\r\n$7\r\nPUBLISH\r\n$4\r\nstop\r\n$3\r\nall\r\n"); err != nil {
		return 0, 0, err
	}
	if _, err := r.to.ReadString('\n'); err != nil {
		return 0, 0, err
	}
	accepted = time.Since(begin)
	err = gathered(r.words, r.n)
	return accepted, time.Since(begin), err
}

func (r *redis) close() {
	for _, c := range r.conns {
		c.Close()
	}
	r.server.stop()
}
