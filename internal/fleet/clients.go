package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync/atomic"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/posture"
)

// Clients reaches whichever of several control nodes answers. A session stays
// with the node it enrolled at; the next one begins at the next node.
type Clients struct {
	nodes   []*Client
	present atomic.Int64
}

var _ gate.Control = (*Clients)(nil)

// NewClients makes a client for the nodes at urls (https), at least one.
func NewClients(urls []string, conf *tls.Config) *Clients {
	c := &Clients{}
	for _, url := range urls {
		c.nodes = append(c.nodes, NewClient(url, conf))
	}
	return c
}

func (c *Clients) node() *Client { return c.nodes[int(c.present.Load())%len(c.nodes)] }

// Enrol implements [gate.Control]. If the node cannot be had, the next call asks
// the next one.
func (c *Clients) Enrol(ctx context.Context, e gate.Enrolment) (gate.Enrolled, error) {
	enrolled, err := c.node().Enrol(ctx, e)
	if err != nil {
		c.present.Add(1)
	}
	return enrolled, err
}

// Beat implements [gate.Control].
func (c *Clients) Beat(ctx context.Context, h gate.Heartbeat) (gate.Beat, error) {
	return c.node().Beat(ctx, h)
}

// Report implements [gate.Control].
func (c *Clients) Report(ctx context.Context, r gate.Report) (gate.Reported, error) {
	return c.node().Report(ctx, r)
}

// Follow implements [gate.Control].
func (c *Clients) Follow(ctx context.Context, name, boot string, enforce func(posture.Set) error) error {
	return c.node().Follow(ctx, name, boot, enforce)
}

// LoadNodeTLS reads a control node's certificate, its key and the certificate of
// the authority that signed those of the gates, all as PEM files.
func LoadNodeTLS(certFile, keyFile, authorityFile string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("the node's certificate: %w", err)
	}
	ca, err := os.ReadFile(authorityFile)
	if err != nil {
		return nil, fmt.Errorf("the fleet's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return nil, holdfast.Errorf(holdfast.Invalid, "%s holds no certificate", authorityFile)
	}
	return NodeTLS(cert, pool), nil
}
