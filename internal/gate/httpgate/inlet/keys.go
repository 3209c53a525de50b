package inlet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"holdfast"
)

// Files name PEM files.
type Files struct {
	// Certificate is a chain, Key its private key. A client may have none.
	Certificate, Key string
	// Authority signed the other side's certificate. A server without one asks
	// its clients for no certificate; a client without one trusts the machine's.
	Authority string
}

// Keys are the certificates of one side of TLS, 1.2 or newer. Loading them anew
// concerns new connections only; those that are there go on.
type Keys struct {
	files  Files
	server bool
	name   string // of the server, for a client
	now    atomic.Pointer[tls.Config]
	stamp  atomic.Pointer[string]
}

// ServerKeys loads what a server shows its clients and, with an authority, asks
// of them. It speaks HTTP/2 and HTTP/1.1.
func ServerKeys(f Files) (*Keys, error) {
	k := &Keys{files: f, server: true}
	return k, k.Reload()
}

// ClientKeys loads what a client shows the server of a name, and whom it trusts.
func ClientKeys(f Files, server string) (*Keys, error) {
	k := &Keys{files: f, name: server}
	return k, k.Reload()
}

// Config returns what holds for new connections.
func (k *Keys) Config() *tls.Config { return k.now.Load() }

// Reload reads the files. If one of them cannot be used, what was loaded before
// stays in use.
func (k *Keys) Reload() error {
	stamp := k.files.stamp()
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if k.files.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(k.files.Certificate, k.files.Key)
		if err != nil {
			return holdfast.Errorf(holdfast.Invalid, "the certificate %s and its key %s cannot be used", k.files.Certificate, k.files.Key).Because(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	authority, err := k.files.authority()
	if err != nil {
		return err
	}
	switch {
	case !k.server:
		c.RootCAs, c.ServerName = authority, k.name
	default:
		c.NextProtos = []string{"h2", "http/1.1"}
		if authority != nil {
			c.ClientCAs, c.ClientAuth = authority, tls.RequireAndVerifyClientCert
		}
	}
	k.now.Store(c)
	k.stamp.Store(&stamp)
	return nil
}

func (f Files) authority() (*x509.CertPool, error) {
	if f.Authority == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(f.Authority)
	if err != nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "the authority %s cannot be read", f.Authority).Because(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, holdfast.Errorf(holdfast.Invalid, "the authority %s holds no certificate", f.Authority)
	}
	return pool, nil
}

// stamp changes when a file does.
func (f Files) stamp() (s string) {
	for _, name := range []string{f.Certificate, f.Key, f.Authority} {
		if info, err := os.Stat(name); err == nil {
			s += fmt.Sprintf("%d %v ", info.Size(), info.ModTime().UnixNano())
		}
	}
	return s
}

// Watch loads the files anew when they change, until ctx ends: it looks each
// time the ticks come. A change that cannot be used is logged once.
func (k *Keys) Watch(ctx context.Context, ticks <-chan time.Time, log *slog.Logger) {
	tried := *k.stamp.Load()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
		stamp := k.files.stamp()
		if stamp == *k.stamp.Load() || stamp == tried {
			continue
		}
		tried = stamp
		if err := k.Reload(); err != nil {
			log.Error("changed certificates cannot be used; the ones before stay in use", "error", err)
			continue
		}
		log.Info("certificates are loaded anew", "certificate", k.files.Certificate, "authority", k.files.Authority)
	}
}
