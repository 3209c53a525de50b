// Package payerfeed takes the payer snapshot of a gate from whoever knows the payers, over
// HTTP: as a whole, or what has changed since. docs/formats/stand-in.md has the form.
//
//	GET  /payers  when the snapshot in use was true, and how many payers stand in it
//	PUT  /payers  a whole snapshot, in the form of the file
//	POST /payers  what has changed since the snapshot in use
//
// All ask for the token of the feed. What is refused changes nothing.
package payerfeed

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/gate/decider"
	"holdfast/internal/locale"
)

const (
	// largestSnapshot and largestChanges are the most bytes of a body.
	largestSnapshot = 8 << 30
	largestChanges  = 256 << 20
	// patience is how long a sender may take for a body.
	patience = 15 * time.Minute
	// MinToken is the least length of a token in bytes.
	MinToken = 32
)

// Options make a feed. All but Log are needed.
type Options struct {
	Payers *decider.PayersFile
	// Token is what senders show.
	Token string
	Now   func() time.Time
	Log   *slog.Logger
}

// New makes the handler; code Invalid if the token is too short to be one.
func New(o Options) (http.Handler, error) {
	f, err := newFeed(o)
	if err != nil {
		return nil, err
	}
	return f.routes(), nil
}

type feed struct {
	Options
	token             [sha256.Size]byte
	snapshot, changes int64 // most bytes
}

func newFeed(o Options) (*feed, error) {
	if len(o.Token) < MinToken {
		return nil, holdfast.Errorf(holdfast.Invalid, "the token of the payer snapshot's feed has %d bytes or more, not %d: make one with openssl rand -hex 32", MinToken, len(o.Token))
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &feed{o, sha256.Sum256([]byte(o.Token)), largestSnapshot, largestChanges}, nil
}

func (f *feed) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /payers", f.handle(func(http.ResponseWriter, *http.Request) (decider.PayersKnown, error) { return f.Payers.Known(), nil }))
	mux.HandleFunc("PUT /payers", f.handle(func(w http.ResponseWriter, r *http.Request) (decider.PayersKnown, error) {
		return f.take(w, r, f.snapshot, f.Payers.Replace)
	}))
	mux.HandleFunc("POST /payers", f.handle(func(w http.ResponseWriter, r *http.Request) (decider.PayersKnown, error) {
		return f.take(w, r, f.changes, f.Payers.Change)
	}))
	return mux
}

func (f *feed) handle(do func(http.ResponseWriter, *http.Request) (decider.PayersKnown, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !f.known(r) {
			f.Log.Warn("a payer snapshot was refused: the token is not that of the feed", "method", r.Method, "from", r.RemoteAddr)
			w.Header().Set("WWW-Authenticate", `Bearer realm="holdfast"`)
			answer(w, r, nil, holdfast.Errorf(holdfast.Unauthenticated, "the token of the payer snapshot's feed is missing or wrong: send it as Authorization: Bearer"))
			return
		}
		known, err := do(w, r)
		if err != nil {
			f.Log.Warn("a payer snapshot was refused", "method", r.Method, "from", r.RemoteAddr, "error", err)
		}
		answer(w, r, known, err)
	}
}

// known compares digests, so that neither length nor content shows in the time it takes.
func (f *feed) known(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	sum := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(sum[:], f.token[:]) == 1 && ok
}

func (f *feed) take(w http.ResponseWriter, r *http.Request, most int64, with func(io.Reader, time.Time) (decider.PayersKnown, error)) (decider.PayersKnown, error) {
	if r.ContentLength > most {
		return decider.PayersKnown{}, tooLarge(most)
	}
	// The server's own limit is for heads; a writer that does not know deadlines has none.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(patience))
	body := http.MaxBytesReader(w, r.Body, most)
	known, err := with(body, f.Now())
	var over *http.MaxBytesError
	switch {
	case err == nil:
		return known, nil
	case errors.As(err, &over):
		return known, tooLarge(most)
	case holdfast.CodeOf(err) == holdfast.TooMany:
		return known, err
	}
	// Who is still sending hears the answer only once it has been let finish.
	_, _ = io.Copy(io.Discard, body)
	return known, err
}

func tooLarge(most int64) error {
	return holdfast.Errorf(holdfast.TooLarge, "the body has more than %d bytes", most)
}

// statuses are those of the codes that a feed can have.
var statuses = map[holdfast.Code]int{
	holdfast.Invalid: http.StatusBadRequest, holdfast.Unauthenticated: http.StatusUnauthorized, holdfast.Conflict: http.StatusConflict,
	holdfast.TooLarge: http.StatusRequestEntityTooLarge, holdfast.TooMany: http.StatusTooManyRequests,
}

// problem is the body of an error (RFC 9457).
type problem struct {
	Type   string        `json:"type"`
	Title  string        `json:"title"`
	Status int           `json:"status"`
	Detail string        `json:"detail"`
	Code   holdfast.Code `json:"code"`
}

func answer(w http.ResponseWriter, r *http.Request, v any, err error) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if err != nil {
		words := locale.For(locale.Match(r.Header.Get("Accept-Language")))
		p := problem{Type: "about:blank", Code: holdfast.CodeOf(err)}
		var there bool
		if p.Status, there = statuses[p.Code]; !there {
			p.Code, p.Status, p.Detail = holdfast.Internal, http.StatusInternalServerError, words.T("error.internal")
		} else {
			p.Detail = words.Error(err)
		}
		p.Title = words.T("error.title." + string(p.Code))
		h.Set("Content-Type", "application/problem+json")
		w.WriteHeader(p.Status)
		v = p
	}
	_ = json.NewEncoder(w).Encode(v) // whoever has gone needs no answer
}
