// Package web is what API and console share of HTTP: who asks, in which
// language, what is refused before anyone is asked, and how an error becomes a
// problem or a page.
//
// # The way of a request
//
//	Wrap    id, security headers, the Host header, same origin, a body's bound
//	Handle  a token in "Authorization: Bearer hf_…"      errors → problem+json
//	Page    the session's cookie                         errors → the caller's page
//
// The API takes tokens only and does not look at cookies, so no page of another
// site can make a browser act through it; the console takes the cookie only.
//
// # Who may ask
//
// The Host header must be a name in Options.Hosts, a loopback name or address,
// or the very address the connection came in on: a name that an outsider points
// at this machine (DNS rebinding) is none of them. A request that changes
// something must come from our own pages or from no page at all, as
// [http.CrossOriginProtection] judges by Sec-Fetch-Site and Origin. The cookie is
// SameSite=Lax, not Strict, so that the link in a notice opens the incident.
//
// The client's address is the connection's. X-Forwarded-For is not read: behind
// a proxy all clients are one, and share its limits.
//
// # Errors
//
// [Status] is the one table from codes to statuses. An error without a code is
// internal: it is logged with the request's id, and the answer shows the id and
// not the error. A problem (RFC 9457) looks like this:
//
//	HTTP/1.1 400 Bad Request
//	Content-Type: application/problem+json
//	X-Request-Id: 9m4e2v7c…
//
//	{"type":"about:blank","title":"Something in the input is wrong","status":400,
//	 "detail":"there is no member \"reasn\" here; there are: reason",
//	 "code":"invalid","field":"reasn","request":"9m4e2v7c…"}
//
// The field of a JSON body is the way to the value: names of members and numbers
// of elements from 0, joined by "/". A 429 and a 503 carry Retry-After.
//
// Every request is logged at debug level: method, path without the query, status,
// size, time, account. No header, query, cookie or body is.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/locale"
)

// Access knows who stands behind a token and a session. [access.Service] does.
type Access interface {
	ByToken(text string) (access.Principal, error)
	BySession(ctx context.Context, secret string) (access.Principal, access.Session, error)
}

// Options is what a [Server] is made of.
type Options struct {
	Access Access
	Log    *slog.Logger
	// Hosts are names and addresses, without port, under which the node is
	// reached, besides those that always count.
	Hosts []string
	// Secure says that the node speaks TLS: cookies are for TLS only then, and
	// browsers are told to use nothing else.
	Secure bool
	Now    func() time.Time
	// Language is for those who ask for none; empty means English.
	Language holdfast.Lang
}

// Server holds what every request needs. It is safe for concurrent use.
type Server struct {
	access   Access
	log      *slog.Logger
	hosts    hosts
	secure   bool
	now      func() time.Time
	language holdfast.Lang
	origin   *http.CrossOriginProtection
	streams  *streams
}

// New makes a server.
func New(o Options) (*Server, error) {
	if o.Access == nil || o.Log == nil || o.Now == nil {
		return nil, holdfast.Errorf(holdfast.Invalid, "web needs access, a log and a clock")
	}
	if o.Language == "" {
		o.Language = holdfast.En
	}
	if !slices.Contains(holdfast.Langs[:], o.Language) {
		return nil, holdfast.Errorf(holdfast.Invalid, "there is no language %q", o.Language)
	}
	known, err := newHosts(o.Hosts)
	if err != nil {
		return nil, err
	}
	return &Server{
		access: o.Access, log: o.Log, hosts: known, secure: o.Secure, now: o.Now, language: o.Language,
		origin: http.NewCrossOriginProtection(), streams: newStreams(),
	}, nil
}

// Request is what is known of a request before it is served.
type Request struct {
	// Who asks; the zero value for nobody known.
	Who access.Principal
	// Session is the reader's, on a page.
	Session access.Session
	Lang    holdfast.Lang
	// Client is the address the connection comes from.
	Client netip.Addr
	// ID is in the log, on the answer and in what is shown of an error.
	ID string
}

// Handle serves programs: the caller is known by a token, and errors become
// problem+json. Without a token the request is served for nobody known; with one
// that is not valid it is refused.
func (s *Server) Handle(serve func(http.ResponseWriter, *http.Request, Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rw := s.respond(w, r)
		req := s.request(rw, r)
		err := s.byToken(r, &req)
		if err == nil {
			rw.account = req.Who.Account
			err = guarded(func() error { return serve(rw, r, req) })
		}
		if err == nil {
			return
		}
		s.failed(rw, r, err)
		s.writeProblem(rw, r, req, Status(err), err)
	})
}

// Page serves people: the reader is known by the session's cookie, and errors
// are shown by fail. A cookie whose session has ended counts as none.
func (s *Server) Page(serve func(http.ResponseWriter, *http.Request, Request) error, fail func(http.ResponseWriter, *http.Request, Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rw := s.respond(w, r)
		req := s.request(rw, r)
		err := s.bySession(r, &req)
		if err == nil {
			rw.account = req.Who.Account
			err = guarded(func() error { return serve(rw, r, req) })
		}
		if err == nil {
			return
		}
		s.failed(rw, r, err)
		fail(rw, r, req, err)
	})
}

func (s *Server) request(rw *response, r *http.Request) Request {
	return Request{ID: rw.id, Client: rw.client, Lang: s.asked(r)}
}

// asked is the language that the request asks for, else the operator's.
func (s *Server) asked(r *http.Request) holdfast.Lang {
	asked := strings.TrimSpace(r.Header.Get("Accept-Language"))
	if asked == "" || asked == "*" {
		return s.language
	}
	return locale.Match(asked)
}

// byToken finds who asks. A program that names a language gets that one, before
// its account's.
func (s *Server) byToken(r *http.Request, req *Request) error {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return holdfast.Errorf(holdfast.Unauthenticated, "send a token: Authorization: Bearer hf_…")
	}
	who, err := s.access.ByToken(strings.TrimSpace(token))
	if err != nil {
		return err
	}
	req.Who = who
	if who.Lang != "" && r.Header.Get("Accept-Language") == "" {
		req.Lang = who.Lang
	}
	return nil
}

func (s *Server) bySession(r *http.Request, req *Request) error {
	secret := s.SessionSecret(r)
	if secret == "" {
		return nil
	}
	who, session, err := s.access.BySession(r.Context(), secret)
	switch {
	case holdfast.CodeOf(err) == holdfast.Unauthenticated:
		return nil
	case err != nil:
		return err
	}
	req.Who, req.Session = who, session
	if who.Lang != "" {
		req.Lang = who.Lang
	}
	return nil
}
