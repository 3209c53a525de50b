package fleet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"holdfast"
	"holdfast/internal/posture"
)

// A small certificate authority for the fleet, for installations that have none
// of their own. Files in its directory: ca.pem, ca.key, and per holder
// <name>.pem and <name>.key. Keys are ECDSA P-256, files readable by their owner
// only.

// gatePrefix begins the common name of a gate's certificate.
const gatePrefix = "gate:"

const (
	caLife   = 10 * 365 * 24 * time.Hour
	certLife = 2 * 365 * 24 * time.Hour
)

// Authority signs the certificates of one fleet.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// OpenAuthority loads the authority in dir, or makes one.
func OpenAuthority(dir string, now time.Time) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open the fleet's authority: %w", err)
	}
	certFile, keyFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca.key")
	if _, err := os.Stat(certFile); errors.Is(err, fs.ErrNotExist) {
		// The certificate is written last: without it nothing was ever signed.
		return newAuthority(dir, now)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, holdfast.Errorf(holdfast.Damaged, "%s is missing: put it back, or remove %s too and give every gate a new certificate", keyFile, certFile)
	}
	if err != nil {
		return nil, fmt.Errorf("open the fleet's authority in %s: %w", dir, err)
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, holdfast.Errorf(holdfast.Invalid, "the key in %s is not an ECDSA key", dir)
	}
	return &Authority{dir, pair.Leaf, key}, nil
}

func newAuthority(dir string, now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Holdfast fleet " + holdfast.NewID()[:8]},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	a := &Authority{dir, cert, key}
	return a, a.write("ca", der, key)
}

// Node issues the certificate of a control node for the hosts gates call it by.
func (a *Authority) Node(hosts []string, now time.Time) (*tls.Config, error) {
	if len(hosts) == 0 {
		return nil, holdfast.Errorf(holdfast.Invalid, "a control node needs a host that gates call it by")
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: "node:" + hosts[0]},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, key, err := a.issue(template, now)
	if err != nil {
		return nil, err
	}
	return NodeTLS(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, a.pool()), nil
}

// NodeTLS is the configuration of a control node's fleet listener.
func NodeTLS(cert tls.Certificate, gates *x509.CertPool) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientCAs: gates,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
		NextProtos: []string{"h2"},
	}
}

// Gate issues a gate's certificate into the authority's directory and returns
// the paths of the certificate, its key and the authority's certificate.
func (a *Authority) Gate(name string, now time.Time) (cert, key, ca string, err error) {
	if !holdfast.ValidName(name) {
		return "", "", "", holdfast.Errorf(holdfast.Invalid, "gate name %q: use 1 to 64 lower-case letters, digits, '-', '_' and '.'", name)
	}
	der, priv, err := a.issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: gatePrefix + name},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, now)
	if err == nil {
		err = a.write("gate-"+name, der, priv)
	}
	if err != nil {
		return "", "", "", fmt.Errorf("issue the certificate of gate %s: %w", name, err)
	}
	path := func(file string) string { return filepath.Join(a.dir, file) }
	return path("gate-" + name + ".pem"), path("gate-" + name + ".key"), path("ca.pem"), nil
}

// GateTLS is the configuration a gate calls control nodes with.
func GateTLS(certFile, keyFile, caFile string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("the gate's certificate: %w", err)
	}
	ca, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("the fleet's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%s holds no certificate", caFile)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, MinVersion: tls.VersionTLS13}, nil
}

func (a *Authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

func (a *Authority) issue(template *x509.Certificate, now time.Time) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template.SerialNumber = serial()
	template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(certLife)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	return der, key, err
}

func (a *Authority) write(name string, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	// The certificate comes last: where it is, its key is too.
	if err := posture.WriteFile(filepath.Join(a.dir, name+".key"), keyPEM); err != nil {
		return err
	}
	return posture.WriteFile(filepath.Join(a.dir, name+".pem"), certPEM)
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic("fleet: " + err.Error()) // crypto/rand never fails
	}
	return n
}
