// Package httpgate takes HTTP/1.1 in and out of a gate: it stands in front of
// any HTTP payment API and changes nothing in it.
//
// A request passes these stages, in this order:
//
//	route    which kind of request is it? (path and method, never guessed)
//	read     the fields the route names; at most 64 KiB of body
//	judge    by the posture; a decline is answered at once, and so is what stand-in
//	         decides on
//	aim      the first primary, or the second where payments are rerouted
//	connect  a connection to the primary, checked to be alive
//	admit    judge again, holding the connection, and list it as in flight
//	claim    where there are two primaries: the identity is this one's, durably
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
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"holdfast/internal/config"
	"holdfast/internal/gate"
	"holdfast/internal/gate/httpgate/accesslog"
	"holdfast/internal/gate/httpgate/inlet"
)

// MaxPayment is the largest body of a payment, refund or inquiry in bytes.
const MaxPayment = 64 << 10

// maxHeader bounds a request's line and headers in bytes.
const maxHeader = 16 << 10

// Options make a server.
type Options struct {
	// Gate may be given later: see [Server.Guard].
	Gate    *gate.Gate
	Primary *Primary
	Config  config.Gate
	// Access, if set, gets a line for each request.
	Access *accesslog.Log
	Log    *slog.Logger
}

// Server is the edge that clients of the payment API meet.
type Server struct {
	gate    *gate.Gate
	primary *Primary
	stand   StandIn // nil if there is none
	advices *Advices
	shadow  Shadow // nil if there is none
	fence   Fence  // nil if there is no second primary
	log     *slog.Logger
	access  *accesslog.Log
	metrics *metrics
	limits  inlet.Limits
	keys    *inlet.Keys // nil for clear text
	http    *fasthttp.Server
	inlet   atomic.Pointer[inlet.Listener]
	leaving atomic.Bool
	passed  net.Listener // nil if there is none
	passOn  atomic.Pointer[func() (net.Conn, error)]
	crowd   *crowd
	// patience is of those who wait for stand-in.
	patience patience
}

// New makes the edge of a gate in front of a primary.
func New(opt Options) (*Server, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	l := opt.Config.Limits
	s := &Server{
		gate: opt.Gate, primary: opt.Primary, log: opt.Log, access: opt.Access,
		limits: inlet.Limits{
			HeadBytes: maxHeader, Head: l.Header.D(), Idle: l.Idle.D(), BodyRate: l.BodyRate, BodyGrace: l.BodyGrace.D(),
			Write: l.Answer.D(), Clients: l.ClientConnections, Total: l.Connections,
		},
	}
	s.metrics, s.crowd = newMetrics(s), newCrowd()
	if files := opt.Config.TLS; files.Certificate != "" {
		var err error
		s.keys, err = inlet.ServerKeys(inlet.Files{Certificate: string(files.Certificate), Key: string(files.Key), Authority: string(files.ClientAuthority)})
		if err != nil {
			return nil, err
		}
	}
	s.http = &fasthttp.Server{
		Handler:               s.handle,
		ErrorHandler:          s.badRequest,
		NoDefaultServerHeader: true,
		NoDefaultDate:         true,
		NoDefaultContentType:  true,
		StreamRequestBody:     true,
		LazyRequestTime:       true, // nobody asks for it
		// A form with files is forwarded as it came, not read and written anew.
		DisablePreParseMultipartForm: true,
		MaxRequestBodySize:           MaxPayment,
		// More than the inlet lets through, so that the inlet's limit is the one met.
		ReadBufferSize: maxHeader + 4096,
		// The inlet keeps time and counts connections.
		Concurrency:     1 << 30,
		CloseOnShutdown: true,
		Logger:          discard{},
	}
	return s, nil
}

// Guard gives the server the gate that judges payments, before it serves.
func (s *Server) Guard(g *gate.Gate) { s.gate = g }

// StandIn gives the server what decides in place of the primary, and what seals for later,
// before it serves.
func (s *Server) StandIn(decides StandIn, later *Advices) {
	s.stand, s.advices, later.access = decides, later, s.access
}

// Shadow gives the server what tries profiles on payments that the primary answers, before
// it serves.
func (s *Server) Shadow(tries Shadow) { s.shadow = tries }

// Fence gives the server what keeps each identity from one of two primaries, before it
// serves. Without it nothing is sent to a second one.
func (s *Server) Fence(f Fence) { s.fence = f }

// Receive takes at l what a process before passes on, see [Server.PassOn]. Call it before
// Serve, which closes l.
func (s *Server) Receive(l net.Listener) { s.passed = l }

// PassOn has Serve keep the connections of HTTP/1.1 that wait for a request, when it ends,
// for the process that dial leads to. See [Server.Rest].
func (s *Server) PassOn(dial func() (net.Conn, error)) { s.passOn.Store(&dial) }

// Secure reports whether clients speak TLS.
func (s *Server) Secure() bool { return s.keys != nil }

// Reload loads all certificates anew, for new connections, and lets the access
// log go on in a new file. What cannot be used is said, and what was there before
// stays in use.
func (s *Server) Reload() error {
	if s.access != nil {
		s.access.Reopen()
	}
	var errs []error
	for _, k := range s.allKeys() {
		errs = append(errs, k.Reload())
	}
	return errors.Join(errs...)
}

func (s *Server) allKeys() []*inlet.Keys {
	list := s.primary.keys()
	if s.keys != nil {
		list = append(list, s.keys)
	}
	return list
}

// look is how often certificates are looked at for a change.
const look = 5 * time.Second

// Watch loads certificates anew when their files change, until ctx ends.
func (s *Server) Watch(ctx context.Context) error {
	var watching sync.WaitGroup
	for _, k := range s.allKeys() {
		watching.Go(func() {
			tick := time.NewTicker(look)
			defer tick.Stop()
			k.Watch(ctx, tick.C, s.log)
		})
	}
	watching.Wait()
	<-ctx.Done()
	return nil
}

// discard drops fasthttp's own log lines: they quote what clients sent.
type discard struct{}

func (discard) Printf(string, ...any) {}
