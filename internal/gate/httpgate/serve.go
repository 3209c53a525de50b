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

// lastCalls is how long idle connections may still bring a request after the
// listener is closed. Its answer ends the connection, so that no client sends one
// into a connection that is just being closed.
const lastCalls = 500 * time.Millisecond

// Serve takes connections until ctx ends, then lets requests under way finish,
// for at most grace, and closes. It closes l first: whoever has another file of
// the same listener finds those who come later in its queue.
func (s *Server) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	guard := inlet.Listen(l, s.limits)
	s.inlet.Store(guard)
	var parts []func() error
	one, two := net.Listener(guard), (*http.Server)(nil)
	if s.keys != nil {
		secure := guard.Secure(s.keys)
		one, two = secure.HTTP1, s.newHTTP2()
		parts = append(parts, secure.Run, func() error { return two.Serve(secure.HTTP2) })
	}
	parts = append(parts, func() error { return s.http.Serve(one) })
	ended := make(chan error, len(parts))
	for _, run := range parts {
		go func() { ended <- run() }()
	}
	var errs []error
	left := len(parts)
	select {
	case err := <-ended:
		if err == nil {
			err = errors.New("the server ended by itself")
		}
		errs = append(errs, err)
		left--
	case <-ctx.Done():
	}
	errs = append(errs, s.drain(context.WithoutCancel(ctx), guard, two, grace))
	for range left {
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// drain takes no more connections and ends those that are there.
func (s *Server) drain(ctx context.Context, guard *inlet.Listener, two *http.Server, grace time.Duration) error {
	errs := []error{guard.Close()}
	s.leaving.Store(true)
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	until := time.Now().Add(min(lastCalls, grace/2))
	for guard.Open() > 0 && time.Now().Before(until) {
		time.Sleep(5 * time.Millisecond)
	}
	closing := make(chan error, 1)
	go func() {
		if two != nil {
			closing <- two.Shutdown(ctx)
			return
		}
		closing <- nil
	}()
	errs = append(errs, s.http.ShutdownWithContext(ctx))
	errs = append(errs, <-closing)
	if err := errors.Join(errs...); errors.Is(err, context.DeadlineExceeded) {
		return holdfast.Errorf(holdfast.Unavailable, "some requests were still under way after %v; the gate lists them as in flight", grace)
	} else if err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
