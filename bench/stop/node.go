package main

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/fleet"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/sqljournal"
	"holdfast/internal/traffic"
)

// node is a control node with what a stop passes: the journal on disk, directives,
// gates, and the end they talk to. Gates reach it as they would in service, by
// TLS with certificates of both sides.
type node struct {
	dir        string
	store      *sqljournal.Store
	desk       *journal.Desk
	directives *directive.Service
	gates      *enrolment.Book
	authority  *fleet.Authority
	url        string
	failed     chan error
	end        context.CancelFunc
	undo       []func() error
}

const lease = 30 * time.Second

func openNode(dir string) (_ *node, err error) {
	n := &node{dir: dir, failed: make(chan error, 3)}
	ctx, cancel := context.WithCancel(context.Background())
	n.end = cancel
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open a control node: %w", err), n.close())
		}
	}()
	if n.store, err = sqljournal.Open(ctx, sqljournal.Options{Dir: filepath.Join(dir, "journal")}); err != nil {
		return nil, err
	}
	n.undo = append(n.undo, n.store.Close)
	book := directive.NewBook(n.store.Genesis())
	n.gates = enrolment.NewBook()
	state := journal.NewState(n.store, n.store.Genesis(), book, n.gates)
	n.desk = &journal.Desk{Journal: n.store, State: state, Now: time.Now}
	n.directives = &directive.Service{Desk: n.desk, Book: book, Gates: n.gates}
	end := fleet.NewNode(n.desk, n.directives, n.gates, traffic.NewSeries(), slog.New(slog.DiscardHandler))
	if err := state.Load(ctx); err != nil {
		return nil, err
	}
	go func() { n.failed <- state.Run(ctx) }()
	go func() { n.failed <- end.Confirm(ctx) }()
	key, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, err
	}
	if err := n.directives.Prepare(ctx, lease, key); err != nil {
		return nil, err
	}
	return n, n.listen(end)
}

func (n *node) listen(end *fleet.Node) (err error) {
	if n.authority, err = fleet.OpenAuthority(filepath.Join(n.dir, "authority"), time.Now()); err != nil {
		return err
	}
	security, err := n.authority.Node([]string{"127.0.0.1"}, time.Now())
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var protocols http.Protocols
	protocols.SetHTTP2(true)
	s := &http.Server{Handler: fleet.Server(end), Protocols: &protocols, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)}
	n.undo = append(n.undo, s.Close)
	n.url = "https://" + l.Addr().String()
	go func() { n.failed <- s.Serve(tls.NewListener(l, security)) }()
	return nil
}

func (n *node) close() error {
	n.end()
	var errs []error
	for i := len(n.undo) - 1; i >= 0; i-- {
		errs = append(errs, n.undo[i]())
	}
	return errors.Join(errs...)
}

// patience is how long anything here may take before it counts as broken.
const patience = 30 * time.Second

// until waits until the folded state is as wanted.
func (n *node) until(what string, is func() bool) error {
	watch, end := n.desk.State.Watch()
	defer end()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		done := false
		n.desk.State.View(func() { done = is() })
		if done {
			return nil
		}
		select {
		case <-watch:
		case err := <-n.failed:
			return fmt.Errorf("%s: the control node ended: %w", what, err)
		case <-timer.C:
			return fmt.Errorf("%s: not within %v", what, patience)
		}
	}
}

// enforced waits until as many gates enforce the newest posture.
func (n *node) enforced(gates int) error {
	return n.until(strconv.Itoa(gates)+" gates enforce the posture", func() bool {
		at, have := n.directives.Book.Head(), 0
		for _, g := range n.gates.Live() {
			if g.Posture == at {
				have++
			}
		}
		return have == gates
	})
}

// took is how long a stop took, from the call that orders it.
type took struct {
	accepted, last, confirmed time.Duration
}

// stop orders a stop of all payments, waits for its confirmation, lifts it and
// waits until every gate has taken that too.
func (n *node) stop(gates int) (took, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	by := holdfast.Self("bench")
	begin := time.Now()
	id, err := n.directives.Propose(ctx, by, directive.Proposal{Kind: posture.Stop, Scope: "all", Reason: "bench", Drain: time.Second}, true)
	if err != nil {
		return took{}, err
	}
	t := took{accepted: time.Since(begin)}
	if err := n.until("the stop is confirmed", func() bool { return n.directives.Book.Directive(id).Confirmation != nil }); err != nil {
		return took{}, err
	}
	t.confirmed = time.Since(begin)
	have := 0
	n.desk.State.View(func() {
		at := n.directives.Book.Directive(id).Position
		for _, g := range n.gates.Live() {
			if ack, ok := g.AckOf(at, 0); ok {
				t.last = max(t.last, ack.At.Sub(begin))
				have++
			}
		}
	})
	if have != gates {
		return took{}, fmt.Errorf("the stop was confirmed with the word of %d gates of %d", have, gates)
	}
	if err := n.directives.Lift(ctx, by, id, 0, "bench"); err != nil {
		return took{}, err
	}
	return t, n.enforced(gates)
}

// mkdir makes a directory below another.
func mkdir(elements ...string) (string, error) {
	dir := filepath.Join(elements...)
	return dir, os.MkdirAll(dir, 0o700)
}
