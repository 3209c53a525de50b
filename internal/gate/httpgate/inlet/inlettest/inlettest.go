// Package inlettest makes certificates for tests.
package inlettest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates, in a directory of its own.
type Authority struct {
	// File is its own certificate.
	File string

	t    testing.TB
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// New makes an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, dir: t.TempDir()}
	a.cert, a.key = a.sign("authority", "ca")
	a.File = filepath.Join(a.dir, "ca.pem")
	return a
}

// Pair makes a certificate for loopback and a common name, valid for an hour, and
// its key, and returns the files. Those of a name that it made before are
// replaced.
func (a *Authority) Pair(common, name string) (certificate, key string) {
	a.t.Helper()
	a.sign(common, name)
	return filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
}

// Load makes a pair and loads it.
func (a *Authority) Load(common, name string) tls.Certificate {
	a.t.Helper()
	pair, err := tls.LoadX509KeyPair(a.Pair(common, name))
	if err != nil {
		a.t.Fatal(err)
	}
	return pair
}

// Pool trusts the authority.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Write writes a file into the authority's directory and returns its path.
func (a *Authority) Write(name string, content []byte) string {
	a.t.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

func (a *Authority) sign(common, name string) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	a.check(err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<60))
	a.check(err)
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: common}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true,
	}
	signer, by := a.cert, a.key
	if a.cert == nil {
		c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
		signer, by = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, signer, &key.PublicKey, by)
	a.check(err)
	secret, err := x509.MarshalECPrivateKey(key)
	a.check(err)
	a.Write(name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	a.Write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret}))
	made, err := x509.ParseCertificate(der)
	a.check(err)
	return made, key
}

func (a *Authority) check(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}
