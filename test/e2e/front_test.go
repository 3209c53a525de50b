package e2e_test

import (
	"context"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"holdfast"
	"holdfast/internal/client"
	"holdfast/internal/sqljournal/postgres/cluster"
	"holdfast/internal/view"
)

// front leads people to one of several control nodes, and to another only once
// that one does not serve. The other one is asked when it knows all that was
// acknowledged before.
type front struct {
	t        *testing.T
	nodes    []*twin
	database func() *cluster.Server

	mu  sync.Mutex
	now *twin
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, err := f.choose(r.Context())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	base, err := url.Parse(n.url)
	if err != nil {
		f.t.Error(err)
		return
	}
	proxy := httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(base) },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	proxy.ServeHTTP(w, r)
}

func (f *front) choose(ctx context.Context) (*twin, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for f.now == nil || !f.now.isUp() {
		var next *twin
		for _, n := range f.nodes {
			if n.isUp() {
				next = n
			}
		}
		if next == nil {
			return nil, holdfast.Errorf(holdfast.Unavailable, "no node serves")
		}
		if err := f.catchUp(ctx, next); err != nil {
			return nil, err
		}
		f.now = next
	}
	return f.now, nil
}

// catchUp waits until a node has folded what the database holds.
func (f *front) catchUp(ctx context.Context, n *twin) error {
	conn, err := f.database().Connect(ctx)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	var head holdfast.Position
	if err := conn.QueryRow(ctx, "SELECT position FROM meta").Scan(&head); err != nil {
		return err
	}
	for {
		p, err := client.Get[view.Posture](ctx, n.api, "/posture")
		if err != nil || p.Position >= head {
			return err
		}
	}
}

// serves is closed while a node can be asked.
func (f *front) serves() <-chan struct{} {
	for _, n := range f.nodes {
		if n.isUp() {
			return n.serves()
		}
	}
	return f.nodes[0].serves()
}

func (p *process) isUp() bool {
	select {
	case <-p.serves():
		return true
	default:
		return false
	}
}
