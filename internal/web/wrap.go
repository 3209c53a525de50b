package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/locale"
)

// maxBody bounds every request's body in bytes, whatever a handler allows: one
// file of evidence and a form around it is the most that any takes.
const maxBody = 32 << 20

// Wrap stands before everything that is served.
func (s *Server) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rw := s.respond(w, r)
		s.protect(rw)
		begun := s.now()
		defer func() { s.logRequest(rw, r, s.now().Sub(begun)) }()
		err := guarded(func() error {
			if err := s.admit(r); err != nil {
				return err
			}
			r.Body = http.MaxBytesReader(rw, r.Body, maxBody)
			next.ServeHTTP(rw, r)
			return nil
		})
		if err != nil {
			s.failed(rw, r, err)
			s.refuse(rw, r, err)
		}
	})
}

// admit refuses what is refused whoever asks.
func (s *Server) admit(r *http.Request) error {
	if !s.hosts.know(r) {
		return holdfast.Errorf(holdfast.Forbidden, "this node is not known as %q; reach it under one of its names, or add this one to allowed_hosts", cut(r.Host, 100))
	}
	if err := s.origin.Check(r); err != nil {
		return holdfast.Errorf(holdfast.Forbidden, "a page of another site sent this; open the console itself and do it there").Because(err)
	}
	return nil
}

// refuse answers where no handler could: a problem for programs, plain text for
// people.
func (s *Server) refuse(rw *response, r *http.Request, err error) {
	req := s.request(rw, r)
	if strings.HasPrefix(r.URL.Path, "/api/") || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		s.writeProblem(rw, r, req, Status(err), err)
		return
	}
	words := locale.For(req.Lang)
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	rw.WriteHeader(Status(err))
	_, _ = fmt.Fprintf(rw, "%s\n\n%s\n\n%s %s\n", words.T("error.title."+string(holdfast.CodeOf(err))), words.Error(err), words.T("error.id"), rw.id)
}

// policy lets a page use its own style sheet, script, icon, forms and stream,
// and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// protect sets the headers that every answer carries.
func (s *Server) protect(rw *response) {
	h := rw.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	// Not no-referrer: it would make browsers send "Origin: null" with our own
	// forms, which then could not be told from another site's.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", rw.id)
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// response remembers what became of an answer.
type response struct {
	http.ResponseWriter
	server  *Server
	id      string
	client  netip.Addr
	account string
	status  int // 0 until the header is written
	size    int64
}

// respond returns w as a response, made once for a request.
func (s *Server) respond(w http.ResponseWriter, r *http.Request) *response {
	if rw, ok := w.(*response); ok {
		return rw
	}
	rw := &response{ResponseWriter: w, server: s, id: holdfast.NewID()}
	if from, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		rw.client = from.Addr().Unmap()
	}
	return rw
}

func (rw *response) WriteHeader(status int) {
	if rw.status == 0 && status >= 200 {
		rw.status = status
	}
	rw.ResponseWriter.WriteHeader(status)
}

func (rw *response) Write(b []byte) (int, error) {
	if rw.status == 0 {
		rw.status = http.StatusOK
	}
	n, err := rw.ResponseWriter.Write(b)
	rw.size += int64(n)
	return n, err
}

// Unwrap is for [http.ResponseController].
func (rw *response) Unwrap() http.ResponseWriter { return rw.ResponseWriter }

// crash is a panic of a handler.
type crash struct {
	value any
	stack []byte
}

func (c *crash) Error() string { return fmt.Sprintf("panic: %v", c.value) }

// guarded turns a panic of f into an error. The one that means "break off" is
// passed on.
func guarded(f func() error) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err = &crash{v, debug.Stack()}
		}
	}()
	return f()
}

// failed logs an error and makes the answer ready for it. An answer that was
// begun cannot become another: the connection is broken off, so that no one
// takes half of it for the whole.
func (s *Server) failed(rw *response, r *http.Request, err error) {
	s.logError(rw, r, err)
	if rw.status != 0 {
		panic(http.ErrAbortHandler)
	}
	h := rw.Header()
	for _, name := range []string{"Content-Type", "Content-Disposition", "Content-Length", "ETag"} {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy)
	if after := retryAfter(err); after != "" {
		h.Set("Retry-After", after)
	}
}

// logError logs what the operator's people must know of.
func (s *Server) logError(rw *response, r *http.Request, err error) {
	code := holdfast.CodeOf(err)
	level := slog.LevelDebug
	switch code {
	case holdfast.Internal, holdfast.Damaged:
		level = slog.LevelError
	case holdfast.Unavailable, holdfast.Doubtful:
		level = slog.LevelWarn
	}
	var crashed *crash
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		level = slog.LevelDebug // the client has gone; nothing is wrong here
	}
	attrs := []slog.Attr{
		slog.String("request", rw.id), slog.String("method", r.Method), slog.String("path", cut(r.URL.Path, 200)),
		slog.String("account", rw.account), slog.String("code", string(code)), slog.String("error", err.Error()),
	}
	if errors.As(err, &crashed) {
		attrs = append(attrs, slog.String("stack", string(crashed.stack)))
	}
	s.log.LogAttrs(context.WithoutCancel(r.Context()), level, "request failed", attrs...)
}

func (s *Server) logRequest(rw *response, r *http.Request, took time.Duration) {
	s.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelDebug, "request",
		slog.String("request", rw.id), slog.String("method", r.Method), slog.String("path", cut(r.URL.Path, 200)),
		slog.Int("status", rw.status), slog.Int64("bytes", rw.size), slog.Duration("took", took),
		slog.String("client", rw.client.String()), slog.String("account", rw.account))
}

// cut shortens text that a client chose.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
