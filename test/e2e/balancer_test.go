package e2e_test

import (
	"bytes"
	"hash/fnv"
	"io"
	"net/http"
	"sync"
)

// balancer spreads requests over the gates by the payment's key, so that a
// customer who asks again meets the gate that knows. Like many a client, it sends
// some requests again by itself when the connection breaks: as soon as the gate is
// back.
type balancer struct {
	base   http.Transport
	secure bool // the gates speak TLS
	gates  []*process

	mu    sync.Mutex
	sent  int
	waits map[int]chan struct{} // by the count that ends them
}

// balance makes b lead to the system's gates. Call it before the first request.
func (s *system) balance(b *balancer) {
	b.waits = map[int]chan struct{}{}
	b.base.MaxIdleConnsPerHost = 1000
	b.gates = s.gates
}

// address is where a gate takes payments.
func (p *process) address() string {
	for n, arg := range p.args {
		if arg == "--listen-payments" {
			return p.args[n+1]
		}
	}
	panic(p.name + " takes no payments")
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		key = r.URL.Query().Get("key")
	}
	h := fnv.New32a()
	h.Write([]byte(key))
	hash := int(h.Sum32())
	g := b.gates[hash%len(b.gates)]
	out := r.Clone(r.Context())
	out.URL.Host = g.address()
	if b.secure {
		out.URL.Scheme = "https"
	}
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
		out.Body = io.NopCloser(bytes.NewReader(body))
	}
	b.count()
	resp, err := b.base.RoundTrip(out)
	if err == nil || hash/len(b.gates)%2 == 0 {
		return resp, err
	}
	select {
	case <-g.serves():
	case <-r.Context().Done():
		return nil, err
	}
	out.Body = io.NopCloser(bytes.NewReader(body))
	return b.base.RoundTrip(out)
}

func (b *balancer) count() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent++
	if wait, ok := b.waits[b.sent]; ok {
		close(wait)
		delete(b.waits, b.sent)
	}
}

// after returns a channel that is closed when n more requests were sent.
func (b *balancer) after(n int) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.sent + max(n, 1)
	if b.waits[at] == nil {
		b.waits[at] = make(chan struct{})
	}
	return b.waits[at]
}
