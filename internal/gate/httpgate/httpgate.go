// Package httpgate takes HTTP/1.1 in and out of a gate: it stands in front of
// any HTTP payment API and changes nothing in it.
//
// A request passes these stages, in this order:
//
//	route    which kind of request is it? (path and method, never guessed)
//	read     the fields the route names; at most 64 KiB of body
//	judge    by the posture; a decline is answered at once
//	connect  a connection to the primary, checked to be alive
//	admit    judge again, holding the connection, and list it as in flight
//	send     write the request: once, never again by itself
//	finish   done, not done or unknown, from the status or the lack of one
//
// What two servers could read in two ways is refused (400) and not guessed at:
// where the body ends, which path is meant, a path that only letter case, a
// parameter or an ending tells from a payment's. A payment whose body breaks off
// is not sent. A probe's mark that is not valid for its payment is refused (403).
//
// Requests that move no money skip judge, admit and finish, and stream in both
// directions. Holdfast adds three headers towards the primary:
// Holdfast-Posture (journal position of the posture that admitted the payment),
// Holdfast-Deadline (when the gate gives up waiting, RFC 3339) and
// X-Forwarded-For. A primary that refuses an older posture number, or a deadline
// in the past, closes the one gap that is left between admission and the first
// byte.
package httpgate

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast"
	"holdfast/internal/gate"
)

// Limits of the edge.
const (
	// MaxPayment is the largest body of a payment, refund or inquiry in bytes.
	MaxPayment = 64 << 10
	// maxHeader bounds a request's line and headers in bytes.
	maxHeader = 16 << 10
	// headTimeout bounds how long a client may take to send its headers.
	readTimeout = 30 * time.Second
	idleTimeout = 75 * time.Second
	// maxClients is the most client connections at once.
	maxClients = 16 << 10
)

// Server is the edge that clients of the payment API meet.
type Server struct {
	gate    *gate.Gate
	primary *Primary
	log     *slog.Logger
	metrics *metrics
	http    *fasthttp.Server
}

// NewServer makes the edge of a gate in front of a primary.
func NewServer(g *gate.Gate, p *Primary, log *slog.Logger) *Server {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	s := &Server{gate: g, primary: p, log: log, metrics: newMetrics(g)}
	s.http = &fasthttp.Server{
		Handler:               s.handle,
		ErrorHandler:          s.badRequest,
		NoDefaultServerHeader: true,
		NoDefaultDate:         true,
		NoDefaultContentType:  true,
		StreamRequestBody:     true,
		// A form with files is forwarded as it came, not read and written anew.
		DisablePreParseMultipartForm: true,
		MaxRequestBodySize:           MaxPayment,
		ReadBufferSize:               maxHeader,
		ReadTimeout:                  readTimeout,
		IdleTimeout:                  idleTimeout,
		Concurrency:                  maxClients,
		CloseOnShutdown:              true,
		Logger:                       discard{},
	}
	return s
}

// Serve takes connections until ctx ends, then lets requests under way finish,
// for at most grace, and closes.
func (s *Server) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err := s.http.ShutdownWithContext(end)
	if errors.Is(err, context.DeadlineExceeded) {
		return holdfast.Errorf(holdfast.Unavailable, "some requests were still under way after %v; the gate lists them as in flight", grace)
	}
	return errors.Join(err, <-failed)
}

// discard drops fasthttp's own log lines: they quote what clients sent.
type discard struct{}

func (discard) Printf(string, ...any) {}
