// Package primary is the simulated payment system behind the gate: an HTTP/1.1
// server that moves money between the accounts of a [world.World], writes every
// effect to the ledger of truth before it answers, and can be made to fail in
// the ways of package fault.
//
//	POST /v1/payments          pay: 201, or a decline
//	GET  /v1/payments/{id}     one payment
//	GET  /v1/payments?key=KEY  the outcome under an idempotency key
//	POST /v1/refunds           give back all or part of a payment
//	GET  /v1/refunds/{id}, /v1/refunds?key=KEY
//	GET  /healthz
//
// With Options.Transfers it speaks another API, that of a primary of somebody else;
// see transfers.go. What follows holds for both.
//
// Every answer that is not 2xx is application/problem+json with a code; where
// it settles the outcome it says so ("outcome": "not-done").
// docs/formats/sandbox.md has the bodies.
//
// Idempotency: an idempotency key is remembered with its request and answer for
// the retention (24 h by default) after the work ended. Meanwhile the same
// request gets the same answer, another request under the key gets 422, and a
// request that arrives while the first is still at work gets 409. A decline is
// remembered too; bad input (400, 413, 415, 422) is not. After the retention the
// key is free: the same request would move the money again. Payments can be
// looked up and refunded as long as they are among the newest MaxPayments, and at
// least for the retention; while that many are younger than the retention, new
// requests get 503.
//
// With a truth file the primary comes back after kill -9 with all balances, done
// payments and their keys; declines are forgotten, no money hangs on them.
package primary

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/fault"
	"holdfast/internal/sandbox/truth"
	"holdfast/internal/sandbox/world"
)

const (
	maxBody   = 16 << 10 // bytes of a request's body
	maxHeader = 16 << 10 // bytes of a request's header

	// drain is how long requests may go on after the end of Run.
	drain = 2 * time.Second
)

// Options set the primary up. World, Faults and Ledger's file, if any, are its
// own: two primaries share none of them.
type Options struct {
	World  *world.World
	Faults *fault.Injector
	Ledger truth.Options
	// Transfers has it speak the API of transfers, as a second primary does that is
	// somebody else's.
	Transfers bool
	// Address to listen on, host and port; port 0 takes a free one. Default
	// 127.0.0.1:0.
	Address string
	// Listen opens the port, and opens it again after an outage; default
	// net.Listen, with the port number reserved where the system allows it.
	Listen func(network, address string) (net.Listener, error)
	// Retention is how long an idempotency key is remembered; default 24 h.
	Retention time.Duration
	// MaxPayments is how many payments, refunds and declines are remembered, about
	// 600 bytes each; default 1,000,000.
	MaxPayments int
	// MaxRequests is how many requests may be at work at once; default 10,000.
	// Those above it get 503.
	MaxRequests int
}

// Primary is the server.
type Primary struct {
	o      Options
	ledger *truth.Ledger
	port   *port
	mux    *http.ServeMux

	stop     chan struct{} // closed when Run ends: nothing is held up any longer
	inFlight atomic.Int64
	counts   counters
	broken   chan struct{} // closed when the ledger of truth has failed
	breaking sync.Once
	cause    error // set before broken is closed

	mu     sync.Mutex
	book   book
	memory memory
	ids    uint64 // how many ids were given
}

// New opens the ledger of truth, brings balances and payments back from its
// file, and listens; connections are served once Run is called. Whoever does not
// call Run must call Close.
func New(o Options) (*Primary, error) {
	if o.World == nil || o.Faults == nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: a primary needs a world and an injector of faults")
	}
	if o.Retention == 0 {
		o.Retention = 24 * time.Hour
	}
	if o.MaxPayments == 0 {
		o.MaxPayments = 1_000_000
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = 10_000
	}
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Retention < 0 || o.MaxPayments < 1 || o.MaxRequests < 1 {
		return nil, holdfast.Errorf(holdfast.Invalid, "sandbox: retention %s, %d payments, %d requests at once: all must be above zero", o.Retention, o.MaxPayments, o.MaxRequests)
	}
	p := &Primary{
		o: o, stop: make(chan struct{}), broken: make(chan struct{}),
		book: newBook(o.World), memory: newMemory(o.Retention, o.MaxPayments),
	}
	p.memory.byKey = o.Transfers
	ledger, err := truth.Open(o.Ledger, p.restore)
	if err != nil {
		return nil, err
	}
	p.ledger = ledger
	if p.port, err = listen(o); err != nil {
		return nil, errors.Join(err, ledger.Close())
	}
	p.routes()
	return p, nil
}

func (p *Primary) routes() {
	p.mux = http.NewServeMux()
	p.mux.HandleFunc("GET /healthz", p.health)
	if p.o.Transfers {
		p.routesOfTransfers()
		return
	}
	p.mux.HandleFunc("POST /v1/payments", p.pay)
	p.mux.HandleFunc("GET /v1/payments", p.inquire(truth.Payment))
	p.mux.HandleFunc("GET /v1/payments/{id}", p.show(truth.Payment))
	p.mux.HandleFunc("POST /v1/refunds", p.refund)
	p.mux.HandleFunc("GET /v1/refunds", p.inquire(truth.Refund))
	p.mux.HandleFunc("GET /v1/refunds/{id}", p.show(truth.Refund))
	p.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, refuse(*bad(http.StatusNotFound, "no-such-path", "there is no such path or method here; the paths are /v1/payments, /v1/refunds and /healthz")))
	})
}

// restore brings one effect of an earlier process back. Ids are given before
// effects are written, and not in the same order, so the last one written need
// not be the last one given.
func (p *Primary) restore(e truth.Effect) error {
	if _, digits, ok := strings.Cut(e.ID, "_"); ok {
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil {
			p.ids = max(p.ids, n)
		}
	}
	if err := p.book.restore(e); err != nil {
		return err
	}
	p.memory.restore(e, p.book.bank(e.Payer))
	return nil
}

// URL is where the primary listens, such as http://127.0.0.1:40123.
func (p *Primary) URL() string { return "http://" + p.port.address }

// Ledger is the ledger of truth.
func (p *Primary) Ledger() *truth.Ledger { return p.ledger }

// Handler serves the API without the port: refusals of connections and outages
// do not reach it.
func (p *Primary) Handler() http.Handler { return http.HandlerFunc(p.serve) }

// Run serves until ctx ends, then lets requests at work end for up to two
// seconds, and closes the ledger of truth. It returns an error if the ledger
// fails: from then on the primary cannot tell what happened to the money.
func (p *Primary) Run(ctx context.Context) error {
	// Requests outlive ctx by the drain, so their context is another one.
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	server := p.server(requests)
	served := make(chan error, 1)
	go func() { served <- server.Serve(p.port) }()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		p.port.follow(p.stop)
	}()
	var err error
	select {
	case <-ctx.Done():
	case <-p.broken:
		err = p.cause
	case err = <-served:
		err = fmt.Errorf("serve the sandbox's primary: %w", err)
	}
	close(p.stop)
	cancel()
	p.port.dropUnused()
	last, done := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer done()
	if server.Shutdown(last) != nil {
		server.Close()
	}
	<-watched
	return errors.Join(err, p.Close())
}

// Close stops listening and closes the ledger of truth. Run does it at its end.
func (p *Primary) Close() error {
	return errors.Join(p.port.Close(), p.ledger.Close())
}

func (p *Primary) server(ctx context.Context) *http.Server {
	return &http.Server{
		Handler: p.Handler(), BaseContext: func(net.Listener) context.Context { return ctx }, ConnContext: withConnection,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxHeader, ErrorLog: discard,
	}
}

// serve is the way every request comes in.
func (p *Primary) serve(w http.ResponseWriter, r *http.Request) {
	defer p.inFlight.Add(-1)
	busy := p.inFlight.Add(1) > int64(p.o.MaxRequests)
	p.counts.requests.Add(1)
	if c := connection(r.Context()); c != nil && p.o.Faults.Refuses(c.number) {
		c.reset()
		panic(http.ErrAbortHandler)
	}
	if busy {
		write(w, reply{status: http.StatusServiceUnavailable, body: problem{Code: "busy", Detail: "too many requests at once", Outcome: "not-done"}, retryAfter: 1})
		return
	}
	p.mux.ServeHTTP(w, r)
}

func (p *Primary) health(w http.ResponseWriter, _ *http.Request) {
	select {
	case <-p.broken:
		write(w, reply{status: http.StatusInternalServerError, body: problem{Code: "ledger-failed", Detail: "the ledger of truth has failed; start the sandbox again"}})
	default:
		write(w, reply{status: http.StatusOK, body: map[string]string{"status": "ok"}})
	}
}

// fail ends the primary: what the ledger holds is not known any more.
func (p *Primary) fail(err error) {
	p.breaking.Do(func() {
		p.cause = err
		close(p.broken)
	})
}
