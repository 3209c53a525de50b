package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"holdfast"
	"holdfast/internal/gate"
	"holdfast/internal/posture"
)

// Clients reaches whichever of several control nodes answers. A session stays
// with the node it enrolled at. Once a call to that node has failed, the next
// enrolment goes to the next node: a node that hangs costs one time-out, not two.
type Clients struct {
	nodes []gate.Control

	mu      sync.Mutex
	present int
	failed  bool // the present node, since it was last enrolled at
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

func (c *Clients) node() (gate.Control, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[c.present], c.present
}

// judge notes that a call to a node failed, unless the gate itself ended it.
func (c *Clients) judge(ctx context.Context, node int, err error) {
	if err == nil || errors.Is(context.Cause(ctx), context.Canceled) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = c.failed || node == c.present
}

// Enrol implements [gate.Control] and begins a session.
func (c *Clients) Enrol(ctx context.Context, e gate.Enrolment) (gate.Enrolled, error) {
	c.mu.Lock()
	if c.failed {
		c.present, c.failed = (c.present+1)%len(c.nodes), false
	}
	c.mu.Unlock()
	node, i := c.node()
	enrolled, err := node.Enrol(ctx, e)
	c.judge(ctx, i, err)
	return enrolled, err
}

// Beat implements [gate.Control].
func (c *Clients) Beat(ctx context.Context, h gate.Heartbeat) (gate.Beat, error) {
	node, i := c.node()
	beat, err := node.Beat(ctx, h)
	c.judge(ctx, i, err)
	return beat, err
}

// Report implements [gate.Control].
func (c *Clients) Report(ctx context.Context, r gate.Report) (gate.Reported, error) {
	node, i := c.node()
	reported, err := node.Report(ctx, r)
	c.judge(ctx, i, err)
	return reported, err
}

// Follow implements [gate.Control]. A stream that the node ends is a failure of
// the node, too.
func (c *Clients) Follow(ctx context.Context, name, boot string, enforce func(posture.Set) error) error {
	node, i := c.node()
	err := node.Follow(ctx, name, boot, enforce)
	ended := err
	if ended == nil {
		ended = io.EOF
	}
	c.judge(ctx, i, ended)
	return err
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
