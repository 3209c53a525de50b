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

// drain takes no more connections and ends those that are there: one of HTTP/1.1 by the
// answer to its next request, or by itself if none comes; of HTTP/2 as its protocol has
// it.
func (s *Server) drain(ctx context.Context, guard *inlet.Listener, two *http.Server, grace time.Duration) error {
	s.leaving.Store(true)
	begun := time.Now()
	calls := min(inlet.LastCalls, grace/2)
	errs := []error{guard.Leave(begun.Add(calls))}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	wait := func(until time.Time, left func() bool) {
		for left() && ctx.Err() == nil && time.Now().Before(until) {
			guard.Wake()
			time.Sleep(5 * time.Millisecond)
		}
	}
	wait(begun.Add(calls), func() bool { return guard.Open() > 0 })
	wait(begun.Add(min(lastHands, grace/2)), func() bool { return guard.Shaking() > 0 })
	closing := make(chan error, 1)
	go func() {
		if two != nil {
			closing <- two.Shutdown(ctx)
			return
		}
		closing <- nil
	}()
	wait(begun.Add(grace), func() bool { return guard.Busy() > 0 })
	errs = append(errs, s.http.ShutdownWithContext(ctx))
	errs = append(errs, <-closing)
	if err := errors.Join(errs...); errors.Is(err, context.DeadlineExceeded) {
		return holdfast.Errorf(holdfast.Unavailable, "some requests were still under way after %v; the gate lists them as in flight", grace)
	} else if err != nil && !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}
