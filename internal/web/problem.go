package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"holdfast"
	"holdfast/internal/access"
	"holdfast/internal/locale"
)

// statuses is the one table from codes to statuses. Doubtful is 504: what would
// have said whether the act was done has not answered.
var statuses = map[holdfast.Code]int{
	holdfast.Invalid:         http.StatusBadRequest,
	holdfast.Unauthenticated: http.StatusUnauthorized,
	holdfast.Forbidden:       http.StatusForbidden,
	holdfast.NotFound:        http.StatusNotFound,
	holdfast.Conflict:        http.StatusConflict,
	holdfast.TooLarge:        http.StatusRequestEntityTooLarge,
	holdfast.TooMany:         http.StatusTooManyRequests,
	holdfast.Unavailable:     http.StatusServiceUnavailable,
	holdfast.Doubtful:        http.StatusGatewayTimeout,
	holdfast.Damaged:         http.StatusInternalServerError,
	holdfast.Internal:        http.StatusInternalServerError,
}

// Status is the HTTP status of an error, 200 for nil. A code that the table does
// not have is internal.
func Status(err error) int {
	if err == nil {
		return http.StatusOK
	}
	if status, ok := statuses[holdfast.CodeOf(err)]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// retrySeconds is when to try again where the error does not say.
const retrySeconds = 5

// retryAfter is the value of the header Retry-After, "" for none.
func retryAfter(err error) string {
	code := holdfast.CodeOf(err)
	if code != holdfast.TooMany && code != holdfast.Unavailable {
		return ""
	}
	var wait access.Wait
	if errors.As(err, &wait) {
		return strconv.Itoa(wait.Seconds())
	}
	return strconv.Itoa(retrySeconds)
}

// Problem is the body of an error (RFC 9457).
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	// Code is one of a few that a program can act on.
	Code holdfast.Code `json:"code"`
	// Field is the input at fault.
	Field string `json:"field,omitempty"`
	// Request is the id under which the log has more.
	Request string `json:"request"`
	// More is what a program needs to go on, where the error has it.
	More any `json:"more,omitempty"`
}

// telling is an error that tells programs more than its text.
type telling interface {
	error
	// More is written as JSON.
	More() any
}

func (s *Server) writeProblem(rw *response, r *http.Request, req Request, status int, err error) {
	words, code := locale.For(req.Lang), holdfast.CodeOf(err)
	if _, ok := statuses[code]; !ok {
		code = holdfast.Internal
	}
	p := Problem{
		Type: "about:blank", Title: words.T("error.title." + string(code)), Status: status,
		Detail: words.Error(err), Code: code, Request: rw.id,
	}
	var e *holdfast.Error
	if errors.As(err, &e) {
		p.Field = e.Field
	}
	var more telling
	if errors.As(err, &more) {
		p.More = more.More()
	}
	if code == holdfast.Internal {
		p.Detail, p.Field = words.T("error.internal")+" ("+rw.id+")", ""
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic("web: a problem cannot be encoded: " + err.Error()) // it holds plain data only
	}
	h := rw.Header()
	if code == holdfast.Unauthenticated {
		h.Set("WWW-Authenticate", challenge(r))
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Language", string(req.Lang))
	rw.WriteHeader(status)
	_, _ = rw.Write(append(body, '\n')) // whoever has gone needs no answer
}

// challenge says how to authenticate (RFC 6750).
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") != "" {
		return `Bearer realm="holdfast", error="invalid_token"`
	}
	return `Bearer realm="holdfast"`
}

// Routes serves a mux of handlers that answer with problems, so that its own
// answers, no such path and no such method, are problems too.
func (s *Server) Routes(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		own, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &unwritten{header: http.Header{}}
		own.ServeHTTP(answer, r)
		rw := s.respond(w, r)
		req := s.request(rw, r)
		err := error(holdfast.Errorf(holdfast.NotFound, "there is nothing at %s", cut(r.URL.Path, 200)))
		status := http.StatusNotFound
		if answer.status == http.StatusMethodNotAllowed {
			allow := answer.header.Get("Allow")
			rw.Header().Set("Allow", allow)
			status = answer.status
			err = holdfast.Errorf(holdfast.Invalid, "%s does not take %s; it takes %s", cut(r.URL.Path, 200), cut(r.Method, 20), strings.ReplaceAll(allow, ",", ", "))
		}
		s.failed(rw, r, err)
		s.writeProblem(rw, r, req, status, err)
	})
}

// unwritten keeps an answer's status and header and drops its body.
type unwritten struct {
	header http.Header
	status int
}

func (u *unwritten) Header() http.Header         { return u.header }
func (u *unwritten) WriteHeader(status int)      { u.status = status }
func (u *unwritten) Write(b []byte) (int, error) { return len(b), nil }
