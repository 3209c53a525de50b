package gate_test

import (
	"context"
	"log/slog"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/fleet"
	"holdfast/internal/journal"
	"holdfast/internal/traffic"
)

// simNode is a control node: the real one over the simulated journal.
type simNode struct {
	w     *world
	name  string
	proc  *proc
	clock *clock

	state      *journal.State
	fleet      *fleet.Node
	directives *directive.Service
	gates      *enrolment.Book
	watchers   []func()
	noticed    func()
	// idle keeps the confirmer from running.
	idle bool
	lag  time.Duration // the most that its fold is behind
}

func (w *world) node(name string) *simNode {
	n := &simNode{w: w, name: name, clock: w.clock(), lag: 5 * time.Millisecond}
	w.nodes = append(w.nodes, n)
	n.begin()
	return n
}

// begin starts the node's process.
func (n *simNode) begin() {
	w := n.w
	n.proc = w.process(n.name)
	n.watchers, n.noticed = nil, nil
	genesis := holdfast.Head{Journal: journalID, Epoch: 1, Hash: journal.Genesis(journalID)}
	book := directive.NewBook(genesis)
	n.gates = enrolment.NewBook()
	n.state = journal.NewState(folding{w.db}, genesis, book, n.gates)
	desk := &journal.Desk{
		Journal: writing{n}, State: n.state, Now: time.Now,
		After: func(d time.Duration) <-chan time.Time {
			w.sleep(d)
			c := make(chan time.Time, 1)
			c <- time.Now()
			return c
		},
	}
	n.directives = &directive.Service{Desk: desk, Book: book, Gates: n.gates}
	n.fleet = fleet.NewNode(desk, n.directives, n.gates, traffic.NewSeries(), slog.New(slog.DiscardHandler))
	n.proc.spawn(n.follow)
	n.proc.spawn(func() { n.confirm(fleet.NewConfirmer(n.fleet, n.clock.read)) })
}

func (n *simNode) up() bool { return !n.proc.dead }

// kill ends the node's process, and begins another after a time.
func (n *simNode) kill(away time.Duration) {
	if !n.up() {
		return
	}
	n.w.logf("node %s is killed", n.name)
	n.proc.kill()
	n.w.after(away, n.begin)
}

// suspend puts the node's machine to sleep: nothing runs, and CLOCK_MONOTONIC
// stands still.
func (n *simNode) suspend(d time.Duration) {
	n.w.logf("the machine of node %s sleeps for %v", n.name, d)
	n.proc.pause(d)
	n.w.after(d, func() { n.clock.back(d) })
}

// notice tells the node that there are facts.
func (n *simNode) notice() {
	if n.noticed != nil {
		n.noticed()
	}
}

// follow is the node's fold.
func (n *simNode) follow() {
	for {
		n.w.await(100*time.Millisecond, func(wake func()) { n.noticed = wake })
		n.w.sleep(n.w.between(0, n.lag))
		n.fold()
	}
}

// fold folds what can be read. A journal that is not the one that was folded
// ends the process.
func (n *simNode) fold() {
	before := n.state.Head()
	err := n.state.Load(context.Background())
	if err != nil && holdfast.CodeOf(err) != holdfast.Unavailable {
		n.w.logf("node %s ends: %v", n.name, err)
		n.kill(100 * time.Millisecond)
		panic(killed{})
	}
	if n.state.Head() != before {
		watchers := n.watchers
		n.watchers = nil
		for _, wake := range watchers {
			wake()
		}
	}
}

// reach folds up to a position that an answer has named.
func (n *simNode) reach(p holdfast.Position) {
	for n.fold(); n.state.Head().Position < p; n.fold() {
		n.w.sleep(time.Millisecond)
	}
}

// watch parks the present task until something was folded or a time has passed.
func (n *simNode) watch(limit time.Duration) {
	n.w.await(limit, func(wake func()) { n.watchers = append(n.watchers, wake) })
}

func (n *simNode) confirm(c *fleet.Confirmer) {
	for {
		wait := time.Second
		if !n.idle {
			next, err := c.Round(context.Background())
			if err == nil {
				wait = min(next, 20*time.Second)
			}
		}
		n.watch(max(wait, time.Millisecond))
	}
}

// serve handles a request in a thread of its own.
func (n *simNode) serve(f func()) {
	if n.up() {
		n.proc.spawn(f)
	}
}

var (
	mei = holdfast.Actor{Kind: holdfast.Account, ID: "mei"}
	lin = holdfast.Actor{Kind: holdfast.Account, ID: "lin"}
)

// act lets a person do something at the node and does not wait for it.
func (n *simNode) act(what string, f func(ctx context.Context) error) {
	n.serve(func() {
		n.w.logf("at %s: %s", n.name, what)
		if err := f(context.Background()); err != nil {
			n.w.logf("at %s: %s: %v", n.name, what, err)
		}
	})
}

// propose puts a directive in force, and returns where its id will stand.
func (n *simNode) propose(p directive.Proposal) *string {
	id := new(string)
	p.Reason = "test"
	n.act("propose "+string(p.Kind)+" of "+p.Scope, func(ctx context.Context) (err error) {
		*id, err = n.directives.Propose(ctx, mei, p, true)
		return err
	})
	return id
}

func (n *simNode) lift(id string, seen holdfast.Revision) {
	n.act("lift "+id, func(ctx context.Context) error { return n.directives.Lift(ctx, mei, id, seen, "test") })
}

// setLease makes L a fact.
func (n *simNode) setLease(l time.Duration) {
	n.act("set the lease to "+l.String(), func(ctx context.Context) error {
		return n.directives.Prepare(ctx, l, make([]byte, 32))
	})
}

// view reads the node's books.
func (n *simNode) view(f func(*directive.Book, *enrolment.Book)) {
	n.state.View(func() { f(n.directives.Book, n.gates) })
}
