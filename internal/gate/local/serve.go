package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast"
	"holdfast/internal/gate"
)

// Serve answers local commands until ctx ends, then closes the socket. A command
// under way is finished first.
func Serve(ctx context.Context, s *Socket, g Gate, log *slog.Logger) error {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return serve(ctx, s, &server{gate: g, log: log, uid: uint32(os.Getuid())})
}

func serve(ctx context.Context, s *Socket, h *server) error {
	hs := &http.Server{
		Handler: h.routes(), ConnContext: noteCaller,
		ReadTimeout: readTimeout, WriteTimeout: patience, MaxHeaderBytes: maxRequest,
		ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelWarn),
	}
	hs.SetKeepAlivesEnabled(false)
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(s.listener) }()
	select {
	case err := <-failed:
		return errors.Join(err, s.Close())
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	err := hs.Shutdown(last)
	if err != nil {
		err = errors.Join(err, hs.Close())
	}
	return errors.Join(err, s.Close())
}

type server struct {
	gate Gate
	log  *slog.Logger
	// uid is the only user who may command.
	uid uint32
}

// callerKey is under which a connection's context holds its *unix.Ucred.
type callerKey struct{}

func noteCaller(ctx context.Context, c net.Conn) context.Context {
	if u, ok := c.(*net.UnixConn); ok {
		if cred, err := peer(u); err == nil {
			return context.WithValue(ctx, callerKey{}, cred)
		}
	}
	return ctx
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", s.handle(s.status))
	mux.HandleFunc("POST /stop", s.handle(s.stop))
	mux.HandleFunc("POST /lift", s.handle(s.lift))
	mux.HandleFunc("POST /accept", s.handle(s.accept))
	return mux
}

// act carries one command out; the answer may say something beside the error.
type act func(log *slog.Logger, body []byte) (answer, error)

func (s *server) handle(do act) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		caller, known := r.Context().Value(callerKey{}).(*unix.Ucred)
		if !known || caller.Uid != s.uid {
			s.log.Warn("a local command was refused: another user's process", "command", r.URL.Path)
			send(w, answer{}, holdfast.Errorf(holdfast.Forbidden, "local commands are for the user of the gate's process (uid %d): run the command as that user", s.uid))
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
		if err != nil {
			send(w, answer{}, holdfast.Errorf(holdfast.TooLarge, "a local command has at most %d bytes", maxRequest).Because(err))
			return
		}
		a, err := do(s.log.With("pid", caller.Pid, "uid", caller.Uid), body)
		send(w, a, err)
	}
}

func (s *server) status(*slog.Logger, []byte) (answer, error) {
	status := s.gate.Status()
	return answer{Status: &status}, nil
}

func (s *server) stop(log *slog.Logger, body []byte) (answer, error) {
	req, drain, err := readStop(body)
	if err != nil {
		return answer{}, err
	}
	id, ack, err := s.gate.StopLocally(req.Scope, drain)
	note(log.With("directive", id, "scope", req.Scope, "in_flight", len(ack.InFlight)), "stop", err)
	if id == "" {
		return answer{}, err
	}
	return answer{ID: id, Acknowledgement: &ack}, err
}

func (s *server) lift(log *slog.Logger, body []byte) (answer, error) {
	id, err := readLift(body)
	if err != nil {
		return answer{}, err
	}
	err = s.gate.LiftLocally(id)
	note(log.With("directive", id), "lift", err)
	return answer{ID: id}, err
}

func (s *server) accept(log *slog.Logger, _ []byte) (answer, error) {
	err := s.gate.Accept()
	note(log, "accept", err)
	return answer{}, err
}

func note(log *slog.Logger, what string, err error) {
	if err != nil {
		log.Error("a local command failed: "+what, "error", err)
		return
	}
	log.Warn("a local command was carried out: " + what)
}

func readStop(body []byte) (stopRequest, time.Duration, error) {
	var req stopRequest
	if err := decode(body, &req); err != nil {
		return req, 0, err
	}
	if req.Scope == "" {
		return req, 0, holdfast.Errorf(holdfast.Invalid, `a local stop needs a scope: "all" or an expression over payment fields`).At("scope")
	}
	if req.Drain == "" {
		return req, 0, nil
	}
	drain, err := time.ParseDuration(req.Drain)
	if err != nil || drain < 0 || drain > maxDrain {
		return req, 0, holdfast.Errorf(holdfast.Invalid, "the drain %q is not a span from 0s to %v, such as 30s", req.Drain, maxDrain).At("drain")
	}
	return req, drain, nil
}

func readLift(body []byte) (string, error) {
	var req liftRequest
	if err := decode(body, &req); err != nil {
		return "", err
	}
	if req.ID == nil {
		return "", holdfast.Errorf(holdfast.Invalid, `name the local stop to lift; the id "" means all of them`).At("id")
	}
	return *req.ID, nil
}

// decode reads one JSON object strictly.
func decode(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("there is something after it")
		}
	}
	if err != nil {
		return holdfast.Errorf(holdfast.Invalid, "the local command is not the JSON object it must be").Because(err)
	}
	return nil
}

// statuses are those of the codes an act at the gate can have.
var statuses = map[holdfast.Code]int{
	"": http.StatusOK, holdfast.Invalid: http.StatusBadRequest, holdfast.Forbidden: http.StatusForbidden, holdfast.NotFound: http.StatusNotFound,
	holdfast.Conflict: http.StatusConflict, holdfast.TooLarge: http.StatusRequestEntityTooLarge, holdfast.Unavailable: http.StatusServiceUnavailable,
}

func send(w http.ResponseWriter, a answer, err error) {
	code := holdfast.CodeOf(err)
	if err != nil {
		a.Error = &fault{Code: code, Text: err.Error()}
		var e *holdfast.Error
		if errors.As(err, &e) {
			a.Error.Field = e.Field
		}
	}
	status, ok := statuses[code]
	if !ok {
		status = http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A caller who is gone gets no answer; what was done stands in the log.
	_ = json.NewEncoder(w).Encode(a)
}

var _ Gate = (*gate.Gate)(nil)
