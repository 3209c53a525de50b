// Package fleet joins gates and control nodes. [Node] is a control node's end:
// it enrols gates, answers heartbeats with the head at a barrier, pushes
// postures, records acknowledgements and confirms directives. A gate in the
// same process calls it directly; others reach it through [Server] and [Client]
// over connect RPC (HTTP/2, mutual TLS, JSON messages; docs/formats/fleet.md).
//
// The rules of the confirmed stop that are kept here:
//
//   - A beat's answer names the head at a barrier that began after the
//     heartbeat arrived, and the posture at or before that head. A node that
//     cannot write cannot answer.
//   - A directive is pushed when the node has folded it; the push never counts
//     as an acknowledgement.
//   - A node confirms a directive when every gate in service has acknowledged
//     it, or, where all that have not are strict, when 1.2 leases have passed on
//     this node's monotonic clock since a barrier of its own returned that it
//     began after folding the directive.
//   - That barrier counts only if no fail-over of the journal can lose what it
//     acknowledged, as the journal itself found at it. Until one does, the
//     directive is issued, whatever gates acknowledge.
package fleet

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"holdfast"
	"holdfast/internal/directive"
	"holdfast/internal/enrolment"
	"holdfast/internal/gate"
	"holdfast/internal/journal"
	"holdfast/internal/posture"
	"holdfast/internal/standin"
	"holdfast/internal/traffic"
)

// Node is a control node as gates see it.
type Node struct {
	Desk       *journal.Desk
	Directives *directive.Service
	Gates      *enrolment.Book
	Series     *traffic.Series
	Log        *slog.Logger
	// Unsettled reports, under the state's lock, that the journal was restored and
	// no person has said yet that every gate is accounted for: then nothing is
	// confirmed, since a gate whose enrolment was lost is not in the set. May be nil.
	Unsettled func() bool
	// Durability is what the journal found at its newest barrier; nil if it cannot
	// fail over.
	Durability func() journal.Durability
	// StandIn takes what gates say of stand-in. May be nil.
	StandIn StandIn
	// Shadow says what gates try in shadow, and takes what they find. May be nil.
	Shadow Shadow
	// Settlement hands the primary's settlement files to gates. May be nil.
	Settlement Settlement

	// elapsed is this node's monotonic clock. The wall clock that Desk has may be
	// set, and a stop would be confirmed too early.
	elapsed func() time.Duration

	rush    rush
	sharing sharing

	mu   sync.Mutex
	live map[string]*Live // by gate
	// asking is how far gates are with asking about payments, by gate and identity.
	asking map[string]map[string]gate.Asked
	// elsewhere is what gates last said to other nodes, by gate.
	elsewhere map[string]Live
	streams   map[string]int                      // open posture streams, by gate
	open      int                                 // all of them
	hashes    map[holdfast.Position]holdfast.Hash // verified witnesses
	ahead     map[string]holdfast.Head            // refused witnesses, by gate
}

// StandIn keeps what gates say of stand-in and has what people decided for them.
type StandIn interface {
	// Told takes a summary and returns the gate's orders.
	Told(ctx context.Context, gate string, s standin.Summary) ([]standin.Order, error)
}

// Shadow is shadow mode at the control plane.
type Shadow interface {
	// Trials are the profiles that gates try from now on.
	Trials() []standin.Trial
	// Put takes what a gate found.
	Put(gate string, figures []standin.TrialFigures, now time.Time)
}

// Settlement has gates compare settlement files, page by page.
type Settlement interface {
	// Told takes what a gate says of its last page, nil if nothing, and returns the next.
	Told(ctx context.Context, gate, boot string, w *standin.FileWord) (*standin.FilePage, error)
}

// Live is what a gate last said.
type Live struct {
	Seen      time.Time
	Heartbeat gate.Heartbeat
	// Following says whether the gate's posture stream is open on this node.
	Following bool
}

var _ gate.Control = (*Node)(nil)

// NewNode makes a control node's end of the fleet.
func NewNode(desk *journal.Desk, directives *directive.Service, gates *enrolment.Book, series *traffic.Series, log *slog.Logger) *Node {
	start := time.Now()
	return &Node{
		Desk: desk, Directives: directives, Gates: gates, Series: series, Log: log,
		elapsed: func() time.Duration { return time.Since(start) },
		live:    map[string]*Live{}, elsewhere: map[string]Live{}, streams: map[string]int{}, hashes: map[holdfast.Position]holdfast.Hash{},
		ahead: map[string]holdfast.Head{},
	}
}

func actor(name string) holdfast.Actor { return holdfast.Actor{Kind: holdfast.Gate, ID: name} }

// heartbeats per lease: five may be lost before a strict gate stops.
const heartbeatsPerLease = 6

// Enrol records the gate's process and says how often to beat. A gate that has
// seen another history is recorded, too: it exists, so every stop waits for it,
// and it gets this journal's restrictions. What it does not get is a lease (Beat).
func (n *Node) Enrol(ctx context.Context, e gate.Enrolment) (gate.Enrolled, error) {
	if err := n.checkWitness(ctx, e.Gate, e.Witness); err != nil && holdfast.CodeOf(err) != holdfast.Damaged {
		return gate.Enrolled{}, err
	}
	routes := make([]enrolment.Route, len(e.Routes))
	for i, r := range e.Routes {
		routes[i] = enrolment.Route{Name: r.Name, Kind: r.Kind, Mode: string(r.Mode), Fields: r.Fields, Channels: r.Channels, StandIn: r.StandIn, Second: r.Second, Deduplicates: r.Deduplicates}
	}
	enrolled := enrolment.Enrolled{Boot: e.Boot, Replaces: e.Replaces, Before: e.Before, Version: e.Version, Routes: routes}
	_, err := n.Desk.Do(ctx, actor(e.Gate), func(time.Time) ([]journal.Draft, error) {
		return enrolment.Enrol(n.Gates.Gate(e.Gate), e.Gate, enrolled)
	})
	if err != nil {
		return gate.Enrolled{}, err
	}
	var answer gate.Enrolled
	var known bool
	n.Desk.State.View(func() {
		g := n.Gates.Gate(e.Gate)
		if known = g != nil; known {
			answer.Reported = g.Reported[e.Account]
		}
		answer.Every = n.Directives.Book.Set().Lease / heartbeatsPerLease
	})
	if !known { // the fact is written, and ctx ended before it was folded
		return gate.Enrolled{}, holdfast.Errorf(holdfast.Unavailable, "the enrolment of gate %s is not folded yet", e.Gate)
	}
	answer.Every = min(max(answer.Every, 100*time.Millisecond), 5*time.Second)
	return answer, nil
}

// Beat answers a heartbeat.
func (n *Node) Beat(ctx context.Context, h gate.Heartbeat) (gate.Beat, error) {
	head, err := n.Desk.Journal.Barrier(ctx)
	if err != nil {
		return gate.Beat{}, err
	}
	if err := n.Desk.State.Reach(ctx, head.Position); err != nil {
		return gate.Beat{}, err
	}
	if err := n.compareWitness(ctx, h.Gate, h.Witness, head); err != nil {
		return gate.Beat{}, err
	}
	var known bool
	var set posture.Set
	n.Desk.State.View(func() {
		i := n.Gates.Gate(h.Gate).Incarnation(h.Boot)
		known = i != nil && !i.Gone
		set = n.Directives.Book.Set()
	})
	if !known {
		return gate.Beat{}, holdfast.Errorf(holdfast.NotFound, "the gate's run %q is not enrolled, or was taken out of service", h.Boot)
	}
	hold := time.Duration(n.seen(h)) * tellsOne
	return gate.Beat{Nonce: h.Nonce, Journal: head, Posture: set.Head, Lease: set.Lease, Hold: min(hold, longestRush)}, nil
}

// Follow pushes the posture to a gate, at once and at each change.
func (n *Node) Follow(ctx context.Context, name, boot string, enforce func(posture.Set) error) error {
	// Both are changed under the state's lock.
	var sent holdfast.Head
	behind := false
	// Each acknowledgement is an advance, and the next gates are waiting for their
	// posture meanwhile: only what concerns this gate wakes it.
	watch, end := n.Desk.State.WatchFor(func() bool {
		moved := n.Directives.Book.Head() != sent
		if moved && !behind {
			behind = true
			n.rush.begin()
		}
		return moved || n.gone(name, boot)
	})
	arrived := func() {
		if behind {
			behind = false
			n.rush.end()
		}
	}
	defer func() {
		end()
		arrived()
	}()
	n.following(name, boot, 1)
	defer n.following(name, boot, -1)
	for first := true; ; first = false {
		set, err := n.Posture(name, boot)
		if err != nil {
			return err
		}
		if first || set.Head != sent {
			if err := enforce(set); err != nil {
				return err
			}
			n.Desk.State.View(func() {
				sent = set.Head
				arrived()
			})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-watch:
		}
	}
}

// Posture returns what a gate's process has to enforce now, as far as this node
// has folded.
func (n *Node) Posture(name, boot string) (set posture.Set, err error) {
	n.Desk.State.View(func() {
		set = n.Directives.Book.Set()
		if n.gone(name, boot) {
			err = holdfast.Errorf(holdfast.NotFound, "the gate's run %q is not enrolled, or was taken out of service", boot)
		}
	})
	return set, err
}

// gone reports whether a gate's process is not in service. The caller holds the
// state's lock.
func (n *Node) gone(name, boot string) bool {
	i := n.Gates.Gate(name).Incarnation(boot)
	return i == nil || i.Gone
}

// Report records what a gate has to say.
func (n *Node) Report(ctx context.Context, r gate.Report) (gate.Reported, error) {
	by := actor(r.Gate)
	find := func() *enrolment.Gate { return n.Gates.Gate(r.Gate) }
	if len(r.Acks) > 0 {
		n.rush.over(ctx)
	}
	for _, a := range r.Acks {
		if err := n.acknowledged(ctx, r, a); err != nil {
			return gate.Reported{}, err
		}
	}
	for _, d := range r.Drained {
		drained := enrolment.Drained{Boot: r.Boot, Position: d.Position, Done: d.Done, NotDone: d.NotDone, Unknown: d.Unknown, At: d.At}
		if err := n.record(ctx, by, func() ([]journal.Draft, error) { return enrolment.Drain(find(), drained) }); err != nil {
			return gate.Reported{}, err
		}
	}
	entries := make([]enrolment.Entry, len(r.Entries))
	for i, e := range r.Entries {
		entries[i] = enrolment.Entry(e)
	}
	if err := n.record(ctx, by, func() ([]journal.Draft, error) { return enrolment.Tell(find(), r.Account, entries) }); err != nil {
		return gate.Reported{}, err
	}
	if len(r.Unlisted) > 0 {
		if err := n.record(ctx, by, func() ([]journal.Draft, error) { return enrolment.Unlist(n.Gates, r.Gate, r.Account, r.Unlisted) }); err != nil {
			return gate.Reported{}, err
		}
	}
	for _, c := range r.Counts {
		if err := n.Series.Add(n.Desk.Now().Unix(), r.Gate, c); err != nil {
			n.Log.Warn("a gate's counts were not taken", "gate", r.Gate, "error", err)
			continue
		}
		n.hand(r.Gate, c, n.Desk.Now())
	}
	answer := gate.Reported{File: n.toldFile(ctx, r)}
	n.toldStandIn(ctx, r, &answer)
	n.toldAsking(r)
	n.Desk.State.View(func() {
		answer.Entries = find().Reported[r.Account]
		for _, o := range n.Gates.Orders(r.Gate, r.Account) {
			answer.Resolve = append(answer.Resolve, gate.Resolution(o))
		}
	})
	return answer, nil
}

// toldStandIn hands on what a gate says of stand-in, and answers with what it is to carry
// out and to try. A summary that is not taken holds nothing else up.
func (n *Node) toldStandIn(ctx context.Context, r gate.Report, answer *gate.Reported) {
	if r.StandIn == nil {
		return
	}
	if n.Shadow != nil {
		answer.Trials = n.Shadow.Trials()
	}
	err := r.StandIn.Check()
	if err == nil && n.Shadow != nil {
		n.Shadow.Put(r.Gate, r.StandIn.Trials, n.Desk.Now())
	}
	if err == nil && n.StandIn != nil {
		var orders []standin.Order
		if orders, err = n.StandIn.Told(ctx, r.Gate, *r.StandIn); err == nil {
			answer.StandIn = orders
		}
	}
	if err != nil {
		n.Log.Warn("a gate's summary of stand-in was not taken", "gate", r.Gate, "error", err)
	}
}

// toldFile hands on what a gate says of a settlement file. What is not taken holds
// nothing else up.
func (n *Node) toldFile(ctx context.Context, r gate.Report) *standin.FilePage {
	if n.Settlement == nil {
		return nil
	}
	var err error
	if r.Filed != nil {
		err = r.Filed.Check()
	}
	if err == nil {
		var p *standin.FilePage
		if p, err = n.Settlement.Told(ctx, r.Gate, r.Boot, r.Filed); err == nil {
			return p
		}
	}
	n.Log.Warn("a gate's answer on a settlement file was not taken", "gate", r.Gate, "error", err)
	return nil
}

// acknowledged records an acknowledgement. One of a posture that this journal
// never had counts for nothing, however high its number: it is logged and left
// out, so that what else the gate reports is not held up.
func (n *Node) acknowledged(ctx context.Context, r gate.Report, a gate.Acknowledgement) error {
	if a.Posture.Position > n.Desk.State.Head().Position {
		// Another node may have pushed what this one has not folded yet.
		head, err := n.Desk.Journal.Barrier(ctx)
		if err != nil {
			return err
		}
		if err := n.Desk.State.Reach(ctx, min(head.Position, a.Posture.Position)); err != nil {
			return err
		}
	}
	ack := enrolment.Acknowledged{Boot: r.Boot, Posture: a.Posture, InFlight: a.InFlight, Listed: a.Listed, Drain: a.Drain, At: a.At}
	foreign := false
	err := n.record(ctx, actor(r.Gate), func() ([]journal.Draft, error) {
		foreign = !n.Directives.Book.Had(a.Posture)
		return enrolment.Acknowledge(n.Gates.Gate(r.Gate), ack, n.Directives.Book.Had)
	})
	if err != nil && foreign {
		n.Log.Error("an acknowledgement was not counted", "gate", r.Gate, "error", err)
		return nil
	}
	return err
}

func (n *Node) record(ctx context.Context, by holdfast.Actor, decide func() ([]journal.Draft, error)) error {
	_, err := n.Desk.Do(ctx, by, func(time.Time) ([]journal.Draft, error) { return decide() })
	return err
}

// seen notes a heartbeat and returns how many posture streams are open.
func (n *Node) seen(h gate.Heartbeat) (open int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := n.live[h.Gate]
	if l == nil || l.Heartbeat.Boot != h.Boot {
		l = &Live{}
		n.live[h.Gate] = l
	}
	l.Following = n.streams[h.Gate] > 0
	l.Seen, l.Heartbeat = n.Desk.Now(), h
	return n.open
}

// following counts the posture streams of a gate: an old one may end after the
// next has begun.
func (n *Node) following(name, boot string, by int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.streams[name] += by
	n.open += by
	l := n.live[name]
	if l == nil {
		l = &Live{Heartbeat: gate.Heartbeat{Gate: name, Boot: boot}}
		n.live[name] = l
	}
	l.Following = n.streams[name] > 0
}

// Live returns what a gate last said to this node, or to another that handed it on;
// ok is false if nothing of it was heard since the node started.
func (n *Node) Live(name string) (live Live, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if l := n.live[name]; l != nil {
		live, ok = *l, true
	}
	if other, told := n.elsewhere[name]; told && other.Seen.After(live.Seen) {
		other.Following = live.Following
		live, ok = other, true
	}
	return live, ok
}

// Silent reports whether a gate has missed the heartbeats of half a lease.
func (n *Node) Silent(name string) bool {
	var lease time.Duration
	n.Desk.State.View(func() { lease = n.Directives.Book.Set().Lease })
	l, ok := n.Live(name)
	return !ok || n.Desk.Now().Sub(l.Seen) > lease/2
}
