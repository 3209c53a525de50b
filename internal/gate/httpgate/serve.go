package httpgate

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"holdfast"
	"holdfast/internal/gate/httpgate/inlet"
)

// lastHands is how long those who agree on TLS when the listener is left may take for
// it.
const lastHands = 2 * time.Second

// successorPatience is how long the process that takes over may need until it serves.
const successorPatience = 30 * time.Second

// serving is what Serve runs.
type serving struct {
	guard  *inlet.Listener
	one    net.Listener // of HTTP/1.1
	two    *http.Server // nil without TLS
	passed *inlet.Passed
	parts  []func() error
}

func (s *Server) serving(l net.Listener) *serving {
	guard := inlet.Listen(l, s.limits)
	s.inlet.Store(guard)
	v := &serving{guard: guard, one: guard}
	if s.keys != nil {
		secure := guard.Secure(s.keys)
		v.one, v.two = secure.HTTP1, s.newHTTP2()
		v.parts = append(v.parts, secure.Run, func() error { return v.two.Serve(secure.HTTP2) })
	}
	v.parts = append(v.parts, func() error { return s.http.Serve(v.one) })
	if s.passed != nil {
		v.passed = guard.Passed(s.passed)
		v.parts = append(v.parts, v.passed.Run, func() error { return s.http.Serve(v.passed) })
	}
	return v
}

// Serve takes connections until ctx ends, then lets requests under way finish,
// for at most grace, and closes. It closes l first: whoever has another file of
// the same listener finds those who come later in its queue.
func (s *Server) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	v := s.serving(l)
	ended := make(chan error, len(v.parts))
	for _, run := range v.parts {
		go func() { ended <- run() }()
	}
	var errs []error
	left := len(v.parts)
	select {
	case err := <-ended:
		if err == nil {
			err = errors.New("the server ended by itself")
		}
		errs = append(errs, err)
		left--
	case <-ctx.Done():
	}
	taken := func() {
		for range left {
			if err := <-ended; err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	err := s.drain(context.WithoutCancel(ctx), v, grace, taken)
	return errors.Join(append(errs, err)...)
}

// drain takes no more connections and ends those that are there: one of HTTP/1.1 by the
// answer to its next request, or by itself if none comes; of HTTP/2 as its protocol has
// it. It calls taken when each that was accepted can be seen. If another process goes on,
// those of HTTP/1.1 that wait for a request are left to rest.
func (s *Server) drain(ctx context.Context, v *serving, grace time.Duration, taken func()) error {
	s.leaving.Store(true)
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	wait := func(until time.Time, left func() bool) {
		for left() && ctx.Err() == nil && time.Now().Before(until) {
			v.guard.Wake()
			time.Sleep(5 * time.Millisecond)
		}
	}
	var errs []error
	dial := s.passOn.Load()
	if dial != nil {
		errs = append(errs, v.guard.PassOn(*dial, successorPatience))
	} else {
		calls := min(inlet.LastCalls, grace/2)
		errs = append(errs, v.guard.Leave(begun.Add(calls)))
		wait(begun.Add(calls), func() bool { return v.guard.Open() > 0 })
	}
	wait(begun.Add(min(lastHands, grace/2)), func() bool { return v.guard.Shaking() > 0 })
	closing := make(chan error, 1)
	go func() {
		if v.two != nil {
			closing <- v.two.Shutdown(ctx)
			return
		}
		closing <- nil
	}()
	errs = append(errs, v.one.Close())
	if v.passed != nil {
		errs = append(errs, v.passed.Close())
	}
	taken()
	wait(begun.Add(grace), func() bool { return v.guard.Busy() > 0 })
	if dial == nil || v.guard.Busy() > 0 {
		errs = append(errs, s.http.ShutdownWithContext(ctx))
	}
	errs = append(errs, <-closing)
	if err := errors.Join(errs...); errors.Is(err, context.DeadlineExceeded) {
		return holdfast.Errorf(holdfast.Unavailable, "some requests were still under way after %v; the gate lists them as in flight", grace)
	} else if err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Rest goes on, after Serve, with the connections that were left to rest, until they have
// ended or ctx ends.
func (s *Server) Rest(ctx context.Context) {
	if guard := s.inlet.Load(); guard != nil {
		guard.Rest(ctx)
	}
}
