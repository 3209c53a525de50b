package sandbox

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"time"

	"holdfast"
	"holdfast/internal/sandbox/fault"
)

// maxControlBody bounds the body of a control request, in bytes.
const maxControlBody = 16 << 10

// runControl serves the control API until ctx ends.
func (s *Sandbox) runControl(ctx context.Context) error {
	server := &http.Server{
		Handler: s.Control(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxControlBody, ErrorLog: log.New(io.Discard, "", 0),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(s.control) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the sandbox's control API: %w", err)
	case <-ctx.Done():
		return server.Close()
	}
}

// Control is the control API.
func (s *Sandbox) Control() http.Handler {
	mux := http.NewServeMux()
	handlers := map[string]func(*http.Request) (int, any, error){
		"PUT /sandbox/traffic": s.setTraffic,
		"GET /sandbox/stats":   s.showStats,
		"GET /sandbox/check":   s.showCheck,
	}
	for path, faults := range map[string]*fault.Injector{"/sandbox/faults": s.Faults, "/sandbox/second/faults": s.SecondFaults} {
		f := faultControl{faults}
		for pattern, handle := range map[string]func(*http.Request) (int, any, error){
			"GET " + path: f.list, "POST " + path: f.start, "DELETE " + path: f.endAll, "DELETE " + path + "/{id}": f.end,
		} {
			if faults == nil {
				handle = noSecond
			}
			handlers[pattern] = handle
		}
	}
	for pattern, handle := range handlers {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxControlBody)
			answer(w, r, handle)
		})
	}
	return s.guard(mux)
}

// guard lets only bearers of the token in. Hashes are compared, so that the time
// taken tells nothing about the token, not even its length.
func (s *Sandbox) guard(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(s.token))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(token))
		if !strings.EqualFold(scheme, "Bearer") || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeError(w, holdfast.Errorf(holdfast.Unauthenticated, "send the sandbox's token as Authorization: Bearer TOKEN"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func answer(w http.ResponseWriter, r *http.Request, handle func(*http.Request) (int, any, error)) {
	status, body, err := handle(r)
	if err != nil {
		writeError(w, err)
		return
	}
	if text, ok := body.(string); ok {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		io.WriteString(w, text) // an error means that the client has gone
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

// statuses is the table from codes to HTTP; what is not in it is 500.
var statuses = map[holdfast.Code]int{
	holdfast.Invalid: 422, holdfast.Unauthenticated: 401, holdfast.NotFound: 404, holdfast.TooLarge: 413, holdfast.TooMany: 429,
}

func writeError(w http.ResponseWriter, err error) {
	problem := struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
		Field  string `json:"field,omitempty"`
	}{Type: "about:blank", Status: 500, Detail: "a fault of the sandbox", Code: string(holdfast.Internal)}
	var e *holdfast.Error
	if errors.As(err, &e) && statuses[e.Code] != 0 {
		problem.Status, problem.Detail, problem.Code, problem.Field = statuses[e.Code], e.Message(), string(e.Code), e.Field
	}
	problem.Title = http.StatusText(problem.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(problem.Status)
	json.NewEncoder(w).Encode(problem)
}

// decode reads exactly one JSON object without unknown fields.
func decode(r io.Reader, v any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	err := d.Decode(v)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return holdfast.Errorf(holdfast.TooLarge, "the body is over %d bytes", maxControlBody)
	case err != nil:
		return holdfast.Errorf(holdfast.Invalid, "the body is not what belongs here: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); err != io.EOF {
		return holdfast.Errorf(holdfast.Invalid, "there is something after the JSON object")
	}
	return nil
}

// faultControl is the control of one primary's faults.
type faultControl struct{ faults *fault.Injector }

// noSecond answers for a primary that is not there.
func noSecond(*http.Request) (int, any, error) {
	return 0, nil, holdfast.Errorf(holdfast.NotFound, "this world has one primary; run it with a second one")
}

func (c faultControl) list(*http.Request) (int, any, error) {
	active, ended := leases(c.faults)
	return http.StatusOK, map[string][]fault.Lease{"active": active, "ended": ended}, nil
}

func (c faultControl) start(r *http.Request) (int, any, error) {
	var f fault.Fault
	if err := decode(r.Body, &f); err != nil {
		return 0, nil, err
	}
	lease, err := c.faults.Start(f)
	return http.StatusCreated, lease, err
}

func (c faultControl) end(r *http.Request) (int, any, error) {
	lease, err := c.faults.End(r.PathValue("id"))
	return http.StatusOK, lease, err
}

func (c faultControl) endAll(*http.Request) (int, any, error) {
	ended, notEnded := c.faults.EndAll()
	return http.StatusOK, map[string][]fault.Lease{"ended": orEmpty(ended), "not_ended": orEmpty(notEnded)}, nil
}

func orEmpty(l []fault.Lease) []fault.Lease { return append([]fault.Lease{}, l...) }

func (s *Sandbox) setTraffic(r *http.Request) (int, any, error) {
	var set struct {
		Rate   *float64 `json:"rate"`
		Target *string  `json:"target"`
	}
	if err := decode(r.Body, &set); err != nil {
		return 0, nil, err
	}
	if set.Target != nil {
		if err := s.Traffic.SetTarget(*set.Target); err != nil {
			return 0, nil, err
		}
	}
	if set.Rate != nil {
		if err := s.Traffic.SetRate(*set.Rate); err != nil {
			return 0, nil, err
		}
	}
	return http.StatusOK, s.Traffic.Totals(), nil
}

func (s *Sandbox) showStats(r *http.Request) (int, any, error) {
	n := 60
	if text := r.URL.Query().Get("seconds"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 0 || n > 600 {
			return 0, nil, holdfast.Errorf(holdfast.Invalid, "seconds=%q: write 0 to 600", text).At("seconds")
		}
	}
	return http.StatusOK, s.Stats(n), nil
}

func (s *Sandbox) showCheck(r *http.Request) (int, any, error) {
	report := s.Check()
	if !strings.Contains(r.Header.Get("Accept"), "text/plain") {
		return http.StatusOK, report, nil
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, text.String(), nil
}
