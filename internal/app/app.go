// Package app builds, starts and stops Holdfast's processes: a control node
// ([Control]), a gate ([Gate]) and the demo ([Demo]), which is both with a
// simulated payment world around them.
//
// Each is opened first: everything that can fail at the start fails there, and
// addresses are known when it returns. Run then serves until its context ends or
// a part fails, and tears down backwards. Whoever does not call Run must call
// Close.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"
)

// teardown closes what was opened, in reverse order. Each thing registers on the
// line after it exists.
type teardown struct{ steps []step }

type step struct {
	name string
	do   func() error
}

func (t *teardown) add(name string, do func() error) { t.steps = append(t.steps, step{name, do}) }

func (t *teardown) close() error {
	var errs []error
	for _, s := range slices.Backward(t.steps) {
		if err := s.do(); err != nil && !errors.Is(err, net.ErrClosed) {
			errs = append(errs, fmt.Errorf("%s: %w", s.name, err))
		}
	}
	t.steps = nil
	return errors.Join(errs...)
}

// loop is a part that runs until its context ends.
type loop struct {
	name string
	run  func(context.Context) error
}

// together runs loops until ctx ends or one returns, then ends the others and
// returns what failed.
func together(ctx context.Context, loops ...loop) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, len(loops))
	for _, l := range loops {
		go func() {
			err := l.run(ctx)
			if err == nil && ctx.Err() == nil {
				err = errors.New("ended by itself")
			}
			if err != nil {
				err = fmt.Errorf("%s: %w", l.name, err)
			}
			ended <- err
			stop()
		}()
	}
	var errs []error
	for range loops {
		errs = append(errs, <-ended)
	}
	return errors.Join(errs...)
}

// grace is how long requests under way may take to finish at the end. It is longer than
// the 5 s for which net/http takes a connection without a request yet for one under way.
const grace = 7 * time.Second

// serve runs an HTTP server on l until ctx ends.
func serve(name string, l net.Listener, s *http.Server) loop {
	return loop{name, func(ctx context.Context) error {
		// Streams end with this context; without it they would outlast the grace.
		streams, end := context.WithCancel(context.Background())
		defer end()
		s.BaseContext = func(net.Listener) context.Context { return streams }
		failed := make(chan error, 1)
		go func() { failed <- s.Serve(l) }()
		select {
		case err := <-failed:
			return err
		case <-ctx.Done():
		}
		end()
		last, cancel := context.WithTimeout(context.Background(), grace)
		defer cancel()
		if err := s.Shutdown(last); err != nil {
			return errors.Join(err, s.Close())
		}
		return nil
	}}
}

func listen(name, address string, t *teardown) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	t.add("listener of "+name, l.Close)
	return l, nil
}
